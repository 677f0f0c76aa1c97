//! Follows the log and makes messages searchable, with tantivy.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
