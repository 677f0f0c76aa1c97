//! Sticky events: the client gets each once, also those its timeline has no room for (MSC4354).

use std::collections::HashSet;

use hearth_base::StreamPosition;
use hearth_rooms::{Event, Room};
use hearth_rules::ClientEventFormat;
use ruma::{api::client::sync::sync_events::v3::Sticky, serde::Raw};

use crate::{SyncError, answer::View, joined::Window};

impl View<'_> {
    /// The sticky events that the client has not seen and that are not in the timeline beside
    /// them; all of the room, if it is new to the client. Filters do not apply.
    pub(crate) async fn sticky(
        &self,
        room: &Room,
        window: &Window,
        is_new: bool,
    ) -> Result<Sticky, SyncError> {
        let rooms = self.sync.rooms();
        let after = if is_new { StreamPosition::MIN } else { self.since_position() };
        let mut events =
            rooms.sticky_events(self.snapshot, room.nid(), after, self.position).await?;
        let shown: HashSet<_> = window.events.iter().map(Event::nid).collect();
        events.retain(|event| {
            !shown.contains(&event.nid()) && !self.ignored.contains(event.pdu().sender())
        });
        let format = ClientEventFormat::Sync;
        let rendered = rooms.render(self.snapshot, &events, &self.viewer(), format, true).await?;
        let mut sticky = Sticky::new();
        sticky.events = rendered.into_iter().map(Raw::from_json).collect();
        Ok(sticky)
    }
}
