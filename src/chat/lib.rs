//! What chat users have and Matrix has no place for: invites by code, mutes that end,
//! notifications, the review of reports, webhooks, a standing, and a log of what moderators did.
//!
//! One handle, [`Chat`]. Whatever Matrix can say is said in Matrix: a mute is a power level, an
//! archived room is one whose levels and join rule let nobody in, so it holds whichever API
//! somebody uses. The tables here only remember what that is for, and when it ends.
//!
//! Invariants: a code lets in no more people than its limit, whatever is interrupted; what ends by
//! itself ends also after a restart; nobody is notified twice of the same event.
//!
//! Deliberately absent: HTTP, how anything is shown, and push (`hearth-push`).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod admission;
mod archive;
mod audit;
mod authority;
mod chat;
mod chores;
mod command;
mod deliveries;
mod encrypted;
mod error;
mod follower;
mod guests;
mod invite_codes;
mod limits;
mod moderators_room;
mod mutes;
mod notifications;
mod notify;
mod pins;
mod reviews;
mod room_rules;
mod run_command;
mod slack;
mod standing;
mod tables;
#[cfg(test)]
mod testing;
mod webhooks;

pub use audit::{Audit, AuditAction, AuditEntry};
pub use chat::{Chat, Lower};
pub use command::{Command, Spoken};
pub use error::ChatError;
pub use invite_codes::{InviteCode, NewInviteCode};
pub use mutes::{Mute, MuteRequest};
pub use notifications::{Notification, NotificationKind, NotificationsPage};
pub use reviews::{Resolution, Review, ReviewAction};
pub use room_rules::RoomRules;
pub use run_command::Ran;
pub use slack::SlackMessage;
pub use webhooks::Webhook;
