//! What is known about whether one user is there, and what changes it. Times are in Unix
//! milliseconds.

use ruma::{OwnedRoomId, presence::PresenceState};

use crate::{
    Availability, Presence,
    limits::{IDLE_AFTER_MS, OFFLINE_AFTER_CONNECTION_MS, OFFLINE_AFTER_MS, STATUS_MSG_BYTES_MAX},
};

/// Whether a user is there.
pub(crate) struct Person {
    /// What the user is while they are not [`Self::parted`].
    state: PresenceState,
    status_msg: Option<String>,
    busy: bool,
    /// Whether the user wants to be taken for gone, whatever syncs.
    hidden: bool,
    /// Whether all connections are closed and nothing was heard since.
    parted: bool,
    room: Option<OwnedRoomId>,
    last_active_ms: u64,
    syncs: usize,
    connections: usize,
    /// Until when the next sync may begin.
    synced_until_ms: u64,
    /// Until when anything else may be heard.
    heard_until_ms: u64,
}

/// What others see of a person.
#[derive(PartialEq, Eq)]
pub(crate) struct Shown {
    state: PresenceState,
    status_msg: Option<String>,
    busy: bool,
    room: Option<OwnedRoomId>,
}

impl Person {
    /// Nobody that was seen yet.
    pub const fn stranger() -> Self {
        Self {
            state: PresenceState::Offline,
            status_msg: None,
            busy: false,
            hidden: false,
            parted: false,
            room: None,
            last_active_ms: 0,
            syncs: 0,
            connections: 0,
            synced_until_ms: 0,
            heard_until_ms: 0,
        }
    }

    pub fn set(&mut self, state: PresenceState, status_msg: Option<String>, now_ms: u64) {
        self.acted(now_ms);
        self.state = state;
        self.say(status_msg);
        (self.busy, self.hidden) = (false, false);
    }

    pub fn choose(&mut self, availability: Availability, now_ms: u64) {
        self.acted(now_ms);
        self.busy = availability == Availability::Busy;
        self.hidden = availability == Availability::Offline;
        self.state = match availability {
            Availability::Online | Availability::Busy => PresenceState::Online,
            Availability::Away => PresenceState::Unavailable,
            Availability::Offline => PresenceState::Offline,
        };
    }

    pub fn say(&mut self, status_msg: Option<String>) {
        self.status_msg = status_msg.map(|mut text| {
            text.truncate(text.floor_char_boundary(STATUS_MSG_BYTES_MAX));
            text
        });
    }

    pub fn look_at(&mut self, room: Option<OwnedRoomId>) {
        self.room = room;
    }

    /// A pro-active event.
    pub fn active(&mut self, now_ms: u64) {
        self.acted(now_ms);
        if self.state == PresenceState::Unavailable {
            self.state = PresenceState::Online;
        }
    }

    fn acted(&mut self, now_ms: u64) {
        self.last_active_ms = now_ms;
        self.heard_until_ms = now_ms.saturating_add(OFFLINE_AFTER_MS);
        self.parted = false;
    }

    pub fn sync_begins(&mut self, set_presence: &PresenceState, now_ms: u64) {
        self.syncs += 1;
        if *set_presence != PresenceState::Offline {
            self.comes(set_presence, now_ms);
        }
    }

    pub fn sync_ends(&mut self, now_ms: u64) {
        self.syncs = self.syncs.saturating_sub(1);
        self.synced_until_ms = now_ms.saturating_add(OFFLINE_AFTER_MS);
    }

    pub fn connects(&mut self, now_ms: u64) {
        self.connections += 1;
        self.comes(&PresenceState::Online, now_ms);
    }

    /// With the last connection goes what was heard before. Syncs hold on to their user.
    pub fn disconnects(&mut self, now_ms: u64) {
        self.connections = self.connections.saturating_sub(1);
        if self.connections == 0 {
            self.heard_until_ms = now_ms.saturating_add(OFFLINE_AFTER_CONNECTION_MS);
            self.parted = self.syncs == 0 && self.synced_until_ms <= now_ms;
        }
    }

    /// A request that is neither sync nor activity.
    pub fn asks(&mut self, now_ms: u64) {
        self.heard_until_ms = now_ms.saturating_add(OFFLINE_AFTER_MS);
        self.comes(&PresenceState::Online, now_ms);
    }

    fn comes(&mut self, state: &PresenceState, now_ms: u64) {
        self.parted = false;
        let wakes = self.state == PresenceState::Offline && !self.hidden;
        let dozes = *state == PresenceState::Unavailable && self.state == PresenceState::Online;
        if wakes || dozes {
            self.state = state.clone();
        }
        if wakes && self.state == PresenceState::Online {
            self.last_active_ms = now_ms;
        }
    }

    fn goes_offline_ms(&self) -> Option<u64> {
        let there = self.state != PresenceState::Offline;
        let is_held = self.syncs > 0 || self.connections > 0;
        (there && !is_held).then(|| self.synced_until_ms.max(self.heard_until_ms))
    }

    fn goes_idle_ms(&self) -> Option<u64> {
        let online = self.state == PresenceState::Online;
        online.then(|| self.last_active_ms.saturating_add(IDLE_AFTER_MS))
    }

    /// When a rule of time changes the person, if nothing else does before.
    pub fn next_rule_ms(&self) -> Option<u64> {
        [self.goes_offline_ms(), self.goes_idle_ms()].into_iter().flatten().min()
    }

    /// Applies the rules of time.
    pub fn grow_idle(&mut self, now_ms: u64) {
        if self.goes_offline_ms().is_some_and(|at| at <= now_ms) {
            self.state = PresenceState::Offline;
            self.parted = false;
        } else if self.goes_idle_ms().is_some_and(|at| at <= now_ms) {
            self.state = PresenceState::Unavailable;
        }
    }

    /// What others see.
    pub fn shown(&self) -> Shown {
        let is_there = self.state != PresenceState::Offline;
        let has_parted = is_there && self.parted;
        Shown {
            state: if has_parted { PresenceState::Unavailable } else { self.state.clone() },
            status_msg: self.status_msg.clone(),
            busy: self.busy && is_there && !has_parted,
            room: self.room.clone().filter(|_| is_there && !has_parted),
        }
    }

    /// What is known about the person now.
    pub fn presence(&self, now_ms: u64) -> Presence {
        let Shown { state, status_msg, busy, room } = self.shown();
        let away = [PresenceState::Offline, PresenceState::Unavailable].contains(&state);
        let idle_at = self.last_active_ms.saturating_add(IDLE_AFTER_MS);
        Presence {
            last_active_ms: Some(self.last_active_ms).filter(|ms| *ms > 0),
            currently_active: !away && now_ms < idle_at,
            state,
            status_msg,
            busy,
            room,
        }
    }
}
