//! Reading room state: the persistent map, its nodes from the store, and the events it names.

use std::{collections::HashMap, sync::Arc};

use hearth_base::{EventNid, RoomNid};
use hearth_statemap::{
    Change, Layered, Missing, Node, NodeId, Nodes, Root, StateRoot, diff, entries, get_many,
};
use hearth_store::Snapshot;
use moka::sync::Cache;
use ruma::events::StateEventType;

use crate::{Event, Rooms, RoomsError, tables::STATE_NODES};

/// A map has at most 32 levels; whoever still lacks nodes after that reads a damaged store.
const LOADS_MAX: usize = 33;

/// Nodes that are not stored yet, over the cache of those that are.
pub type PendingNodes = HashMap<NodeId, Arc<Node>>;

struct Cached<'a>(&'a Cache<NodeId, Arc<Node>>);

impl Nodes for Cached<'_> {
    fn node(&self, id: NodeId) -> Option<Arc<Node>> {
        self.0.get(&id)
    }
}

impl Rooms {
    /// Which of a state's two maps has the events of a type.
    pub(crate) fn map_of(state: StateRoot, event_type: &str) -> Root {
        if event_type == "m.room.member" { state.members } else { state.others }
    }

    /// Runs a state map operation, and loads what it lacks until it is done.
    pub(crate) async fn with_nodes<T>(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        pending: &PendingNodes,
        mut operation: impl FnMut(&dyn Nodes) -> Result<T, Missing>,
    ) -> Result<T, RoomsError> {
        let mut loaded = PendingNodes::new();
        for _ in 0..LOADS_MAX {
            let missing = {
                // Nodes just loaded are held here: the cache may already have dropped them.
                let lower = Layered { upper: &loaded, lower: Cached(self.node_cache()) };
                match operation(&Layered { upper: pending, lower }) {
                    Ok(value) => return Ok(value),
                    Err(Missing(missing)) => missing,
                }
            };
            self.load_nodes(snapshot, room, &missing, &mut loaded).await?;
        }
        Err(RoomsError::Corrupt(format!("the state of room number {} has no end", room.0)))
    }

    async fn load_nodes(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        missing: &[NodeId],
        loaded: &mut PendingNodes,
    ) -> Result<(), RoomsError> {
        let keys = missing.iter().map(|id| (room, id.0));
        let rows = STATE_NODES.get_many(snapshot, keys).await?;
        for (id, row) in missing.iter().zip(rows) {
            let bytes = row.ok_or_else(|| RoomsError::Corrupt(format!("no state node {id:?}")))?;
            if self.hasher().node_id(&bytes) != *id {
                return Err(RoomsError::Corrupt(format!("state node {id:?} has other bytes")));
            }
            let node = Node::from_bytes(&bytes)
                .map_err(|error| RoomsError::Corrupt(format!("state node {id:?}: {error}")))?;
            let node = Arc::new(node);
            self.node_cache().insert(*id, Arc::clone(&node));
            loaded.insert(*id, node);
        }
        Ok(())
    }

    /// The numbers of the state events of these types and state keys, in their order.
    pub(crate) async fn state_nids(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        state: StateRoot,
        pending: &PendingNodes,
        wanted: &[(StateEventType, String)],
    ) -> Result<Vec<Option<EventNid>>, RoomsError> {
        let keys: Vec<_> = wanted
            .iter()
            .map(|(event_type, state_key)| {
                let event_type = event_type.to_string();
                (Self::map_of(state, &event_type), self.hasher().key(&event_type, state_key))
            })
            .collect();
        self.with_nodes(snapshot, room, pending, |nodes| {
            let of = |map: Root| {
                let keys: Vec<_> =
                    keys.iter().filter(|(root, _)| *root == map).map(|(_, key)| *key).collect();
                get_many(map, &keys, nodes)
            };
            let (members, others) = (of(state.members), of(state.others));
            let (mut members, mut others) = match (members, others) {
                (Ok(members), Ok(others)) => (members.into_iter(), others.into_iter()),
                (Err(Missing(mut a)), Err(Missing(b))) => {
                    a.extend(b);
                    return Err(Missing(a));
                }
                (Err(missing), _) | (_, Err(missing)) => return Err(missing),
            };
            let next = |(root, _): &(Root, _)| {
                if *root == state.members { members.next() } else { others.next() }.flatten()
            };
            Ok(keys.iter().map(next).collect())
        })
        .await
    }

    /// The state event of this type and state key in a state of a room.
    ///
    /// # Errors
    /// The store failed, or the state is damaged.
    pub async fn state_event(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        state: StateRoot,
        event_type: StateEventType,
        state_key: &str,
    ) -> Result<Option<Event>, RoomsError> {
        let wanted = [(event_type, state_key.to_owned())];
        let found = self.state_events(snapshot, room, state, &wanted).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// The state events of these types and state keys in a state of a room, in their order.
    ///
    /// # Errors
    /// The store failed, or the state is damaged.
    pub async fn state_events(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        state: StateRoot,
        wanted: &[(StateEventType, String)],
    ) -> Result<Vec<Option<Event>>, RoomsError> {
        let pending = PendingNodes::new();
        let nids = self.state_nids(snapshot, room, state, &pending, wanted).await?;
        let present: Vec<_> = nids.iter().flatten().copied().collect();
        let mut events = self.events(snapshot, &present).await?.into_iter();
        Ok(nids.into_iter().map(|nid| nid.and_then(|_| events.next())).collect())
    }

    /// All state events of a state of a room but the members'.
    ///
    /// # Errors
    /// The store failed, or the state is damaged.
    pub async fn state_without_members(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        state: StateRoot,
    ) -> Result<Vec<Event>, RoomsError> {
        self.entries_of(snapshot, room, state.others).await
    }

    /// The member events of a state of a room. As many as the room has had members.
    ///
    /// # Errors
    /// The store failed, or the state is damaged.
    pub async fn state_members(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        state: StateRoot,
    ) -> Result<Vec<Event>, RoomsError> {
        self.entries_of(snapshot, room, state.members).await
    }

    async fn entries_of(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        root: Root,
    ) -> Result<Vec<Event>, RoomsError> {
        let pending = PendingNodes::new();
        let all = self.with_nodes(snapshot, room, &pending, |nodes| entries(root, nodes)).await?;
        let nids: Vec<_> = all.into_iter().map(|(_, nid)| nid).collect();
        self.events(snapshot, &nids).await
    }

    /// The state events that are in `after` and not in `before`; what `after` lacks is not told.
    ///
    /// # Errors
    /// The store failed, or a state is damaged.
    pub async fn state_delta(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        before: StateRoot,
        after: StateRoot,
    ) -> Result<Vec<Event>, RoomsError> {
        let pending = PendingNodes::new();
        let mut nids = Vec::new();
        for (before, after) in [(before.others, after.others), (before.members, after.members)] {
            let changes = self
                .with_nodes(snapshot, room, &pending, |nodes| diff(before, after, nodes))
                .await?;
            nids.extend(changes.iter().filter_map(|Change { after, .. }| *after));
        }
        self.events(snapshot, &nids).await
    }
}
