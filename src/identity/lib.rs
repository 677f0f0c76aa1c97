//! Identity servers: who owns an e-mail address or a phone number, and inviting who has no account
//! yet (specification, identity service API).
//!
//! One handle, [`Identity`]. Clients name the identity server and bring its access token; which
//! servers are asked at all is up to the administrator.
//!
//! Invariants: no request to a server that the settings do not name; addresses are looked up by
//! their hash where the server knows one, so that it learns of those only that it knows.
//!
//! Deliberately absent: accounts at identity servers and their terms of service, which are between
//! the client and them; and binding addresses of our users, which would show them to strangers.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod call;
mod error;
mod invite;
mod lookup;

use std::{collections::BTreeMap, sync::Arc};

use hearth_outgoing::Outgoing;
use ruma::thirdparty::Medium;
use url::Url;

pub use error::IdentityError;
pub use invite::Invite;

/// The identity servers that this server asks. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    outgoing: Outgoing,
    /// Where the trusted servers are, by the name that clients know them by.
    servers: Arc<BTreeMap<String, Url>>,
}

/// An identity server as a client names it, and the client's access token for it.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// Its name: a host, perhaps with a port.
    pub server: &'a str,
    /// A token that the server gave to the client.
    pub token: &'a str,
}

/// An e-mail address or a phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Which of the two.
    pub medium: Medium,
    /// The address; a phone number as its digits with the country's, without `+`.
    pub address: String,
}

impl Identity {
    /// Asks these servers, by name, at these addresses.
    #[must_use]
    pub fn new(outgoing: &Outgoing, servers: BTreeMap<String, Url>) -> Self {
        Self { outgoing: outgoing.configured(), servers: Arc::new(servers) }
    }

    /// Refuses a server that the settings do not name; the answer is where it is.
    ///
    /// # Errors
    /// [`IdentityError::NotTrusted`].
    pub fn check_trusted(&self, server: &str) -> Result<&Url, IdentityError> {
        self.servers.get(server).ok_or_else(|| IdentityError::NotTrusted(server.to_owned()))
    }
}
