//! How clients synced before `/sync`, and how people look into rooms that they are not in: the
//! initial syncs and the event stream.

mod events;
mod initial_sync;
mod requests;
mod room_info;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    events::{get_event_of_any_room, get_events},
    initial_sync::{initial_sync, room_initial_sync},
};
