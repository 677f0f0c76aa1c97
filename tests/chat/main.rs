//! Stories of the chat API, told to the real binary, one module a section of its contract; where
//! both see the same thing, a Matrix client looks too.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "stories wait for real processes in real time")]

mod api;
mod attachments;
mod authentication;
mod authorization;
mod commands;
mod content_warnings;
mod guests;
mod invites;
mod load;
mod membership;
mod messages;
mod moderation;
mod notifications;
mod presence;
mod reactions;
mod receipts;
mod resuming;
mod rooms;
mod search;
mod sse;
mod storage;
mod users;
mod validation;
mod webhooks;
mod websocket;
