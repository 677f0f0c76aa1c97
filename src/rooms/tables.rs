//! The key layout of rooms. This crate is the only one that writes these tables.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_store::{Keyspace, StampedTable, Table};
use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedUserId};

use crate::{
    alias::Alias,
    delayed_event::DelayedEvent,
    event::StoredEvent,
    head::RoomHead,
    member::{Member, Membership},
    receipt::{Receipt, ReceiptKey},
    relation::Relation,
    report::Report,
    room::RoomRow,
    thread::Thread,
    thread_subscription::ThreadSubscription,
};

/// Room id → number.
pub const ROOM_NIDS: Table<(OwnedRoomId,), RoomNid> = Table::new(Keyspace::Rooms, 1, 1);
/// Number → what never changes of a room.
pub const ROOMS: Table<(RoomNid,), RoomRow> = Table::new(Keyspace::Rooms, 2, 1);
/// The room's end: compared and set by its writer.
pub const HEADS: Table<(RoomNid,), RoomHead> = Table::new(Keyspace::Rooms, 3, 1);
/// The position of the room's latest event.
pub const LAST_EVENTS: StampedTable<(RoomNid,), EventNid> =
    StampedTable::new(Keyspace::Rooms, 4, 1);
/// Alias → room.
pub const ALIASES: Table<(OwnedRoomAliasId,), Alias> = Table::new(Keyspace::Rooms, 5, 1);
/// The aliases of a room.
pub const ROOM_ALIASES: Table<(RoomNid, OwnedRoomAliasId), ()> = Table::new(Keyspace::Rooms, 6, 1);
/// The rooms that are published in the directory.
pub const PUBLISHED: Table<(RoomNid,), ()> = Table::new(Keyspace::Rooms, 7, 1);
/// Delayed events by their ids, finished ones for a while.
pub const DELAYED_EVENTS: Table<(String,), DelayedEvent> = Table::new(Keyspace::Rooms, 40, 1);
/// When something has to be done about a delayed event, in Unix milliseconds.
pub const DELAYED_TIMES: Table<(u64, String), ()> = Table::new(Keyspace::Rooms, 41, 1);
/// The delayed events of users.
pub const DELAYED_OF_USERS: Table<(OwnedUserId, String), ()> = Table::new(Keyspace::Rooms, 42, 1);
/// Delayed state events that wait, by room, type and state key → who sends it.
pub const DELAYED_STATE: Table<(RoomNid, String, String, String), OwnedUserId> =
    Table::new(Keyspace::Rooms, 43, 1);
/// Up to which position the events of a room were purged that may be.
pub const PURGED: Table<(RoomNid,), StreamPosition> = Table::new(Keyspace::Rooms, 44, 1);
/// What users reported, in the order in which it came.
pub const REPORTS: Table<(u64,), Report> = Table::new(Keyspace::Rooms, 45, 1);
/// The position of the room's latest message, and the message.
pub const LAST_MESSAGES: StampedTable<(RoomNid,), EventNid> =
    StampedTable::new(Keyspace::Rooms, 46, 1);
/// The types of rooms that have one.
pub const ROOM_TYPES: Table<(RoomNid,), String> = Table::new(Keyspace::Rooms, 30, 1);
/// The rooms that are encrypted.
pub const ENCRYPTED: Table<(RoomNid,), ()> = Table::new(Keyspace::Rooms, 31, 1);
/// The rooms that are published in the directory of another network, by its id.
pub const NETWORK_ROOMS: Table<(String, RoomNid), ()> = Table::new(Keyspace::Rooms, 9, 1);
/// The room in which the server speaks to a user.
pub const NOTICE_ROOMS: Table<(OwnedUserId,), RoomNid> = Table::new(Keyspace::Rooms, 8, 1);

/// Number → event, with the position at which it came.
pub const EVENTS: StampedTable<(EventNid,), StoredEvent> =
    StampedTable::new(Keyspace::Events, 1, 1);
/// Event id → number.
pub const EVENT_NIDS: Table<(OwnedEventId,), EventNid> = Table::new(Keyspace::EventIds, 1, 1);
/// The events of a room in the order in which they came.
pub const TIMELINE: Table<(RoomNid, StreamPosition), EventNid> =
    Table::new(Keyspace::Timeline, 1, 1);
/// The sticky events of a room → when they end, in Unix milliseconds.
pub const STICKY: Table<(RoomNid, StreamPosition), u64> = Table::new(Keyspace::Timeline, 2, 1);
/// The nodes of a room's state maps, by the hash of their bytes.
pub const STATE_NODES: Table<(RoomNid, [u8; 16]), Vec<u8>> = Table::new(Keyspace::State, 1, 1);

/// The rooms of a user: present membership, and the position at which it came.
pub const MEMBERSHIPS: StampedTable<(OwnedUserId, RoomNid), Membership> =
    StampedTable::new(Keyspace::Members, 1, 1);
/// The position of the membership at which a user forgot a room: a later one is not forgotten.
pub const FORGOTTEN: Table<(OwnedUserId, RoomNid), StreamPosition> =
    Table::new(Keyspace::Members, 3, 1);
/// Users whose events are shown whole only to those who were there.
pub const ERASED: Table<(OwnedUserId,), ()> = Table::new(Keyspace::Members, 10, 1);
/// The members of a room, whatever their membership.
pub const MEMBERS: Table<(RoomNid, OwnedUserId), Member> = Table::new(Keyspace::Members, 2, 1);

/// The children of an event: by kind, in the order in which they came.
pub const RELATIONS: Table<(OwnedEventId, u8, StreamPosition), Relation> =
    Table::new(Keyspace::Relations, 1, 1);
/// The events that have children which are told with them.
pub const RELATED: Table<(OwnedEventId,), ()> = Table::new(Keyspace::Relations, 5, 1);
/// Thread root → its present shape.
pub const THREADS: StampedTable<(RoomNid, OwnedEventId), Thread> =
    StampedTable::new(Keyspace::Relations, 2, 1);
/// The threads of a room by their latest event.
pub const THREAD_ORDER: Table<(RoomNid, StreamPosition), OwnedEventId> =
    Table::new(Keyspace::Relations, 3, 1);
/// Who wrote in a thread.
pub const THREAD_PARTICIPANTS: Table<(OwnedEventId, OwnedUserId), ()> =
    Table::new(Keyspace::Relations, 4, 1);
/// What users want of threads, with the position at which they said so.
pub const THREAD_SUBSCRIPTIONS: StampedTable<
    (OwnedUserId, RoomNid, OwnedEventId),
    ThreadSubscription,
> = StampedTable::new(Keyspace::Relations, 6, 1);
/// The same by position. One row for each row of the above.
pub const THREAD_SUBSCRIPTION_CHANGES: Table<
    (OwnedUserId, StreamPosition),
    (RoomNid, OwnedEventId),
> = Table::new(Keyspace::Relations, 7, 1);
/// The marks of an event that count, in the order in which they came.
pub const CONTENT_WARNINGS: Table<(OwnedEventId, StreamPosition), EventNid> =
    Table::new(Keyspace::Relations, 8, 1);

/// (room, user, receipt type, thread or empty) → the receipt.
pub const RECEIPTS: StampedTable<(RoomNid, OwnedUserId, String, String), Receipt> =
    StampedTable::new(Keyspace::Receipts, 1, 1);
/// The receipts of a room by the position at which they came; only the present ones.
pub const RECEIPT_ORDER: Table<(RoomNid, StreamPosition), ReceiptKey> =
    Table::new(Keyspace::Receipts, 2, 1);

/// (user, device, what was called, transaction id) → the event that it made.
pub const TRANSACTIONS: Table<(OwnedUserId, OwnedDeviceId, String, String), OwnedEventId> =
    Table::new(Keyspace::Transactions, 1, 1);
/// The same → the delayed event that it made.
pub const DELAYED_REQUESTS: Table<(OwnedUserId, OwnedDeviceId, String, String), String> =
    Table::new(Keyspace::Transactions, 2, 1);
