//! One user's eyes on the matches in all rooms.

use std::collections::{HashMap, hash_map::Entry};

use hearth_base::{EventNid, RoomNid};
use hearth_rooms::{Event, Rooms, RoomsError, Snapshot, Visibility};
use ruma::UserId;

use crate::{SearchError, top::Match};

/// One user's eyes on all rooms.
pub(crate) struct Eyes<'a> {
    rooms: &'a Rooms,
    snapshot: &'a dyn Snapshot,
    user_id: &'a UserId,
    of: HashMap<RoomNid, Visibility<'a>>,
}

/// What the user sees of a match.
pub(crate) struct Seen {
    pub event: Event,
    /// The edit that matches.
    pub edit: Option<Event>,
}

impl<'a> Eyes<'a> {
    pub(crate) fn new(rooms: &'a Rooms, snapshot: &'a dyn Snapshot, user_id: &'a UserId) -> Self {
        Self { rooms, snapshot, user_id, of: HashMap::new() }
    }

    /// The event of a match, if the user may see it, and the edit that matches.
    pub(crate) async fn see(&mut self, one: &Match) -> Result<Option<Seen>, SearchError> {
        let Some(event) = self.visible(one.event).await? else {
            return Ok(None);
        };
        let Some(edit) = one.edit else {
            return Ok(Some(Seen { event, edit: None }));
        };
        let edit = self.visible(edit).await?;
        Ok(edit.map(|edit| Seen { event, edit: Some(edit) }))
    }

    async fn visible(&mut self, nid: EventNid) -> Result<Option<Event>, SearchError> {
        let event = match self.rooms.event(self.snapshot, nid).await {
            Ok(event) => event,
            // It is gone for good, and the index has not heard of it yet.
            Err(RoomsError::Corrupt(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if event.redacted_by().is_some() {
            return Ok(None);
        }
        let visibility = match self.of.entry(event.room()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let room = self.rooms.room_by_nid(self.snapshot, event.room()).await?;
                unknown.insert(self.rooms.visibility(self.snapshot, &room, self.user_id).await?)
            }
        };
        Ok(visibility.may_see(&event).await?.then_some(event))
    }
}
