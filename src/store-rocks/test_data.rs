//! Numbered rows for this crate's tests: row `n` is committed with the fact at position `n + 1`.

use std::{ops::Range, path::Path};

use hearth_base::{EventNid, Random, RoomNid, StreamPosition};
use hearth_store::{Batch, Engine, Fact, Keyspace, Log, StoreError, Write};

use crate::{OpenError, RocksEngine, Settings};

pub(crate) fn open_default(path: &Path) -> Result<RocksEngine, OpenError> {
    RocksEngine::open(path, Settings::default())
}

/// Key and value of a row; the value does not compress.
pub(crate) fn note(number: u64) -> (Vec<u8>, Vec<u8>) {
    let value = Random::seeded(number).bytes::<1_000>();
    (number.to_be_bytes().to_vec(), value.to_vec())
}

pub(crate) fn batch(number: u64) -> Batch {
    let (key, value) = note(number);
    let mut batch = Batch::new();
    batch.fact(Fact::Redacted { room: RoomNid(1), event: EventNid(number) });
    batch.write(Write {
        keyspace: Keyspace::Rooms,
        key,
        key_slot: None,
        value: Some(value),
        value_slot: None,
        check: None,
    });
    batch
}

/// Commits rows one at a time.
pub(crate) async fn commit(engine: &RocksEngine, numbers: Range<u64>) {
    for number in numbers {
        try_commit(engine, number).await.unwrap();
    }
}

pub(crate) async fn try_commit(engine: &RocksEngine, number: u64) -> Result<(), StoreError> {
    engine.commit(vec![batch(number)]).await.map(drop)
}

/// How many rows there are, having checked that every one is whole and in the log once.
pub(crate) async fn positions(engine: &RocksEngine) -> u64 {
    let snapshot = engine.snapshot().await.unwrap();
    let facts = Log::read(snapshot.as_ref(), StreamPosition::ZERO, 1_000);
    let mut count = 0;
    for (position, fact) in facts.await.unwrap() {
        let (key, value) = note(count);
        count += 1;
        assert_eq!(position.0.unsigned_abs(), count);
        assert!(matches!(fact, Fact::Redacted { event, .. } if event.0 + 1 == count));
        let row = snapshot.get_many(Keyspace::Rooms, &[key]).await.unwrap();
        assert_eq!(row[0].as_deref(), Some(value.as_slice()));
    }
    assert_eq!(snapshot.position().0.unsigned_abs(), count);
    count
}
