//! What a client names a room by that has no name (specification, "Calculating the display name").

use hearth_rooms::{Event, Room, RoomHead};
use ruma::{UInt, api::client::sync::sync_events::v3::RoomSummary, events::StateEventType};
use serde::Deserialize;

use crate::{SyncError, answer::View};

/// How many heroes a room has.
const HEROES_MAX: usize = 5;

#[derive(Deserialize)]
struct Naming {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    alias: Option<String>,
}

impl View<'_> {
    /// The counts of members, and heroes if the room has neither name nor alias.
    pub(crate) async fn summary(
        &self,
        room: &Room,
        head: &RoomHead,
    ) -> Result<RoomSummary, SyncError> {
        let mut summary = RoomSummary::new();
        summary.joined_member_count = Some(UInt::new_saturating(head.joined_members));
        summary.invited_member_count = Some(UInt::new_saturating(head.invited_members));
        let wanted = [
            (StateEventType::RoomName, String::new()),
            (StateEventType::RoomCanonicalAlias, String::new()),
        ];
        let rooms = self.sync.rooms();
        let naming = rooms.state_events(self.snapshot, room.nid(), head.state, &wanted).await?;
        if !naming.iter().flatten().any(names) {
            summary.heroes =
                rooms.heroes(self.snapshot, room.nid(), self.user_id(), HEROES_MAX).await?;
        }
        Ok(summary)
    }
}

fn names(event: &Event) -> bool {
    let naming: Option<Naming> = event.pdu().content_as();
    let text = naming.and_then(|naming| naming.name.or(naming.alias));
    text.is_some_and(|text| !text.is_empty())
}
