//! Looking up entries.

use hearth_base::EventNid;

use crate::node::Shape;
use crate::nodes::Reader;
use crate::{Key, Missing, Nodes, Root};

/// The event at `key`.
///
/// # Errors
/// [`Missing`] names the node at which the search stopped.
pub fn get<N: Nodes + ?Sized>(
    root: Root,
    key: Key,
    nodes: &N,
) -> Result<Option<EventNid>, Missing> {
    let mut reader = Reader::new(nodes);
    let found = find(&mut reader, root, key);
    reader.finish(found)
}

/// The events at `keys`, in their order.
///
/// # Errors
/// [`Missing`] names the nodes at which the searches stopped.
pub fn get_many<N: Nodes + ?Sized>(
    root: Root,
    keys: &[Key],
    nodes: &N,
) -> Result<Vec<Option<EventNid>>, Missing> {
    let mut reader = Reader::new(nodes);
    let found = keys.iter().map(|key| find(&mut reader, root, *key)).collect();
    reader.finish(found)
}

/// All entries, sorted by key.
///
/// # Errors
/// [`Missing`] names the nodes of the first incomplete level.
pub fn entries<N: Nodes + ?Sized>(root: Root, nodes: &N) -> Result<Vec<(Key, EventNid)>, Missing> {
    let Some(id) = root.node() else {
        return Ok(Vec::new());
    };
    let mut reader = Reader::new(nodes);
    let entries = reader.node(id, 0).and_then(|node| reader.entries(&node, 0));
    entries.ok_or_else(|| reader.missing())
}

/// The event at `key`; `None` also if a node on the way is missing, which `reader` remembers.
fn find<N: Nodes>(reader: &mut Reader<N>, root: Root, key: Key) -> Option<EventNid> {
    let mut id = root.node()?;
    let mut depth = 0;
    loop {
        let node = reader.node(id, depth)?;
        match &node.0 {
            Shape::Leaf(entries) => {
                let at = entries.binary_search_by_key(&key, |(key, _)| *key).ok()?;
                return entries.get(at).map(|(_, event)| *event);
            }
            Shape::Branch(branch) => id = branch.children[key.nibble(depth)]?,
        }
        depth += 1;
    }
}
