//! The server: configuration, wiring, listeners and the command line.
//!
//! The only crate that knows every other one, and the only one that asks the machine for the
//! time, a socket or a signal. A library beside the binary, so that tests run servers in their
//! own process.
//!
//! Deliberately absent: anything about Matrix. What the server does is in the crates below.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod api;
mod chat_api;
pub mod cli;
mod client_address;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod listeners;
pub mod logging;
pub mod metrics;
pub mod parts;
pub mod request_log;
pub mod shutdown;
pub mod wiring;

pub use client_address::ClientAddress;
