//! Rooms: making and joining them, sending to them, and reading them.
//!
//! Each handler finds its room, asks [`hearth_rooms::Rooms`], and renders. Whether a user may do or
//! see something is decided there; what a refusal is called in Matrix is decided in
//! [`crate::error`]. Other servers are deliberately absent: what would need one is refused.

mod access;
mod aliases;
mod canonical_alias;
mod context;
mod create_room;
mod delayed_events;
mod event;
mod filtered;
mod guests;
mod hierarchy;
mod invite;
mod join;
mod joined_rooms;
mod knock;
mod leave;
mod member_state;
mod members;
mod messages;
mod moderate;
mod mutual_rooms;
mod public_rooms;
mod publish;
mod read_markers;
mod receipt;
mod redact;
mod relations;
pub(crate) mod render;
mod report;
mod retention;
mod search;
mod search_answer;
mod search_request;
mod send;
mod send_state;
mod state;
mod summary;
#[cfg(test)]
mod tests;
mod third_party_signed;
mod thread_subscriptions;
mod threads;
mod timestamp_to_event;
mod typing;
mod upgrade;

pub(crate) use self::{
    access::{known_room, profile_of},
    aliases::{create_alias, delete_alias, get_alias, list_aliases},
    context::get_context,
    create_room::create_room,
    delayed_events::{
        get_delayed_event, get_delayed_events, send_delayed_event, update_delayed_event,
    },
    event::get_event,
    hierarchy::get_hierarchy,
    invite::invite,
    join::{join, join_by_id},
    joined_rooms::joined_rooms,
    knock::knock,
    leave::{forget, leave},
    members::{joined_members, members},
    messages::get_messages,
    moderate::{ban, kick, unban},
    mutual_rooms::{get_mutual_rooms, get_mutual_rooms_by_old_name},
    public_rooms::{get_public_rooms, search_public_rooms},
    publish::{get_room_visibility, set_network_visibility, set_room_visibility},
    read_markers::set_read_markers,
    receipt::send_receipt,
    redact::redact,
    relations::{relations, relations_of_event_type, relations_of_type},
    report::{report_event, report_room, report_user},
    retention::retention_configuration,
    search::search,
    send::send,
    send_state::send_state,
    state::{get_state, get_state_event},
    summary::{OLD_SUMMARY_PATH, get_summary},
    thread_subscriptions::{
        get_thread_subscription, get_thread_subscription_changes, subscribe_thread,
        unsubscribe_thread,
    },
    threads::get_threads,
    timestamp_to_event::timestamp_to_event,
    typing::set_typing,
    upgrade::upgrade,
};
