//! The handle of this crate, and the life of one request.

use std::{sync::Arc, time::Duration};

use hearth_accounts::Accounts;
use hearth_base::{Clock, StreamPosition, limits::SYNC_TIMEOUT_MS_MAX};
use hearth_bus::{Bus, Version};
use hearth_rooms::Rooms;
use hearth_store::Store;
use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, UserId,
    api::client::{filter::FilterDefinition, sync::sync_events::v3::Response},
    presence::PresenceState,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    SyncError, SyncToken,
    lazy_members::SentMembers,
    sessions::{Session, Sessions},
    sliding::Connections,
};

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose view.
    pub user_id: OwnedUserId,
    /// Which device.
    pub device_id: OwnedDeviceId,
    /// Where the client is; `None` for everything.
    pub since: Option<SyncToken>,
    /// What it wants.
    pub filter: Arc<FilterDefinition>,
    /// Whether it wants the whole state of every room.
    pub full_state: bool,
    /// Whether it wants the state at the end of each timeline instead of at its start.
    pub use_state_after: bool,
    /// How long to wait for something new.
    pub timeout: Duration,
    /// What syncing does to the user's presence.
    pub set_presence: PresenceState,
}

impl Request {
    /// A request of which only the device lists matter.
    pub(crate) fn device_lists(user_id: &UserId, since: SyncToken) -> Self {
        Self {
            user_id: user_id.to_owned(),
            device_id: "".into(),
            since: Some(since),
            filter: Arc::default(),
            full_state: false,
            use_state_after: false,
            timeout: Duration::ZERO,
            set_presence: PresenceState::Offline,
        }
    }
}

/// What clients have not seen yet. Cheap to clone.
#[derive(Clone)]
pub struct Sync(Arc<Inner>);

struct Inner {
    store: Store,
    accounts: Accounts,
    rooms: Rooms,
    bus: Bus,
    clock: Clock,
    sessions: Sessions,
    sent_members: SentMembers,
    connections: Connections,
    stop: CancellationToken,
}

impl Sync {
    /// Starts the follower on `tasks`. When `stop` fires, requests that wait are answered and the
    /// follower ends.
    #[must_use]
    pub fn new(
        store: Store,
        accounts: Accounts,
        rooms: Rooms,
        bus: Bus,
        clock: Clock,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let sessions = Sessions::new(store.clone(), rooms.clone(), clock.clone());
        let follower = sessions.clone();
        tasks.spawn(follower.follow(store.subscribe(), bus.clone(), stop.clone()));
        Self(Arc::new(Inner {
            store,
            accounts,
            rooms,
            bus,
            clock,
            sessions,
            sent_members: SentMembers::default(),
            connections: Connections::default(),
            stop,
        }))
    }

    /// Answers as soon as there is something new, or after the timeout.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sync(&self, request: &Request) -> Result<Response, SyncError> {
        let _present = self.0.bus.presence().syncing(&request.user_id, &request.set_presence);
        let session = self.0.sessions.open(&request.user_id).await?;
        if let Some(since) = &request.since {
            self.acknowledge(&session, &request.device_id, since.to_device).await?;
            self.0.bus.deliveries().delivered(&request.user_id, since.position);
        }
        let timeout = request.timeout.min(Duration::from_millis(SYNC_TIMEOUT_MS_MAX));
        let deadline = tokio::time::Instant::now() + timeout;
        // First watch, then read: a change in between wakes the next wait.
        let mut wake = session.watch();
        loop {
            wake.mark_unchanged();
            let answer = self.answer(request, &session).await?;
            let at_once = request.since.is_none() || request.full_state || timeout.is_zero();
            if at_once || !answer.is_empty || self.0.stop.is_cancelled() {
                return Ok(answer.response);
            }
            tokio::select! {
                changed = wake.changed() => if changed.is_err() { return Ok(answer.response) },
                () = tokio::time::sleep_until(deadline) => return Ok(answer.response),
                () = self.0.stop.cancelled() => return Ok(answer.response),
            }
        }
    }

    /// Deletes the to-device messages that a device has by its token.
    pub(crate) async fn acknowledge(
        &self,
        session: &Session,
        device_id: &DeviceId,
        upto: StreamPosition,
    ) -> Result<(), SyncError> {
        // A client that has nothing new says the same again and again. What comes later has a
        // later position, so looking once is enough.
        if session.is_rid_of(device_id, upto) {
            return Ok(());
        }
        let followed = self.followed();
        self.0.accounts.delete_to_device(session.user_id(), device_id, upto).await?;
        session.set_rid_of(device_id, upto.min(followed));
        Ok(())
    }

    /// The session of a user who waits for something.
    pub(crate) async fn session(&self, user_id: &UserId) -> Result<Arc<Session>, SyncError> {
        self.0.sessions.open(user_id).await
    }

    /// Whether the server ends, so that nobody should wait.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    /// Waits until the server ends.
    pub(crate) async fn stopping(&self) {
        self.0.stop.cancelled().await;
    }

    /// The position up to which sessions know of everything.
    pub(crate) fn followed(&self) -> StreamPosition {
        self.0.sessions.followed()
    }

    /// Whether nothing happened since the token, which is the usual case and costs no read.
    pub(crate) fn is_quiet(&self, since: &SyncToken, session: &Session, version: Version) -> bool {
        since.epoch == self.0.bus.epoch()
            && since.version == version.0
            && since.to_device == since.position
            && *self.0.store.position().borrow() <= self.0.sessions.followed()
            && session.is_quiet_since(since.position)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.0.rooms
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.0.bus
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.0.connections
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    pub(crate) fn sent_members(&self) -> &SentMembers {
        &self.0.sent_members
    }

    /// A token for a client that has everything up to `position`.
    pub(crate) fn token(
        &self,
        position: StreamPosition,
        version: Version,
        to_device: StreamPosition,
    ) -> SyncToken {
        SyncToken { position, epoch: self.0.bus.epoch(), version: version.0, to_device }
    }
}
