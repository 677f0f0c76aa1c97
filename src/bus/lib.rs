//! State that expires and is not stored: typing, presence, rate limits, deliveries and rendezvous,
//! and hints about them.
//!
//! One handle, [`Bus`]. Reads answer from memory at once. What is kept is this process's view of
//! the server; nothing in the interface says that other processes do not feed it, so that several
//! processes can share one through Redis later.
//!
//! Invariants: every change of typing or presence takes a [`Version`] of its own, larger than all
//! before; versions mean something only together with [`Bus::epoch`]. A [`Hint`] may be lost; the
//! indexes `changed_since` never lose a change before they have forgotten the key altogether.
//!
//! Deliberately absent: durability, and any timer a room, user or key (one task serves them all).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod changes;
mod deliveries;
mod limits;
mod person;
mod presence;
mod rate_limit;
mod rendezvous;
mod timer;
mod typing;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hearth_base::{Clock, Random};
use ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast};

pub use deliveries::{Deliveries, Delivery};
pub use limits::{RENDEZVOUS_PAYLOAD_BYTES_MAX, TYPING_TIMEOUT_MS_DEFAULT, TYPING_TIMEOUT_MS_MAX};
pub use presence::{Availability, Presence, PresenceBook, Present};
pub use rate_limit::{Bucket, Rate, RateLimits, Rates, RetryAfter};
pub use rendezvous::{RendezvousPayload, RendezvousSessions, RendezvousUpdate};
pub use typing::Typing;

/// A count of changes of typing and presence since the start of this epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Version(pub u64);

/// Something changed: look it up, the hint does not say what it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Who types in this room.
    Typing(OwnedRoomId),
    /// The presence of this user.
    Presence(OwnedUserId),
}

/// Expiring state of the server. Cheap to clone.
///
/// It must be created within a tokio runtime; its one task ends when all handles are gone.
#[derive(Clone)]
pub struct Bus(Arc<Parts>);

struct Parts {
    epoch: u64,
    shared: Arc<Shared>,
    typing: Typing,
    presence: Arc<PresenceBook>,
    rate_limits: RateLimits,
    deliveries: Deliveries,
    rendezvous: RendezvousSessions,
}

/// What typing and presence have in common.
struct Shared {
    clock: Clock,
    version: AtomicU64,
    hints: broadcast::Sender<Hint>,
    /// The earliest deadline may have moved to an earlier time.
    rescheduled: Notify,
}

impl Shared {
    /// Takes the version of a change. Call it under the lock of the index that will hold it, so
    /// that whoever has seen the version finds the change.
    fn next_version(&self) -> Version {
        Version(self.version.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn hint(&self, hint: Hint) {
        // Nobody listening is no failure: a hint is only a hint.
        let _ = self.hints.send(hint);
    }
}

impl Bus {
    /// An empty bus of a new epoch. `rates` of `None` turns rate limits off.
    #[must_use]
    pub fn new(clock: Clock, random: &Random, rates: Option<Rates>) -> Self {
        let (hints, _) = broadcast::channel(limits::HINTS_MAX);
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            version: AtomicU64::new(0),
            hints,
            rescheduled: Notify::new(),
        });
        let parts = Arc::new(Parts {
            epoch: u64::from_be_bytes(random.bytes()),
            typing: Typing::new(Arc::clone(&shared)),
            presence: Arc::new(PresenceBook::new(Arc::clone(&shared))),
            rendezvous: RendezvousSessions::new(clock.clone(), random.clone()),
            rate_limits: RateLimits::new(clock, rates),
            deliveries: Deliveries::default(),
            shared,
        });
        tokio::spawn(timer::run(Arc::downgrade(&parts), Arc::clone(&parts.shared)));
        Self(parts)
    }

    /// A random number of this process: versions of another epoch mean nothing here.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// The version of the last change. Read it *before* the changes up to it.
    #[must_use]
    pub fn version(&self) -> Version {
        self.0.expire();
        Version(self.0.shared.version.load(Ordering::SeqCst))
    }

    /// Hints from now on; a receiver that lags has to look at `changed_since`.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Hint> {
        self.0.shared.hints.subscribe()
    }

    /// Who types where.
    #[must_use]
    pub fn typing(&self) -> &Typing {
        &self.0.typing
    }

    /// Who is there.
    #[must_use]
    pub fn presence(&self) -> &Arc<PresenceBook> {
        &self.0.presence
    }

    /// Who has to slow down.
    #[must_use]
    pub fn rate_limits(&self) -> &RateLimits {
        &self.0.rate_limits
    }

    /// What reached whom.
    #[must_use]
    pub fn deliveries(&self) -> &Deliveries {
        &self.0.deliveries
    }

    /// Where devices meet.
    #[must_use]
    pub fn rendezvous(&self) -> &RendezvousSessions {
        &self.0.rendezvous
    }
}

impl Parts {
    /// Makes every change that is due, and returns when the next one is, in Unix milliseconds.
    fn expire(&self) -> Option<u64> {
        let deadlines = [self.typing.expire(), self.presence.expire()];
        deadlines.into_iter().flatten().min()
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        // The timer task looks whether it is still needed.
        self.shared.rescheduled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use ruma::{presence::PresenceState, room_id, user_id};

    use super::*;

    #[tokio::test]
    async fn each_process_has_an_epoch_of_its_own() {
        let epoch = |seed| Bus::new(Clock::manual(0), &Random::seeded(seed), None).epoch();
        assert_eq!(epoch(1), epoch(1));
        assert_ne!(epoch(1), epoch(2));
    }

    #[tokio::test]
    async fn typing_and_presence_share_one_count_and_one_stream_of_hints() {
        let bus = Bus::new(Clock::manual(1_000), &Random::seeded(1), None);
        let mut hints = bus.subscribe();
        let (room, user) = (room_id!("!r:hearth"), user_id!("@u:hearth"));
        bus.typing().start(room, user, TYPING_TIMEOUT_MS_DEFAULT);
        bus.presence().set(user, PresenceState::Online, None);
        assert_eq!(bus.version(), Version(2));
        assert_eq!(hints.recv().await.unwrap(), Hint::Typing(room.to_owned()));
        assert_eq!(hints.recv().await.unwrap(), Hint::Presence(user.to_owned()));
        assert_eq!(bus.typing().changed_since(Version(0)), [room.to_owned()]);
        assert!(bus.typing().changed_since(Version(1)).is_empty());
        assert_eq!(bus.presence().changed_since(Version(1)), [user.to_owned()]);
    }
}
