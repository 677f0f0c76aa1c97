//! The chat API: rooms as chats over plain HTTP, for those who do not speak Matrix.
//!
//! [`router()`] shows the whole API on one screen. A handler maps a request to what `rooms` and
//! `accounts` do for the Matrix API too; [`views`] make of Matrix events what chat clients are
//! shown. `docs/chat-api.md` says what is mapped to what.
//!
//! Deliberately absent: a second copy of anything. A message of this API is an event of a room, its
//! ids are the Matrix ids, and who may do something is decided by the room's rules.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod attachments;
mod auth;
mod chat_problems;
mod commands;
mod document;
mod extract;
mod invitees;
mod invites;
mod members;
mod messages;
mod moderation;
mod notifications;
mod place;
mod problem;
mod problem_sources;
mod reviews;
mod rooms;
mod router;
mod search;
mod socket;
mod state;
mod users;
mod validate;
pub mod views;
mod webhooks;

pub use auth::Tokens;
pub use commands::{Said, say};
pub use document::openapi;
pub use extract::{Anybody, Caller, Json, Path, Query};
pub use messages::{NewMessage, Pace, read, send};
pub use notifications::Notification;
pub use problem::{FieldError, Problem};
pub use rooms::DirectRooms;
pub use router::router;
pub use socket::Hub;
pub use state::{ChatApi, Registration, Settings, Terms};
pub use validate::{Faults, Validate};
