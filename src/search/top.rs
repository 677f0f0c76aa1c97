//! The best matches after a place in their order, and how many there are in all.

use std::{cmp::Reverse, collections::BinaryHeap, fmt, str::FromStr};

use hearth_base::EventNid;
use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
    columnar::Column,
};

use crate::{
    SearchError,
    find::Order,
    schema::{EDIT, EVENT, POSITION},
};

/// The place of a match in an order: matches come from the largest to the smallest.
///
/// Ranks depend on how common words are on the server. They hardly change from one page to the
/// next; if they do, a match may be missed or come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub(crate) order: Order,
    /// The rank or the position, as a number that sorts like it.
    pub(crate) key: u64,
    pub(crate) event: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match self.order {
            Order::Rank => 'k',
            Order::Recent => 't',
        };
        write!(f, "{order}{:x}.{:x}", self.key, self.event)
    }
}

impl FromStr for Cursor {
    type Err = SearchError;

    fn from_str(text: &str) -> Result<Self, SearchError> {
        let parse = || {
            let (order, numbers) = text.split_at_checked(1)?;
            let order = match order {
                "k" => Order::Rank,
                "t" => Order::Recent,
                _ => return None,
            };
            let (key, event) = numbers.split_once('.')?;
            let number = |text| u64::from_str_radix(text, 16).ok();
            Some(Self { order, key: number(key)?, event: number(event)? })
        };
        parse().ok_or(SearchError::BadCursor)
    }
}

/// An entry that matches.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Match {
    pub cursor: Cursor,
    pub event: EventNid,
    /// The edit whose text matches.
    pub edit: Option<EventNid>,
    pub rank: Score,
}

/// What was found.
pub(crate) struct Found {
    /// The first matches after the place, in their order.
    pub matches: Vec<Match>,
    /// How many there are, those before the place included.
    pub count: u64,
}

/// Collects the first `limit` matches after `before`.
#[derive(Clone, Copy)]
pub(crate) struct Top {
    pub order: Order,
    pub before: Option<Cursor>,
    pub limit: usize,
}

pub(crate) struct TopOfSegment {
    top: Top,
    events: Column<u64>,
    edits: Column<u64>,
    positions: Column<i64>,
    /// The smallest of the best is on top.
    best: BinaryHeap<Reverse<Ranked>>,
    count: u64,
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
        let columns = segment.fast_fields();
        Ok(TopOfSegment {
            top: *self,
            events: columns.u64(EVENT)?,
            edits: columns.u64(EDIT)?,
            positions: columns.i64(POSITION)?,
            best: BinaryHeap::new(),
            count: 0,
        })
    }

    fn requires_scoring(&self) -> bool {
        self.order == Order::Rank
    }

    fn merge_fruits(&self, segments: Vec<(Vec<Match>, u64)>) -> tantivy::Result<Found> {
        let count = segments.iter().map(|(_, count)| count).sum();
        let mut matches: Vec<_> = segments.into_iter().flat_map(|(matches, _)| matches).collect();
        matches.sort_by_key(|one| Reverse(one.cursor));
        matches.truncate(self.limit);
        Ok(Found { matches, count })
    }
}

impl SegmentCollector for TopOfSegment {
    type Fruit = (Vec<Match>, u64);

    fn collect(&mut self, document: DocId, rank: Score) {
        self.count += 1;
        let event = self.events.first(document).unwrap_or_default();
        let key = match self.top.order {
            // Ranks are not negative, and such floats sort like their bits.
            Order::Rank => u64::from(rank.to_bits()),
            Order::Recent => sortable(self.positions.first(document).unwrap_or_default()),
        };
        let cursor = Cursor { order: self.top.order, key, event };
        if self.top.before.is_some_and(|before| cursor >= before) {
            return;
        }
        if self.best.len() == self.top.limit {
            match self.best.peek() {
                Some(Reverse(smallest)) if smallest.0.cursor < cursor => self.best.pop(),
                _ => return,
            };
        }
        let edit = self.edits.first(document).filter(|edit| *edit > 0).map(EventNid);
        self.best.push(Reverse(Ranked(Match { cursor, event: EventNid(event), edit, rank })));
    }

    fn harvest(self) -> Self::Fruit {
        (self.best.into_iter().map(|Reverse(one)| one.0).collect(), self.count)
    }
}

/// A position as a number without a sign that sorts like it.
const fn sortable(position: i64) -> u64 {
    position.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_others_are_refused() {
        for order in [Order::Rank, Order::Recent] {
            let cursor = Cursor { order, key: u64::MAX, event: 7 };
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for bad in ["", "t", "t1", "x1.2", "tg.1", "é1.1", "t1.1.1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
        assert!(sortable(-5) < sortable(0) && sortable(0) < sortable(5));
    }
}
