//! The end of a room's timeline, and what says how recent the room is.

use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::{Event, Room, Side};
use hearth_store::Direction;

use crate::{SyncError, answer::View};

/// The types of events that bring a room up in a client's list (MSC4186, "bump_stamp").
const BUMPING: [&str; 9] = [
    "m.room.create",
    "m.room.message",
    "m.room.encrypted",
    "m.sticker",
    "m.call.invite",
    "m.poll.start",
    "org.matrix.msc3381.poll.start",
    "m.beacon_info",
    "org.matrix.msc3672.beacon_info",
];
/// How many events are looked at to find one that bumps, at most and at once.
const BUMP_EVENTS_MAX: usize = 100;
const BUMP_EVENTS_AT_ONCE: usize = 10;

/// The end of a timeline.
pub(crate) struct Ending {
    /// The events, the oldest first.
    pub(crate) events: Vec<Event>,
    /// Whether there are older ones that the client has not been told.
    pub(crate) limited: bool,
    /// Where those end.
    pub(crate) prev_batch: Side,
}

impl Ending {
    /// Whether events are missing between `from` and the first of these.
    pub(crate) fn has_gap_after(&self, from: StreamPosition) -> bool {
        self.limited && self.events.first().is_none_or(|first| first.position() > from)
    }

    /// How many of the events came after `position`.
    pub(crate) fn after(&self, position: StreamPosition) -> usize {
        self.events.iter().filter(|event| event.position() > position).count()
    }
}

impl View<'_> {
    /// The last events up to `upto` and after `after`, as the user may see them.
    pub(crate) async fn ending(
        &self,
        room: &Room,
        after: StreamPosition,
        upto: StreamPosition,
        limit: u32,
    ) -> Result<Ending, SyncError> {
        let wanted =
            |event: &Event| event.pdu().is_state() || !self.ignored.contains(event.pdu().sender());
        let (from, to, backward) = (Side(upto), Some(Side(after)), Direction::Backward);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = self
            .sync
            .rooms()
            .page(self.snapshot, room, self.user_id(), from, to, backward, limit, &wanted)
            .await?;
        let mut events = page.events;
        events.reverse();
        let first = events.first().map(|event| Side(event.position().previous()));
        Ok(Ending {
            limited: page.next.is_some(),
            prev_batch: first.or(page.next).unwrap_or(from),
            events,
        })
    }

    /// When a room was last bumped. If that is long ago, an approximation from above.
    pub(crate) async fn bumped(&self, room: RoomNid) -> Result<StreamPosition, SyncError> {
        let (mut upto, mut looked_at) = (self.position, 0);
        while looked_at < BUMP_EVENTS_MAX {
            let (start, backward) = (StreamPosition::MIN, Direction::Backward);
            let rooms = self.sync.rooms();
            let events = rooms
                .timeline(self.snapshot, room, start, upto, backward, BUMP_EVENTS_AT_ONCE)
                .await?;
            let bumping = events.iter().find(|event| BUMPING.contains(&event.pdu().type_name()));
            if let Some(event) = bumping {
                return Ok(event.position());
            }
            let Some(oldest) = events.last() else { break };
            upto = oldest.position().previous();
            looked_at += events.len();
        }
        Ok(upto)
    }
}
