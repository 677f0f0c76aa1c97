//! What a client wants of a timeline: what passes its filter and is not of somebody whom the user
//! ignores, and with it the members whom a lazily loading client needs.

use std::collections::BTreeSet;

use hearth_accounts::Accounts;
use hearth_rooms::{Event, Room, Rooms, Snapshot};
use hearth_rules::{RelationFilter, event_filter};
use ruma::{OwnedUserId, UserId, api::client::filter::RoomEventFilter, events::StateEventType};
use serde::Deserialize;

use crate::error::Error;

/// What one user wants of a timeline.
pub(super) struct Filtered {
    filter: RoomEventFilter,
    relations: RelationFilter,
    ignored: BTreeSet<OwnedUserId>,
}

impl Filtered {
    /// The filter of a request, and what its query says that ruma's filter does not have.
    pub(super) async fn new(
        accounts: &Accounts,
        user_id: &UserId,
        filter: RoomEventFilter,
        query: Option<&str>,
    ) -> Result<Self, Error> {
        let relations = relation_filter(query.unwrap_or_default());
        Ok(Self { filter, relations, ignored: accounts.ignored_users(user_id).await? })
    }

    /// Whether the event is wanted; state is, whoever set it.
    pub(super) fn wants(&self, event: &Event) -> bool {
        let pdu = event.pdu();
        let is_ignored = !pdu.is_state() && self.ignored.contains(pdu.sender());
        !is_ignored && event_filter::passes_pdu(&self.filter, pdu) && self.relations.passes(pdu)
    }

    /// Whether the members of a room are wanted only as far as they sent something.
    pub(super) fn loads_lazily(&self) -> bool {
        !self.filter.lazy_load_options.is_disabled()
    }

    /// Whether a state event is wanted.
    pub(super) fn wants_state(&self, event: &Event) -> bool {
        event_filter::passes_pdu(&self.filter, event.pdu())
    }
}

/// What the `filter` of a query says of relations (MSC3874); the rest of it was read before.
fn relation_filter(query: &str) -> RelationFilter {
    #[derive(Deserialize)]
    struct Query {
        filter: String,
    }
    serde_html_form::from_str(query)
        .ok()
        .and_then(|query: Query| serde_json::from_str(&query.filter).ok())
        .unwrap_or_default()
}

/// The member events of those who sent `events`, as of the state after `at`.
pub(super) async fn senders(
    rooms: &Rooms,
    snapshot: &dyn Snapshot,
    room: &Room,
    at: &Event,
    events: &[Event],
) -> Result<Vec<Event>, Error> {
    let senders: BTreeSet<_> = events.iter().map(|event| event.pdu().sender()).collect();
    let wanted: Vec<_> = senders
        .into_iter()
        .map(|user_id| (StateEventType::RoomMember, user_id.to_string()))
        .collect();
    let state = at.state_after();
    let members = rooms.state_events(snapshot, room.nid(), state, &wanted).await?;
    Ok(members.into_iter().flatten().collect())
}
