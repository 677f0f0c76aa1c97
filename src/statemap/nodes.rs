//! Where operations find nodes, and how they say which ones they lack.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::hasher::KEY_NIBBLES;
use crate::node::{Entry, Shape};
use crate::{Node, NodeId};

/// Nodes in memory: a cache, or all of them.
///
/// Nodes never change, so a cache needs no invalidation. Whoever fills one from a store checks
/// that the bytes of a row hash to its id.
pub trait Nodes {
    /// The node with this id, if it is here.
    fn node(&self, id: NodeId) -> Option<Arc<Node>>;
}

impl<S: BuildHasher> Nodes for HashMap<NodeId, Arc<Node>, S> {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.get(&id).cloned()
    }
}

impl<N: Nodes + ?Sized> Nodes for &N {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        (**self).node(id)
    }
}

/// New nodes that are not stored yet, over a cache of those that are.
#[derive(Clone, Copy, Debug)]
pub struct Layered<Upper, Lower> {
    /// Asked first.
    pub upper: Upper,
    /// Asked for what `upper` does not have.
    pub lower: Lower,
}

impl<Upper: Nodes, Lower: Nodes> Nodes for Layered<Upper, Lower> {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.upper.node(id).or_else(|| self.lower.node(id))
    }
}

/// The operation needs these nodes: load them and call again.
///
/// Never empty, each node once, and every node that can already be seen to be needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} nodes of a state map are not in memory", .0.len())]
pub struct Missing(pub Vec<NodeId>);

/// Reads nodes for one operation and remembers those that are missing.
pub(crate) struct Reader<N> {
    nodes: N,
    missing: BTreeSet<NodeId>,
}

impl<N: Nodes> Reader<N> {
    pub(crate) const fn new(nodes: N) -> Self {
        Self { nodes, missing: BTreeSet::new() }
    }

    /// The node, or `None` after noting that it is missing.
    pub(crate) fn node(&mut self, id: NodeId, depth: usize) -> Option<Arc<Node>> {
        // A branch so deep cannot be one of ours; without this a damaged store could form a cycle.
        let possible = |node: &Arc<Node>| depth < KEY_NIBBLES || node.branch().is_none();
        let node = self.nodes.node(id).filter(possible);
        if node.is_none() {
            self.missing.insert(id);
        }
        node
    }

    /// All entries of a node at `depth` and below, sorted; `None` if nodes are missing.
    pub(crate) fn entries(&mut self, node: &Node, depth: usize) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        self.collect(node, depth, &mut entries).then_some(entries)
    }

    /// Appends what [`Reader::entries`] returns, and tells whether that is everything.
    fn collect(&mut self, node: &Node, depth: usize, entries: &mut Vec<Entry>) -> bool {
        match &node.0 {
            Shape::Leaf(leaf) => {
                entries.extend_from_slice(leaf);
                true
            }
            Shape::Branch(branch) => {
                let mut complete = true;
                for id in branch.children.iter().flatten() {
                    // Go on after a missing child: the caller wants to load a level at once.
                    complete &= self
                        .node(*id, depth + 1)
                        .is_some_and(|child| self.collect(&child, depth + 1, entries));
                }
                complete
            }
        }
    }

    /// The nodes of which the operation found that it cannot go on without.
    pub(crate) fn missing(self) -> Missing {
        Missing(self.missing.into_iter().collect())
    }

    /// `value`, unless nodes were missing while it was made.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Missing> {
        if self.missing.is_empty() { Ok(value) } else { Err(self.missing()) }
    }
}
