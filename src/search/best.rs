//! The best match of each room.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use hearth_base::RoomNid;
use tantivy::{
    DocId, Score, SegmentOrdinal, SegmentReader,
    collector::{Collector, SegmentCollector},
};

use crate::{
    Cursor, Order,
    top::{Columns, Sieve},
};

/// Collects the best match of each room.
pub(crate) struct BestOfRooms {
    pub order: Order,
    pub sieve: Arc<Sieve>,
}

pub(crate) struct BestOfSegment {
    columns: Columns,
    best: HashMap<RoomNid, Cursor>,
}

fn keep_best(best: &mut HashMap<RoomNid, Cursor>, room: RoomNid, cursor: Cursor) {
    match best.entry(room) {
        Entry::Occupied(mut known) => {
            known.insert(cursor.max(*known.get()));
        }
        Entry::Vacant(unknown) => {
            unknown.insert(cursor);
        }
    }
}

impl Collector for BestOfRooms {
    type Fruit = HashMap<RoomNid, Cursor>;
    type Child = BestOfSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<BestOfSegment> {
        let columns = Columns::new(self.order, Arc::clone(&self.sieve), segment)?;
        Ok(BestOfSegment { columns, best: HashMap::new() })
    }

    fn requires_scoring(&self) -> bool {
        self.order == Order::Rank
    }

    fn merge_fruits(&self, segments: Vec<Self::Fruit>) -> tantivy::Result<Self::Fruit> {
        let mut best = HashMap::new();
        for (room, cursor) in segments.into_iter().flatten() {
            keep_best(&mut best, room, cursor);
        }
        Ok(best)
    }
}

impl SegmentCollector for BestOfSegment {
    type Fruit = HashMap<RoomNid, Cursor>;

    fn collect(&mut self, document: DocId, rank: Score) {
        if let Some((one, _)) = self.columns.pass(document, rank) {
            keep_best(&mut self.best, one.room, one.cursor);
        }
    }

    fn harvest(self) -> Self::Fruit {
        self.best
    }
}
