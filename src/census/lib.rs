//! How many users, rooms and messages there are, for `/metrics`.
//!
//! A follower of the log counts, so that nobody who registers or writes pays for it. Its counts are
//! committed with the position up to which they were counted: a crash makes it count again from
//! there, and nothing is counted twice.
//!
//! Deliberately absent: who and what. Figures say nothing of anybody.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod census;
mod counts;

pub use census::take_census;
