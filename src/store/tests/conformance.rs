//! The memory engine keeps the contract.

use hearth_store::MemoryEngine;

#[test]
fn the_memory_engine_keeps_the_contract() {
    hearth_store_conformance::run(async || MemoryEngine::new());
}
