//! Who may see an event: every read of a timeline or state goes through here.
//!
//! The decision itself is [`hearth_rules::may_see`]; this is where its facts come from.

use hearth_base::{RoomNid, StreamPosition};
use hearth_rules::{Sight, may_see};
use hearth_statemap::StateRoot;
use hearth_store::Snapshot;
use ruma::{
    UserId,
    events::{
        StateEventType,
        room::{history_visibility::HistoryVisibility, member::MembershipState},
    },
};
use serde::Deserialize;

use crate::{Event, Room, Rooms, RoomsError};

/// One user's eyes on one room.
pub struct Visibility<'a> {
    rooms: &'a Rooms,
    snapshot: &'a dyn Snapshot,
    room: RoomNid,
    user_id: &'a UserId,
    /// The user's last change to joined, after which `shared` history is theirs.
    last_joined: Option<StreamPosition>,
    /// What the last state that was looked at said: the next event mostly has the same.
    remembered: Option<(StateRoot, HistoryVisibility, MembershipState)>,
}

#[derive(Deserialize)]
struct VisibilityContent {
    history_visibility: HistoryVisibility,
}

#[derive(Deserialize)]
struct MembershipContent {
    membership: MembershipState,
}

impl<'a> Visibility<'a> {
    /// A user's eyes on a room as of a snapshot.
    ///
    /// # Errors
    /// The store failed.
    pub async fn new(
        rooms: &'a Rooms,
        snapshot: &'a dyn Snapshot,
        room: &Room,
        user_id: &'a UserId,
    ) -> Result<Self, RoomsError> {
        let room = room.nid();
        let membership = rooms.membership(snapshot, room, user_id).await?;
        let last_joined = membership.and_then(|row| row.value.last_joined(row.position));
        Ok(Self { rooms, snapshot, room, user_id, last_joined, remembered: None })
    }

    /// Whether the user may see the event.
    ///
    /// # Errors
    /// The store failed.
    pub async fn may_see(&mut self, event: &Event) -> Result<bool, RoomsError> {
        let (visibility, membership) = self.facts(event.state_before()).await?;
        let pdu = event.pdu();
        let is_visibility =
            pdu.type_name() == "m.room.history_visibility" && pdu.state_key() == Some("");
        Ok(may_see(&Sight {
            visibility,
            visibility_after: is_visibility.then(|| visibility_of(Some(event))),
            membership,
            joined_later: self.last_joined.is_some_and(|joined| joined > event.position()),
            own_membership_event: pdu.type_name() == "m.room.member"
                && pdu.state_key() == Some(self.user_id.as_str()),
        }))
    }

    /// The events of these that the user may see, in their order.
    ///
    /// # Errors
    /// The store failed.
    pub async fn filter(&mut self, events: Vec<Event>) -> Result<Vec<Event>, RoomsError> {
        let mut visible = Vec::with_capacity(events.len());
        for event in events {
            if self.may_see(&event).await? {
                visible.push(event);
            }
        }
        Ok(visible)
    }

    async fn facts(
        &mut self,
        state: StateRoot,
    ) -> Result<(HistoryVisibility, MembershipState), RoomsError> {
        if let Some((known, visibility, membership)) = &self.remembered
            && *known == state
        {
            return Ok((visibility.clone(), membership.clone()));
        }
        let wanted = [
            (StateEventType::RoomHistoryVisibility, String::new()),
            (StateEventType::RoomMember, self.user_id.to_string()),
        ];
        let events = self.rooms.state_events(self.snapshot, self.room, state, &wanted).await?;
        let event = |at: usize| events.get(at).and_then(Option::as_ref);
        let (visibility, membership) = (visibility_of(event(0)), membership_of(event(1)));
        self.remembered = Some((state, visibility.clone(), membership.clone()));
        Ok((visibility, membership))
    }
}

/// What an `m.room.history_visibility` event says; `shared` if there is none.
fn visibility_of(event: Option<&Event>) -> HistoryVisibility {
    event
        .and_then(|event| event.pdu().content_as::<VisibilityContent>())
        .map_or(HistoryVisibility::Shared, |content| content.history_visibility)
}

fn membership_of(event: Option<&Event>) -> MembershipState {
    event
        .and_then(|event| event.pdu().content_as::<MembershipContent>())
        .map_or(MembershipState::Leave, |content| content.membership)
}

impl Rooms {
    /// A user's eyes on a room as of a snapshot.
    ///
    /// # Errors
    /// The store failed.
    pub async fn visibility<'a>(
        &'a self,
        snapshot: &'a dyn Snapshot,
        room: &Room,
        user_id: &'a UserId,
    ) -> Result<Visibility<'a>, RoomsError> {
        Visibility::new(self, snapshot, room, user_id).await
    }

    /// The event, if it is in the room and the user may see it.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] otherwise: whether it exists is not told.
    pub async fn visible_event(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        event_id: &ruma::EventId,
        user_id: &UserId,
    ) -> Result<Event, RoomsError> {
        let event = self.event_in_room(snapshot, room.nid(), event_id).await?;
        let mut visibility = self.visibility(snapshot, room, user_id).await?;
        if visibility.may_see(&event).await? {
            Ok(event)
        } else {
            Err(RoomsError::NotFound("event"))
        }
    }

    /// The newest state of a room that the user may read: the present one for those who joined
    /// and for everybody if the room is world readable, that of their leaving for those who left.
    ///
    /// # Errors
    /// [`RoomsError::Forbidden`] for everybody else.
    pub async fn readable_state(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<StateRoot, RoomsError> {
        let head = self.head(snapshot, room.nid()).await?;
        let membership = self.membership(snapshot, room.nid(), user_id).await?;
        let joined = |state: &MembershipState| *state == MembershipState::Join;
        if membership.as_ref().is_some_and(|row| joined(&row.value.state)) {
            return Ok(head.state);
        }
        let key = StateEventType::RoomHistoryVisibility;
        let event = self.state_event(snapshot, room.nid(), head.state, key, "").await?;
        if visibility_of(event.as_ref()) == HistoryVisibility::WorldReadable {
            return Ok(head.state);
        }
        match membership {
            Some(row) if row.value.last_joined(row.position).is_some() && !row.value.forgotten => {
                Ok(self.event(snapshot, row.value.event).await?.state_after())
            }
            _ => Err(RoomsError::Forbidden("you are not in this room".to_owned())),
        }
    }
}
