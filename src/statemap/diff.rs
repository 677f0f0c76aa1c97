//! Comparing two maps in time proportional to their difference.

use std::collections::BTreeMap;
use std::sync::Arc;

use hearth_base::EventNid;

use crate::node::Entry;
use crate::nodes::Reader;
use crate::{Key, Missing, Node, NodeId, Nodes, Root};

/// A key at which two maps differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where they differ.
    pub key: Key,
    /// The event in the first map.
    pub before: Option<EventNid>,
    /// The event in the second map, never the same as `before`.
    pub after: Option<EventNid>,
}

/// What has to change to make `after` of `before`, sorted by key.
///
/// # Errors
/// [`Missing`] names the nodes of both maps at which the comparison stopped.
pub fn diff<N: Nodes + ?Sized>(
    before: Root,
    after: Root,
    nodes: &N,
) -> Result<Vec<Change>, Missing> {
    let mut comparison = Comparison { reader: Reader::new(nodes), changes: Vec::new() };
    comparison.compare(before.node(), after.node(), 0);
    comparison.reader.finish(comparison.changes)
}

struct Comparison<N> {
    reader: Reader<N>,
    changes: Vec<Change>,
}

impl<N: Nodes> Comparison<N> {
    /// Compares two sub-trees at the same place, as far as their nodes are here.
    fn compare(&mut self, before: Option<NodeId>, after: Option<NodeId>, depth: usize) {
        if before == after {
            return;
        }
        // Look at both before giving up on either, so that both are loaded at once.
        let sides = (self.side(before, depth), self.side(after, depth));
        let (Some(before), Some(after)) = sides else {
            return;
        };
        let (before, after) = (before.as_deref(), after.as_deref());
        let branches = (before.and_then(Node::branch), after.and_then(Node::branch));
        if let (Some(before), Some(after)) = branches {
            for (before, after) in before.children.iter().zip(after.children.iter()) {
                self.compare(*before, *after, depth + 1);
            }
            return;
        }
        // At most 16 entries on one side: the other has hardly more than the difference.
        let entries = (self.entries(before, depth), self.entries(after, depth));
        if let (Some(before), Some(after)) = entries {
            self.compare_entries(before, after);
        }
    }

    /// The node of one side, if it has one; `None` if it is missing.
    fn side(&mut self, id: Option<NodeId>, depth: usize) -> Option<Option<Arc<Node>>> {
        match id {
            Some(id) => self.reader.node(id, depth).map(Some),
            None => Some(None),
        }
    }

    fn entries(&mut self, side: Option<&Node>, depth: usize) -> Option<Vec<Entry>> {
        side.map_or(Some(Vec::new()), |node| self.reader.entries(node, depth))
    }

    fn compare_entries(&mut self, before: Vec<Entry>, after: Vec<Entry>) {
        let mut pairs = BTreeMap::<Key, (Option<EventNid>, Option<EventNid>)>::new();
        for (key, event) in before {
            pairs.entry(key).or_default().0 = Some(event);
        }
        for (key, event) in after {
            pairs.entry(key).or_default().1 = Some(event);
        }
        let changed = pairs.into_iter().filter(|(_, (before, after))| before != after);
        self.changes.extend(changed.map(|(key, (before, after))| Change { key, before, after }));
    }
}
