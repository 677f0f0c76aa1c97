//! Full-text search of messages, names and topics: a follower of the log.
//!
//! One handle, [`Search`]. The index is derived from the store and from nothing else: it holds the
//! position up to which it was made, in the same commit as what was made of it, so it can neither
//! run ahead of the store nor miss anything, and if it is gone, damaged or of another format it is
//! made again from the beginning of the log.
//!
//! Invariants: what was redacted is not found once the search answers from a position after the
//! redaction; an edited message is found by its latest text; nobody finds what
//! [`hearth_rooms::Visibility`] does not show them.
//!
//! Deliberately absent: encrypted messages, which no server can read, and users and public rooms,
//! which have directories of their own.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod entry;
mod error;
mod find;
mod follower;
mod index;
mod limits;
mod query;
mod schema;
#[cfg(test)]
mod tests;
mod top;
mod words;

use std::{path::Path, sync::Arc};

use hearth_rooms::Rooms;
use hearth_store::Store;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use error::SearchError;
pub use find::{Hit, Order, SearchPage, SearchQuery};
pub use schema::SearchKey;
pub use top::Cursor;

use follower::Follower;
use index::Index;

/// Full-text search. Cheap to clone.
#[derive(Clone)]
pub struct Search(Arc<Parts>);

struct Parts {
    rooms: Rooms,
    index: Arc<Index>,
    follower: follower::Handle,
}

impl Search {
    /// Opens the index in `directory`, making it if need be, and follows the log until `shutdown`.
    /// Without a directory the index is in memory, for tests.
    ///
    /// # Errors
    /// The directory cannot be used.
    pub fn open(
        directory: Option<&Path>,
        store: Store,
        rooms: Rooms,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Result<Self, SearchError> {
        let index = Arc::new(Index::open(directory)?);
        let (follower, handle) = Follower::new(store, rooms.clone(), Arc::clone(&index));
        tasks.spawn(follower.run(shutdown));
        Ok(Self(Arc::new(Parts { rooms, index, follower: handle })))
    }
}
