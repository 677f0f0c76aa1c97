//! E-mail through SMTP.
//!
//! One handle, [`Mail`]: it sends one [`Letter`] to one [`EmailAddress`] and waits until the SMTP
//! server has taken it. An address is checked when it is made and a subject when it is written, so
//! that nobody adds a header or a recipient.
//!
//! Deliberately absent: queues; whoever sends decides when to try again.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod address;
mod error;
mod html;
mod letter;
mod mail;
mod settings;

pub use address::EmailAddress;
pub use error::MailError;
pub use html::escape;
pub use letter::Letter;
pub use mail::Mail;
pub use settings::{Login, Settings, Tls};
