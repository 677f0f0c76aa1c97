//! A server without HTTP for the tests of this crate, and a snapshot that counts its reads.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use hearth_accounts::{Accounts, NewUser, PasswordCost};
use hearth_base::{Clock, Random, StreamPosition};
use hearth_rooms::{CreateRoom, Event, EventRequest, Profile, Room, Rooms};
use hearth_rules::SigningKey;
use hearth_statemap::StateHasher;
use hearth_store::{
    Direction, KeyRange, Keyspace, MemoryEngine, Page, Snapshot, Store, StoreError,
};
use ruma::{OwnedUserId, RoomVersionId, UserId, events::TimelineEventType, server_name};
use serde_json::{Map, Value, value::to_raw_value};
use tokio_util::task::TaskTracker;

use crate::{audience::Audiences, evaluate::Evaluator, people::People};

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) rooms: Rooms,
}

pub(crate) fn fixture() -> Fixture {
    let store = Store::new(MemoryEngine::new());
    let (clock, random) = (Clock::manual(1_700_000_000_000), Random::seeded(1));
    let name = server_name!("example.org").to_owned();
    let mut settings = hearth_accounts::Settings::new(name.clone());
    settings.password_cost = PasswordCost { memory_kib: 64, iterations: 1 };
    let accounts = Accounts::new(store.clone(), clock.clone(), random.clone(), settings).unwrap();
    let settings = hearth_rooms::Settings {
        server_name: name,
        default_version: RoomVersionId::V12,
        event_cache_bytes: 1 << 24,
        state_cache_nodes: 10_000,
    };
    let key = SigningKey::generate(&random).unwrap();
    let hasher = StateHasher::new([7; 32]);
    let tasks = TaskTracker::new();
    let rooms = Rooms::new(store.clone(), settings, clock, random, key, hasher, tasks);
    Fixture { store, accounts, rooms }
}

impl Fixture {
    pub(crate) fn evaluator(&self) -> Evaluator {
        Evaluator {
            audiences: Audiences::new(self.rooms.clone()),
            people: People::new(self.store.clone(), self.accounts.clone(), self.rooms.clone()),
        }
    }

    pub(crate) async fn user(&self, localpart: &str) -> OwnedUserId {
        let user_id = UserId::parse(format!("@{localpart}:example.org")).unwrap();
        self.accounts.create_user(&user_id, NewUser::default()).await.unwrap();
        user_id
    }

    pub(crate) async fn room(&self, creator: &UserId) -> Room {
        let request = CreateRoom { published: true, ..CreateRoom::new(creator.to_owned()) };
        self.rooms.create_room(request).await.unwrap()
    }

    pub(crate) async fn join(&self, room: &Room, user_id: &UserId) {
        self.rooms.join(room, user_id, &Profile::default(), Map::new()).await.unwrap();
    }

    /// Sends a message and returns it as it is stored.
    pub(crate) async fn say(&self, room: &Room, sender: &UserId, content: Value) -> Event {
        let request = EventRequest {
            sender: sender.to_owned(),
            event_type: TimelineEventType::RoomMessage,
            state_key: None,
            content: to_raw_value(&content).unwrap(),
            redacts: None,
            transaction: None,
            origin_server_ts: None,
        };
        let sent = self.rooms.send(room, request).await.unwrap();
        let snapshot = self.rooms.snapshot().await.unwrap();
        self.rooms.event_by_id(snapshot.as_ref(), &sent.event_id).await.unwrap().unwrap()
    }
}

/// A snapshot that counts what is asked of it.
pub(crate) struct Counting {
    snapshot: Arc<dyn Snapshot>,
    reads: AtomicUsize,
}

impl Counting {
    pub(crate) fn new(snapshot: Arc<dyn Snapshot>) -> Self {
        Self { snapshot, reads: AtomicUsize::new(0) }
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Snapshot for Counting {
    fn position(&self) -> StreamPosition {
        self.snapshot.position()
    }

    async fn get_many(
        &self,
        keyspace: Keyspace,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.snapshot.get_many(keyspace, keys).await
    }

    async fn scan(
        &self,
        keyspace: Keyspace,
        range: &KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.snapshot.scan(keyspace, range, direction, limit).await
    }
}
