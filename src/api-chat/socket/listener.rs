//! What one connection hears: everything that it wants, in order, each once, from a place on.
//!
//! First the follower is asked to tell, then the log is read up to the present: what comes in
//! between is in both, and passed over the second time.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::Room;
use hearth_sync::Fact;
use http::StatusCode;
use ruma::{OwnedUserId, RoomId, UserId, events::room::member::MembershipState};
use tokio::sync::Notify;

use super::{
    command::Wish,
    cursor::Cursor,
    form::{Form, FormError},
    limits::{CHANGES_READ, RESUMED_CHANGES_MAX},
    registry::{Connected, ConnectionId, Outbox, Subscribed},
    told::Told,
};
use crate::{ChatApi, Problem};

/// What one connection hears.
pub(crate) struct Listener {
    api: ChatApi,
    user: OwnedUserId,
    id: ConnectionId,
    outbox: Outbox,
    attention: Arc<Notify>,
    ignored: BTreeSet<OwnedUserId>,
    /// From where on the connection is told what it has to be told anyway.
    start: Cursor,
    /// From where on it is told what happens in the rooms that it subscribed to.
    rooms: HashMap<RoomNid, Cursor>,
    all_rooms: bool,
    /// What happened before it came back.
    missed: VecDeque<Arc<Told>>,
    /// After the last frame.
    place: Cursor,
    /// The room of the last frame, if it was about one.
    told_of: Option<RoomNid>,
}

impl Listener {
    /// Begins to listen, and says whether that goes on where the client was.
    pub async fn open(api: &ChatApi, user: &UserId, wish: &Wish) -> Result<(Self, bool), Problem> {
        let connected = api.hub.registry().lock().connect(user, wish.all_rooms);
        let too_many = || {
            let detail = "you have too many connections";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-connections", detail)
        };
        let Connected { id, outbox, attention } = connected.ok_or_else(too_many)?;
        let mut listener = Self {
            api: api.clone(),
            user: user.to_owned(),
            id,
            outbox,
            attention,
            ignored: BTreeSet::new(),
            start: Cursor::after(StreamPosition::ZERO),
            rooms: HashMap::new(),
            all_rooms: wish.all_rooms,
            missed: VecDeque::new(),
            place: Cursor::after(StreamPosition::ZERO),
            told_of: None,
        };
        listener.look_again().await?;
        let (wanted, now) = listener.enter_rooms(wish).await?;
        let Some(pos) = wish.place()? else {
            return Ok((listener, false));
        };
        let behind = now.0 - pos.complete().0;
        if !(0..=RESUMED_CHANGES_MAX).contains(&behind) {
            return Ok((listener, false));
        }
        listener.place = pos;
        listener.read_missed(pos, now, &wanted).await?;
        Ok((listener, true))
    }

    /// Enters the user's rooms, and subscribes to those that the client names. Returns the rooms
    /// whose past it may want, and the present.
    async fn enter_rooms(
        &mut self,
        wish: &Wish,
    ) -> Result<(HashMap<RoomNid, Wanted>, StreamPosition), Problem> {
        let (api, user) = (self.api.clone(), self.user.clone());
        let snapshot = api.rooms.snapshot().await?;
        for (room, row) in api.rooms.memberships(snapshot.as_ref(), &user).await? {
            if row.value.state == MembershipState::Join {
                api.hub.registry().lock().joined(&user, room);
            }
        }
        // Who left before they were entered leaves again; who leaves from here on is told of.
        let snapshot = api.rooms.snapshot().await?;
        let start = Cursor::after(snapshot.position());
        (self.start, self.place) = (start, start);
        let mut wanted = HashMap::new();
        for (nid, row) in api.rooms.memberships(snapshot.as_ref(), &user).await? {
            let is_joined = row.value.state == MembershipState::Join;
            if !is_joined {
                api.hub.registry().lock().left(&user, nid);
            }
            let room = api.rooms.room_by_nid(snapshot.as_ref(), nid).await?;
            let is_named = wish.rooms.iter().any(|named| named == room.id());
            if is_named && is_joined {
                api.hub.registry().lock().subscribe(self.id, nid);
                self.rooms.insert(nid, start);
            }
            if is_named || wish.all_rooms {
                let since = row.value.last_joined(row.position).filter(|_| is_joined);
                wanted.insert(nid, Wanted { room, since });
            }
        }
        Ok((wanted, snapshot.position()))
    }

    /// Reads what happened from a place to the present.
    async fn read_missed(
        &mut self,
        from: Cursor,
        now: StreamPosition,
        wanted: &HashMap<RoomNid, Wanted>,
    ) -> Result<(), Problem> {
        let api = self.api.clone();
        let mut log = api.sync.log_after(from.complete());
        while log.position() < now {
            for (position, fact) in log.read(CHANGES_READ).await.map_err(Problem::internal)? {
                if position > now {
                    return Ok(());
                }
                if self.concerns(position, &fact, wanted).await? {
                    let told = api.hub.told(&api, position, &fact).await?;
                    let new = told.iter().filter(|told| told.place > from);
                    self.missed.extend(new.cloned());
                }
            }
        }
        Ok(())
    }

    /// Whether the user wants to be told of a change, and may see it.
    async fn concerns(
        &self,
        position: StreamPosition,
        fact: &Fact,
        wanted: &HashMap<RoomNid, Wanted>,
    ) -> Result<bool, Problem> {
        let (room, event) = match fact {
            Fact::Receipt { user, private: true, .. } | Fact::Notification { user } => {
                return Ok(*user == self.user);
            }
            Fact::Event { room, event, .. } => (room, Some(event)),
            Fact::Receipt { room, .. }
            | Fact::Redacted { room, .. }
            | Fact::RelationRemoved { room, .. } => (room, None),
            _ => return Ok(false),
        };
        let Some(Wanted { room, since }) = wanted.get(room) else {
            return Ok(false);
        };
        match since {
            Some(since) if *since <= position => return Ok(true),
            Some(_) => {}
            // Messages are told as they are now, which who left must not see.
            None => return Ok(is_about(fact, &self.user)),
        }
        let Some(event) = event else {
            return Ok(false);
        };
        let rooms = &self.api.rooms;
        let snapshot = rooms.snapshot().await?;
        let event = rooms.event(snapshot.as_ref(), *event).await?;
        let mut visibility = rooms.visibility(snapshot.as_ref(), room, &self.user).await?;
        Ok(visibility.may_see(&event).await?)
    }

    /// Subscribes to a room that the user has joined.
    pub async fn subscribe(&mut self, room_id: &RoomId) -> Result<(), Problem> {
        let room = self.api.rooms.room(room_id).await?;
        let unknown = || Problem::not_found("there is no such room, or you are not in it");
        let nid = room.as_ref().map(Room::nid).ok_or_else(unknown)?;
        let subscribed = self.api.hub.registry().lock().subscribe(self.id, nid);
        if subscribed == Subscribed::TooMany {
            return Err(Problem::invalid_field("room_id", "these are too many rooms"));
        }
        // First subscribe, then look: who leaves from here on is told of.
        let snapshot = self.api.rooms.snapshot().await?;
        if !self.api.rooms.is_joined(snapshot.as_ref(), nid, &self.user).await? {
            self.api.hub.registry().lock().unsubscribe(self.id, nid);
            return Err(unknown());
        }
        if subscribed == Subscribed::Now {
            self.rooms.insert(nid, Cursor::after(snapshot.position()));
        }
        Ok(())
    }

    /// Ends a subscription.
    pub async fn unsubscribe(&mut self, room_id: &RoomId) -> Result<(), Problem> {
        if let Some(room) = self.api.rooms.room(room_id).await? {
            self.rooms.remove(&room.nid());
            self.api.hub.registry().lock().unsubscribe(self.id, room.nid());
        }
        Ok(())
    }

    /// Looks again at what is known of the user.
    pub async fn look_again(&mut self) -> Result<(), Problem> {
        self.ignored = self.api.accounts.ignored_users(&self.user).await?;
        Ok(())
    }

    /// Fires when the user's session, or what is known of the user, may have changed.
    pub fn attention(&self) -> Arc<Notify> {
        Arc::clone(&self.attention)
    }

    /// The rooms that the connection subscribed to by name.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// After the last frame.
    pub const fn place(&self) -> Cursor {
        self.place
    }

    /// The next frame; `None` if the connection fell behind or the
    /// server ends. Nothing is lost by not waiting for it.
    pub async fn next(&mut self, form: Form) -> Option<Result<Bytes, FormError>> {
        // Who wants the next frame has taken the one before.
        if let Some(room) = self.told_of.take() {
            let (deliveries, upto) = (self.api.bus.deliveries(), self.place.complete());
            match self.all_rooms {
                true => deliveries.delivered(&self.user, upto),
                false => deliveries.delivered_in(room, &self.user, upto),
            }
        }
        loop {
            let (told, is_missed) = match self.missed.pop_front() {
                Some(told) => (told, true),
                None => (self.outbox.recv().await?, false),
            };
            if told.is_by(&self.ignored) || !(is_missed || self.is_new(&told)) {
                continue;
            }
            self.told_of = told.room();
            if told.is_logged || told.place > self.place {
                self.place = self.place.max(told.place);
                return Some(told.written(form));
            }
            return Some(told.written_at(self.place, form));
        }
    }

    /// Whether it is wanted, and comes after what was read from the log.
    fn is_new(&self, told: &Told) -> bool {
        let start = match told.room() {
            None => Some(&self.start),
            Some(room) => self.rooms.get(&room).or(self.all_rooms.then_some(&self.start)),
        };
        start.is_some_and(|start| !told.is_logged || told.place > *start)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.api.hub.registry().lock().disconnect(self.id);
    }
}

/// A room whose past is told.
struct Wanted {
    room: Room,
    /// Since when the user has been in it without a break.
    since: Option<StreamPosition>,
}

/// Whether a change is that the user came or went.
fn is_about(fact: &Fact, user: &UserId) -> bool {
    matches!(fact, Fact::Event { member: Some(member), .. } if member == user)
}
