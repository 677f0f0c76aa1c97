//! Connections: what the client of each was told, kept over restarts.
//!
//! A connection is told rooms one by one. Of most of them its client has everything up to its
//! token, which is not written down; what is written down changes only when a room is told for the
//! first time, goes out of what the client wants, or comes back. So an answer with a new message
//! writes nothing. A version of what was told never changes: an answer that tells more makes a new
//! one, and the client says by its next token which it has.

use std::{collections::BTreeMap, sync::Arc};

use hearth_accounts::Accounts;
use hearth_base::{RoomNid, StreamPosition};
use moka::sync::Cache;
use parking_lot::Mutex;
use ruma::{OwnedDeviceId, OwnedUserId, api::client::sync::sync_events::v5::response::List};
use serde::{Deserialize, Serialize};

use super::{Pos, RequiredState, SlidingRequest};
use crate::SyncError;

/// How many connections are remembered in memory; the others are in the store.
const REMEMBERED_MAX: u64 = 10_000;
/// Most rooms that a connection remembers; one with more starts afresh.
const ROOMS_MAX: usize = 20_000;
/// Most different sets of required state that a connection remembers.
const REQUIRED_MAX: usize = 64;
/// Most versions in memory of one connection.
const VERSIONS_MAX: usize = 4;

/// What the client of a connection was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The rooms.
    pub(crate) rooms: BTreeMap<RoomNid, RoomTold>,
    /// The sets of required state that rooms were told with.
    pub(crate) required: Vec<RequiredState>,
}

/// What was told of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoomTold {
    /// Up to where; `None` for everything up to the client's token.
    pub(crate) upto: Option<StreamPosition>,
    /// What it looked like.
    pub(crate) shown: Shown,
    /// How many events of its end the client has at least.
    pub(crate) timeline_limit: u32,
    /// Which of the sets of required state it has.
    pub(crate) required: u16,
    /// Whether it was a direct one.
    pub(crate) is_dm: bool,
}

/// What a room looked like to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shown {
    /// Stripped state.
    Stripped,
    /// Timeline and state.
    Joined,
    /// The end of the user's stay.
    Left,
}

impl Told {
    /// The place of a set of required state.
    pub(crate) fn required_index(&mut self, required: &RequiredState) -> u16 {
        let at = self.required.iter().position(|known| known == required).unwrap_or_else(|| {
            self.required.push(required.clone());
            self.required.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    fn is_too_large(&self) -> bool {
        self.rooms.len() > ROOMS_MAX || self.required.len() > REQUIRED_MAX
    }
}

/// The connection of a request, and what its client has.
pub(crate) struct Connection {
    key: Key,
    versions: Arc<Mutex<Versions>>,
    /// The token of the request.
    pub(crate) pos: Option<Pos>,
    /// What the client was told by that.
    pub(crate) told: Arc<Told>,
}

type Key = (OwnedUserId, OwnedDeviceId, String);

#[derive(Default)]
struct Versions {
    told: Vec<(u64, Arc<Told>)>,
    /// A version, and a token with it of which all was told.
    settled: Option<(u64, Settled)>,
}

/// A token whose client lacks nothing of what it asked for.
#[derive(Clone)]
pub(crate) struct Settled {
    /// The position of the token.
    pub(crate) position: StreamPosition,
    /// The fingerprint of the request.
    pub(crate) fingerprint: u64,
    /// What was said of its lists.
    pub(crate) lists: BTreeMap<String, List>,
}

/// All connections.
pub(crate) struct Connections(Cache<Key, Arc<Mutex<Versions>>>);

impl Default for Connections {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED_MAX))
    }
}

impl Connections {
    /// The connection of a request.
    pub(crate) async fn open(
        &self,
        accounts: &Accounts,
        request: &SlidingRequest,
    ) -> Result<Connection, SyncError> {
        let SlidingRequest { user_id, device_id, connection, .. } = request;
        let key = (user_id.clone(), device_id.clone(), connection.clone());
        let versions = self.0.get_with(key.clone(), Arc::default);
        let Some(text) = &request.pos else {
            return Ok(Connection { key, versions, pos: None, told: Arc::default() });
        };
        let pos = Pos::parse(text).ok_or(SyncError::UnknownPos)?;
        if versions.lock().get(pos.told).is_none() {
            let stored = accounts.sync_connection(user_id, device_id, connection).await?;
            let mut versions = versions.lock();
            for (version, bytes) in stored {
                // What an older release wrote is as good as gone.
                if let Ok(told) = postcard::from_bytes(&bytes) {
                    versions.add(version, Arc::new(told));
                }
            }
        }
        let told = versions.lock().get(pos.told).ok_or(SyncError::UnknownPos)?;
        if told.is_too_large() {
            return Err(SyncError::UnknownPos);
        }
        Ok(Connection { key, versions, pos: Some(pos), told })
    }
}

impl Connection {
    /// What was said of the lists of the same request before, if it was told everything up to its
    /// token.
    pub(crate) fn settled(&self, fingerprint: u64) -> Option<BTreeMap<String, List>> {
        let pos = self.pos?;
        let versions = self.versions.lock();
        let (version, settled) = versions.settled.as_ref()?;
        let same = *version == pos.told
            && settled.position == pos.position
            && settled.fingerprint == fingerprint;
        same.then(|| settled.lists.clone())
    }

    /// Remembers what an answer tells, and returns the version that goes into its token.
    pub(crate) async fn tell(
        &self,
        accounts: &Accounts,
        told: Arc<Told>,
        settled: Settled,
        now_ms: u64,
    ) -> Result<u64, SyncError> {
        let known = self.pos.map(|pos| pos.told).filter(|_| told == self.told);
        let version = match known {
            Some(version) => version,
            None => {
                let version = self.versions.lock().next(now_ms);
                let (user, device, name) = (&self.key.0, &self.key.1, &self.key.2);
                let acknowledged = self.pos.map_or(version, |pos| pos.told);
                let bytes = postcard::to_stdvec(&*told)?;
                accounts
                    .put_sync_connection(user, device, name, version, acknowledged, &bytes)
                    .await?;
                self.versions.lock().add(version, told);
                version
            }
        };
        self.versions.lock().settled = Some((version, settled));
        Ok(version)
    }
}

impl Versions {
    fn get(&self, version: u64) -> Option<Arc<Told>> {
        let found = self.told.iter().find(|(known, _)| *known == version);
        found.map(|(_, told)| Arc::clone(told))
    }

    /// A version that was never there: versions grow with the time.
    fn next(&self, now_ms: u64) -> u64 {
        let last = self.told.iter().map(|(version, _)| *version).max();
        last.map_or(now_ms, |last| now_ms.max(last + 1))
    }

    fn add(&mut self, version: u64, told: Arc<Told>) {
        if self.get(version).is_some() {
            return;
        }
        self.told.push((version, told));
        self.told.sort_by_key(|(version, _)| *version);
        let spare = self.told.len().saturating_sub(VERSIONS_MAX);
        self.told.drain(..spare);
    }
}
