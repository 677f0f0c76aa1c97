//! Changing entries, which makes a new map that shares most nodes with the old one.
//!
//! There is no splitting and no merging of nodes: wherever the shape might change, the entries of
//! the sub-tree are collected and its nodes built anew from them. As equal contents give equal
//! nodes, whatever did not change comes out with the id it had and is not returned.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hearth_base::EventNid;

use crate::node::{BRANCH_CHILDREN, Branch, Entry, LEAF_ENTRIES_MAX, Shape};
use crate::nodes::Reader;
use crate::{Key, Missing, Node, NodeId, Nodes, Root, StateHasher};

/// A changed map.
#[derive(Clone, Debug)]
pub struct Update {
    /// The map after the changes.
    pub root: Root,
    /// The nodes it has and the map before did not have; store them before the root.
    pub nodes: Vec<(NodeId, Arc<Node>)>,
}

/// Sets (`Some`) or removes (`None`) entries. The last change to a key wins.
///
/// # Errors
/// [`Missing`] names the nodes on the way to the changed entries, and where removals may leave at
/// most 16 entries in a sub-tree, all nodes of it.
pub fn update<N: Nodes + ?Sized>(
    hasher: &StateHasher,
    root: Root,
    changes: &[(Key, Option<EventNid>)],
    nodes: &N,
) -> Result<Update, Missing> {
    if changes.is_empty() {
        return Ok(Update { root, nodes: Vec::new() });
    }
    let sorted: BTreeMap<_, _> = changes.iter().copied().collect();
    let sorted: Vec<_> = sorted.into_iter().collect();

    let known = Recording { nodes, read: RefCell::default() };
    let mut editor = Editor { hasher, reader: Reader::new(&known), built: Vec::new() };
    let Some(subtree) = editor.apply(root.node(), 0, &sorted) else {
        return Err(editor.reader.missing());
    };
    let mut nodes = editor.built;
    // A built node that was read is part of the map before. To ask the cache instead would be
    // wrong: it may know nodes that were never stored.
    let read = known.read.into_inner();
    nodes.retain(|(id, _)| !read.contains(id));
    Ok(Update { root: Root(subtree.id), nodes })
}

/// Remembers which nodes were read.
struct Recording<'a, N: ?Sized> {
    nodes: &'a N,
    read: RefCell<HashSet<NodeId>>,
}

impl<N: Nodes + ?Sized> Nodes for Recording<'_, N> {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        let node = self.nodes.node(id)?;
        self.read.borrow_mut().insert(id);
        Some(node)
    }
}

/// What became of a sub-tree.
struct Subtree {
    /// Its new top, unless it is now empty.
    id: Option<NodeId>,
    count_before: u64,
    count: u64,
}

struct Editor<'a, N> {
    hasher: &'a StateHasher,
    reader: Reader<N>,
    built: Vec<(NodeId, Arc<Node>)>,
}

impl<N: Nodes> Editor<'_, N> {
    /// Applies changes, sorted and at least one, to the sub-tree at `id`; `None` if nodes are
    /// missing.
    fn apply(
        &mut self,
        id: Option<NodeId>,
        depth: usize,
        changes: &[(Key, Option<EventNid>)],
    ) -> Option<Subtree> {
        let Some(id) = id else {
            return Some(self.rebuild(&[], depth, changes));
        };
        let node = self.reader.node(id, depth)?;
        match &node.0 {
            Shape::Leaf(entries) => Some(self.rebuild(entries, depth, changes)),
            Shape::Branch(branch) if may_become_leaf(branch, changes) => {
                let entries = self.reader.entries(&node, depth)?;
                Some(self.rebuild(&entries, depth, changes))
            }
            Shape::Branch(branch) => self.apply_below(branch, depth, changes),
        }
    }

    /// Applies changes to the children of a branch that is sure to stay one.
    fn apply_below(
        &mut self,
        branch: &Branch,
        depth: usize,
        changes: &[(Key, Option<EventNid>)],
    ) -> Option<Subtree> {
        let mut children = branch.children.clone();
        let mut count = branch.count;
        let mut complete = true;
        for group in changes.chunk_by(|(a, _), (b, _)| a.nibble(depth) == b.nibble(depth)) {
            let Some((key, _)) = group.first() else {
                continue;
            };
            let child = &mut children[key.nibble(depth)];
            // Go on after a missing child: the caller wants to load a level at once.
            let Some(subtree) = self.apply(*child, depth + 1, group) else {
                complete = false;
                continue;
            };
            *child = subtree.id;
            count = count.saturating_add(subtree.count).saturating_sub(subtree.count_before);
        }
        complete.then(|| Subtree {
            id: Some(self.add(Shape::Branch(Branch { count, children }))),
            count_before: branch.count,
            count,
        })
    }

    /// Builds a sub-tree anew from its entries and the changes to them.
    fn rebuild(
        &mut self,
        entries: &[Entry],
        depth: usize,
        changes: &[(Key, Option<EventNid>)],
    ) -> Subtree {
        let mut merged: BTreeMap<Key, EventNid> = entries.iter().copied().collect();
        for (key, event) in changes {
            match event {
                Some(event) => merged.insert(*key, *event),
                None => merged.remove(key),
            };
        }
        let merged: Vec<Entry> = merged.into_iter().collect();
        Subtree {
            id: self.build(&merged, depth),
            count_before: entries.len() as u64,
            count: merged.len() as u64,
        }
    }

    /// Builds the one tree that holds these entries, which are sorted and have distinct keys.
    fn build(&mut self, entries: &[Entry], depth: usize) -> Option<NodeId> {
        if entries.is_empty() {
            return None;
        }
        if entries.len() <= LEAF_ENTRIES_MAX {
            return Some(self.add(Shape::Leaf(entries.into())));
        }
        let mut children = Box::new([None; BRANCH_CHILDREN]);
        for group in entries.chunk_by(|(a, _), (b, _)| a.nibble(depth) == b.nibble(depth)) {
            if let Some((key, _)) = group.first() {
                children[key.nibble(depth)] = self.build(group, depth + 1);
            }
        }
        Some(self.add(Shape::Branch(Branch { count: entries.len() as u64, children })))
    }

    fn add(&mut self, shape: Shape) -> NodeId {
        let node = Node(shape);
        let id = self.hasher.node_id(&node.to_bytes());
        self.built.push((id, Arc::new(node)));
        id
    }
}

/// Whether so many entries may be removed that a leaf would take the rest.
fn may_become_leaf(branch: &Branch, changes: &[(Key, Option<EventNid>)]) -> bool {
    let removals = changes.iter().filter(|(_, event)| event.is_none()).count();
    branch.count.saturating_sub(removals as u64) <= LEAF_ENTRIES_MAX as u64
}
