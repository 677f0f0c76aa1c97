//! The rules of Matrix rooms: event format, signatures, authorization, redaction, state
//! resolution, who may see what, and how an event looks to a client.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no async, no store.
//! Room versions 6 to 12 are supported ([`version::SUPPORTED`]); the hard parts are ruma's, and
//! this crate decides how they are called. Nothing here panics on input.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod auth;
pub mod build;
pub mod client_event;
pub mod event_filter;
pub mod owned_state;
pub mod pdu;
pub mod power;
pub mod push;
pub mod redact;
pub mod relation_filter;
pub mod resolve;
pub mod signing;
pub mod version;
pub mod visibility;

pub use auth::{NotAllowed, auth_types, authorize};
pub use build::{BuildError, Draft, build};
pub use client_event::{ClientEvent, ClientEventFormat, DELAY_ID, Unsigned};
pub use owned_state::{OwnedStateError, authorize_owned, has_owned_state};
pub use pdu::{Pdu, PduError};
pub use power::PowerLevels;
pub use push::{Notify, PushEvent, PushMember, PushRoom, PushRules};
pub use redact::{redact, redaction_allowed};
pub use relation_filter::RelationFilter;
pub use resolve::{ResolveError, StateMap, auth_chain, resolve};
pub use signing::{SigningKey, SigningKeyError};
pub use version::rules_of;
pub use visibility::{Sight, may_see};

#[cfg(test)]
mod test_room;
