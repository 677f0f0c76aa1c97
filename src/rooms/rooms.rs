//! The handle of this crate, and the caches behind it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hearth_base::{Clock, EventNid, Random, RoomNid};
use hearth_rules::SigningKey;
use hearth_statemap::{Node, NodeId, StateHasher};
use hearth_store::{Sequence, Snapshot, Store};
use moka::sync::Cache;
use ruma::{OwnedRoomId, OwnedServerName, RoomId, RoomVersionId, ServerName};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::{
    Room, RoomsError, erasure::ErasedUsers, event_cache::EventCache, look::LookCache,
    unread::UnreadCache, writer::Writers,
};

/// How many rooms are remembered by name.
const ROOM_CACHE_MAX: u64 = 20_000;
/// How many unread counts of a user in a room are remembered.
const UNREAD_CACHE_MAX: u64 = 50_000;

/// What the administrator decides about rooms.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this server.
    pub server_name: OwnedServerName,
    /// The version of rooms whose creator does not ask for one.
    pub default_version: RoomVersionId,
    /// How many bytes of events are kept in memory.
    pub event_cache_bytes: u64,
    /// How many nodes of room state are kept in memory; a node has about 300 bytes.
    pub state_cache_nodes: u64,
}

/// Everything about rooms. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

struct Inner {
    store: Store,
    settings: Settings,
    clock: Clock,
    random: Random,
    signing_key: SigningKey,
    hasher: StateHasher,
    event_nids: Sequence,
    room_nids: Sequence,
    rooms: Cache<OwnedRoomId, Room>,
    rooms_by_nid: Cache<RoomNid, Room>,
    events: EventCache,
    nodes: Cache<NodeId, Arc<Node>>,
    looks: LookCache,
    unread: UnreadCache,
    erased: ErasedUsers,
    writers: Writers,
    tasks: TaskTracker,
    /// The next delayed event may be due at another time than before.
    delayed_changed: Notify,
    /// The time of the last room that was created, in Unix milliseconds.
    last_creation_ms: AtomicU64,
}

impl Rooms {
    /// Rooms on a store. `tasks` tracks the writers, so that the server can wait for them.
    #[must_use]
    pub fn new(
        store: Store,
        settings: Settings,
        clock: Clock,
        random: Random,
        signing_key: SigningKey,
        hasher: StateHasher,
        tasks: TaskTracker,
    ) -> Self {
        Self(Arc::new(Inner {
            event_nids: Sequence::new(store.clone(), "event"),
            room_nids: Sequence::new(store.clone(), "room"),
            rooms: Cache::new(ROOM_CACHE_MAX),
            rooms_by_nid: Cache::new(ROOM_CACHE_MAX),
            events: EventCache::new(settings.event_cache_bytes),
            nodes: Cache::new(settings.state_cache_nodes),
            looks: Cache::new(ROOM_CACHE_MAX),
            unread: Cache::new(UNREAD_CACHE_MAX),
            erased: ErasedUsers::new(),
            writers: Writers::default(),
            store,
            settings,
            clock,
            random,
            signing_key,
            hasher,
            tasks,
            delayed_changed: Notify::new(),
            last_creation_ms: AtomicU64::new(0),
        }))
    }

    /// A view of everything committed so far.
    ///
    /// # Errors
    /// The store failed.
    pub async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, RoomsError> {
        Ok(self.0.store.snapshot().await?)
    }

    /// The name of this server.
    #[must_use]
    pub fn server_name(&self) -> &ServerName {
        &self.0.settings.server_name
    }

    /// The version of rooms whose creator does not ask for one.
    #[must_use]
    pub fn default_version(&self) -> &RoomVersionId {
        &self.0.settings.default_version
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// What tells these rooms the time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn erased_cell(&self) -> &ErasedUsers {
        &self.0.erased
    }

    pub(crate) fn random(&self) -> &Random {
        &self.0.random
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0.signing_key
    }

    pub(crate) fn hasher(&self) -> &StateHasher {
        &self.0.hasher
    }

    pub(crate) fn writers(&self) -> &Writers {
        &self.0.writers
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    pub(crate) fn delayed_changed(&self) -> &Notify {
        &self.0.delayed_changed
    }

    pub(crate) fn event_cache(&self) -> &EventCache {
        &self.0.events
    }

    pub(crate) fn node_cache(&self) -> &Cache<NodeId, Arc<Node>> {
        &self.0.nodes
    }

    pub(crate) fn look_cache(&self) -> &LookCache {
        &self.0.looks
    }

    pub(crate) fn unread_cache(&self) -> &UnreadCache {
        &self.0.unread
    }

    pub(crate) fn room_cache(&self) -> &Cache<OwnedRoomId, Room> {
        &self.0.rooms
    }

    pub(crate) fn room_nid_cache(&self) -> &Cache<RoomNid, Room> {
        &self.0.rooms_by_nid
    }

    /// Now, in Unix milliseconds, but never the same twice: since room version 12 the hash of the
    /// create event names the room, and two rooms that are made alike need two names.
    pub(crate) fn creation_time_ms(&self) -> u64 {
        let now = self.0.clock.now_ms();
        let later = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = &self.0.last_creation_ms;
        let before = last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        now.max(before.unwrap_or_default().saturating_add(1))
    }

    pub(crate) fn remember(&self, room: &Room) {
        let room_id: &RoomId = room.id();
        self.0.rooms.insert(room_id.to_owned(), room.clone());
        self.0.rooms_by_nid.insert(room.nid(), room.clone());
    }

    pub(crate) async fn next_event_nid(&self) -> Result<EventNid, RoomsError> {
        Ok(EventNid(self.0.event_nids.next().await?))
    }

    pub(crate) async fn next_room_nid(&self) -> Result<RoomNid, RoomsError> {
        Ok(RoomNid(self.0.room_nids.next().await?))
    }
}
