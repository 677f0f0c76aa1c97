//! The two shapes of a node.
//!
//! A leaf holds 1 to 16 entries with their whole keys, sorted; a branch stands for more than 16
//! entries and has a child for every nibble that occurs at its depth. A node does not know its
//! depth, so a leaf that moves up or down keeps its id.

use hearth_base::EventNid;

use crate::{Key, NodeId};

/// Most entries of a leaf; a sub-tree with more is a branch.
pub(crate) const LEAF_ENTRIES_MAX: usize = 16;
/// Children of a branch, one for each value of a nibble.
pub(crate) const BRANCH_CHILDREN: usize = 16;

/// One entry of the map.
pub(crate) type Entry = (Key, EventNid);

/// An immutable node of the trie; see [`Node::from_bytes`] for its form in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node(pub(crate) Shape);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// 1 to 16 entries, sorted by key.
    Leaf(Box<[Entry]>),
    Branch(Branch),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    /// Entries below, always more than a leaf takes: tells whether a removal needs the siblings.
    pub(crate) count: u64,
    /// The children by nibble.
    pub(crate) children: Box<[Option<NodeId>; BRANCH_CHILDREN]>,
}

impl Node {
    /// The ids of the nodes right below this one, for whoever marks what a root keeps alive.
    pub fn children(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.branch().into_iter().flat_map(|branch| branch.children.iter().flatten().copied())
    }

    pub(crate) fn branch(&self) -> Option<&Branch> {
        match &self.0 {
            Shape::Leaf(_) => None,
            Shape::Branch(branch) => Some(branch),
        }
    }
}
