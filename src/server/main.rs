//! The `hearth` binary.

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

/// RocksDB uses it too. After a burst of logins it keeps a quarter of what the C library's keeps.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match hearth_server::commands::run(hearth_server::cli::CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hearth: {error}");
            ExitCode::FAILURE
        }
    }
}
