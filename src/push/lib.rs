//! Follows the log and tells people what concerns them: counts, notifications, pushers.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
