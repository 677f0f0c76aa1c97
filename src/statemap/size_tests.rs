//! What a change and a comparison cost in a room with 50,000 members.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use hearth_base::EventNid;

use crate::{Key, Node, NodeId, Nodes, Root, StateHasher, diff, entries, update};

const MEMBERS: u64 = 50_000;
const CHANGE_BYTES_MAX: usize = 8 * 1024;
const DIFF_NODES_MAX: usize = 200;

type Store = HashMap<NodeId, Arc<Node>>;

/// A room, and where its nodes are.
struct Room {
    hasher: StateHasher,
    store: Store,
    root: Root,
}

impl Room {
    fn new() -> Self {
        let hasher = StateHasher::new([1; 32]);
        let mut room = Self { hasher, store: Store::new(), root: Root::EMPTY };
        let members: Vec<_> = (0..MEMBERS).map(|n| (room.member(n), Some(EventNid(n)))).collect();
        room.change(&members);
        room
    }

    fn member(&self, number: u64) -> Key {
        self.hasher.key("m.room.member", &format!("@user{number}:example.org"))
    }

    /// Changes the state and returns the bytes of the rows written, node ids included.
    fn change(&mut self, changes: &[(Key, Option<EventNid>)]) -> usize {
        let update = update(&self.hasher, self.root, changes, &self.store).unwrap();
        let bytes = update.nodes.iter().map(|(id, node)| id.0.len() + node.to_bytes().len()).sum();
        self.store.extend(update.nodes);
        self.root = update.root;
        bytes
    }
}

struct Counting<'a> {
    nodes: &'a Store,
    visited: Cell<usize>,
}

impl Nodes for Counting<'_> {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.visited.set(self.visited.get() + 1);
        self.nodes.node(id)
    }
}

#[test]
fn one_change_writes_little() {
    let mut room = Room::new();
    for n in 0..300 {
        let (old, new) = (room.member(n * 160), room.member(MEMBERS + n));
        for change in [(old, Some(EventNid(1 << 40))), (new, Some(EventNid(1 << 41))), (old, None)]
        {
            let bytes = room.change(&[change]);
            assert!(bytes > 0 && bytes < CHANGE_BYTES_MAX, "{bytes} bytes");
        }
    }
    assert_eq!(entries(room.root, &room.store).unwrap().len(), 50_000);
}

#[test]
fn a_comparison_visits_few_nodes() {
    let mut room = Room::new();
    for round in 0..30 {
        let before = room.root;
        for n in 0..10 {
            let change = match n % 3 {
                0 => (room.member(n * 4_999 + round), Some(EventNid(MEMBERS + round))),
                1 => (room.member(MEMBERS + 10 * round + n), Some(EventNid(7))),
                _ => (room.member(n * 4_999 + round), None),
            };
            room.change(&[change]);
        }
        let nodes = Counting { nodes: &room.store, visited: Cell::new(0) };
        assert_eq!(diff(before, room.root, &nodes).unwrap().len(), 10);
        assert!(nodes.visited.get() < DIFF_NODES_MAX, "{} nodes", nodes.visited.get());
    }
}
