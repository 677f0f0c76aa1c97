//! What must be true of the whole repository and no compiler checks: layers, lengths, licenses.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod dependencies;
mod layers;
mod repository;
mod security;
mod tidy;
