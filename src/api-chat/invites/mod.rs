//! Invites by code.

mod accept;
mod manage;
mod view;

pub(crate) use accept::*;
pub(crate) use manage::*;
