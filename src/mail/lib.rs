//! E-mail through SMTP.
//!
//! Deliberately absent: queues; whoever sends decides when to try again.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
