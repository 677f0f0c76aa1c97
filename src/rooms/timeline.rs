//! Reading timelines: pages in both directions, and the state at a position.

use std::{fmt, str::FromStr};

use hearth_base::{RoomNid, StreamPosition, limits::PAGE_EVENTS_MAX};
use hearth_statemap::StateRoot;
use hearth_store::{Direction, Snapshot};
use ruma::UserId;

use crate::{
    Event, Room, Rooms, RoomsError,
    tables::{LAST_EVENTS, TIMELINE},
};

/// How many events a page may pass over because the reader may not see or does not want them.
const SKIPPED_EVENTS_MAX: usize = 5_000;

/// A place between two events: right after the one at this position.
///
/// As text `t` and the number; a token of `/sync` is understood too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Side(pub StreamPosition);

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0.0)
    }
}

impl FromStr for Side {
    type Err = RoomsError;

    fn from_str(token: &str) -> Result<Self, RoomsError> {
        let number = match token.split_at_checked(1) {
            Some(("t", number)) => number,
            Some(("h", rest)) => rest.split('.').next().unwrap_or(rest),
            _ => "",
        };
        let number = number
            .parse()
            .map_err(|_| RoomsError::InvalidParam(format!("{token:?} is not a token of ours")))?;
        Ok(Self(StreamPosition(number)))
    }
}

/// Part of a timeline as one user sees it.
#[derive(Clone)]
pub struct Page {
    /// The events in the order of the reading.
    pub events: Vec<Event>,
    /// Where to go on; `None` at the end of the timeline.
    pub next: Option<Side>,
}

impl Rooms {
    /// Up to `limit` events of a room between `after` (excluded) and `upto` (included), from
    /// either end. Nobody's eyes are considered: see [`Rooms::page`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn timeline(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        after: StreamPosition,
        upto: StreamPosition,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Event>, RoomsError> {
        let range = TIMELINE.between(&(room, after.next()), &(room, upto.next()));
        let rows = TIMELINE.scan(snapshot, &range, direction, limit).await?;
        let nids: Vec<_> = rows.into_iter().map(|(_, nid)| nid).collect();
        self.events(snapshot, &nids).await
    }

    /// A page of a timeline from `from` towards `to`: only events that the user may see and that
    /// `wanted` accepts count.
    ///
    /// # Errors
    /// The store failed.
    #[allow(clippy::too_many_arguments, reason = "the parameters of /messages")]
    pub async fn page(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
        from: Side,
        to: Option<Side>,
        direction: Direction,
        limit: usize,
        wanted: &(dyn Fn(&Event) -> bool + Sync),
    ) -> Result<Page, RoomsError> {
        let limit = limit.min(PAGE_EVENTS_MAX);
        let mut visibility = self.visibility(snapshot, room, user_id).await?;
        let (mut side, mut skipped, mut events) = (from, 0, Vec::new());
        loop {
            let (after, upto) = match direction {
                Direction::Forward => (side.0, to.map_or(snapshot.position(), |to| to.0)),
                Direction::Backward => (to.map_or(StreamPosition::MIN, |to| to.0), side.0),
            };
            let wish = limit + 1 - events.len();
            let found = self.timeline(snapshot, room.nid(), after, upto, direction, wish).await?;
            let exhausted = found.len() < wish;
            for event in found {
                if events.len() == limit || skipped == SKIPPED_EVENTS_MAX {
                    return Ok(Page { events, next: Some(side) });
                }
                side = beyond(&event, direction);
                if visibility.may_see(&event).await? && wanted(&event) {
                    events.push(event);
                } else {
                    skipped += 1;
                }
            }
            if exhausted {
                return Ok(Page { events, next: None });
            }
        }
    }

    /// The place at the end of a room's timeline.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end(&self, snapshot: &dyn Snapshot, room: RoomNid) -> Result<Side, RoomsError> {
        let last = LAST_EVENTS.get(snapshot, &(room,)).await?;
        Ok(Side(last.map_or(StreamPosition::ZERO, |last| last.position)))
    }

    /// The positions of the last events of rooms, in the order of the rooms.
    ///
    /// # Errors
    /// The store failed.
    pub async fn last_positions(
        &self,
        snapshot: &dyn Snapshot,
        rooms: &[RoomNid],
    ) -> Result<Vec<StreamPosition>, RoomsError> {
        let rows = LAST_EVENTS.get_many(snapshot, rooms.iter().map(|room| (*room,))).await?;
        Ok(rows
            .into_iter()
            .map(|row| row.map_or(StreamPosition::ZERO, |row| row.position))
            .collect())
    }

    /// The state of a room right after `position`; empty before the room began.
    ///
    /// # Errors
    /// The store failed.
    pub async fn state_at(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        position: StreamPosition,
    ) -> Result<StateRoot, RoomsError> {
        let (start, backward) = (StreamPosition::MIN, Direction::Backward);
        let last = self.timeline(snapshot, room, start, position, backward, 1).await?;
        Ok(last.first().map(Event::state_after).unwrap_or_default())
    }
}

/// The place on the far side of an event.
fn beyond(event: &Event, direction: Direction) -> Side {
    match direction {
        Direction::Forward => Side(event.position()),
        Direction::Backward => Side(event.position().previous()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_sync_tokens_are_understood() {
        let side = Side(StreamPosition(-7));
        assert_eq!(side.to_string().parse::<Side>().unwrap(), side);
        assert_eq!("h42.9.1.2".parse::<Side>().unwrap(), Side(StreamPosition(42)));
        for bad in ["", "t", "x1", "t1x", "ü1"] {
            assert!(bad.parse::<Side>().is_err(), "{bad}");
        }
    }
}
