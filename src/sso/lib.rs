//! Login through an OpenID Connect provider.
//!
//! One handle, [`Sso`]. [`Sso::begin`] sends a browser to the provider, [`Sso::finish`] takes it
//! back: who it is there leads to the account that is linked to exactly this issuer and subject,
//! or to a new account whose name the provider's claims choose.
//!
//! Invariants: what comes back was asked for by the same browser (`state` and a cookie), once
//! (`nonce`), by us (PKCE); the identity is that of a verified ID token of the configured issuer;
//! an account that exists is never taken over because a claim looks like it.
//!
//! Deliberately absent: pages and cookies, which are the API's; the provider's tokens, which are
//! dropped as soon as they have said who it is; and an HTTP client of its own.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod account;
mod claims;
mod error;
mod exchange;
mod http_client;
mod localpart;
mod metadata;
mod pending;
mod redirect;
mod settings;
mod sso;

pub use error::SsoError;
pub use redirect::Target;
pub use settings::{Provider, Settings};
pub use sso::{Callback, Finished, Purpose, Sso};
