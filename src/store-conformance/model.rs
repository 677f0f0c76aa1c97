//! Arbitrary operations on an engine and on a plain map, which have to agree.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use hearth_base::StreamPosition;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use tokio::runtime::Runtime;

use hearth_store::{
    Batch, Check, Direction, Engine, KeyRange, Keyspace, Outcome, Snapshot, Write, encode_position,
};

use crate::{fact, slot};

const CASES: u32 = 64;
/// Neighbours in the order of keyspaces, so that a scan that runs over its end is seen.
const KEYSPACES: [Keyspace; 3] = [Keyspace::Accounts, Keyspace::Tokens, Keyspace::AccountData];

type Rows = BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>;

/// What a check expects: chosen so that it holds about half of the time.
#[derive(Clone, Debug)]
enum Expect {
    Anything,
    Absent,
    Present,
    Value(Vec<u8>),
}

#[derive(Clone, Debug)]
struct Put {
    keyspace: Keyspace,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    expect: Expect,
    stamped: bool,
}

#[derive(Clone, Debug)]
struct Scan {
    keyspace: Keyspace,
    range: KeyRange,
    direction: Direction,
    limit: usize,
}

#[derive(Clone, Debug)]
struct Step {
    group: Vec<(Vec<Put>, u64)>,
    scans: Vec<Scan>,
}

fn keyspace() -> impl Strategy<Value = Keyspace> {
    prop::sample::select(&KEYSPACES[..])
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(&[0, 1, 0x61, 0xff][..]), 1..3)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    vec(0..3u8, 0..3)
}

fn put() -> impl Strategy<Value = Put> {
    let expect = prop_oneof![
        4 => Just(Expect::Anything),
        1 => Just(Expect::Absent),
        2 => Just(Expect::Present),
        1 => value().prop_map(Expect::Value),
    ];
    let new = prop::option::weighted(0.8, value());
    (keyspace(), key(), new, expect, prop::bool::weighted(0.1)).prop_map(
        |(keyspace, key, value, expect, stamped)| Put { keyspace, key, value, expect, stamped },
    )
}

fn scan() -> impl Strategy<Value = Scan> {
    let bound = || prop_oneof![Just(Vec::new()), key(), Just(vec![0xff; 4])];
    let direction = prop::sample::select(&[Direction::Forward, Direction::Backward][..]);
    (keyspace(), bound(), bound(), direction, 0..12usize).prop_map(
        |(keyspace, start, end, direction, limit)| Scan {
            keyspace,
            range: KeyRange { start, end },
            direction,
            limit,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let batch = (vec(put(), 0..5), 0..4u64);
    (vec(batch, 0..5), vec(scan(), 1..4)).prop_map(|(group, scans)| Step { group, scans })
}

/// The plain map, and the stream's position.
#[derive(Clone, Default)]
struct Model {
    rows: Rows,
    position: i64,
}

impl Model {
    fn batch(&self, puts: &[Put], facts: u64) -> Batch {
        let mut batch = Batch::new();
        let pending: Vec<_> = (0..facts).map(|number| batch.fact(fact(number))).collect();
        for put in puts {
            let stamp = pending.first().copied().filter(|_| put.stamped);
            let zeros: &[u8] = if stamp.is_some() { &[0; 8] } else { &[] };
            let present = self.rows.get(&(put.keyspace, put.key.clone()));
            batch.write(Write {
                keyspace: put.keyspace,
                key: put.key.clone(),
                key_slot: None,
                value: put.value.as_ref().map(|value| [zeros, value].concat()),
                value_slot: stamp.filter(|_| put.value.is_some()).and_then(|fact| slot(0, fact)),
                check: match &put.expect {
                    Expect::Anything => None,
                    Expect::Absent => Some(Check::Absent),
                    Expect::Present => present.cloned().map(|value| Check::Equals(value.into())),
                    Expect::Value(value) => Some(Check::Equals(value.clone().into())),
                },
            });
        }
        batch
    }

    fn commit(&mut self, batch: &Batch) -> Outcome {
        let failed = batch.writes().iter().find(|write| {
            let present = self.rows.get(&(write.keyspace, write.key.clone()));
            match &write.check {
                None => false,
                Some(Check::Absent) => present.is_some(),
                Some(Check::Equals(value)) => present.is_none_or(|present| present != value),
            }
        });
        if let Some(write) = failed {
            return Outcome::Conflict { keyspace: write.keyspace, key: write.key.clone() };
        }
        let first = StreamPosition(self.position + 1);
        for write in batch.writes() {
            let key = (write.keyspace, write.key.clone());
            match write.value.clone() {
                Some(mut value) => {
                    if write.value_slot.is_some() {
                        value[..8].copy_from_slice(&encode_position(first));
                    }
                    self.rows.insert(key, value)
                }
                None => self.rows.remove(&key),
            };
        }
        self.position += i64::try_from(batch.facts().len()).unwrap();
        Outcome::Committed { first }
    }

    fn scan(&self, scan: &Scan) -> (Vec<(Bytes, Bytes)>, bool) {
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .filter(|((keyspace, key), _)| {
                *keyspace == scan.keyspace && *key >= scan.range.start && *key < scan.range.end
            })
            .map(|((_, key), value)| (Bytes::from(key.clone()), Bytes::from(value.clone())))
            .collect();
        if scan.direction == Direction::Backward {
            rows.reverse();
        }
        let more = rows.len() > scan.limit;
        rows.truncate(scan.limit);
        (rows, more)
    }

    /// Compares everything that can be read of `snapshot` with the model.
    async fn agrees(&self, snapshot: &dyn Snapshot, scans: &[Scan]) -> Result<(), TestCaseError> {
        prop_assert_eq!(snapshot.position(), StreamPosition(self.position));
        for scan in scans {
            let page = snapshot
                .scan(scan.keyspace, &scan.range, scan.direction, scan.limit)
                .await
                .unwrap();
            prop_assert_eq!((page.rows, page.more), self.scan(scan), "{:?}", scan);
        }
        for keyspace in KEYSPACES {
            let keys: Vec<_> =
                [&[0], &[1], &[0x61], &[0xff], &[0, 0][..]].map(<[u8]>::to_vec).into();
            let found = snapshot.get_many(keyspace, &keys).await.unwrap();
            for (key, found) in keys.into_iter().zip(found) {
                let expected = self.rows.get(&(keyspace, key));
                prop_assert_eq!(found.as_deref(), expected.map(Vec::as_slice));
            }
        }
        Ok(())
    }
}

async fn follow(engine: impl Engine, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    let mut before: Option<(Arc<dyn Snapshot>, Model)> = None;
    for step in steps {
        // Batches are made from the state before their group, so that some checks fail in it.
        let group: Vec<_> =
            step.group.iter().map(|(puts, facts)| model.batch(puts, *facts)).collect();
        let expected: Vec<_> = group.iter().map(|batch| model.commit(batch)).collect();
        prop_assert_eq!(engine.commit(group).await.unwrap(), expected);
        let snapshot = engine.snapshot().await.unwrap();
        model.agrees(snapshot.as_ref(), &step.scans).await?;
        if let Some((snapshot, model)) = &before {
            model.agrees(snapshot.as_ref(), &step.scans).await?;
        }
        before = Some((snapshot, model.clone()));
    }
    Ok(())
}

pub(super) fn run<E: Engine>(runtime: &Runtime, make: impl AsyncFn() -> E) {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&vec(step(), 1..8), |steps| {
            runtime.block_on(async { follow(make().await, steps).await })
        })
        .unwrap();
}
