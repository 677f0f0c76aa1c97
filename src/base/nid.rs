//! The numbers that stand for events, rooms and positions inside the server.
//!
//! They never leave it: clients and other servers see Matrix identifiers only.

use serde::{Deserialize, Serialize};

/// The number of an event in this store, reserved before the event is committed.
///
/// Later events have larger numbers on the whole, but only [`StreamPosition`] is an order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct EventNid(pub u64);

/// The number of a room in this store.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct RoomNid(pub u64);

/// A position in the one totally ordered stream of committed changes.
///
/// Dense and assigned at commit: position 1 is the first change, and every position up to the
/// store's current one is taken. 0 is before everything. History that was fetched from another
/// server lies below 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct StreamPosition(pub i64);

impl StreamPosition {
    /// Before every change.
    pub const ZERO: Self = Self(0);
    /// After every change that can ever be committed.
    pub const MAX: Self = Self(i64::MAX);
    /// Before every event of a room, fetched history included.
    pub const MIN: Self = Self(i64::MIN);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The position before this one.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}
