//! What a client has not seen yet: `GET /sync` and what wakes it.
//!
//! A follower of the log ([`sessions`]) knows for every user who syncs which of their rooms
//! changed, and since when. A request takes one snapshot, asks that index what changed since its
//! token, and reads only that: one file builds one part of the answer. The cost follows the
//! change, not the number of rooms.
//!
//! Simplified sliding sync ([`sliding`]) is made of the same parts.
//!
//! Deliberately absent: writing anything but the deletion of to-device messages that a device
//! acknowledged and what connections of sliding sync were told, and Matrix error codes.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

// The fixture is shared with the benchmark, which knows this crate by its name.
#[cfg(test)]
extern crate self as hearth_sync;

mod account_data;
mod answer;
mod changes;
mod device_lists;
mod ephemeral;
mod error;
mod event_stream;
mod joined;
mod lazy_members;
mod left;
mod log;
mod presence;
mod sessions;
mod sliding;
mod sticky;
mod stripped;
mod summary;
mod sync;
#[cfg(test)]
mod sync_tests;
#[cfg(test)]
mod testing;
mod token;
mod unread;

pub use error::SyncError;
pub use event_stream::{Heard, Listening};
pub use hearth_store::Fact;
pub use log::LogReader;
pub use sliding::{
    RequiredState, RoomConfig, RoomFilters, SlidingList, SlidingRequest, SlidingResponse,
    SlidingRoom,
};
pub use sync::{Request, Sync};
pub use token::SyncToken;
