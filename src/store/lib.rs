//! The storage contract and everything that is written once above it.
//!
//! An [`Engine`] is an ordered key-value store with snapshots and atomic, conditional batches.
//! Above it stand the committer ([`Store`]), the key codec and the typed tables; engines differ
//! only in where the bytes go. Every committed change has one position in one totally ordered
//! stream, and followers read that stream from their own durable position.
//!
//! Deliberately absent: predicates (a check names one key), iterators that outlive a call, and
//! any type of an engine's library.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod batch;
mod codec;
mod engine;
mod error;
mod fact;
mod follower;
mod keyspace;
mod memory;
mod plan;
mod schema;
mod sequence;
mod stamped;
mod store;
mod table;

pub use batch::{Batch, Check, Pending, Slot, Write};
pub use codec::{Key, KeyBuffer, KeyPart, KeyPartFor, KeyPrefix, WholeKey, encode_position};
pub use engine::{Direction, Engine, KeyRange, Outcome, Page, Row, Snapshot};
pub use error::{CommitError, StoreError};
pub use fact::Fact;
pub use follower::{Follower, FollowerPosition, Log};
pub use keyspace::Keyspace;
pub use memory::MemoryEngine;
pub use plan::{POSITION_KEY, Plan, plan, position_from_row};
pub use schema::{Migrating, Migration, SCHEMA_VERSION, migrate};
pub use sequence::Sequence;
pub use stamped::{Stamped, StampedTable};
pub use store::{Committed, Store};
pub use table::Table;
