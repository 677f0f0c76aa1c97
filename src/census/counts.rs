//! What is counted.

use hearth_store::{Keyspace, Table};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use serde::{Deserialize, Serialize};

/// The counts up to the follower's position.
pub(crate) const COUNTS: Table<(u8,), Counts> = Table::new(Keyspace::Meta, 4, 1);
/// The key of the only row.
pub(crate) const ROW: (u8,) = (0,);

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Accounts of this server that are not deactivated.
    pub(crate) users: u64,
    /// Rooms that were ever made.
    pub(crate) rooms: u64,
    /// Messages that were ever sent.
    pub(crate) messages: u64,
}

impl Counts {
    /// Counts an account that was made, or that ended.
    pub(crate) const fn account(&mut self, is_active: bool) {
        self.users =
            if is_active { self.users.saturating_add(1) } else { self.users.saturating_sub(1) };
    }

    /// Counts an event that a room was made with, or that says something.
    pub(crate) fn event(&mut self, event_type: &str) {
        match event_type {
            "m.room.create" => self.rooms += 1,
            "m.room.message" | "m.room.encrypted" | "m.sticker" => self.messages += 1,
            _ => {}
        }
    }

    /// Says what the figures are.
    pub(crate) fn describe() {
        describe_gauge!("hearth_users", "Accounts of this server that are not deactivated");
        describe_counter!("hearth_rooms_total", "Rooms that were made");
        describe_counter!("hearth_messages_total", "Messages, edits and stickers that were sent");
    }

    /// Shows the figures to whoever collects them.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub(crate) fn publish(self) {
        gauge!("hearth_users").set(self.users as f64);
        counter!("hearth_rooms_total").absolute(self.rooms);
        counter!("hearth_messages_total").absolute(self.messages);
    }
}
