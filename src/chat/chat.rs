//! The handle of this crate.

use std::sync::Arc;

use hearth_accounts::Accounts;
use hearth_base::{Clock, Random, RoomNid};
use hearth_bus::{Bus, PresenceBook};
use hearth_rooms::{Room, Rooms};
use hearth_store::{Batch, CommitError, Sequence, Snapshot, Store};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{ChatError, follower::Follower, limits::CONFLICT_RETRIES_MAX};

/// What chat users have beyond Matrix. Cheap to clone.
#[derive(Clone)]
pub struct Chat(Arc<Parts>);

struct Parts {
    lower: Lower,
    chore_numbers: Sequence,
    audit_numbers: Sequence,
    /// Tells what this process began from what another began before it.
    process: u64,
    /// The next chore may be due at another time than before.
    chores_changed: Notify,
}

/// What the handle is built from.
#[derive(Clone)]
pub struct Lower {
    /// What everything is written to.
    pub store: Store,
    /// Users.
    pub accounts: Accounts,
    /// Rooms.
    pub rooms: Rooms,
    /// Who is there.
    pub bus: Bus,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

impl Chat {
    /// Starts on `tasks` the follower that notifies people, the task that ends what ends by itself,
    /// and the one that keeps what reached whom; all end when `stop` fires.
    #[must_use]
    pub fn new(lower: Lower, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let chat = Self::idle(lower);
        tasks.spawn(Follower::new(chat.clone()).run(stop.clone()));
        tasks.spawn(chat.clone().do_chores(stop.clone()));
        tasks.spawn(chat.clone().keep_deliveries(stop.clone()));
        chat
    }

    /// A handle without its tasks.
    pub(crate) fn idle(lower: Lower) -> Self {
        Self(Arc::new(Parts {
            chore_numbers: Sequence::new(lower.store.clone(), "chat chore"),
            audit_numbers: Sequence::new(lower.store.clone(), "chat audit"),
            process: u64::from_be_bytes(lower.random.bytes()),
            chores_changed: Notify::new(),
            lower,
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.lower.store
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.lower.accounts
    }

    pub(crate) fn rooms(&self) -> &Rooms {
        &self.0.lower.rooms
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.0.lower.bus
    }

    pub(crate) fn presence(&self) -> &PresenceBook {
        self.bus().presence()
    }

    pub(crate) fn random(&self) -> &Random {
        &self.0.lower.random
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.lower.clock.now_ms()
    }

    pub(crate) fn chore_numbers(&self) -> &Sequence {
        &self.0.chore_numbers
    }

    pub(crate) fn audit_numbers(&self) -> &Sequence {
        &self.0.audit_numbers
    }

    pub(crate) fn process(&self) -> u64 {
        self.0.process
    }

    pub(crate) fn chores_changed(&self) -> &Notify {
        &self.0.chores_changed
    }

    pub(crate) async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, ChatError> {
        Ok(self.store().snapshot().await?)
    }

    pub(crate) async fn room(&self, room: RoomNid) -> Result<Room, ChatError> {
        let snapshot = self.snapshot().await?;
        Ok(self.rooms().room_by_nid(snapshot.as_ref(), room).await?)
    }

    /// Commits what `plan` decides on a fresh snapshot; on conflict it decides again.
    pub(crate) async fn decide<T, F>(
        &self,
        mut plan: impl FnMut(Arc<dyn Snapshot>) -> F,
    ) -> Result<T, ChatError>
    where
        F: Future<Output = Result<(Batch, T), ChatError>>,
    {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let (batch, decided) = plan(self.snapshot().await?).await?;
            if batch.is_empty() {
                return Ok(decided);
            }
            match self.store().commit(batch).await {
                Ok(_) => return Ok(decided),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(ChatError::Busy)
    }
}
