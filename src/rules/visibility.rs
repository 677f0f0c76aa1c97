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
        || sight.visibility_after.as_ref().is_some_and(|after| allows(after, sight))
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

#[cfg(test)]
mod tests {
    use HistoryVisibility::{Invited, Joined, Shared, WorldReadable};
    use MembershipState::{Ban, Invite, Join, Knock, Leave};

    use super::*;

    fn sight(visibility: HistoryVisibility, membership: MembershipState, later: bool) -> Sight {
        Sight {
            visibility,
            visibility_after: None,
            membership,
            joined_later: later,
            own_membership_event: false,
        }
    }

    #[test]
    fn the_table_holds_row_by_row() {
        // (visibility, membership, seen, seen by one who joined later)
        let rows = [
            (WorldReadable, Join, true, true),
            (WorldReadable, Invite, true, true),
            (WorldReadable, Leave, true, true),
            (WorldReadable, Ban, true, true),
            (WorldReadable, Knock, true, true),
            (Shared, Join, true, true),
            (Shared, Invite, false, true),
            (Shared, Leave, false, true),
            (Shared, Ban, false, true),
            (Shared, Knock, false, true),
            (Invited, Join, true, true),
            (Invited, Invite, true, true),
            (Invited, Leave, false, false),
            (Invited, Ban, false, false),
            (Invited, Knock, false, false),
            (Joined, Join, true, true),
            (Joined, Invite, false, false),
            (Joined, Leave, false, false),
            (Joined, Ban, false, false),
            (Joined, Knock, false, false),
            (HistoryVisibility::from("org.example"), Leave, false, true),
            (HistoryVisibility::from("org.example"), Join, true, true),
        ];
        for (visibility, membership, seen, seen_later) in rows {
            let row = format!("{visibility} {membership}");
            let (now, later) = (
                sight(visibility.clone(), membership.clone(), false),
                sight(visibility, membership, true),
            );
            assert_eq!(may_see(&now), seen, "{row}");
            assert_eq!(may_see(&later), seen_later, "{row}, joined later");
        }
    }

    #[test]
    fn a_change_of_visibility_is_seen_from_either_side() {
        let mut change = sight(WorldReadable, Leave, false);
        change.visibility_after = Some(Joined);
        assert!(may_see(&change));
        (change.visibility, change.visibility_after) = (Joined, Some(WorldReadable));
        assert!(may_see(&change));
        change.visibility_after = Some(Shared);
        assert!(!may_see(&change));
    }

    #[test]
    fn nobodys_own_membership_is_hidden_from_them() {
        for membership in [Join, Invite, Leave, Ban, Knock] {
            let mut own = sight(Joined, membership, false);
            own.own_membership_event = true;
            assert!(may_see(&own));
        }
    }
}
