//! The harness of the stories: it starts the real `hearth` binary and speaks to it as a client.
//!
//! Invariant: nothing here reaches into the server; everything goes through its command line,
//! its configuration, its HTTP interface and its signals. Deliberately absent: sleeps. Whatever
//! takes time is waited for as a condition with a deadline ([`wait`]).
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "stories wait for real processes in real time")]

pub mod chat_client;
pub mod client;
mod conformance;
pub mod gateway;
pub mod loopback;
pub mod mailbox;
pub mod media;
pub mod reply;
pub mod rooms;
pub mod server;
pub mod session;
pub mod settings;
pub mod signing;
pub mod socket;
pub mod sync;
pub mod wait;

pub use chat_client::Chat;
pub use client::Client;
pub use mailbox::Mailbox;
pub use reply::Reply;
pub use server::Server;
pub use settings::Settings;
