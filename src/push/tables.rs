//! The key layout of this crate, which is the only one that writes these tables.

use hearth_accounts::PusherKey;
use hearth_base::{RoomNid, StreamPosition};
use hearth_store::{Keyspace, Table};
use ruma::OwnedUserId;

use crate::{notifications::NotificationRow, queue::QueueRow};

/// room, position of an event → who was notified of it.
pub(crate) const NOTIFICATIONS: Table<(RoomNid, StreamPosition), NotificationRow> =
    Table::new(Keyspace::Push, 1, 1);
/// user → the number by which notifications name the user.
pub(crate) const USER_NUMBERS: Table<(OwnedUserId,), u64> = Table::new(Keyspace::Push, 2, 1);
/// user, pusher, position of what happened → what the pusher has to be told.
pub(crate) const QUEUE: Table<(OwnedUserId, PusherKey, StreamPosition), QueueRow> =
    Table::new(Keyspace::Push, 3, 1);
