//! What an administrator decides about mail.

use std::time::Duration;

use hearth_base::Secret;

/// How the connection to the SMTP server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: for a server on the same machine.
    None,
    /// By `STARTTLS`, without which nothing is sent.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// Who this server is for the SMTP server.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// Where letters are handed in, and whom they are from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host name or address of the SMTP server.
    pub server: String,
    /// Its port; the usual one of `tls` if there is none.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: Tls,
    /// Without it the SMTP server has to know us by our address.
    pub login: Option<Login>,
    /// The sender: `noreply@example.org` or `Example <noreply@example.org>`.
    pub from: String,
    /// Longest time for the delivery of one letter.
    pub timeout: Duration,
    /// Further certificate authorities to trust, each a PEM file's text.
    pub trusted_authorities: Vec<String>,
}

impl Settings {
    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            Tls::None => 25,
            Tls::StartTls => 587,
            Tls::Implicit => 465,
        })
    }
}
