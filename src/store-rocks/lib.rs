//! The RocksDB engine of the store: a column family a keyspace, one synced write a group.
//!
//! Invariants: a commit is answered after its write-ahead log is on disk; no runtime thread waits
//! for a disk; a directory that lost something is refused with its reason, and nothing in it is
//! deleted.
//!
//! Deliberately absent: backups, and any way for RocksDB's types to leave this crate.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

#[cfg(test)]
mod damage_tests;
mod database;
mod engine;
mod inspect;
mod open;
mod options;
mod snapshot;
#[cfg(test)]
mod test_data;
mod view;
mod watermark;

pub use engine::RocksEngine;
pub use open::OpenError;
pub use options::Settings;
