//! The state map in a room with 50,000 members: build, one change, diff of snapshots 10 apart.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use hearth_base::EventNid;
use hearth_statemap::{Key, Missing, Node, NodeId, Root, StateHasher, diff, update};

const MEMBERS: u64 = 50_000;

type Store = HashMap<NodeId, Arc<Node>>;
type Changes = Vec<(Key, Option<EventNid>)>;

fn member(hasher: &StateHasher, number: u64) -> Key {
    hasher.key("m.room.member", &format!("@user{number}:example.org"))
}

/// Applies single changes one after another; returns the last root and the bytes written.
fn apply(
    hasher: &StateHasher,
    store: &mut Store,
    mut root: Root,
    changes: &Changes,
) -> Result<(Root, usize), Missing> {
    let mut bytes = 0;
    for change in changes {
        let update = update(hasher, root, &[*change], &*store)?;
        bytes +=
            update.nodes.iter().map(|(id, node)| id.0.len() + node.to_bytes().len()).sum::<usize>();
        store.extend(update.nodes);
        root = update.root;
    }
    Ok((root, bytes))
}

fn measure(criterion: &mut Criterion) -> Result<(), Missing> {
    let hasher = StateHasher::new([1; 32]);
    let members: Changes =
        (0..MEMBERS).map(|n| (member(&hasher, n), Some(EventNid(1_000_000 + n)))).collect();
    let built = update(&hasher, Root::EMPTY, &members, &Store::new())?;
    let mut store: Store = built.nodes.into_iter().collect();
    let root = built.root;

    let changes: Changes =
        (0..1_000).map(|n| (member(&hasher, n * 97), Some(EventNid(2_000_000 + n)))).collect();
    let (_, bytes) = apply(&hasher, &mut store, root, &changes)?;
    println!("state_map: {} bytes written per change", bytes / changes.len());
    let ten: Changes = changes.iter().take(10).copied().collect();
    let (ten_later, _) = apply(&hasher, &mut store, root, &ten)?;

    criterion.bench_function("state_map/build_50000", |bench| {
        bench.iter(|| update(&hasher, Root::EMPTY, black_box(&members), &Store::new()));
    });
    let mut next = changes.iter().cycle();
    criterion.bench_function("state_map/one_change", |bench| {
        bench.iter(|| {
            next.next().map(|change| update(&hasher, root, black_box(&[*change]), &store))
        });
    });
    criterion.bench_function("state_map/diff_10_changes", |bench| {
        bench.iter(|| diff(black_box(root), black_box(ten_later), &store));
    });
    Ok(())
}

fn state_map(criterion: &mut Criterion) {
    if let Err(missing) = measure(criterion) {
        panic!("the benchmark keeps all nodes: {missing}");
    }
}

criterion_group!(benches, state_map);
criterion_main!(benches);
