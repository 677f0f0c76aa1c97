//! What administrators of the server do: they review reports, and can look up who did what.

mod audit;
mod queue;
mod read_room;

pub(crate) use audit::*;
pub(crate) use queue::*;
pub(crate) use read_room::*;

use crate::{Caller, Problem};

/// Refuses whoever is no administrator of the server.
fn check_admin(caller: &Caller) -> Result<(), Problem> {
    match caller.is_admin {
        true => Ok(()),
        false => Err(Problem::forbidden("only administrators of the server may do this")),
    }
}
