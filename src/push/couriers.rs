//! Couriers empty the queues: one for each pusher for which something waits, in order.
//!
//! A row is deleted when it was delivered, so a process that ends in the middle goes on there. A
//! gateway that fails is asked again after a pause that doubles; what could not be told within a
//! day is dropped. How many couriers talk at once is bounded.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hearth_accounts::{Accounts, StoredPusher};
use hearth_base::{Clock, Random, StreamPosition};
use hearth_mail::{EmailAddress, Mail};
use hearth_outgoing::Outgoing;
use hearth_rooms::{Direction, Event, Rooms};
use hearth_store::{Snapshot, Store};
use parking_lot::Mutex;
use ruma::{
    UserId,
    api::client::push::PusherKind,
    push::{Action, HttpPusherData},
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    PushError,
    badges::Badges,
    gateway::{self, Told},
    naming::naming,
    queue::{self, News, PusherName, QueueRow},
};

/// How many gateways are told something at once.
const CONCURRENT_MAX: usize = 64;
/// The first pause after a failure.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);
/// After how long nobody wants to be told any more.
const WAIT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// All couriers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Couriers(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) rooms: Rooms,
    pub(crate) outgoing: Outgoing,
    pub(crate) mail: Option<Mail>,
    pub(crate) email_delay: Duration,
    pub(crate) badges: Badges,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) include_content: bool,
    pub(crate) permits: Semaphore,
    /// The pushers that have a courier.
    pub(crate) at_work: Mutex<HashMap<PusherName, Work>>,
    /// The count that each pusher was told last.
    pub(crate) told: Mutex<HashMap<PusherName, u64>>,
}

/// What others know of a courier.
#[derive(Default)]
pub(crate) struct Work {
    /// Whether something came since it last looked.
    again: bool,
    /// Ends a pause.
    wake: Arc<Notify>,
}

/// What a courier did.
pub(crate) enum Step {
    /// Something; there may be more.
    Went,
    /// Nothing, since nothing waits.
    Idle,
    /// The gateway could not be told.
    Failed,
    /// Nothing yet.
    Wait(Duration),
}

impl Inner {
    /// Whether letters about a user's notifications may go to an address.
    pub(crate) async fn owns_email(
        &self,
        user_id: &UserId,
        email: &str,
    ) -> Result<bool, PushError> {
        let Ok(email) = email.parse::<EmailAddress>() else {
            return Ok(false);
        };
        let known = self.accounts.email_addresses(user_id).await?;
        Ok(known.iter().any(|known| known.address == email.as_str()))
    }
}

impl Couriers {
    pub(crate) fn permits() -> Semaphore {
        Semaphore::new(CONCURRENT_MAX)
    }

    /// Something waits for a pusher.
    pub(crate) fn call(&self, name: PusherName) {
        let mut at_work = self.0.at_work.lock();
        if let Some(work) = at_work.get_mut(&name) {
            work.again = true;
            return;
        }
        let work = Work::default();
        let wake = Arc::clone(&work.wake);
        at_work.insert(name.clone(), work);
        self.0.tasks.spawn(self.clone().work(name, wake));
    }

    /// A pusher of the user changed: whoever waits for it to work again looks now.
    pub(crate) fn urge(&self, user_id: &UserId) {
        let at_work = self.0.at_work.lock();
        let theirs = at_work.iter().filter(|(name, _)| *name.0 == *user_id);
        theirs.for_each(|(_, work)| work.wake.notify_one());
    }

    async fn work(self, name: PusherName, wake: Arc<Notify>) {
        let mut pause = PAUSE_MIN;
        loop {
            let step = self.step(&name).await.unwrap_or_else(|error| {
                tracing::warn!(user = %name.0, %error, "a push could not be delivered");
                Step::Failed
            });
            match step {
                Step::Went => pause = PAUSE_MIN,
                Step::Idle if self.leave(&name) => return,
                Step::Idle => {}
                Step::Failed => {
                    let [jitter] = self.0.random.bytes();
                    let jitter = Duration::from_millis(u64::from(jitter));
                    self.pause(pause + jitter, &wake).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Step::Wait(time) => self.pause(time, &wake).await,
            }
            if self.0.stop.is_cancelled() {
                return;
            }
        }
    }

    async fn pause(&self, time: Duration, wake: &Notify) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = wake.notified() => {}
            () = self.0.stop.cancelled() => {}
        }
    }

    /// Ends a courier's work, unless something came in the meantime.
    fn leave(&self, name: &PusherName) -> bool {
        let mut at_work = self.0.at_work.lock();
        let again = at_work.get_mut(name).is_some_and(|work| std::mem::take(&mut work.again));
        if !again {
            at_work.remove(name);
        }
        !again
    }

    /// Deals with the oldest row of a pusher.
    async fn step(&self, name: &PusherName) -> Result<Step, PushError> {
        let snapshot = self.0.store.snapshot().await?;
        let waiting = queue::waiting(snapshot.as_ref(), name).await?;
        let Some((position, row)) = waiting.first() else {
            return Ok(Step::Idle);
        };
        let all = || waiting.iter().map(|(position, _)| *position);
        let Some(stored) = self.0.accounts.pusher(&name.0, name.1).await? else {
            self.0.told.lock().remove(name);
            queue::done(&self.0.store, name, all()).await?;
            return Ok(Step::Went);
        };
        let data = match &stored.pusher.kind {
            PusherKind::Http(data) => data,
            PusherKind::Email(_) if self.0.mail.is_some() => {
                return self.write(snapshot.as_ref(), name, &stored, &waiting).await;
            }
            _ => {
                queue::done(&self.0.store, name, all()).await?;
                return Ok(Step::Went);
            }
        };
        let is_last = waiting.len() == 1;
        match self.tell(snapshot.as_ref(), name, &stored, data, (*position, row), is_last).await? {
            Told::Failed => return Ok(Step::Failed),
            Told::Delivered => queue::done(&self.0.store, name, [*position]).await?,
            Told::Rejected => self.0.accounts.delete_pusher(&name.0, &stored.pusher.ids).await?,
        }
        Ok(Step::Went)
    }

    /// Tells a gateway one thing, unless that is no news any more.
    async fn tell(
        &self,
        snapshot: &dyn Snapshot,
        name: &PusherName,
        stored: &StoredPusher,
        data: &HttpPusherData,
        (position, row): (StreamPosition, &QueueRow),
        is_last: bool,
    ) -> Result<Told, PushError> {
        let user_id = &*name.0;
        if self.0.clock.now_ms().saturating_sub(row.queued_ms) > WAIT_MS_MAX {
            return Ok(Told::Delivered);
        }
        let notification = match &row.news {
            News::Event { actions } => {
                let Some(event) = self.unread_event(snapshot, row, position, user_id).await? else {
                    return Ok(Told::Delivered);
                };
                let names = naming(&self.0.rooms, snapshot, &event, user_id).await?;
                let actions: Vec<Action> = serde_json::from_str(actions)?;
                let mut told = gateway::of_event(stored, data, &event, &actions, user_id, names);
                if !self.0.include_content {
                    told = gateway::without_content(told);
                }
                told
            }
            // What follows tells the counts too.
            News::Read if !is_last => return Ok(Told::Delivered),
            News::Read => gateway::of_counts(stored, data),
        };
        let unread = self.0.badges.count(user_id).await?;
        let known = self.0.told.lock().get(name).copied();
        if row.news == News::Read && known == Some(unread) {
            return Ok(Told::Delivered);
        }
        let Ok(_permit) = self.0.permits.acquire().await else {
            return Ok(Told::Failed);
        };
        let told = gateway::tell(&self.0.outgoing, data, notification, unread).await?;
        if told == Told::Delivered {
            self.0.told.lock().insert(name.clone(), unread);
        }
        Ok(told)
    }

    /// The event of a row, if it is still there and the user has not read it.
    pub(crate) async fn unread_event(
        &self,
        snapshot: &dyn Snapshot,
        row: &QueueRow,
        position: StreamPosition,
        user_id: &UserId,
    ) -> Result<Option<Event>, PushError> {
        let (rooms, after) = (&self.0.rooms, position.previous());
        let forward = Direction::Forward;
        let found = rooms.timeline(snapshot, row.room, after, position, forward, 1).await?;
        let Some(event) = found.into_iter().next() else {
            return Ok(None);
        };
        let read = rooms.receipt_positions(snapshot, row.room, user_id).await?;
        let root = rooms.thread_of(snapshot, &event).await?;
        Ok((position > read.of_thread(root.as_deref())).then_some(event))
    }
}
