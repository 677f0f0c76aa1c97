//! The one HTTP client for everything that a stranger can make us fetch.
//!
//! One handle, [`Outgoing`]. Previews, push gateways, identity providers and application services
//! all go through it.
//!
//! Invariants: no connection to an address that the settings do not allow, judged after resolution
//! and again after every redirect, so neither a name that changes its address nor a redirect gets
//! around it; every answer is bounded in headers, bytes and time.
//!
//! Deliberately absent: cookies, proxies of the environment, decompression (a small answer cannot
//! become a large one), and retries: whoever asks knows whether asking again makes sense.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod body;
mod client;
mod error;
mod fetch;
mod guard;
mod limits;
mod resolver;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ipnet::IpNet;

pub use error::OutgoingError;
pub use fetch::Fetched;
pub use limits::Limits;
pub use resolver::{Resolver, SystemResolver};

use client::{build_client, tls};
use guard::Guard;

/// What an administrator decides about outgoing requests.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Networks that may be reached although they are not public.
    pub allow: Vec<IpNet>,
    /// Networks that may not be reached; stronger than everything else.
    pub deny: Vec<IpNet>,
    /// Whether every address that is not denied may be reached: for test networks only.
    pub allow_private_addresses: bool,
    /// Certificate authorities to trust besides Mozilla's, each a PEM file's content.
    pub certificate_authorities: Vec<Vec<u8>>,
}

/// The HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Outgoing(Arc<Parts>);

struct Parts {
    client: reqwest::Client,
    guard: Arc<Guard>,
    /// The client for destinations that an administrator wrote down.
    configured: Option<Outgoing>,
}

impl Outgoing {
    /// A client that resolves names as the machine does.
    ///
    /// # Errors
    /// [`OutgoingError::Settings`] when a certificate authority cannot be read.
    pub fn new(settings: Settings) -> Result<Self, OutgoingError> {
        Self::with_resolver(settings, Arc::new(SystemResolver))
    }

    /// A client that resolves names with `resolver`.
    ///
    /// # Errors
    /// See [`Outgoing::new`].
    pub fn with_resolver(
        settings: Settings,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, OutgoingError> {
        let tls = tls(&settings.certificate_authorities)?;
        let make = |guard: Guard, configured| {
            let guard = Arc::new(guard);
            let client = build_client(tls.clone(), guard.clone(), resolver.clone())?;
            Ok::<_, OutgoingError>(Self(Arc::new(Parts { client, guard, configured })))
        };
        let open = Guard::new(vec![], settings.deny.clone(), true);
        let configured = make(open, None)?;
        let guard = Guard::new(settings.allow, settings.deny, settings.allow_private_addresses);
        make(guard, Some(configured))
    }

    /// The same client for destinations that an administrator wrote down, such as an application
    /// service on this machine: private addresses are allowed, denied ones are not. Never give it
    /// an address that somebody else chose, nor follow a redirect with it.
    #[must_use]
    pub fn configured(&self) -> Self {
        self.0.configured.clone().unwrap_or_else(|| self.clone())
    }
}
