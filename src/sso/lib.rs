//! Login through an OpenID Connect provider.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
