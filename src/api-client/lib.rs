//! The Matrix client-server API: thin handlers that parse, ask, and render.
//!
//! [`router()`] shows the whole API on one screen. One file is one endpoint or a small family; what
//! a refusal is called in Matrix stands in [`error`] and, for accounts, in `hearth-http`.
//!
//! Deliberately absent: decisions. Whether somebody may do something is the business of the crates
//! that a handler asks.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod account;
mod admin;
mod application_services;
mod discovery;
mod encryption;
pub mod error;
mod media;
mod old_sync;
mod rooms;
mod router;
mod server_notices;
mod sso;
mod state;
mod sync;
#[cfg(test)]
mod testing;

pub use account::resume_departures;
pub use router::router;
pub use state::{ClientApi, Registration, ServerNotices, Settings, Support, Terms};
