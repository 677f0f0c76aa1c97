//! A server without HTTP for the tests of this crate, and a snapshot that counts its reads.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use hearth_base::StreamPosition;
use hearth_fixtures::Setup;
use hearth_rooms::{Event, Room};
use hearth_store::{Direction, KeyRange, Keyspace, Page, Snapshot, StoreError};
use ruma::UserId;
use serde_json::Value;

use crate::{audience::Audiences, evaluate::Evaluator, people::People};

pub(crate) struct Fixture(hearth_fixtures::Fixture);

pub(crate) fn fixture() -> Fixture {
    Fixture(Setup::default().build())
}

impl Deref for Fixture {
    type Target = hearth_fixtures::Fixture;

    fn deref(&self) -> &hearth_fixtures::Fixture {
        &self.0
    }
}

impl Fixture {
    pub(crate) fn evaluator(&self) -> Evaluator {
        Evaluator {
            audiences: Audiences::new(self.rooms.clone()),
            people: People::new(self.store.clone(), self.accounts.clone(), self.rooms.clone()),
        }
    }

    /// Sends a message and returns it as it is stored.
    pub(crate) async fn say(&self, room: &Room, sender: &UserId, content: Value) -> Event {
        let said = self.send(room, sender, &content).await.unwrap();
        let snapshot = self.rooms.snapshot().await.unwrap();
        self.rooms.event_by_id(snapshot.as_ref(), &said).await.unwrap().unwrap()
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
