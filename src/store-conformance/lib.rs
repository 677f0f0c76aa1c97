//! The suite that every engine has to pass: examples of each point of the contract, and arbitrary
//! groups of batches against a plain map.
//!
//! Deliberately absent: durability, which each engine proves in its own way.

// The suite is test code, though engines of other crates run it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod commits;
mod model;
mod reads;

use bytes::Bytes;
use hearth_base::{RoomNid, StreamPosition};
use hearth_store::{Batch, Check, Engine, Fact, Keyspace, Outcome, Pending, Slot, Snapshot, Write};
use tokio::runtime::Builder;

/// The keyspace of the examples; the model uses all that engines could confuse.
const ROOMS: Keyspace = Keyspace::Rooms;

/// Runs the whole suite. `make` gives an empty engine each time it is called.
///
/// It brings its own runtime, and so must not be called from within one.
///
/// # Panics
/// When the engine breaks the contract.
pub fn run<E: Engine>(make: impl AsyncFn() -> E) {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        commits::a_batch_is_atomic(&make().await).await;
        commits::absent_means_no_row(&make().await).await;
        commits::equals_compares_every_byte(&make().await).await;
        commits::checks_see_earlier_batches_of_their_group(&make().await).await;
        commits::checks_see_the_state_before_their_batch(&make().await).await;
        commits::positions_are_dense_and_in_commit_order(&make().await).await;
        commits::pending_positions_are_filled_in(&make().await).await;
        commits::the_last_write_to_a_key_wins(&make().await).await;
        commits::conflicts_alone_change_nothing(&make().await).await;
        commits::a_group_over_a_limit_changes_nothing(&make().await).await;
        commits::the_largest_key_and_value_come_back(&make().await).await;
        reads::a_new_store_is_empty(&make().await).await;
        reads::a_snapshot_never_changes(&make().await).await;
        reads::many_keys_come_back_in_their_order(&make().await).await;
        reads::ranges_are_half_open(&make().await).await;
        reads::empty_and_reversed_ranges_have_no_rows(&make().await).await;
        reads::limits_cut_and_say_so(&make().await).await;
        reads::a_page_has_a_largest_size(&make().await).await;
        reads::keyspaces_do_not_see_each_other(&make().await).await;
        reads::the_log_has_every_fact_once(&make().await).await;
        reads::keys_sort_as_unsigned_bytes(&make().await).await;
    });
    model::run(&runtime, make);
}

fn fact(number: u64) -> Fact {
    Fact::Receipt {
        room: RoomNid(number),
        user: "@user:example.org".try_into().unwrap(),
        private: false,
    }
}

fn put(key: &[u8], value: &[u8]) -> Write {
    Write {
        keyspace: ROOMS,
        key: key.to_vec(),
        key_slot: None,
        value: Some(value.to_vec()),
        value_slot: None,
        check: None,
    }
}

fn delete(key: &[u8]) -> Write {
    Write { value: None, ..put(key, b"") }
}

fn absent(write: Write) -> Write {
    Write { check: Some(Check::Absent), ..write }
}

fn equals(expected: &[u8], write: Write) -> Write {
    Write { check: Some(Check::Equals(Bytes::copy_from_slice(expected))), ..write }
}

fn slot(offset: u16, fact: Pending) -> Option<Slot> {
    Some(Slot { offset, fact })
}

fn batch(writes: impl IntoIterator<Item = Write>, facts: u64) -> Batch {
    let mut batch = Batch::new();
    for write in writes {
        batch.write(write);
    }
    for number in 0..facts {
        batch.fact(fact(number));
    }
    batch
}

fn committed(first: i64) -> Outcome {
    Outcome::Committed { first: StreamPosition(first) }
}

fn conflict(key: &[u8]) -> Outcome {
    Outcome::Conflict { keyspace: ROOMS, key: key.to_vec() }
}

/// Commits and expects success.
async fn must(engine: &impl Engine, batch: Batch) {
    let outcomes = engine.commit(vec![batch]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Committed { .. }]));
}

async fn get(snapshot: &dyn Snapshot, key: &[u8]) -> Option<Bytes> {
    let mut found = snapshot.get_many(ROOMS, &[key.to_vec()]).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// The value of a key now.
async fn now(engine: &impl Engine, key: &[u8]) -> Option<Bytes> {
    get(engine.snapshot().await.unwrap().as_ref(), key).await
}
