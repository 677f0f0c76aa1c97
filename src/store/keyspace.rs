//! The named keyspaces, grouped by how they are read and written.

use serde::{Deserialize, Serialize};

/// A keyspace: a column family in RocksDB, a SQL table of two columns elsewhere.
///
/// Several typed tables share a keyspace; each begins its keys with a byte of its own. Only the
/// committer writes rows without that byte: the stream position at the empty key of `Meta`, and
/// everything in `Log`, which has no tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Keyspace {
    /// Schema version, sequences, stream position, positions of followers. Tiny, hot.
    Meta = 0,
    /// Position → fact. Append only, read forward by followers.
    Log = 1,
    /// Users, devices, profiles, filters, registration tokens. Point reads.
    Accounts = 2,
    /// Access and refresh tokens by their hash. One point read a request.
    Tokens = 3,
    /// Account data, push rules and tags, with their streams.
    AccountData = 4,
    /// Device keys, one-time keys, cross-signing keys, signatures, key backups.
    Encryption = 5,
    /// To-device messages: a queue a device, deleted once acknowledged.
    ToDevice = 6,
    /// Room ids, heads, aliases, directory. Point reads, small.
    Rooms = 7,
    /// Event number → event. Large values, mostly read soon after they were written.
    Events = 8,
    /// Event id → event number. Point reads of random keys.
    EventIds = 9,
    /// (room, position) → event number. Append, range scans.
    Timeline = 10,
    /// Nodes of room state. Immutable, content-addressed.
    State = 11,
    /// Memberships by user and by room.
    Members = 12,
    /// Relations and threads by parent event.
    Relations = 13,
    /// Receipts by room and their stream.
    Receipts = 14,
    /// (user, device, transaction id) → event id.
    Transactions = 15,
    /// Media metadata and quotas.
    Media = 16,
    /// Who was notified of which event, and what waits to be pushed.
    Push = 17,
    /// What chat users have and Matrix has no place for: invite codes, mutes, notifications.
    Chat = 18,
}

impl Keyspace {
    /// Every keyspace, in the order of their numbers.
    pub const ALL: [Self; 19] = [
        Self::Meta,
        Self::Log,
        Self::Accounts,
        Self::Tokens,
        Self::AccountData,
        Self::Encryption,
        Self::ToDevice,
        Self::Rooms,
        Self::Events,
        Self::EventIds,
        Self::Timeline,
        Self::State,
        Self::Members,
        Self::Relations,
        Self::Receipts,
        Self::Transactions,
        Self::Media,
        Self::Push,
        Self::Chat,
    ];

    /// The name of the column family or SQL table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Log => "log",
            Self::Accounts => "accounts",
            Self::Tokens => "tokens",
            Self::AccountData => "account_data",
            Self::Encryption => "encryption",
            Self::ToDevice => "to_device",
            Self::Rooms => "rooms",
            Self::Events => "events",
            Self::EventIds => "event_ids",
            Self::Timeline => "timeline",
            Self::State => "state",
            Self::Members => "members",
            Self::Relations => "relations",
            Self::Receipts => "receipts",
            Self::Transactions => "transactions",
            Self::Media => "media",
            Self::Push => "push",
            Self::Chat => "chat",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_in_order() {
        let mut names = std::collections::BTreeSet::new();
        for (number, keyspace) in Keyspace::ALL.into_iter().enumerate() {
            assert_eq!(keyspace as usize, number);
            assert!(names.insert(keyspace.name()));
        }
    }
}
