//! Who is there (specification, client-server API, presence).
//!
//! The rules, kept simple:
//! - A user is what they last set, until a rule below changes it.
//! - A sync that does not ask for `offline` makes an offline user online (or unavailable).
//! - A pro-active event ([`PresenceBook::active`]) makes an unavailable user online.
//! - Online without a pro-active event for 5 minutes becomes unavailable.
//! - Anything without a sync in progress for 30 seconds becomes offline.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use ruma::{OwnedRoomId, OwnedUserId, UserId, presence::PresenceState};

use crate::{
    Hint, Shared, Version,
    changes::Changes,
    limits::{IDLE_AFTER_MS, OFFLINE_AFTER_MS, PRESENCE_USERS_MAX, STATUS_MSG_BYTES_MAX},
};

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

/// A sync in progress: as long as it lives, its user is not taken for gone.
pub struct Syncing {
    book: Arc<PresenceBook>,
    user: OwnedUserId,
}

#[derive(Default)]
struct People {
    people: HashMap<OwnedUserId, Person>,
    /// Not later than when a rule changes the user. Activity moves it only when it is due.
    deadlines: BTreeSet<(u64, OwnedUserId)>,
    changes: Changes<OwnedUserId>,
}

struct Person {
    state: PresenceState,
    status_msg: Option<String>,
    busy: bool,
    /// Whether the user wants to be taken for gone, whatever syncs.
    hidden: bool,
    room: Option<OwnedRoomId>,
    last_active_ms: u64,
    /// When the last sync ended or something else was heard.
    last_seen_ms: u64,
    syncs: usize,
    deadline: Option<u64>,
}

impl PresenceBook {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, people: Mutex::default() }
    }

    /// The user says what they are, which is a pro-active event.
    pub fn set(&self, user: &UserId, state: PresenceState, status_msg: Option<String>) {
        let now_ms = self.shared.clock.now_ms();
        let status_msg = bounded(status_msg);
        self.update(user, |person| {
            person.last_active_ms = now_ms;
            person.last_seen_ms = now_ms;
            person.state = state;
            person.status_msg = status_msg;
            (person.busy, person.hidden) = (false, false);
        });
    }

    /// The user says what they are, with the words that there are beyond Matrix.
    pub fn choose(&self, user: &UserId, availability: Availability) {
        let now_ms = self.shared.clock.now_ms();
        self.update(user, |person| {
            person.last_active_ms = now_ms;
            person.last_seen_ms = now_ms;
            person.busy = availability == Availability::Busy;
            person.hidden = availability == Availability::Offline;
            person.state = match availability {
                Availability::Online | Availability::Busy => PresenceState::Online,
                Availability::Away => PresenceState::Unavailable,
                Availability::Offline => PresenceState::Offline,
            };
        });
    }

    /// What the user says about what they are.
    pub fn say(&self, user: &UserId, status_msg: Option<String>) {
        self.update(user, |person| person.status_msg = bounded(status_msg));
    }

    /// The user looks at a room, or at none any more.
    pub fn look_at(&self, user: &UserId, room: Option<OwnedRoomId>) {
        self.update(user, |person| person.room = room);
    }

    /// The user did something: sent an event, a receipt or typing. Polling is not activity.
    pub fn active(&self, user: &UserId) {
        let now_ms = self.shared.clock.now_ms();
        self.update(user, |person| {
            person.last_active_ms = now_ms;
            person.last_seen_ms = now_ms;
            if person.state == PresenceState::Unavailable {
                person.state = PresenceState::Online;
            }
        });
    }

    /// A sync of the user begins, with its `set_presence`; keep the answer until it ends.
    #[must_use]
    pub fn syncing(self: &Arc<Self>, user: &UserId, set_presence: &PresenceState) -> Syncing {
        let now_ms = self.shared.clock.now_ms();
        self.update(user, |person| {
            person.syncs += 1;
            let wakes = person.state == PresenceState::Offline && !person.hidden;
            let dozes = *set_presence == PresenceState::Unavailable
                && person.state == PresenceState::Online;
            if *set_presence != PresenceState::Offline && (wakes || dozes) {
                person.state = set_presence.clone();
            }
            if wakes && person.state == PresenceState::Online {
                person.last_active_ms = now_ms;
            }
        });
        Syncing { book: Arc::clone(self), user: user.to_owned() }
    }

    /// What is known about `user`.
    #[must_use]
    pub fn get(&self, user: &UserId) -> Presence {
        let people = self.current();
        let Some(person) = people.people.get(user) else {
            return Presence {
                state: PresenceState::Offline,
                status_msg: None,
                last_active_ms: None,
                currently_active: false,
                busy: false,
                room: None,
            };
        };
        let away = [PresenceState::Offline, PresenceState::Unavailable].contains(&person.state);
        let idle_at = person.last_active_ms.saturating_add(IDLE_AFTER_MS);
        Presence {
            state: person.state.clone(),
            status_msg: person.status_msg.clone(),
            last_active_ms: Some(person.last_active_ms).filter(|ms| *ms > 0),
            currently_active: !away && self.shared.clock.now_ms() < idle_at,
            busy: person.busy && person.state != PresenceState::Offline,
            room: person.room.clone().filter(|_| person.state != PresenceState::Offline),
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
            let Some(person) = people.people.get_mut(&user) else {
                continue;
            };
            person.deadline = None;
            let changed = person.grow_idle(now_ms);
            people.reschedule(&user);
            if changed {
                self.changed(&mut people, &user);
            }
        }
        people
    }

    fn update(&self, user: &UserId, change: impl FnOnce(&mut Person)) {
        let mut people = self.current();
        let person = people.people.entry(user.to_owned()).or_insert_with(Person::stranger);
        let shown = |person: &Person| {
            (person.state.clone(), person.status_msg.clone(), person.busy, person.room.clone())
        };
        let before = shown(person);
        change(person);
        let changed = before != shown(person);
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

fn bounded(status_msg: Option<String>) -> Option<String> {
    status_msg.map(|mut text| {
        text.truncate(text.floor_char_boundary(STATUS_MSG_BYTES_MAX));
        text
    })
}

impl Drop for Syncing {
    fn drop(&mut self) {
        let now_ms = self.book.shared.clock.now_ms();
        self.book.update(&self.user, |person| {
            person.syncs = person.syncs.saturating_sub(1);
            person.last_seen_ms = now_ms;
        });
    }
}

impl People {
    /// Makes sure that the user is looked at in time, and returns whether that became the
    /// earliest deadline of all.
    fn reschedule(&mut self, user: &UserId) -> bool {
        let Some(person) = self.people.get_mut(user) else {
            return false;
        };
        let next = person.next_rule_ms();
        match (person.deadline, next) {
            (_, None) => return false,
            (Some(planned), Some(next)) if planned <= next => return false,
            (Some(planned), Some(_)) => {
                self.deadlines.remove(&(planned, user.to_owned()));
            }
            (None, Some(_)) => {}
        }
        person.deadline = next;
        let Some(next) = next else {
            return false;
        };
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
        if let Some(deadline) = self.people.remove(&user).and_then(|person| person.deadline) {
            self.deadlines.remove(&(deadline, user));
        }
    }
}

impl Person {
    fn stranger() -> Self {
        Self {
            state: PresenceState::Offline,
            status_msg: None,
            busy: false,
            hidden: false,
            room: None,
            last_active_ms: 0,
            last_seen_ms: 0,
            syncs: 0,
            deadline: None,
        }
    }

    fn goes_offline_ms(&self) -> Option<u64> {
        let there = self.state != PresenceState::Offline;
        (there && self.syncs == 0).then(|| self.last_seen_ms.saturating_add(OFFLINE_AFTER_MS))
    }

    fn goes_idle_ms(&self) -> Option<u64> {
        let online = self.state == PresenceState::Online;
        online.then(|| self.last_active_ms.saturating_add(IDLE_AFTER_MS))
    }

    fn next_rule_ms(&self) -> Option<u64> {
        [self.goes_offline_ms(), self.goes_idle_ms()].into_iter().flatten().min()
    }

    /// Applies the rules of time, and returns whether they changed anything.
    fn grow_idle(&mut self, now_ms: u64) -> bool {
        if self.goes_offline_ms().is_some_and(|at| at <= now_ms) {
            self.state = PresenceState::Offline;
            return true;
        }
        if self.goes_idle_ms().is_some_and(|at| at <= now_ms) {
            self.state = PresenceState::Unavailable;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hearth_base::{Clock, Random};
    use ruma::user_id;

    use super::*;
    use crate::Bus;

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
}
