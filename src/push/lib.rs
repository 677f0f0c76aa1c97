//! Follows the log and tells people what concerns them.
//!
//! One handle, [`Push`]. A follower evaluates every event once for all local members of its room,
//! from memory: who is in the room and what they want to hear of is read again only when it
//! changed. It writes one row an event that says who was notified ([`Push::notifications`] reads
//! them), and one row for each pusher that has to be told, in the batch that moves its position:
//! so nothing is lost and nothing is queued twice. Couriers empty the queues, each pusher's in
//! order, and delete a row when it has been delivered.
//!
//! Deliberately absent: the counts of `/sync`, which are derived (`hearth_rooms::Unread`), and
//! Matrix error codes.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod audience;
mod badges;
mod couriers;
mod email;
mod error;
mod evaluate;
mod follower;
mod gateway;
mod naming;
mod notifications;
mod number_set;
mod people;
mod push;
mod queue;
mod tables;
#[cfg(test)]
mod testing;

pub use error::PushError;
pub use notifications::{Notification, NotificationsPage, NotificationsQuery};
pub use push::{Lower, Push, Settings};
