//! The messages before and after one.

use hearth_rooms::{Direction, Event, Snapshot};
use ruma::UserId;

use crate::{Search, SearchError, content::is_message, find::Wanted};

/// The messages on either side of one, as far as the user may see them.
#[derive(Clone, Default)]
pub struct Neighbours {
    /// The one before.
    pub previous: Option<Event>,
    /// The one after.
    pub next: Option<Event>,
}

impl Search {
    /// The nearest messages before and after an event that the user may see and that are wanted.
    ///
    /// # Errors
    /// The store failed.
    pub async fn neighbours(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        event: &Event,
        wanted: Wanted<'_>,
    ) -> Result<Neighbours, SearchError> {
        let rooms = &self.0.rooms;
        let room = rooms.room_by_nid(snapshot, event.room()).await?;
        let is_wanted = |event: &Event| is_message(event) && wanted(event);
        let mut found = Neighbours::default();
        for (direction, from, neighbour) in [
            (Direction::Backward, event.position().previous(), &mut found.previous),
            (Direction::Forward, event.position(), &mut found.next),
        ] {
            let from = hearth_rooms::Side(from);
            let page =
                rooms.page(snapshot, &room, user_id, from, None, direction, 1, &is_wanted).await?;
            *neighbour = page.events.into_iter().next();
        }
        Ok(found)
    }
}
