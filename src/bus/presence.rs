//! Who is there (specification, client-server API, presence).
//!
//! The rules, kept simple:
//! - A user is what they last set, until a rule below changes it.
//! - A sync that does not ask for `offline` makes an offline user online (or unavailable). So does
//!   any request of the chat API, and a connection that stays open.
//! - A pro-active event ([`PresenceBook::active`]) makes an unavailable user online.
//! - Online without a pro-active event for 5 minutes becomes unavailable.
//! - Anything without a sync in progress, a connection or a request for 30 seconds becomes offline.
//! - Whose last connection closes is unavailable at once and offline after 15 seconds, unless they
//!   sync or are heard of again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use ruma::{OwnedRoomId, OwnedUserId, UserId, presence::PresenceState};

use crate::{Hint, Shared, Version, changes::Changes, limits::PRESENCE_USERS_MAX, person::Person};

/// What is known about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Offline for somebody who was never seen in this epoch.
    pub state: PresenceState,
    /// What the user says about it.
    pub status_msg: Option<String>,
    /// The last pro-active event, in Unix milliseconds.
    pub last_active_ms: Option<u64>,
    /// Whether the user did something in the last 5 minutes and is not away.
    pub currently_active: bool,
    /// Whether the user is there and does not want to be disturbed. Matrix has no word for it.
    pub busy: bool,
    /// The room that the user looks at, if they said so.
    pub room: Option<OwnedRoomId>,
}

/// What users can say that they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// There.
    Online,
    /// There, but not looking.
    Away,
    /// There, and not to be disturbed.
    Busy,
    /// Gone, even while connected.
    Offline,
}

/// The presence of the users that were seen.
pub struct PresenceBook {
    shared: Arc<Shared>,
    people: Mutex<People>,
}

/// A sync in progress or an open connection: as long as it lives, its user is not taken for gone.
pub struct Present {
    book: Arc<PresenceBook>,
    user: OwnedUserId,
    ends: fn(&mut Person, u64),
}

#[derive(Default)]
struct People {
    people: HashMap<OwnedUserId, Planned>,
    /// Not later than when a rule changes the user. Activity moves it only when it is due.
    deadlines: BTreeSet<(u64, OwnedUserId)>,
    changes: Changes<OwnedUserId>,
}

struct Planned {
    person: Person,
    /// When the person is looked at again.
    deadline: Option<u64>,
}

impl PresenceBook {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, people: Mutex::default() }
    }

    /// The user says what they are, which is a pro-active event.
    pub fn set(&self, user: &UserId, state: PresenceState, status_msg: Option<String>) {
        self.update(user, |person, now_ms| person.set(state, status_msg, now_ms));
    }

    /// The user says what they are, with the words that there are beyond Matrix.
    pub fn choose(&self, user: &UserId, availability: Availability) {
        self.update(user, |person, now_ms| person.choose(availability, now_ms));
    }

    /// What the user says about what they are.
    pub fn say(&self, user: &UserId, status_msg: Option<String>) {
        self.update(user, |person, _| person.say(status_msg));
    }

    /// The user looks at a room, or at none any more.
    pub fn look_at(&self, user: &UserId, room: Option<OwnedRoomId>) {
        self.update(user, |person, _| person.look_at(room));
    }

    /// The user did something: sent an event, a receipt or typing. Polling is not activity.
    pub fn active(&self, user: &UserId) {
        self.update(user, Person::active);
    }

    /// The user asked for something, so they are there, for as long as after a sync.
    pub fn asked(&self, user: &UserId) {
        self.update(user, Person::asks);
    }

    /// A sync of the user begins, with its `set_presence`; keep the answer until it ends.
    #[must_use]
    pub fn syncing(self: &Arc<Self>, user: &UserId, set_presence: &PresenceState) -> Present {
        self.update(user, |person, now_ms| person.sync_begins(set_presence, now_ms));
        Present { book: Arc::clone(self), user: user.to_owned(), ends: Person::sync_ends }
    }

    /// The user opened a connection; keep the answer until it closes.
    #[must_use]
    pub fn connected(self: &Arc<Self>, user: &UserId) -> Present {
        self.update(user, Person::connects);
        Present { book: Arc::clone(self), user: user.to_owned(), ends: Person::disconnects }
    }

    /// What is known about `user`.
    #[must_use]
    pub fn get(&self, user: &UserId) -> Presence {
        let people = self.current();
        let now_ms = self.shared.clock.now_ms();
        match people.people.get(user) {
            Some(planned) => planned.person.presence(now_ms),
            None => Person::stranger().presence(now_ms),
        }
    }

    /// The users whose state or status message changed after `version`.
    #[must_use]
    pub fn changed_since(&self, version: Version) -> Vec<OwnedUserId> {
        self.current().changes.since(version)
    }

    /// Applies the rules that are due, and returns when the next one is, in Unix milliseconds.
    pub(crate) fn expire(&self) -> Option<u64> {
        self.current().deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The people as they are now.
    fn current(&self) -> MutexGuard<'_, People> {
        let mut people = self.people.lock();
        let now_ms = self.shared.clock.now_ms();
        while let Some(user) = people.pop_due(now_ms) {
            let Some(planned) = people.people.get_mut(&user) else {
                continue;
            };
            planned.deadline = None;
            let before = planned.person.shown();
            planned.person.grow_idle(now_ms);
            let changed = before != planned.person.shown();
            people.reschedule(&user);
            if changed {
                self.changed(&mut people, &user);
            }
        }
        people
    }

    /// Changes a person, at a time in Unix milliseconds.
    fn update(&self, user: &UserId, change: impl FnOnce(&mut Person, u64)) {
        let mut people = self.current();
        let stranger = || Planned { person: Person::stranger(), deadline: None };
        let person = &mut people.people.entry(user.to_owned()).or_insert_with(stranger).person;
        let before = person.shown();
        change(person, self.shared.clock.now_ms());
        let changed = before != person.shown();
        if people.reschedule(user) {
            self.shared.rescheduled.notify_one();
        }
        if changed {
            self.changed(&mut people, user);
        }
    }

    fn changed(&self, people: &mut People, user: &UserId) {
        let user = user.to_owned();
        people.changes.touch(&user, self.shared.next_version());
        people.forget_longest_unchanged();
        self.shared.hint(Hint::Presence(user));
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.book.update(&self.user, self.ends);
    }
}

impl People {
    /// Makes sure that the user is looked at in time, and returns whether that became the
    /// earliest deadline of all.
    fn reschedule(&mut self, user: &UserId) -> bool {
        let Some(planned) = self.people.get_mut(user) else {
            return false;
        };
        let Some(next) = planned.person.next_rule_ms() else {
            return false;
        };
        match planned.deadline {
            Some(deadline) if deadline <= next => return false,
            Some(deadline) => {
                self.deadlines.remove(&(deadline, user.to_owned()));
            }
            None => {}
        }
        planned.deadline = Some(next);
        self.deadlines.insert((next, user.to_owned()));
        self.deadlines.first().is_some_and(|(at, first)| *at == next && first == user)
    }

    fn pop_due(&mut self, now_ms: u64) -> Option<OwnedUserId> {
        let due = self.deadlines.first().is_some_and(|(deadline, _)| *deadline <= now_ms);
        if due { self.deadlines.pop_first().map(|(_, user)| user) } else { None }
    }

    fn forget_longest_unchanged(&mut self) {
        let Some(user) = self.changes.forget_beyond(PRESENCE_USERS_MAX) else {
            return;
        };
        if let Some(deadline) = self.people.remove(&user).and_then(|planned| planned.deadline) {
            self.deadlines.remove(&(deadline, user));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hearth_base::{Clock, Random};
    use ruma::user_id;

    use super::*;
    use crate::{
        Bus,
        limits::{OFFLINE_AFTER_CONNECTION_MS, OFFLINE_AFTER_MS, STATUS_MSG_BYTES_MAX},
    };

    const MINUTES: u64 = 60 * 1_000;

    fn bus() -> (Bus, Clock) {
        let clock = Clock::manual(1_000_000);
        (Bus::new(clock.clone(), &Random::seeded(1), None), clock)
    }

    fn state(bus: &Bus) -> PresenceState {
        bus.presence().get(user_id!("@u:hearth")).state
    }

    #[tokio::test]
    async fn a_stranger_is_offline_and_no_change() {
        let (bus, _) = bus();
        assert_eq!(state(&bus), PresenceState::Offline);
        assert_eq!(bus.version(), Version(0));
    }

    #[tokio::test]
    async fn who_only_polls_becomes_unavailable_and_activity_brings_them_back() {
        let (bus, clock) = bus();
        let user = user_id!("@u:hearth");
        let _sync = bus.presence().syncing(user, &PresenceState::Online);
        assert!(bus.presence().get(user).currently_active);
        clock.advance(Duration::from_millis(4 * MINUTES));
        bus.presence().active(user);
        clock.advance(Duration::from_millis(4 * MINUTES));
        assert_eq!(state(&bus), PresenceState::Online);
        clock.advance(Duration::from_millis(MINUTES));
        assert_eq!(state(&bus), PresenceState::Unavailable);
        assert!(!bus.presence().get(user).currently_active);
        bus.presence().active(user);
        assert_eq!(state(&bus), PresenceState::Online);
        assert_eq!(bus.version(), Version(3));
    }

    #[tokio::test]
    async fn who_is_busy_stays_it_and_who_hides_is_not_woken() {
        let (bus, clock) = bus();
        let (user, presence) = (user_id!("@u:hearth"), bus.presence());
        let _sync = presence.syncing(user, &PresenceState::Online);
        presence.choose(user, Availability::Busy);
        presence.look_at(user, Some("!r:hearth".try_into().unwrap()));
        clock.advance(Duration::from_millis(6 * MINUTES));
        assert!(presence.get(user).busy && presence.get(user).room.is_some());
        presence.choose(user, Availability::Offline);
        let _another = presence.syncing(user, &PresenceState::Online);
        let seen = presence.get(user);
        assert_eq!(seen.state, PresenceState::Offline);
        assert!(!seen.busy && seen.room.is_none());
        presence.set(user, PresenceState::Online, None);
        assert_eq!(state(&bus), PresenceState::Online);
    }

    #[tokio::test]
    async fn offline_comes_after_the_last_sync_and_its_grace() {
        let (bus, clock) = bus();
        let user = user_id!("@u:hearth");
        let phone = bus.presence().syncing(user, &PresenceState::Online);
        let laptop = bus.presence().syncing(user, &PresenceState::Online);
        drop(phone);
        clock.advance(Duration::from_millis(MINUTES));
        assert_eq!(state(&bus), PresenceState::Online);
        drop(laptop);
        clock.advance(Duration::from_millis(OFFLINE_AFTER_MS - 1));
        assert_eq!(state(&bus), PresenceState::Online);
        clock.advance(Duration::from_millis(1));
        assert_eq!(state(&bus), PresenceState::Offline);
        assert_eq!(bus.version(), Version(2));
    }

    #[tokio::test]
    async fn polls_in_a_row_keep_somebody_there_without_changes() {
        let (bus, clock) = bus();
        let user = user_id!("@u:hearth");
        for _ in 0..20 {
            drop(bus.presence().syncing(user, &PresenceState::Unavailable));
            clock.advance(Duration::from_secs(25));
        }
        assert_eq!(state(&bus), PresenceState::Unavailable);
        assert_eq!(bus.version(), Version(1));
    }

    #[tokio::test]
    async fn a_sync_does_not_undo_what_was_set() {
        let (bus, _) = bus();
        let user = user_id!("@u:hearth");
        let text = Some("at lunch".to_owned());
        bus.presence().set(user, PresenceState::Unavailable, text.clone());
        let _sync = bus.presence().syncing(user, &PresenceState::Online);
        assert_eq!(state(&bus), PresenceState::Unavailable);
        assert_eq!(bus.presence().get(user).status_msg, text);
    }

    #[tokio::test]
    async fn who_wants_to_look_offline_does() {
        let (bus, _) = bus();
        let user = user_id!("@u:hearth");
        let _sync = bus.presence().syncing(user, &PresenceState::Offline);
        bus.presence().active(user);
        assert_eq!(state(&bus), PresenceState::Offline);
        assert_eq!(bus.version(), Version(0));
    }

    #[tokio::test]
    async fn a_custom_state_is_kept_and_a_long_message_cut() {
        let (bus, _) = bus();
        let user = user_id!("@u:hearth");
        let busy = PresenceState::from("org.matrix.msc3026.busy");
        bus.presence().set(user, busy.clone(), Some("ä".repeat(2_000)));
        let presence = bus.presence().get(user);
        assert_eq!(presence.state, busy);
        assert!(presence.currently_active);
        assert_eq!(presence.status_msg.unwrap().len(), STATUS_MSG_BYTES_MAX);
        assert_eq!(bus.presence().changed_since(Version(0)), [user]);
    }

    #[tokio::test]
    async fn who_disconnects_is_away_and_then_gone() {
        let (bus, clock) = bus();
        let (user, presence) = (user_id!("@u:hearth"), bus.presence());
        let (phone, laptop) = (presence.connected(user), presence.connected(user));
        presence.choose(user, Availability::Busy);
        presence.look_at(user, Some("!r:hearth".try_into().unwrap()));
        drop(phone);
        clock.advance(Duration::from_millis(4 * MINUTES));
        // What was asked for before does not make it longer.
        presence.asked(user);
        assert!(presence.get(user).busy);
        drop(laptop);
        let left = presence.get(user);
        assert_eq!(left.state, PresenceState::Unavailable);
        assert!(!left.busy && !left.currently_active && left.room.is_none());
        clock.advance(Duration::from_millis(OFFLINE_AFTER_CONNECTION_MS - 1));
        assert_eq!(state(&bus), PresenceState::Unavailable);
        let version = bus.version();
        clock.advance(Duration::from_millis(1));
        assert_eq!(bus.presence().changed_since(version), [user]);
        assert_eq!(state(&bus), PresenceState::Offline);
    }

    #[tokio::test]
    async fn who_comes_back_in_time_is_what_they_were() {
        let (bus, clock) = bus();
        let (user, presence) = (user_id!("@u:hearth"), bus.presence());
        drop(presence.connected(user));
        clock.advance(Duration::from_millis(OFFLINE_AFTER_CONNECTION_MS - 1));
        let connection = presence.connected(user);
        assert_eq!(state(&bus), PresenceState::Online);
        clock.advance(Duration::from_millis(MINUTES));
        assert_eq!(state(&bus), PresenceState::Online);
        presence.choose(user, Availability::Away);
        drop(connection);
        assert_eq!(state(&bus), PresenceState::Unavailable);
        presence.asked(user);
        assert_eq!(state(&bus), PresenceState::Unavailable, "as they wish");
        presence.active(user);
        assert_eq!(state(&bus), PresenceState::Online);
        clock.advance(Duration::from_millis(OFFLINE_AFTER_MS));
        assert_eq!(state(&bus), PresenceState::Offline);
    }

    #[tokio::test]
    async fn who_syncs_beside_a_connection_does_not_flicker() {
        let (bus, clock) = bus();
        let (user, presence) = (user_id!("@u:hearth"), bus.presence());
        let poll = presence.syncing(user, &PresenceState::Online);
        drop(presence.connected(user));
        assert_eq!(state(&bus), PresenceState::Online, "a poll is in progress");
        drop(poll);
        clock.advance(Duration::from_secs(5));
        drop(presence.connected(user));
        assert_eq!(state(&bus), PresenceState::Online, "between two polls");
        clock.advance(Duration::from_millis(OFFLINE_AFTER_MS - 5_001));
        assert_eq!(state(&bus), PresenceState::Online);
        clock.advance(Duration::from_millis(1));
        assert_eq!(state(&bus), PresenceState::Offline);
        assert_eq!(bus.version(), Version(2));
    }
}
