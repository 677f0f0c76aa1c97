//! The map against a plain `BTreeMap`, with histories and keys made to split and join nodes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use hearth_base::EventNid;
use proptest::prelude::*;

use crate::{
    Change, Key, Layered, Missing, Node, NodeId, Nodes, Root, StateHasher, StateRoot, diff,
    entries, get, get_many, update,
};

type Model = BTreeMap<Key, EventNid>;
type Store = HashMap<NodeId, Arc<Node>>;
type Changes = Vec<(Key, Option<EventNid>)>;

fn hasher() -> StateHasher {
    StateHasher::new([42; 32])
}

/// Keys that share no, some or almost all nibbles, and often collide.
fn any_key() -> impl Strategy<Value = Key> {
    let spread = any::<u8>().prop_map(|byte| Key([byte; 16]));
    let near = (0..16_usize, 0..40_u8, 0..3_u8).prop_map(|(at, byte, first)| {
        let mut key = [0; 16];
        key[0] = first;
        key[at] = byte;
        Key(key)
    });
    let last = any::<u8>().prop_map(|byte| Key(u128::from(byte).to_be_bytes()));
    prop_oneof![spread, near, last]
}

fn any_changes(len: usize) -> impl Strategy<Value = Changes> {
    let event = prop::option::weighted(0.6, (0..6_u64).prop_map(EventNid));
    prop::collection::vec((any_key(), event), 0..=len)
}

/// Batches of different sizes: single changes, and some that fill or empty whole sub-trees.
fn any_history() -> impl Strategy<Value = Vec<Changes>> {
    prop::collection::vec(prop_oneof![any_changes(2), any_changes(120)], 0..12)
}

fn apply_to_model(model: &mut Model, changes: &Changes) {
    for (key, event) in changes {
        match event {
            Some(event) => model.insert(*key, *event),
            None => model.remove(key),
        };
    }
}

/// Applies changes to the map and keeps its new nodes.
fn apply(store: &mut Store, root: Root, changes: &Changes) -> Root {
    let update = update(&hasher(), root, changes, &*store).unwrap();
    store.extend(update.nodes);
    update.root
}

fn build(store: &mut Store, model: &Model) -> Root {
    apply(store, Root::EMPTY, &model.iter().map(|(key, event)| (*key, Some(*event))).collect())
}

fn play(store: &mut Store, history: &[Changes]) -> (Root, Model) {
    let (mut root, mut model) = (Root::EMPTY, Model::new());
    for changes in history {
        root = apply(store, root, changes);
        apply_to_model(&mut model, changes);
    }
    (root, model)
}

fn model_diff(before: &Model, after: &Model) -> Vec<Change> {
    let keys: BTreeSet<Key> = before.keys().chain(after.keys()).copied().collect();
    let changes = keys.into_iter().map(|key| Change {
        key,
        before: before.get(&key).copied(),
        after: after.get(&key).copied(),
    });
    changes.filter(|change| change.before != change.after).collect()
}

/// The ids of all nodes of a map, by level.
fn levels(store: &Store, root: Root) -> Vec<Vec<NodeId>> {
    let mut levels = Vec::new();
    let mut level: Vec<NodeId> = root.node().into_iter().collect();
    while !level.is_empty() {
        let below = level.iter().flat_map(|id| store[id].children().collect::<Vec<_>>()).collect();
        levels.push(std::mem::replace(&mut level, below));
    }
    levels
}

fn reachable(store: &Store, root: Root) -> BTreeSet<NodeId> {
    levels(store, root).into_iter().flatten().collect()
}

/// Runs an operation with an empty cache; returns its result and how often it asked for nodes.
fn cold<T>(store: &Store, run: impl Fn(&Store) -> Result<T, Missing>) -> (T, usize) {
    let mut cache = Store::new();
    for loads in 0.. {
        match run(&cache) {
            Ok(result) => return (result, loads),
            Err(Missing(ids)) => {
                assert!(!ids.is_empty());
                for id in ids {
                    let again = cache.insert(id, Arc::clone(&store[&id]));
                    assert!(again.is_none(), "{id:?} was loaded already");
                }
            }
        }
    }
    unreachable!()
}

proptest! {
    #[test]
    fn reads_agree_with_the_model(
        history in any_history(), keys in prop::collection::vec(any_key(), 20),
    ) {
        let mut store = Store::new();
        let (root, model) = play(&mut store, &history);
        let all: Vec<_> = model.clone().into_iter().collect();
        prop_assert_eq!(entries(root, &store).unwrap(), all);
        let keys: Vec<Key> = keys.into_iter().chain(model.keys().copied()).collect();
        let expected: Vec<_> = keys.iter().map(|key| model.get(key).copied()).collect();
        prop_assert_eq!(get_many(root, &keys, &store).unwrap(), &expected[..]);
        for (key, event) in keys.into_iter().zip(expected) {
            prop_assert_eq!(get(root, key, &store).unwrap(), event);
        }
    }

    #[test]
    fn equal_contents_have_equal_roots(history in any_history(), other in any_history()) {
        let mut store = Store::new();
        let (root, model) = play(&mut store, &history);
        let rebuilt = build(&mut store, &model);
        prop_assert_eq!(root, rebuilt);
        prop_assert_eq!(root == Root::EMPTY, model.is_empty());

        // The same contents again, reached from another map by what `diff` says.
        let (other_root, other_model) = play(&mut store, &other);
        let changes = diff(other_root, root, &store).unwrap();
        let changes = changes.iter().map(|change| (change.key, change.after)).collect();
        prop_assert_eq!(apply(&mut store, other_root, &changes), root);
        prop_assert_eq!(other_root == root, other_model == model);
    }

    #[test]
    fn an_update_returns_exactly_the_new_nodes(
        history in any_history(), changes in any_changes(60),
    ) {
        let mut store = Store::new();
        let (root, _) = play(&mut store, &history);
        let update = update(&hasher(), root, &changes, &store).unwrap();
        let before = reachable(&store, root);
        let written: BTreeSet<NodeId> = update.nodes.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(written.len(), update.nodes.len());
        for (id, node) in &update.nodes {
            prop_assert_eq!(*id, hasher().node_id(&node.to_bytes()));
            prop_assert_eq!(Node::from_bytes(&node.to_bytes()), Ok(Node::clone(node)));
        }
        store.extend(update.nodes);
        let after = reachable(&store, update.root);
        prop_assert_eq!(written, &after - &before);
    }

    #[test]
    fn diff_agrees_with_the_model(
        history in any_history(), more in any_history(), other in any_history(),
    ) {
        let mut store = Store::new();
        let before = play(&mut store, &history);
        let longer: Vec<Changes> = history.into_iter().chain(more).collect();
        let after = play(&mut store, &longer);
        let other = play(&mut store, &other);
        for (one, two) in [(&before, &after), (&after, &before), (&after, &other)] {
            prop_assert_eq!(diff(one.0, two.0, &store).unwrap(), model_diff(&one.1, &two.1));
        }
    }

    #[test]
    fn cold_operations_load_once_a_level(
        history in any_history(), other in any_history(), changes in any_changes(40),
        keys in prop::collection::vec(any_key(), 1..20),
    ) {
        let mut store = Store::new();
        let (root, model) = play(&mut store, &history);
        let (other, other_model) = play(&mut store, &other);
        let depth = levels(&store, root).len();
        let deepest = depth.max(levels(&store, other).len());
        prop_assert!(deepest <= 32);

        let (found, loads) = cold(&store, |cache| get(root, keys[0], cache));
        prop_assert_eq!(found, model.get(&keys[0]).copied());
        prop_assert!(loads <= depth);
        let (found, loads) = cold(&store, |cache| get_many(root, &keys, cache));
        prop_assert_eq!(found, keys.iter().map(|key| model.get(key).copied()).collect::<Vec<_>>());
        prop_assert!(loads <= depth);
        let (found, loads) = cold(&store, |cache| entries(root, cache));
        prop_assert_eq!(found, model.clone().into_iter().collect::<Vec<_>>());
        prop_assert!(loads <= depth);
        let (changed, loads) = cold(&store, |cache| update(&hasher(), root, &changes, cache));
        prop_assert_eq!(changed.root, apply(&mut store, root, &changes));
        prop_assert!(loads <= depth);
        let (found, loads) = cold(&store, |cache| diff(root, other, cache));
        prop_assert_eq!(found, model_diff(&model, &other_model));
        prop_assert!(loads <= deepest);
    }
}

#[test]
fn the_shape_at_the_edge_of_a_leaf() {
    let mut store = Store::new();
    let key = |last: u128| Key(last.to_be_bytes());
    // The first 17 share 30 nibbles: the deepest tree there can be.
    let sixteen =
        apply(&mut store, Root::EMPTY, &(0..16).map(|n| (key(n), Some(EventNid(1)))).collect());
    assert_eq!(levels(&store, sixteen).len(), 1);
    let seventeen = apply(&mut store, sixteen, &vec![(key(16), Some(EventNid(1)))]);
    assert_eq!(levels(&store, seventeen).len(), 32);
    assert_eq!(apply(&mut store, seventeen, &vec![(key(16), None)]), sixteen);
    assert_eq!(apply(&mut store, sixteen, &(0..16).map(|n| (key(n), None)).collect()), Root::EMPTY);
}

#[test]
fn changes_without_effect_write_nothing() {
    let mut store = Store::new();
    let key = |n: u8| Key([n; 16]);
    let root =
        apply(&mut store, Root::EMPTY, &(0..17).map(|n| (key(n), Some(EventNid(1)))).collect());
    let cases: [Changes; 4] = [
        vec![],
        vec![(key(3), Some(EventNid(1)))],
        vec![(key(99), None)],
        vec![(key(3), None), (key(3), Some(EventNid(2))), (key(3), Some(EventNid(1)))],
    ];
    for changes in cases {
        let update = update(&hasher(), root, &changes, &store).unwrap();
        assert_eq!((update.root, update.nodes.len()), (root, 0), "{changes:?}");
    }
    let nothing = update(&hasher(), Root::EMPTY, &[(key(1), None)], &store).unwrap();
    assert_eq!((nothing.root, nothing.nodes.len()), (Root::EMPTY, 0));
}

#[test]
fn layers_are_asked_from_the_top() {
    let (mut lower, mut upper) = (Store::new(), Store::new());
    let key = |n: u8| Key([n; 16]);
    let before =
        apply(&mut lower, Root::EMPTY, &(0..40).map(|n| (key(n), Some(EventNid(1)))).collect());
    let changed = update(&hasher(), before, &[(key(3), Some(EventNid(2)))], &lower).unwrap();
    upper.extend(changed.nodes);
    let nodes = Layered { upper: &upper, lower: &lower as &dyn Nodes };
    assert_eq!(get(changed.root, key(3), &nodes), Ok(Some(EventNid(2))));
    assert_eq!(get(changed.root, key(30), &nodes), Ok(Some(EventNid(1))));
    assert_eq!(get(before, key(3), &nodes), Ok(Some(EventNid(1))));
    assert!(get(changed.root, key(3), &lower).is_err());
}

#[test]
fn a_cycle_in_a_damaged_store_ends() {
    let mut store = Store::new();
    let root = apply(
        &mut store,
        Root::EMPTY,
        &(0..40).map(|n| (Key([n; 16]), Some(EventNid(1)))).collect(),
    );
    let top = root.node().unwrap();
    // One child suffices: the map is a chain of itself.
    let mut bytes = vec![0x81, 0, 1, 40];
    bytes.extend(top.0);
    store.insert(top, Arc::new(Node::from_bytes(&bytes).unwrap()));
    let zero = Key([0; 16]);
    assert_eq!(get(root, zero, &store), Err(Missing(vec![top])));
    assert_eq!(entries(root, &store), Err(Missing(vec![top])));
    assert_eq!(diff(Root::EMPTY, root, &store), Err(Missing(vec![top])));
    assert!(update(&hasher(), root, &[(zero, None)], &store).is_err());
}

#[test]
fn the_default_state_is_empty() {
    assert_eq!(StateRoot::default(), StateRoot { members: Root::EMPTY, others: Root::EMPTY });
}
