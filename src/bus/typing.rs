//! Who types in which room (specification, client-server API, typing notifications).
//!
//! A user who went on typing is no change; a user who began or stopped is one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::Mutex;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};

use crate::{
    Hint, Shared, Version,
    changes::Changes,
    limits::{TYPING_ROOMS_MAX, TYPING_TIMEOUT_MS_MAX, TYPING_USERS_MAX},
};

/// The rooms in which somebody types.
pub struct Typing {
    shared: Arc<Shared>,
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    /// The typing users of each room and when they stop, in Unix milliseconds.
    users: HashMap<OwnedRoomId, BTreeMap<OwnedUserId, u64>>,
    /// The same by deadline.
    deadlines: BTreeSet<(u64, OwnedRoomId, OwnedUserId)>,
    changes: Changes<OwnedRoomId>,
}

impl Typing {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, rooms: Mutex::default() }
    }

    /// `user` types in `room` for `timeout_ms` from now, at most [`TYPING_TIMEOUT_MS_MAX`].
    pub fn start(&self, room: &RoomId, user: &UserId, timeout_ms: u64) {
        let timeout_ms = timeout_ms.clamp(1, TYPING_TIMEOUT_MS_MAX);
        let deadline = self.shared.clock.now_ms().saturating_add(timeout_ms);
        let mut rooms = self.current();
        match rooms.start(room, user, deadline) {
            Started::Full => return,
            Started::Again => {}
            Started::New => self.changed(&mut rooms, room),
        }
        let first = rooms.deadlines.first();
        if first.is_some_and(|(at, _, earliest)| *at == deadline && earliest == user) {
            self.shared.rescheduled.notify_one();
        }
    }

    /// `user` no longer types in `room`.
    pub fn stop(&self, room: &RoomId, user: &UserId) {
        let mut rooms = self.current();
        if rooms.stop(room, user) {
            self.changed(&mut rooms, room);
        }
    }

    /// Who types in `room`, in the order of their ids.
    #[must_use]
    pub fn users(&self, room: &RoomId) -> Vec<OwnedUserId> {
        let rooms = self.current();
        let users = rooms.users.get(room);
        users.into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// The rooms in which somebody began or stopped to type after `version`.
    #[must_use]
    pub fn changed_since(&self, version: Version) -> Vec<OwnedRoomId> {
        self.current().changes.since(version)
    }

    /// Stops who is due, and returns when the next one is, in Unix milliseconds.
    pub(crate) fn expire(&self) -> Option<u64> {
        let rooms = self.current();
        rooms.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// The rooms as they are now.
    fn current(&self) -> parking_lot::MutexGuard<'_, Rooms> {
        let mut rooms = self.rooms.lock();
        let now_ms = self.shared.clock.now_ms();
        while let Some((_, room, user)) = rooms.pop_due(now_ms) {
            rooms.stop(&room, &user);
            self.changed(&mut rooms, &room);
        }
        rooms
    }

    fn changed(&self, rooms: &mut Rooms, room: &RoomId) {
        let room = room.to_owned();
        rooms.changes.touch(&room, self.shared.next_version());
        rooms.forget_quiet();
        self.shared.hint(Hint::Typing(room));
    }
}

enum Started {
    New,
    Again,
    Full,
}

impl Rooms {
    fn start(&mut self, room: &RoomId, user: &UserId, deadline: u64) -> Started {
        let users = self.users.entry(room.to_owned()).or_default();
        if users.len() >= TYPING_USERS_MAX && !users.contains_key(user) {
            return Started::Full;
        }
        let before = users.insert(user.to_owned(), deadline);
        if let Some(before) = before {
            self.deadlines.remove(&(before, room.to_owned(), user.to_owned()));
        }
        self.deadlines.insert((deadline, room.to_owned(), user.to_owned()));
        if before.is_some() { Started::Again } else { Started::New }
    }

    /// Whether the user typed.
    fn stop(&mut self, room: &RoomId, user: &UserId) -> bool {
        let Some(users) = self.users.get_mut(room) else {
            return false;
        };
        let Some(deadline) = users.remove(user) else {
            return false;
        };
        if users.is_empty() {
            self.users.remove(room);
        }
        self.deadlines.remove(&(deadline, room.to_owned(), user.to_owned()));
        true
    }

    fn pop_due(&mut self, now_ms: u64) -> Option<(u64, OwnedRoomId, OwnedUserId)> {
        let due = self.deadlines.first().is_some_and(|(deadline, ..)| *deadline <= now_ms);
        if due { self.deadlines.pop_first() } else { None }
    }

    fn forget_quiet(&mut self) {
        let Some(room) = self.changes.forget_beyond(TYPING_ROOMS_MAX) else {
            return;
        };
        for (user, deadline) in self.users.remove(&room).into_iter().flatten() {
            self.deadlines.remove(&(deadline, room.clone(), user));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hearth_base::{Clock, Random};
    use ruma::{room_id, user_id};

    use crate::{Bus, Version};

    fn bus() -> (Bus, Clock) {
        let clock = Clock::manual(1_000_000);
        (Bus::new(clock.clone(), &Random::seeded(1), None), clock)
    }

    #[tokio::test]
    async fn typing_ends_at_its_deadline_and_that_is_a_change() {
        let (bus, clock) = bus();
        let (room, user) = (room_id!("!r:hearth"), user_id!("@u:hearth"));
        bus.typing().start(room, user, 30_000);
        assert_eq!(bus.typing().users(room), [user]);
        clock.advance(Duration::from_millis(29_999));
        assert_eq!(bus.version(), Version(1));
        clock.advance(Duration::from_millis(1));
        assert_eq!(bus.version(), Version(2));
        assert_eq!(bus.typing().changed_since(Version(1)), [room]);
        assert!(bus.typing().users(room).is_empty());
    }

    #[tokio::test]
    async fn going_on_is_no_change_but_moves_the_deadline() {
        let (bus, clock) = bus();
        let (room, user) = (room_id!("!r:hearth"), user_id!("@u:hearth"));
        bus.typing().start(room, user, 30_000);
        clock.advance(Duration::from_secs(20));
        bus.typing().start(room, user, 30_000);
        clock.advance(Duration::from_secs(20));
        assert_eq!(bus.typing().users(room), [user]);
        assert_eq!(bus.version(), Version(1));
    }

    #[tokio::test]
    async fn stopping_twice_is_one_change() {
        let (bus, _) = bus();
        let (room, user) = (room_id!("!r:hearth"), user_id!("@u:hearth"));
        bus.typing().start(room, user, 30_000);
        bus.typing().stop(room, user);
        bus.typing().stop(room, user);
        bus.typing().stop(room_id!("!other:hearth"), user);
        assert_eq!(bus.version(), Version(2));
        assert!(bus.typing().users(room).is_empty());
    }

    #[tokio::test]
    async fn a_timeout_is_bounded() {
        let (bus, clock) = bus();
        let (room, user) = (room_id!("!r:hearth"), user_id!("@u:hearth"));
        bus.typing().start(room, user, u64::MAX);
        clock.advance(Duration::from_millis(super::TYPING_TIMEOUT_MS_MAX));
        assert!(bus.typing().users(room).is_empty());
    }

    #[tokio::test]
    async fn a_crowd_is_bounded() {
        let (bus, _) = bus();
        let room = room_id!("!r:hearth");
        for number in 0..super::TYPING_USERS_MAX + 5 {
            let user = ruma::OwnedUserId::try_from(format!("@u{number}:hearth")).unwrap();
            bus.typing().start(room, &user, 30_000);
        }
        assert_eq!(bus.typing().users(room).len(), super::TYPING_USERS_MAX);
    }
}
