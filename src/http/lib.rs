//! What all HTTP APIs share: requests of ruma's types in, authenticated and within limits;
//! responses and errors of Matrix' shape out.
//!
//! A handler names the request that it answers, as [`Ruma`], and [`ApiRouter`] finds the paths from
//! that type. Who may call an endpoint, and how often, stands in the router too, as [`Access`].
//!
//! A client may go away at any time, and its handler is dropped then. That is harmless: whatever a
//! handler changes it changes in atomic commits, and what has to happen after a commit belongs to a
//! follower of the log or to a tracked task.
//!
//! Deliberately absent: endpoints, and any knowledge of rooms, media or sync.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod access;
mod accounts_error;
mod address;
mod authenticate;
mod body;
mod error;
mod extended;
mod interactive;
mod request;
mod response;
mod routes;
mod streamed;
#[cfg(test)]
mod testing;

pub use access::Access;
pub use address::ClientAddress;
pub use authenticate::{Authenticate, Caller, CallerOf};
pub use body::{read_body, read_json};
pub use error::{ApiError, ErrorParts};
pub use extended::Extended;
pub use interactive::Interactive;
pub use request::Ruma;
pub use response::RumaResponse;
pub use routes::{ApiRouter, Carrier, Endpoint};
pub use streamed::Streamed;
