//! The one HTTP client for everything that a stranger can make us fetch.
//!
//! Invariant: no connection to an address that the settings do not allow, after resolution and
//! after every redirect; every answer is bounded in size and time.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
