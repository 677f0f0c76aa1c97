//! Full-text search of messages, names and topics: a follower of the log.
//!
//! One handle, [`Search`]. The index is derived from the store and from nothing else: it holds the
//! position up to which it was made, in the same commit as what was made of it, so it can neither
//! run ahead of the store nor miss anything, and if it is gone, damaged or of another format it is
//! made again from the beginning of the log.
//!
//! Invariants: what was redacted, purged or written by somebody who wants to be forgotten is not
//! found once the search answers from a position after that; an edited message is found by its
//! latest text; nobody finds, or counts, what [`hearth_rooms::Visibility`] does not show them.
//!
//! Deliberately absent: encrypted messages, which no server can read, and users and public rooms,
//! which have directories of their own.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod best;
mod changes;
mod content;
mod entry;
mod error;
mod excerpt;
mod eyes;
mod find;
mod finding;
mod fold;
mod follower;
mod index;
mod limits;
mod neighbours;
mod progress;
mod query;
mod schema;
mod scope;
#[cfg(test)]
mod tests;
mod top;
mod words;

use std::{path::Path, sync::Arc};

use hearth_rooms::Rooms;
use hearth_store::Store;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use content::Has;
pub use error::SearchError;
pub use excerpt::{Excerpt, Fragment};
pub use find::{Hit, Order, RoomResults, RoomsPage, SearchPage, SearchQuery, Wanted};
pub use neighbours::Neighbours;
pub use progress::{Progress, take_away};
pub use schema::SearchKey;
pub use top::Cursor;

use follower::Follower;
use index::Index;
use limits::SEARCHES_AT_ONCE_MAX;

/// Full-text search. Cheap to clone.
#[derive(Clone)]
pub struct Search(Arc<Parts>);

struct Parts {
    rooms: Rooms,
    index: Arc<Index>,
    follower: follower::Handle,
    /// Who looks into the index.
    turns: Arc<Semaphore>,
}

impl Search {
    /// Opens the index in `directory`, making it if need be, and follows the log until `shutdown`,
    /// all in the background. Without a directory the index is in memory, for tests.
    ///
    /// # Errors
    /// There is not enough of something for an index.
    pub fn open(
        directory: Option<&Path>,
        store: Store,
        rooms: Rooms,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Result<Self, SearchError> {
        let index = Arc::new(Index::new(directory)?);
        let (follower, handle) = Follower::new(store, rooms.clone(), Arc::clone(&index));
        tasks.spawn(follower.run(shutdown));
        let turns = Arc::new(Semaphore::new(SEARCHES_AT_ONCE_MAX));
        Ok(Self(Arc::new(Parts { rooms, index, follower: handle, turns })))
    }
}
