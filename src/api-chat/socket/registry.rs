//! Which connections there are, and what each wants to be told.
//!
//! Invariant: an outbox gets everything of its audiences in order, or it is closed. Who lets too
//! much gather is forgotten, and learns it by the end of the outbox.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use hearth_base::RoomNid;
use ruma::{OwnedUserId, UserId};
use tokio::sync::{Notify, mpsc};

use super::{
    limits::{CONNECTIONS_OF_USER_MAX, OUTBOX_FLEETING_MAX, OUTBOX_MAX, ROOMS_MAX},
    told::{Audience, Told},
};

/// A connection in this process.
pub(crate) type ConnectionId = u64;

/// What waits for a connection.
pub(crate) type Outbox = mpsc::Receiver<Arc<Told>>;

/// All connections.
#[derive(Default)]
pub(crate) struct Registry {
    connections: HashMap<ConnectionId, Connection>,
    people: HashMap<OwnedUserId, Present>,
    /// Who subscribed to a room.
    followers: HashMap<RoomNid, HashSet<ConnectionId>>,
    /// The users with connections in the rooms that they have joined, subscribed or not.
    members: HashMap<RoomNid, HashSet<OwnedUserId>>,
    next: ConnectionId,
}

struct Connection {
    user: OwnedUserId,
    outbox: mpsc::Sender<Arc<Told>>,
    /// Something about the user changed that the connection has to look at.
    attention: Arc<Notify>,
    rooms: HashSet<RoomNid>,
    all_rooms: bool,
}

/// A user who has connections.
#[derive(Default)]
struct Present {
    connections: HashSet<ConnectionId>,
    joined: HashSet<RoomNid>,
}

/// What became of a wish to subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscribed {
    /// It was so already.
    Before,
    /// From now on.
    Now,
    /// The connection has too many rooms.
    TooMany,
}

/// What a new connection holds.
pub(crate) struct Connected {
    /// Its number.
    pub id: ConnectionId,
    /// What it is told.
    pub outbox: Outbox,
    /// Fires when the user's session or the list of whom they ignore may have changed.
    pub attention: Arc<Notify>,
}

impl Registry {
    /// Adds a connection that is told what concerns its user; `None` if they have too many.
    pub fn connect(&mut self, user: &UserId, all_rooms: bool) -> Option<Connected> {
        let present = self.people.entry(user.to_owned()).or_default();
        if present.connections.len() >= CONNECTIONS_OF_USER_MAX {
            return None;
        }
        let ((sender, outbox), attention) = (mpsc::channel(OUTBOX_MAX), Arc::default());
        self.next += 1;
        let connection = Connection {
            user: user.to_owned(),
            outbox: sender,
            attention: Arc::clone(&attention),
            rooms: HashSet::new(),
            all_rooms,
        };
        self.connections.insert(self.next, connection);
        present.connections.insert(self.next);
        Some(Connected { id: self.next, outbox, attention })
    }

    /// Forgets a connection.
    pub fn disconnect(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        for room in connection.rooms {
            take_out(&mut self.followers, &room, &id);
        }
        let Some(present) = self.people.get_mut(&connection.user) else {
            return;
        };
        present.connections.remove(&id);
        if present.connections.is_empty()
            && let Some(present) = self.people.remove(&connection.user)
        {
            for room in present.joined {
                take_out(&mut self.members, &room, &connection.user);
            }
        }
    }

    /// Forgets all connections.
    pub fn disconnect_all(&mut self) {
        let next = self.next;
        *self = Self { next, ..Self::default() };
    }

    /// Whether the user has a connection.
    pub fn is_connected(&self, user: &UserId) -> bool {
        self.people.contains_key(user)
    }

    /// Whether anybody would be told what happens in the room.
    pub fn is_followed(&self, room: RoomNid) -> bool {
        self.followers.contains_key(&room)
    }

    /// Makes the connections of a user look at what changed about the user.
    pub fn call(&self, user: &UserId) {
        for id in self.people.get(user).into_iter().flat_map(|present| &present.connections) {
            if let Some(connection) = self.connections.get(id) {
                connection.attention.notify_one();
            }
        }
    }

    /// Subscribes a connection.
    pub fn subscribe(&mut self, id: ConnectionId, room: RoomNid) -> Subscribed {
        let Some(connection) = self.connections.get_mut(&id) else {
            // It was forgotten, and will learn it.
            return Subscribed::Before;
        };
        if connection.rooms.contains(&room) {
            return Subscribed::Before;
        }
        if connection.rooms.len() >= ROOMS_MAX {
            return Subscribed::TooMany;
        }
        connection.rooms.insert(room);
        self.followers.entry(room).or_default().insert(id);
        Subscribed::Now
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, id: ConnectionId, room: RoomNid) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.rooms.remove(&room);
            take_out(&mut self.followers, &room, &id);
        }
    }

    /// A user with connections has joined a room.
    pub fn joined(&mut self, user: &UserId, room: RoomNid) {
        let Some(present) = self.people.get_mut(user) else {
            return;
        };
        present.joined.insert(room);
        self.members.entry(room).or_default().insert(user.to_owned());
        let wants_all = |id: &&ConnectionId| {
            self.connections.get(*id).is_some_and(|connection| connection.all_rooms)
        };
        let ids: Vec<_> = present.connections.iter().filter(wants_all).copied().collect();
        for id in ids {
            self.subscribe(id, room);
        }
    }

    /// A user is no longer in a room.
    pub fn left(&mut self, user: &UserId, room: RoomNid) {
        let Some(present) = self.people.get_mut(user) else {
            return;
        };
        present.joined.remove(&room);
        take_out(&mut self.members, &room, user);
        let ids: Vec<_> = present.connections.iter().copied().collect();
        for id in ids {
            self.unsubscribe(id, room);
        }
    }

    /// The users with connections who are in one of the rooms.
    pub fn people_in(&self, rooms: impl IntoIterator<Item = RoomNid>) -> HashSet<OwnedUserId> {
        rooms.into_iter().filter_map(|room| self.members.get(&room)).flatten().cloned().collect()
    }

    /// Tells those whom it concerns.
    pub fn tell(&mut self, told: &Arc<Told>) {
        let ids: Vec<&ConnectionId> = match &told.audience {
            Audience::Room(room) => self.followers.get(room).into_iter().flatten().collect(),
            Audience::People(people) => people
                .iter()
                .filter_map(|user| self.people.get(user))
                .flat_map(|present| &present.connections)
                .collect(),
        };
        let slow: Vec<_> = ids
            .into_iter()
            .filter(|id| self.connections.get(*id).is_some_and(|it| !it.offer(told)))
            .copied()
            .collect();
        for id in slow {
            self.disconnect(id);
        }
    }
}

impl Connection {
    /// Whether there was room for it, or it does not matter.
    fn offer(&self, told: &Arc<Told>) -> bool {
        if !told.is_logged && self.outbox.capacity() < OUTBOX_MAX - OUTBOX_FLEETING_MAX {
            return true;
        }
        self.outbox.try_send(Arc::clone(told)).is_ok()
    }
}

fn take_out<K, V, Q, P>(sets: &mut HashMap<K, HashSet<V>>, key: &Q, value: &P)
where
    K: std::hash::Hash + Eq + std::borrow::Borrow<Q>,
    V: std::hash::Hash + Eq + std::borrow::Borrow<P>,
    Q: std::hash::Hash + Eq + ?Sized,
    P: std::hash::Hash + Eq + ?Sized,
{
    if let Some(set) = sets.get_mut(key) {
        set.remove(value);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::StreamPosition;
    use ruma::{room_id, user_id};

    use super::*;
    use crate::socket::{cursor::Cursor, frame::Happening};

    const ROOM: RoomNid = RoomNid(7);

    fn typing(audience: Audience, is_logged: bool) -> Arc<Told> {
        let user_id = user_id!("@alice:hearth").to_owned();
        let room_id = room_id!("!a:hearth").to_owned();
        let happening = Happening::UserTyping { room_id, user_id, typing: true };
        let place = Cursor::after(StreamPosition(1));
        Arc::new(Told::new(place, is_logged, audience, None, happening))
    }

    #[test]
    fn each_is_told_what_it_wants() {
        let mut registry = Registry::default();
        let alice = user_id!("@alice:hearth");
        let Connected { id: one, outbox: mut first, .. } = registry.connect(alice, false).unwrap();
        let Connected { outbox: mut second, .. } = registry.connect(alice, true).unwrap();
        assert_eq!(registry.subscribe(one, ROOM), Subscribed::Now);
        assert_eq!(registry.subscribe(one, ROOM), Subscribed::Before);
        registry.tell(&typing(Audience::Room(ROOM), true));
        assert!(first.try_recv().is_ok() && second.try_recv().is_err());
        registry.joined(alice, ROOM);
        registry.tell(&typing(Audience::Room(ROOM), true));
        assert!(first.try_recv().is_ok() && second.try_recv().is_ok());
        assert_eq!(registry.people_in([ROOM, RoomNid(8)]).len(), 1);
        registry.left(alice, ROOM);
        assert!(!registry.is_followed(ROOM) && registry.people_in([ROOM]).is_empty());
        registry.tell(&typing(Audience::People([alice.to_owned()].into()), true));
        assert!(first.try_recv().is_ok() && second.try_recv().is_ok());
        registry.disconnect(one);
        assert!(registry.is_connected(alice));
    }

    #[test]
    fn nobody_has_too_many_connections() {
        let mut registry = Registry::default();
        let (alice, bob) = (user_id!("@alice:hearth"), user_id!("@bob:hearth"));
        let ids: Vec<_> = std::iter::from_fn(|| registry.connect(alice, false))
            .map(|connected| connected.id)
            .collect();
        assert_eq!(ids.len(), CONNECTIONS_OF_USER_MAX);
        assert!(registry.connect(bob, false).is_some());
        registry.disconnect(ids[0]);
        assert!(registry.connect(alice, false).is_some());
    }

    #[test]
    fn who_lets_too_much_gather_is_forgotten() {
        let mut registry = Registry::default();
        let alice = user_id!("@alice:hearth");
        let Connected { id, mut outbox, .. } = registry.connect(alice, false).unwrap();
        registry.subscribe(id, ROOM);
        for _ in 0..2 * OUTBOX_MAX {
            registry.tell(&typing(Audience::Room(ROOM), false));
        }
        assert!(registry.is_connected(alice), "what is fleeting may be missed");
        for _ in 0..OUTBOX_MAX {
            registry.tell(&typing(Audience::Room(ROOM), true));
        }
        assert!(!registry.is_connected(alice) && !registry.is_followed(ROOM));
        let mut waiting = 0;
        while outbox.try_recv().is_ok() {
            waiting += 1;
        }
        assert_eq!(waiting, OUTBOX_MAX);
        let end = outbox.try_recv().err();
        assert_eq!(end, Some(mpsc::error::TryRecvError::Disconnected));
    }
}
