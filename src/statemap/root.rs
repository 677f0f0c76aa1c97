//! What names a whole map, and a whole room state.

use serde::{Deserialize, Serialize};

use crate::NodeId;

/// A map, named by the node at its top. Two maps are equal exactly when their roots are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Root(pub(crate) Option<NodeId>);

impl Root {
    /// The map without entries, which has no node.
    pub const EMPTY: Self = Self(None);

    /// The node at the top, unless the map is empty.
    #[must_use]
    pub const fn node(&self) -> Option<NodeId> {
        self.0
    }
}

/// The state of a room: two maps, so that authorization and lazy loading never walk members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StateRoot {
    /// The `m.room.member` events, by user.
    pub members: Root,
    /// All other state events.
    pub others: Root,
}
