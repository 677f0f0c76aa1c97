//! The key layout of this crate, which is the only one that writes these tables.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_store::{Keyspace, Table};
use ruma::OwnedUserId;

use crate::{
    archive::ArchivedRow,
    audit::AuditEntry,
    chores::Chore,
    invite_codes::{InviteRow, Reservation},
    mutes::MuteRow,
    notifications::NotificationRow,
    reviews::Resolution,
    standing::StandingRow,
    webhooks::WebhookRow,
};

/// Code → the invite.
pub(crate) const INVITES: Table<(String,), InviteRow> = Table::new(Keyspace::Chat, 1, 1);
/// The codes of a room.
pub(crate) const ROOM_INVITES: Table<(RoomNid, String), ()> = Table::new(Keyspace::Chat, 2, 1);
/// Who is being let in by a code: a use that counts until it is settled.
pub(crate) const RESERVATIONS: Table<(String, OwnedUserId), Reservation> =
    Table::new(Keyspace::Chat, 3, 1);
/// When what has to be done, in Unix milliseconds; the number keeps them apart.
pub(crate) const CHORES: Table<(u64, u64), Chore> = Table::new(Keyspace::Chat, 4, 1);
/// Who is muted in a room.
pub(crate) const MUTES: Table<(RoomNid, OwnedUserId), MuteRow> = Table::new(Keyspace::Chat, 5, 1);
/// The standing of users who lost some of it.
pub(crate) const STANDINGS: Table<(OwnedUserId,), StandingRow> = Table::new(Keyspace::Chat, 6, 1);
/// What moderators and administrators did, in its order.
pub(crate) const AUDIT: Table<(u64,), AuditEntry> = Table::new(Keyspace::Chat, 7, 1);
/// Number of a report → what became of it.
pub(crate) const RESOLUTIONS: Table<(u64,), Resolution> = Table::new(Keyspace::Chat, 8, 1);
/// The notifications of a user, by the position of their fact.
pub(crate) const NOTIFICATIONS: Table<(OwnedUserId, StreamPosition), NotificationRow> =
    Table::new(Keyspace::Chat, 9, 1);
/// Those of them that the user has not read → the room, and the event's position there.
pub(crate) const UNREAD: Table<(OwnedUserId, StreamPosition), (RoomNid, StreamPosition)> =
    Table::new(Keyspace::Chat, 10, 1);
/// All notifications by when they were made, in Unix milliseconds.
pub(crate) const NOTIFICATION_TIMES: Table<(u64, OwnedUserId, StreamPosition), ()> =
    Table::new(Keyspace::Chat, 11, 1);
/// Id → the webhook.
pub(crate) const WEBHOOKS: Table<(String,), WebhookRow> = Table::new(Keyspace::Chat, 12, 1);
/// The room of the moderators of a room.
pub(crate) const MODERATORS_ROOMS: Table<(RoomNid,), RoomNid> = Table::new(Keyspace::Chat, 16, 1);
/// Guests → after how long an absence their account ends, in milliseconds.
pub(crate) const GUESTS: Table<(OwnedUserId,), u64> = Table::new(Keyspace::Chat, 15, 1);
/// The rules of a room that a user accepted: the event that set them.
pub(crate) const RULES_ACCEPTED: Table<(RoomNid, OwnedUserId), EventNid> =
    Table::new(Keyspace::Chat, 14, 1);
/// Up to which position a device of a user had everything.
pub(crate) const DELIVERED: Table<(OwnedUserId,), StreamPosition> =
    Table::new(Keyspace::Chat, 17, 1);
/// The same of a room.
pub(crate) const DELIVERED_IN: Table<(OwnedUserId, RoomNid), StreamPosition> =
    Table::new(Keyspace::Chat, 18, 1);
/// Rooms that are archived.
pub(crate) const ARCHIVED: Table<(RoomNid,), ArchivedRow> = Table::new(Keyspace::Chat, 19, 1);
/// The room that the moderators of a moderators' room moderate.
pub(crate) const MODERATED: Table<(RoomNid,), RoomNid> = Table::new(Keyspace::Chat, 20, 1);
/// The webhooks of a room.
pub(crate) const ROOM_WEBHOOKS: Table<(RoomNid, String), ()> = Table::new(Keyspace::Chat, 13, 1);
