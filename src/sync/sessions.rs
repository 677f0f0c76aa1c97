//! The follower: who is syncing, and which of their rooms changed since when.
//!
//! A session exists while somebody syncs as a user, and some minutes longer. It knows the user's
//! rooms, so that a change finds its readers without a look at the members of the room, and the
//! position of the last change of each, so that a reader finds its changes without a look at the
//! rooms. A session may be woken for nothing; it never misses a change after its start.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use dashmap::DashMap;
use hearth_base::{Clock, RoomNid, StreamPosition};
use hearth_bus::{Bus, Hint};
use hearth_rooms::Rooms;
use hearth_store::{Committed, Fact, Log, Store};
use parking_lot::Mutex;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId, events::room::member::MembershipState};
use tokio::sync::{broadcast, watch};

use crate::{SyncError, sliding::RoomList};

/// How long a session outlives the last request of its user.
const SESSION_IDLE_MS: u64 = 5 * 60 * 1_000;
/// How many facts the follower reads at once when it has fallen behind.
const CATCH_UP_FACTS: usize = 1_000;

/// A user who is syncing.
pub(crate) struct Session {
    user_id: OwnedUserId,
    /// Grows whenever there may be something new.
    wake: watch::Sender<u64>,
    state: Mutex<SessionState>,
    /// The user's rooms as sliding sync lists them; empty until it does.
    list: Mutex<RoomList>,
    /// Up to where each device was rid of the to-device messages that it has.
    rid_of: Mutex<HashMap<OwnedDeviceId, StreamPosition>>,
    last_used_ms: AtomicU64,
}

struct SessionState {
    /// Changes after this position are known to the session.
    start: StreamPosition,
    rooms: HashSet<RoomNid>,
    /// The last change of each room that changed since the start, the user's own data included.
    changed: HashMap<RoomNid, StreamPosition>,
    /// The last change of anything that concerns the user.
    last: StreamPosition,
}

impl Session {
    /// A receiver that learns of everything from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.wake.subscribe()
    }

    /// The rooms that changed after `since`; `None` if the session does not reach back so far.
    pub(crate) fn rooms_changed_since(&self, since: StreamPosition) -> Option<Vec<RoomNid>> {
        let state = self.state.lock();
        if since < state.start {
            return None;
        }
        let changed = state.changed.iter().filter(|(_, position)| **position > since);
        Some(changed.map(|(room, _)| *room).collect())
    }

    /// Whether nothing that concerns the user was committed after `since`, as far as was read.
    pub(crate) fn is_quiet_since(&self, since: StreamPosition) -> bool {
        let state = self.state.lock();
        since >= state.start && state.last <= since
    }

    /// Whose session it is.
    pub(crate) fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The user's rooms as sliding sync lists them.
    pub(crate) fn list(&self) -> &Mutex<RoomList> {
        &self.list
    }

    /// Whether a device was rid of all to-device messages up to `position` before.
    pub(crate) fn is_rid_of(&self, device: &DeviceId, position: StreamPosition) -> bool {
        self.rid_of.lock().get(device).is_some_and(|known| position <= *known)
    }

    /// Notes that a device was rid of the to-device messages up to `position`.
    pub(crate) fn set_rid_of(&self, device: &DeviceId, position: StreamPosition) {
        self.rid_of.lock().insert(device.to_owned(), position);
    }

    fn note(&self, position: StreamPosition, room: Option<RoomNid>) {
        let mut state = self.state.lock();
        state.last = state.last.max(position);
        if let Some(room) = room {
            state.changed.insert(room, position);
        }
    }

    fn wake(&self) {
        self.wake.send_modify(|count| *count += 1);
    }
}

/// All users who are syncing. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Inner>);

struct Inner {
    store: Store,
    rooms: Rooms,
    clock: Clock,
    users: DashMap<OwnedUserId, Arc<Session>>,
    readers: DashMap<RoomNid, HashMap<OwnedUserId, Arc<Session>>>,
    /// The position up to which the follower has told the sessions.
    followed: AtomicI64,
}

impl Sessions {
    pub(crate) fn new(store: Store, rooms: Rooms, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            store,
            rooms,
            clock,
            users: DashMap::new(),
            readers: DashMap::new(),
            followed: AtomicI64::new(0),
        }))
    }

    /// The position up to which sessions know of everything.
    pub(crate) fn followed(&self) -> StreamPosition {
        StreamPosition(self.0.followed.load(Ordering::SeqCst))
    }

    /// The session of a user; it starts now if there is none.
    pub(crate) async fn open(&self, user_id: &UserId) -> Result<Arc<Session>, SyncError> {
        let now = self.0.clock.now_ms();
        if let Some(session) = self.0.users.get(user_id) {
            session.last_used_ms.store(now, Ordering::Relaxed);
            return Ok(Arc::clone(&session));
        }
        let session = Arc::new(Session {
            user_id: user_id.to_owned(),
            wake: watch::Sender::new(0),
            state: Mutex::new(SessionState {
                start: StreamPosition::MAX,
                rooms: HashSet::new(),
                changed: HashMap::new(),
                last: StreamPosition::ZERO,
            }),
            list: Mutex::default(),
            rid_of: Mutex::default(),
            last_used_ms: AtomicU64::new(now),
        });
        // Two first requests at once: the later session replaces the earlier one, which its own
        // request keeps and which never claims to know anything.
        self.0.users.insert(user_id.to_owned(), Arc::clone(&session));
        self.register(&session).await?;
        Ok(session)
    }

    /// Enters a session for the user's rooms. Joins from here on are told to it by the follower.
    async fn register(&self, session: &Arc<Session>) -> Result<(), SyncError> {
        let snapshot = self.0.store.snapshot().await?;
        let memberships = self.0.rooms.memberships(snapshot.as_ref(), &session.user_id).await?;
        for (room, row) in memberships {
            if row.value.state == MembershipState::Join {
                self.enter(room, session);
            }
        }
        // Whatever the follower told before the session was entered everywhere is in here.
        let entered = self.0.store.snapshot().await?.position();
        session.state.lock().start = entered;
        Ok(())
    }

    fn enter(&self, room: RoomNid, session: &Arc<Session>) {
        session.state.lock().rooms.insert(room);
        let mut readers = self.0.readers.entry(room).or_default();
        readers.insert(session.user_id.clone(), Arc::clone(session));
    }

    /// Tells the sessions of every commit and hint until `stop` fires.
    pub(crate) async fn follow(
        self,
        mut commits: broadcast::Receiver<Arc<Committed>>,
        bus: Bus,
        stop: tokio_util::sync::CancellationToken,
    ) {
        let mut hints = bus.subscribe();
        if let Ok(snapshot) = self.0.store.snapshot().await {
            // There is no session yet that could have missed something.
            self.0.followed.fetch_max(snapshot.position().0, Ordering::SeqCst);
        }
        let mut sweep = tokio::time::interval(std::time::Duration::from_secs(60));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                commit = commits.recv() => match commit {
                    Ok(commit) => self.committed(&commit).await,
                    Err(broadcast::error::RecvError::Lagged(_)) => self.catch_up().await,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                hint = hints.recv() => match hint {
                    Ok(hint) => self.hinted(hint).await,
                    Err(broadcast::error::RecvError::Lagged(_)) => self.wake_all(),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = sweep.tick() => self.sweep(),
            }
        }
    }

    async fn committed(&self, commit: &Committed) {
        if commit.first > self.followed().next() {
            self.catch_up().await;
        }
        let mut position = commit.first;
        for fact in &commit.facts {
            if position > self.followed() {
                self.tell(position, fact).await;
            }
            position = position.next();
        }
        self.0.followed.fetch_max(position.0 - 1, Ordering::SeqCst);
    }

    /// Reads from the log what was not announced.
    async fn catch_up(&self) {
        loop {
            let facts = match self.0.store.snapshot().await {
                Ok(snapshot) => Log::read(snapshot.as_ref(), self.followed(), CATCH_UP_FACTS).await,
                Err(error) => Err(error),
            };
            match facts {
                Ok(facts) if facts.is_empty() => return,
                Ok(facts) => {
                    for (position, fact) in facts {
                        self.tell(position, &fact).await;
                        self.0.followed.fetch_max(position.0, Ordering::SeqCst);
                    }
                }
                Err(error) => {
                    // The next announcement tries again; meanwhile requests read for themselves.
                    tracing::error!(%error, "the sync follower cannot read the log");
                    self.wake_all();
                    return;
                }
            }
        }
    }

    async fn tell(&self, position: StreamPosition, fact: &Fact) {
        match fact {
            Fact::Event { room, member, .. } => {
                if let Some(user_id) = member {
                    self.add_reader(*room, user_id);
                    self.tell_user(position, user_id, Some(*room));
                }
                self.tell_room(position, *room);
            }
            Fact::Receipt { room, user, private: true } => {
                self.tell_user(position, user, Some(*room));
            }
            Fact::Receipt { room, .. } => self.tell_room(position, *room),
            Fact::AccountData { user, room: None }
            | Fact::ToDevice { user, .. }
            | Fact::ThreadSubscription { user }
            | Fact::DeviceKeyCounts { user, .. } => self.tell_user(position, user, None),
            Fact::AccountData { user, room: Some(room_id) } => {
                let room = self.0.rooms.room(room_id).await.ok().flatten();
                self.tell_user(position, user, room.map(|room| room.nid()));
            }
            Fact::Membership { user, room } => self.tell_user(position, user, Some(*room)),
            Fact::DeviceList { user } => {
                self.tell_user(position, user, None);
                for session in self.sharing_a_room(user).await {
                    session.note(position, None);
                    session.wake();
                }
            }
            Fact::Redacted { .. }
            | Fact::Pushers { .. }
            | Fact::RelationRemoved { .. }
            | Fact::Notification { .. }
            | Fact::Erased { .. }
            | Fact::Account { .. } => {}
        }
    }

    async fn hinted(&self, hint: Hint) {
        match hint {
            Hint::Typing(room_id) => {
                if let Ok(Some(room)) = self.0.rooms.room(&room_id).await
                    && let Some(readers) = self.0.readers.get(&room.nid())
                {
                    readers.values().for_each(|session| session.wake());
                }
            }
            Hint::Presence(user_id) => {
                if let Some(session) = self.0.users.get(&user_id) {
                    session.wake();
                }
                for session in self.sharing_a_room(&user_id).await {
                    session.wake();
                }
            }
        }
    }

    fn tell_user(&self, position: StreamPosition, user_id: &UserId, room: Option<RoomNid>) {
        if let Some(session) = self.0.users.get(user_id) {
            session.note(position, room);
            session.wake();
        }
    }

    fn tell_room(&self, position: StreamPosition, room: RoomNid) {
        if let Some(readers) = self.0.readers.get(&room) {
            for session in readers.values() {
                session.note(position, Some(room));
                session.wake();
            }
        }
    }

    fn add_reader(&self, room: RoomNid, user_id: &UserId) {
        let Some(session) = self.0.users.get(user_id).map(|session| Arc::clone(&session)) else {
            return;
        };
        self.enter(room, &session);
    }

    /// The sessions of others who are in a room with the user.
    async fn sharing_a_room(&self, user_id: &UserId) -> Vec<Arc<Session>> {
        let memberships = match self.0.rooms.snapshot().await {
            Ok(snapshot) => self.0.rooms.memberships(snapshot.as_ref(), user_id).await,
            Err(error) => Err(error),
        };
        let memberships = match memberships {
            Ok(memberships) => memberships,
            Err(error) => {
                tracing::error!(%error, "the sync follower cannot read memberships");
                return self.0.users.iter().map(|entry| Arc::clone(&entry)).collect();
            }
        };
        let mut sessions = HashMap::new();
        for (room, _) in memberships {
            if let Some(readers) = self.0.readers.get(&room) {
                for (reader, session) in readers.iter() {
                    sessions.entry(reader.clone()).or_insert_with(|| Arc::clone(session));
                }
            }
        }
        sessions.into_values().collect()
    }

    fn wake_all(&self) {
        self.0.users.iter().for_each(|entry| entry.wake());
    }

    /// Ends the sessions that nobody has used for a while.
    fn sweep(&self) {
        let now = self.0.clock.now_ms();
        let idle: Vec<_> = self
            .0
            .users
            .iter()
            .filter(|session| {
                let used = session.last_used_ms.load(Ordering::Relaxed);
                session.wake.receiver_count() == 0 && used + SESSION_IDLE_MS < now
            })
            .map(|session| Arc::clone(&session))
            .collect();
        for session in idle {
            self.0.users.remove(&session.user_id);
            let rooms = std::mem::take(&mut session.state.lock().rooms);
            for room in rooms {
                self.0.readers.remove_if_mut(&room, |_, readers| {
                    readers.remove(&session.user_id);
                    readers.is_empty()
                });
            }
        }
    }
}
