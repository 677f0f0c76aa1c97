//! The one decision who may see an event (specification, client-server API, "Room history
//! visibility", server behaviour).
//!
//! The caller looks up the facts; nothing here knows a store. For one combination of visibility
//! and membership at the event, and whether the user joined later:
//!
//! | visibility       | join | invite          | other           |
//! |------------------|------|-----------------|-----------------|
//! | `world_readable` | yes  | yes             | yes             |
//! | `shared`         | yes  | if joined later | if joined later |
//! | `invited`        | yes  | yes             | no              |
//! | `joined`         | yes  | no              | no              |
//!
//! An event that changes the visibility is seen if the visibility before *or* after it allows it;
//! the user's own `m.room.member` events always, so that nobody's own invite, kick or ban is
//! hidden from them. A visibility that the specification does not know counts as `shared`, its
//! default.

use ruma::events::room::{history_visibility::HistoryVisibility, member::MembershipState};

/// What matters of an event and a user to decide whether the user sees the event.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The history visibility of the state before the event.
    pub visibility: HistoryVisibility,
    /// The new visibility, when the event itself is the room's `m.room.history_visibility`.
    pub visibility_after: Option<HistoryVisibility>,
    /// The user's membership in the state before the event.
    pub membership: MembershipState,
    /// Whether the user joined at any point after the event; it does not matter whether they left
    /// again.
    pub joined_later: bool,
    /// Whether the event is the user's own `m.room.member` event, whoever sent it.
    pub own_membership_event: bool,
}

/// Whether the user may see the event.
#[must_use]
pub fn may_see(sight: &Sight) -> bool {
    sight.own_membership_event
        || allows(&sight.visibility, sight)
        || sight
            .visibility_after
            .as_ref()
            .is_some_and(|after| allows(after, sight))
}

fn allows(visibility: &HistoryVisibility, sight: &Sight) -> bool {
    if sight.membership == MembershipState::Join {
        return true;
    }
    match visibility {
        HistoryVisibility::WorldReadable => true,
        HistoryVisibility::Invited => sight.membership == MembershipState::Invite,
        HistoryVisibility::Joined => false,
        _ => sight.joined_later,
    }
}
