//! Reads the log from its own durable position, and writes what follows from it.
//!
//! What a group of facts leads to is committed with the position after them. An event that cannot
//! be evaluated is passed over and said so; a store that fails is waited for.

use std::collections::BTreeMap;

use hearth_base::{Clock, EventNid, RoomNid, StreamPosition};
use hearth_rooms::Rooms;
use hearth_store::{Batch, Fact, FollowerPosition, Log, Snapshot, Store};
use ruma::UserId;
use tokio_util::sync::CancellationToken;

use crate::{
    PushError,
    couriers::Couriers,
    evaluate::{Evaluator, Heard},
    notifications::{Group, NotificationRow},
    queue::{self, News, PusherName, QueueRow},
    tables::NOTIFICATIONS,
};

const POSITION: FollowerPosition = FollowerPosition::new("push");
/// How many facts are read at a time.
const FACTS_MAX: usize = 500;
/// How many writes a batch collects before it is committed.
const BATCH_WRITES: usize = 2_000;

/// Follows the log.
pub(crate) struct Follower {
    pub(crate) store: Store,
    pub(crate) rooms: Rooms,
    pub(crate) clock: Clock,
    pub(crate) evaluator: Evaluator,
    pub(crate) couriers: Couriers,
    /// The last position dealt with, once it is known.
    pub(crate) position: Option<StreamPosition>,
}

impl hearth_store::Follower for Follower {
    type Error = PushError;

    async fn catch_up(&mut self) -> Result<(), PushError> {
        self.deal_with_all().await
    }

    fn failed(&mut self) {
        self.evaluator.people.forget_all();
    }
}

/// What is written together.
#[derive(Default)]
struct Collected {
    batch: Batch,
    called: Vec<PusherName>,
}

impl Follower {
    /// Follows until `stop` fires.
    pub(crate) async fn run(self, stop: CancellationToken) {
        self.store.clone().follow(self, "pushes", stop).await;
    }

    async fn deal_with_all(&mut self) -> Result<(), PushError> {
        loop {
            let snapshot = self.store.snapshot().await?;
            let snapshot = snapshot.as_ref();
            let after = match self.position {
                Some(after) => after,
                None => self.start(snapshot).await?,
            };
            self.position = Some(after);
            let facts = Log::read(snapshot, after, FACTS_MAX).await?;
            if facts.is_empty() {
                return Ok(());
            }
            let mut collected = Collected::default();
            for (at, fact) in &facts {
                self.note(snapshot, &mut collected, *at, fact).await?;
                if collected.batch.writes().len() >= BATCH_WRITES {
                    self.commit(&mut collected, *at).await?;
                    self.position = Some(*at);
                }
            }
            if let Some((last, _)) = facts.last() {
                self.commit(&mut collected, *last).await?;
                self.position = Some(*last);
            }
        }
    }

    /// Where to begin: a server that had no follower before does not push what is long past.
    async fn start(&self, snapshot: &dyn Snapshot) -> Result<StreamPosition, PushError> {
        for name in queue::with_something_waiting(snapshot).await? {
            self.couriers.call(name);
        }
        let known = POSITION.load(snapshot).await?;
        Ok(if known == StreamPosition::ZERO { snapshot.position() } else { known })
    }

    async fn commit(
        &self,
        collected: &mut Collected,
        position: StreamPosition,
    ) -> Result<(), PushError> {
        let Collected { mut batch, called } = std::mem::take(collected);
        POSITION.save(&mut batch, position)?;
        self.store.commit(batch).await?;
        called.into_iter().for_each(|name| self.couriers.call(name));
        Ok(())
    }

    async fn note(
        &self,
        snapshot: &dyn Snapshot,
        collected: &mut Collected,
        position: StreamPosition,
        fact: &Fact,
    ) -> Result<(), PushError> {
        match fact {
            Fact::Event { room, event, member } => {
                if let Some(user_id) = member {
                    self.couriers.0.badges.touch(user_id, *room, position);
                }
                let done = self.event(snapshot, collected, *room, *event, position).await;
                match done {
                    Err(error) if error.is_temporary() => return Err(error),
                    Err(error) => {
                        tracing::warn!(position = position.0, %error, "an event notifies nobody");
                    }
                    Ok(()) => {}
                }
            }
            Fact::Receipt { room, user, .. } => {
                self.read(snapshot, collected, *room, user, position).await?;
            }
            Fact::Pushers { user } => {
                self.evaluator.people.forget(user);
                self.couriers.urge(user);
            }
            Fact::AccountData { user, room: None } | Fact::ThreadSubscription { user } => {
                self.evaluator.people.forget(user);
            }
            _ => {}
        }
        Ok(())
    }

    async fn event(
        &self,
        snapshot: &dyn Snapshot,
        collected: &mut Collected,
        room: RoomNid,
        event: EventNid,
        position: StreamPosition,
    ) -> Result<(), PushError> {
        let event = self.rooms.event(snapshot, event).await?;
        let nid = room;
        let room = self.rooms.room_by_nid(snapshot, nid).await?;
        self.couriers.0.badges.touch(event.pdu().sender(), nid, position);
        let batch = &mut collected.batch;
        let heard = self.evaluator.hear(snapshot, batch, &room, &event).await?;
        if heard.is_empty() {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let row = NotificationRow { groups: groups(&heard), ts_ms: now_ms };
        NOTIFICATIONS.put(batch, &(nid, position), &row)?;
        for Heard { user_id, person, notify } in &heard {
            self.couriers.0.badges.touch(user_id, nid, position);
            let news = News::Event { actions: notify.actions.clone() };
            let row = QueueRow { room: nid, queued_ms: now_ms, news };
            for key in &person.pushers {
                queue::put(&mut collected.batch, user_id, *key, position, &row)?;
                collected.called.push((user_id.clone(), *key));
            }
            if collected.batch.writes().len() >= BATCH_WRITES {
                // Rows of an event that is not finished: the same rows are written again if
                // this is interrupted.
                self.store.commit(std::mem::take(&mut collected.batch)).await?;
            }
        }
        Ok(())
    }

    async fn read(
        &self,
        snapshot: &dyn Snapshot,
        collected: &mut Collected,
        room: RoomNid,
        user_id: &UserId,
        position: StreamPosition,
    ) -> Result<(), PushError> {
        if !self.evaluator.audiences.is_local(user_id) {
            return Ok(());
        }
        self.couriers.0.badges.touch(user_id, room, position);
        let people = &self.evaluator.people;
        let found = people.of(snapshot, &mut collected.batch, [user_id]).await?;
        let row = QueueRow { room, queued_ms: self.clock.now_ms(), news: News::Read };
        for key in found.values().flat_map(|person| &person.pushers) {
            queue::put(&mut collected.batch, user_id, *key, position, &row)?;
            collected.called.push((user_id.to_owned(), *key));
        }
        Ok(())
    }
}

/// Those who are notified, by how.
fn groups(heard: &[Heard]) -> Vec<Group> {
    let mut groups: BTreeMap<&str, (bool, Vec<u64>)> = BTreeMap::new();
    for Heard { person, notify, .. } in heard {
        let group = groups.entry(&notify.actions).or_insert((notify.highlight, Vec::new()));
        group.1.push(person.number);
    }
    let group = |(actions, (highlight, users)): (&str, (bool, Vec<u64>))| Group {
        actions: actions.to_owned(),
        highlight,
        users: users.into_iter().collect(),
    };
    groups.into_iter().map(group).collect()
}
