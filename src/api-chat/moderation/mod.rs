//! What moderators of a room do.

mod archive;
mod bans;
mod moderators_room;
mod mutes;
mod pins;
mod report;
mod rules;

pub(crate) use archive::*;
pub(crate) use bans::*;
pub(crate) use moderators_room::*;
pub(crate) use mutes::*;
pub(crate) use pins::*;
pub(crate) use report::*;
pub(crate) use rules::*;
