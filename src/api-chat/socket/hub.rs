//! The follower that tells connections what happens.
//!
//! It reads the log in order and makes of each change what clients are told, once, however many
//! there are; rooms that nobody subscribed to cost nothing. Typing and presence come from the bus.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use hearth_base::StreamPosition;
use hearth_bus::Hint;
use hearth_sync::Fact;
use moka::sync::Cache;
use parking_lot::Mutex;
use ruma::{OwnedRoomId, OwnedUserId, UserId, events::room::member::MembershipState};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{
    cursor::Cursor,
    frame::Happening,
    limits::{CHANGES_READ, TOLD_BYTES_MAX, TOLD_KEPT},
    registry::Registry,
    told::{Audience, Told, ToldChange},
    witness,
};
use crate::{ChatApi, Problem, views::Status};

/// How long it waits after the store failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What connections and the follower share. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    /// Up to where connections were told of everything.
    followed: AtomicI64,
    /// What changes were told as, so that many who come back at once cost no more than one. The
    /// key's first part is [`Inner::forgotten`].
    told: Cache<(u64, StreamPosition), ToldChange>,
    /// How often somebody took back what was told.
    forgotten: AtomicU64,
    stop: CancellationToken,
}

impl Hub {
    /// A hub without connections; they end when `stop` fires.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self(Arc::new(Inner {
            registry: Mutex::default(),
            followed: AtomicI64::new(0),
            told: Cache::builder()
                .weigher(|_, told: &ToldChange| told.iter().map(|told| told.weight()).sum())
                .max_capacity(TOLD_BYTES_MAX)
                .time_to_live(TOLD_KEPT)
                .build(),
            forgotten: AtomicU64::new(0),
            stop,
        }))
    }

    /// The connections.
    pub(crate) fn registry(&self) -> &Mutex<Registry> {
        &self.0.registry
    }

    /// Fires when the server ends.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// What a change is told as.
    pub(crate) async fn told(
        &self,
        api: &ChatApi,
        position: StreamPosition,
        fact: &Fact,
    ) -> Result<ToldChange, Problem> {
        let key = (self.0.forgotten.load(Ordering::SeqCst), position);
        if let Some(told) = self.0.told.get(&key) {
            return Ok(told);
        }
        let seen = witness::witness(api, position, fact).await?;
        let events = seen.len();
        let tell = |(index, seen): (usize, witness::Seen)| {
            let place = Cursor::after_event(position, index, events);
            Arc::new(Told::new(place, true, seen.audience, seen.by, seen.happening))
        };
        let told: ToldChange = seen.into_iter().enumerate().map(tell).collect();
        self.0.told.insert(key, Arc::clone(&told));
        Ok(told)
    }

    /// Somebody took back what they said: from now on nothing is told as it was before.
    fn forget_told(&self) {
        self.0.forgotten.fetch_add(1, Ordering::SeqCst);
        self.0.told.invalidate_all();
    }
}

/// Tells the connections of `api.hub` of everything until the server ends.
pub(crate) async fn follow(api: ChatApi) {
    let stop = api.hub.stop().clone();
    let mut follower = Follower { api, typing: HashMap::new() };
    stop.run_until_cancelled(follower.run()).await;
}

struct Follower {
    api: ChatApi,
    /// Who was told to write where.
    typing: HashMap<OwnedRoomId, BTreeSet<OwnedUserId>>,
}

impl Follower {
    async fn run(&mut self) {
        let mut hints = self.api.bus.subscribe();
        let start = loop {
            match self.api.sync.log_end().await {
                Ok(end) => break end,
                Err(error) => self.pause(&error).await,
            }
        };
        let mut log = self.api.sync.log_after(start);
        self.set_followed(start);
        loop {
            tokio::select! {
                changes = log.next(CHANGES_READ) => match changes {
                    Ok(changes) => for (position, fact) in changes {
                        self.tell_change(position, &fact).await;
                        self.set_followed(position);
                    },
                    Err(error) => self.pause(&error).await,
                },
                hint = hints.recv() => match hint {
                    Ok(Hint::Typing(room)) => self.tell_typing(room).await,
                    Ok(Hint::Presence(user)) => self.tell_presence(&user).await,
                    // Whoever types goes on, and is told about then.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    async fn pause(&self, error: &hearth_sync::SyncError) {
        tracing::error!(%error, "the follower of the log for sockets has to wait");
        tokio::time::sleep(PAUSE).await;
    }

    fn set_followed(&self, position: StreamPosition) {
        self.api.hub.0.followed.store(position.0, Ordering::SeqCst);
    }

    /// Where connections are that were told of everything.
    fn place(&self) -> Cursor {
        Cursor::after(StreamPosition(self.api.hub.0.followed.load(Ordering::SeqCst)))
    }

    async fn tell_change(&self, position: StreamPosition, fact: &Fact) {
        if matches!(fact, Fact::Redacted { .. } | Fact::Erased { .. }) {
            self.api.hub.forget_told();
        }
        if !self.is_of_interest(fact) {
            return;
        }
        if let Err(error) = self.try_tell(position, fact).await {
            // Nobody may miss it unnoticed: who comes back reads it from the log.
            tracing::error!(position = position.0, ?error, "connections end, as a change is lost");
            self.api.hub.registry().lock().disconnect_all();
        }
    }

    fn is_of_interest(&self, fact: &Fact) -> bool {
        let registry = self.api.hub.registry().lock();
        match fact {
            Fact::Event { room, member, .. } => {
                let concerned = member.as_ref().is_some_and(|user| registry.is_connected(user));
                concerned || registry.is_followed(*room)
            }
            Fact::Receipt { user, private: true, .. }
            | Fact::AccountData { user, room: None }
            | Fact::DeviceList { user }
            | Fact::Notification { user } => registry.is_connected(user),
            Fact::Receipt { room, .. }
            | Fact::Redacted { room, .. }
            | Fact::RelationRemoved { room, .. } => registry.is_followed(*room),
            _ => false,
        }
    }

    async fn try_tell(&self, position: StreamPosition, fact: &Fact) -> Result<(), Problem> {
        let (api, registry) = (&self.api, self.api.hub.registry());
        let moved = match fact {
            Fact::Event { room, member: Some(user), .. } => {
                let snapshot = api.rooms.snapshot().await?;
                let is_joined = api.rooms.is_joined(snapshot.as_ref(), *room, user).await?;
                Some((*room, user, is_joined))
            }
            _ => None,
        };
        let told = api.hub.told(api, position, fact).await?;
        let mut registry = registry.lock();
        if let Some((room, user, true)) = moved {
            registry.joined(user, room);
        }
        told.iter().for_each(|told| registry.tell(told));
        if let Some((room, user, false)) = moved {
            registry.left(user, room);
        }
        if let Fact::AccountData { user, .. } | Fact::DeviceList { user } = fact {
            registry.call(user);
        }
        Ok(())
    }

    async fn tell_typing(&mut self, room_id: OwnedRoomId) {
        let now: BTreeSet<_> = self.api.bus.typing().users(&room_id).into_iter().collect();
        let before = self.typing.remove(&room_id).unwrap_or_default();
        let Ok(Some(room)) = self.api.rooms.room(&room_id).await else {
            return;
        };
        let began = now.difference(&before).map(|user| (user, true));
        let stopped = before.difference(&now).map(|user| (user, false));
        for (user, typing) in began.chain(stopped) {
            let room_id = room_id.clone();
            let happening = Happening::UserTyping { room_id, user_id: user.clone(), typing };
            self.tell_now(Audience::Room(room.nid()), user, happening);
        }
        if !now.is_empty() {
            self.typing.insert(room_id, now);
        }
    }

    async fn tell_presence(&self, user: &UserId) {
        let api = &self.api;
        let memberships = match api.rooms.snapshot().await {
            Ok(snapshot) => api.rooms.memberships(snapshot.as_ref(), user).await,
            Err(error) => Err(error),
        };
        let Ok(memberships) = memberships else {
            // The next change of it is told; this one can be asked for.
            return;
        };
        let joined = memberships
            .into_iter()
            .filter_map(|(room, row)| (row.value.state == MembershipState::Join).then_some(room));
        let mut people = api.hub.registry().lock().people_in(joined);
        people.insert(user.to_owned());
        let presence = api.bus.presence().get(user);
        let happening = Happening::PresenceUpdated {
            user_id: user.to_owned(),
            status: Status::of(&presence),
            status_message: presence.status_msg,
        };
        self.tell_now(Audience::People(people), user, happening);
    }

    /// Tells what is not in the log.
    fn tell_now(&self, audience: Audience, by: &UserId, happening: Happening) {
        let by = Some(by.to_owned());
        let told = Told::new(self.place(), false, audience, by, happening);
        self.api.hub.registry().lock().tell(&Arc::new(told));
    }
}
