//! The best matches after a place in their order, and how many there are in all.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fmt,
    ops::RangeInclusive,
    str::FromStr,
    sync::Arc,
};

use hearth_base::{EventNid, RoomNid, StreamPosition};
use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
    columnar::Column,
};

use crate::{
    SearchError,
    find::Order,
    limits::COUNTED_MAX,
    schema::{EDIT, EVENT, POSITION, ROOM, SENT},
};

/// The place of a match in an order: matches come from the largest to the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub(crate) order: Order,
    /// The rank, as a number that sorts like it; 0 if it does not matter.
    pub(crate) rank: u32,
    pub(crate) position: StreamPosition,
    /// Where the log ended when the first page was asked for: what came later is on no page.
    pub(crate) upto: StreamPosition,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.order {
            Order::Rank => write!(f, "k{}.", self.rank)?,
            Order::Recent => write!(f, "t")?,
        }
        write!(f, "{}.{}", self.position.0, self.upto.0)
    }
}

impl FromStr for Cursor {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        let parse = || {
            let (order, numbers) = text.split_at_checked(1)?;
            let mut numbers = numbers.split('.');
            let (order, rank) = match order {
                "k" => (Order::Rank, numbers.next()?.parse().ok()?),
                "t" => (Order::Recent, 0),
                _ => return None,
            };
            let mut position = || numbers.next()?.parse().ok().map(StreamPosition);
            let (position, upto) = (position()?, position()?);
            numbers.next().is_none().then_some(Self { order, rank, position, upto })
        };
        parse().ok_or(SearchError::BadCursor)
    }
}

/// An entry that matches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match {
    pub cursor: Cursor,
    pub event: EventNid,
    /// The edit whose text matches.
    pub edit: Option<EventNid>,
    pub room: RoomNid,
    pub rank: Score,
}

/// Which entries count at all.
#[derive(Clone, Debug)]
pub(crate) struct Sieve {
    /// The rooms, each with the position from which on the user may see everything for sure;
    /// `None`: all rooms, and everything in them.
    pub rooms: Option<HashMap<RoomNid, StreamPosition>>,
    /// When they were sent, in Unix milliseconds.
    pub sent_ms: RangeInclusive<u64>,
    /// Up to which position.
    pub upto: StreamPosition,
}

impl Sieve {
    /// Lets everything pass.
    pub(crate) const fn everything() -> Self {
        Self { rooms: None, sent_ms: 0..=u64::MAX, upto: StreamPosition::MAX }
    }
}

/// What was found.
pub(crate) struct Found {
    /// The first matches after the place, in their order.
    pub matches: Vec<Match>,
    /// How many the user may see for sure, those before the place included.
    pub sure: u64,
    /// Some of the others, for somebody to look at.
    pub unsure: Vec<Match>,
}

/// Collects the first `limit` matches after `before`.
#[derive(Clone)]
pub(crate) struct Top {
    pub order: Order,
    pub sieve: Arc<Sieve>,
    pub before: Option<Cursor>,
    pub limit: usize,
}

impl Top {
    /// The newest of all that passes.
    pub(crate) const fn newest(sieve: Arc<Sieve>, limit: usize) -> Self {
        Self { order: Order::Recent, sieve, before: None, limit }
    }
}

/// The columns of a segment.
pub(crate) struct Columns {
    order: Order,
    sieve: Arc<Sieve>,
    events: Column<u64>,
    edits: Column<u64>,
    rooms: Column<u64>,
    positions: Column<i64>,
    sent: Column<u64>,
}

impl Columns {
    pub(crate) fn new(
        order: Order,
        sieve: Arc<Sieve>,
        segment: &SegmentReader,
    ) -> tantivy::Result<Self> {
        let columns = segment.fast_fields();
        Ok(Self {
            order,
            sieve,
            events: columns.u64(EVENT)?,
            edits: columns.u64(EDIT)?,
            rooms: columns.u64(ROOM)?,
            positions: columns.i64(POSITION)?,
            sent: columns.u64(SENT)?,
        })
    }

    /// The match, if it passes the sieve, and whether the user may see it for sure.
    pub(crate) fn pass(&self, document: DocId, rank: Score) -> Option<(Match, bool)> {
        let room = RoomNid(self.rooms.first(document)?);
        let position = StreamPosition(self.positions.first(document)?);
        let is_sure = match &self.sieve.rooms {
            Some(rooms) => position >= *rooms.get(&room)?,
            None => true,
        };
        let in_time = self.sieve.sent_ms.contains(&self.sent.first(document)?);
        if position > self.sieve.upto || !in_time {
            return None;
        }
        let rank_bits = match self.order {
            // Ranks are not negative, and such floats sort like their bits.
            Order::Rank => rank.to_bits(),
            Order::Recent => 0,
        };
        let cursor = Cursor { order: self.order, rank: rank_bits, position, upto: self.sieve.upto };
        let event = EventNid(self.events.first(document)?);
        let edit = self.edits.first(document).filter(|edit| *edit > 0).map(EventNid);
        Some((Match { cursor, event, edit, room, rank }, is_sure))
    }
}

pub(crate) struct TopOfSegment {
    columns: Columns,
    before: Option<Cursor>,
    limit: usize,
    /// The smallest of the best is on top.
    best: BinaryHeap<Reverse<Ranked>>,
    sure: u64,
    unsure: Vec<Match>,
}

/// A match that sorts by its place alone.
#[derive(Clone, Copy)]
pub(crate) struct Ranked(Match);

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.0.cursor == other.0.cursor
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cursor.cmp(&other.0.cursor)
    }
}

impl Collector for Top {
    type Fruit = Found;
    type Child = TopOfSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<TopOfSegment> {
        Ok(TopOfSegment {
            columns: Columns::new(self.order, Arc::clone(&self.sieve), segment)?,
            before: self.before,
            limit: self.limit,
            best: BinaryHeap::new(),
            sure: 0,
            unsure: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.order == Order::Rank
    }

    fn merge_fruits(&self, segments: Vec<Found>) -> tantivy::Result<Found> {
        let mut all = Found { matches: Vec::new(), sure: 0, unsure: Vec::new() };
        for Found { matches, sure, unsure } in segments {
            all.matches.extend(matches);
            all.sure += sure;
            all.unsure.extend(unsure);
        }
        all.matches.sort_by_key(|one| Reverse(one.cursor));
        all.matches.truncate(self.limit);
        all.unsure.truncate(COUNTED_MAX);
        Ok(all)
    }
}

impl SegmentCollector for TopOfSegment {
    type Fruit = Found;

    fn collect(&mut self, document: DocId, rank: Score) {
        let Some((one, is_sure)) = self.columns.pass(document, rank) else {
            return;
        };
        if is_sure {
            self.sure += 1;
        } else if self.unsure.len() < COUNTED_MAX {
            self.unsure.push(one);
        }
        if self.before.is_some_and(|before| one.cursor >= before) {
            return;
        }
        if self.best.len() == self.limit {
            match self.best.peek() {
                Some(Reverse(smallest)) if smallest.0.cursor < one.cursor => self.best.pop(),
                _ => return,
            };
        }
        self.best.push(Reverse(Ranked(one)));
    }

    fn harvest(self) -> Found {
        let matches = self.best.into_iter().map(|Reverse(one)| one.0).collect();
        Found { matches, sure: self.sure, unsure: self.unsure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_others_are_refused() {
        for (order, rank) in [(Order::Rank, u32::MAX), (Order::Recent, 0)] {
            let (position, upto) = (StreamPosition(-7), StreamPosition(i64::MAX));
            let cursor = Cursor { order, rank, position, upto };
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for bad in ["", "t", "t1", "x1.2", "k1.2", "tg.1", "é1.1", "t1.1.1", "k-1.1.1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
