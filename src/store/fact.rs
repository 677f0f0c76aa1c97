//! The vocabulary of the log: what a committed change was about, not what it says.

use hearth_base::{EventNid, RoomNid};
use ruma::{OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

/// The format version of a stored fact.
pub(crate) const FORMAT: u8 = 1;

/// One change. A follower that cares reads the tables for its content.
///
/// New kinds are appended at the end: the order is part of the stored format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// An event entered a room's timeline.
    Event {
        /// The room.
        room: RoomNid,
        /// The event.
        event: EventNid,
        /// The user whose membership it changes, if it is a membership event.
        member: Option<OwnedUserId>,
    },
    /// A user's receipt or read marker moved.
    Receipt {
        /// The room.
        room: RoomNid,
        /// Whose receipt; the only one to see it if it is private.
        user: OwnedUserId,
        /// Whether only the user may see it.
        private: bool,
    },
    /// A user's account data changed: global, or in a room.
    AccountData {
        /// Whose.
        user: OwnedUserId,
        /// In which room, if not global.
        room: Option<OwnedRoomId>,
    },
    /// A device has a new message.
    ToDevice {
        /// The recipient.
        user: OwnedUserId,
        /// The recipient's device.
        device: OwnedDeviceId,
    },
    /// The devices or identity keys of a user changed.
    DeviceList {
        /// Whose.
        user: OwnedUserId,
    },
    /// A membership that is not an event of this server's timeline changed: an invite or knock
    /// from elsewhere, or a forgotten room.
    Membership {
        /// Whose.
        user: OwnedUserId,
        /// In which room.
        room: RoomNid,
    },
    /// The count of one-time keys or the set of unused fallback keys of a device changed.
    DeviceKeyCounts {
        /// Whose.
        user: OwnedUserId,
        /// Which device.
        device: OwnedDeviceId,
    },
    /// An event changed after it was sent: it was redacted.
    Redacted {
        /// The room.
        room: RoomNid,
        /// The event that lost its content.
        event: EventNid,
    },
    /// What a user wants of a thread changed.
    ThreadSubscription {
        /// Whose.
        user: OwnedUserId,
    },
    /// A pusher of a user was set or deleted.
    Pushers {
        /// Whose.
        user: OwnedUserId,
    },
    /// An event lost what it said of another one, as it was redacted: a reaction is taken back, an
    /// edit undone.
    RelationRemoved {
        /// The room.
        room: RoomNid,
        /// The event that it was about.
        parent: OwnedEventId,
        /// How it related to it.
        rel_type: String,
        /// What a reaction said.
        key: Option<String>,
        /// Who had sent it.
        sender: OwnedUserId,
    },
    /// A chat user was notified of something; the notification has this fact's position.
    Notification {
        /// Who.
        user: OwnedUserId,
    },
    /// A user wants to be forgotten: others are shown only the bare shape of their events.
    Erased {
        /// Whose.
        user: OwnedUserId,
    },
    /// An account was made, or ended for ever.
    Account {
        /// Whose.
        user: OwnedUserId,
        /// Whether it was made.
        is_active: bool,
    },
}
