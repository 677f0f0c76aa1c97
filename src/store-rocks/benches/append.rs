//! Durable commits a second, with one writer and with 32 at once.
//!
//! A commit is about what a message writes: an event of 600 bytes and four small index rows.

// A benchmark that cannot go on has nobody to tell.
#![allow(clippy::expect_used)]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hearth_base::{EventNid, RoomNid};
use hearth_store::{Batch, Fact, Keyspace, Store, Table};
use hearth_store_rocks::{RocksEngine, Settings};
use tokio::{runtime::Runtime, task::JoinSet};

const EVENTS: Table<(u64, u64), String> = Table::new(Keyspace::Events, 1, 1);
const INDEXES: [Table<(u64, u64), u64>; 4] = [
    Table::new(Keyspace::EventIds, 1, 1),
    Table::new(Keyspace::Timeline, 1, 1),
    Table::new(Keyspace::Transactions, 1, 1),
    Table::new(Keyspace::Rooms, 1, 1),
];

fn message(writer: u64, number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.fact(Fact::Event { room: RoomNid(writer), event: EventNid(number), member: None });
    let event = format!("{{\"body\":\"message {number} of {writer}\"}}").repeat(16);
    EVENTS.put(&mut batch, &(writer, number), &event).expect("a string can be encoded");
    for index in &INDEXES {
        index.put(&mut batch, &(writer, number), &number).expect("a number can be encoded");
    }
    batch
}

async fn write(store: Store, writer: u64, numbers: std::ops::Range<u64>) {
    for number in numbers {
        store.commit(message(writer, number)).await.expect("nobody else writes these rows");
    }
}

/// How long `writers` tasks take for `commits` commits each.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
async fn measure(store: &Store, writers: u64, first: u64, commits: u64) -> Duration {
    let start = std::time::Instant::now();
    let tasks: JoinSet<_> =
        (0..writers).map(|writer| write(store.clone(), writer, first..first + commits)).collect();
    tasks.join_all().await;
    start.elapsed()
}

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("append");
    for writers in [1, 32] {
        let directory = tempfile::tempdir().expect("a directory");
        let engine = RocksEngine::open(directory.path(), Settings::default()).expect("an engine");
        let store = runtime.block_on(async { Store::new(engine) });
        let mut first = 0;
        group.throughput(Throughput::Elements(writers));
        group.bench_function(format!("{writers} writers"), |bencher| {
            bencher.iter_custom(|commits| {
                let took = runtime.block_on(measure(&store, writers, first, commits));
                first += commits;
                took
            });
        });
        runtime.block_on(store.close()).expect("a flush");
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
