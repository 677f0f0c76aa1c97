//! The committer: it gathers what waits, pays one durable write for all of it, and announces it.

use std::{collections::VecDeque, sync::Arc};

use hearth_base::{
    StreamPosition,
    limits::{COMMIT_GROUP_BATCHES_MAX, COMMIT_QUEUE_BATCHES_MAX, STORE_BATCH_BYTES_MAX},
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{Batch, CommitError, Engine, Fact, Outcome, Snapshot, StoreError};

/// How many commit announcements a slow subscriber may miss before it has to read the log.
const ANNOUNCEMENTS_MAX: usize = 4_096;

/// How many bytes one durable write takes before later batches have to wait for the next.
const GROUP_BYTES_MAX: usize = 2 * STORE_BATCH_BYTES_MAX;

/// What was committed: facts with dense positions from `first` on.
#[derive(Debug)]
pub struct Committed {
    /// The position of the first fact.
    pub first: StreamPosition,
    /// The facts, in the order of their positions.
    pub facts: Vec<Fact>,
}

/// A store that many tasks read and write. Cheap to clone.
///
/// It must be created within a tokio runtime; the committer ends when all handles are gone or
/// after [`Store::close`].
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    queue: mpsc::Sender<Request>,
    announcements: broadcast::Sender<Arc<Committed>>,
    position: watch::Receiver<StreamPosition>,
}

enum Request {
    Commit(Waiting),
    Close { reply: oneshot::Sender<Result<(), StoreError>> },
}

/// Batches that were sent together, and who waits for them.
struct Waiting {
    batches: Vec<Batch>,
    reply: oneshot::Sender<Reply>,
}

type Reply = Result<Vec<Outcome>, StoreError>;

impl Store {
    /// Starts the committer of an engine.
    pub fn new(engine: impl Engine) -> Self {
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let (queue, requests) = mpsc::channel(COMMIT_QUEUE_BATCHES_MAX);
        let (announcements, _) = broadcast::channel(ANNOUNCEMENTS_MAX);
        let (position_sender, position) = watch::channel(StreamPosition::ZERO);
        let committer = Committer {
            engine: Arc::clone(&engine),
            announcements: announcements.clone(),
            position: position_sender,
        };
        tokio::spawn(committer.run(requests));
        Self { engine, queue, announcements, position }
    }

    /// A view of everything committed so far.
    ///
    /// # Errors
    /// The engine failed.
    pub async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        self.engine.snapshot().await
    }

    /// Commits a batch durably, and returns the position of its first fact.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if a check did not hold; nothing was written then.
    pub async fn commit(&self, batch: Batch) -> Result<StreamPosition, CommitError> {
        let outcomes = self.commit_group(vec![batch]).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Committed { first }) => Ok(first),
            Some(Outcome::Conflict { keyspace, key }) => {
                Err(CommitError::Conflict { keyspace, key })
            }
            None => Err(StoreError::Closed.into()),
        }
    }

    /// Commits batches one after another with one durable write: one outcome a batch.
    ///
    /// # Errors
    /// The engine failed, or a batch or their number is over a limit: then none was committed.
    pub async fn commit_group(&self, batches: Vec<Batch>) -> Result<Vec<Outcome>, StoreError> {
        if batches.len() > COMMIT_GROUP_BATCHES_MAX {
            return Err(StoreError::TooLarge {
                what: "a group's batches",
                actual: batches.len(),
                max: COMMIT_GROUP_BATCHES_MAX,
            });
        }
        for batch in &batches {
            batch.validate()?;
        }
        let (reply, answer) = oneshot::channel();
        self.queue
            .send(Request::Commit(Waiting { batches, reply }))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Announcements of every commit from now on, in order; a receiver that lags reads the log.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.announcements.subscribe()
    }

    /// The position of the last commit since the start of the process: a hint for followers.
    #[must_use]
    pub fn position(&self) -> watch::Receiver<StreamPosition> {
        self.position.clone()
    }

    /// Finishes what waits, flushes the engine, and refuses later commits.
    ///
    /// # Errors
    /// The engine failed to flush.
    pub async fn close(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Request::Close { reply }).await.is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }
}

struct Committer {
    engine: Arc<dyn Engine>,
    announcements: broadcast::Sender<Arc<Committed>>,
    position: watch::Sender<StreamPosition>,
}

impl Committer {
    async fn run(self, mut requests: mpsc::Receiver<Request>) {
        let mut received = Vec::new();
        while requests.recv_many(&mut received, COMMIT_GROUP_BATCHES_MAX).await > 0 {
            let mut waiting = VecDeque::new();
            let mut closing = None;
            for request in received.drain(..) {
                match request {
                    Request::Commit(commit) => waiting.push_back(commit),
                    Request::Close { reply } => closing = Some(reply),
                }
            }
            while !waiting.is_empty() {
                self.commit(next_group(&mut waiting)).await;
            }
            if let Some(reply) = closing {
                let closed = self.engine.close().await;
                // Nothing of the committer is left when the caller hears of it.
                drop(self);
                let _ = reply.send(closed);
                return;
            }
        }
        if let Err(error) = self.engine.close().await {
            tracing::error!(%error, "the store was not flushed");
        }
    }

    async fn commit(&self, group: Vec<Waiting>) {
        let (mut batches, mut replies, mut facts) = (Vec::new(), Vec::new(), Vec::new());
        for waiting in group {
            replies.push((waiting.batches.len(), waiting.reply));
            facts.extend(waiting.batches.iter().map(|batch| batch.facts.clone()));
            batches.extend(waiting.batches);
        }
        match self.engine.commit(batches).await {
            Ok(outcomes) => {
                self.announce(&outcomes, facts);
                let mut outcomes = outcomes.into_iter();
                for (count, reply) in replies {
                    let _ = reply.send(Ok(outcomes.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                let reason = error.to_string();
                for (_, reply) in replies {
                    let _ = reply.send(Err(StoreError::Unavailable(reason.clone())));
                }
            }
        }
    }

    fn announce(&self, outcomes: &[Outcome], facts: Vec<Vec<Fact>>) {
        let mut all = Committed { first: StreamPosition::ZERO, facts: Vec::new() };
        for (outcome, facts) in outcomes.iter().zip(facts) {
            let Outcome::Committed { first } = outcome else {
                continue;
            };
            if all.facts.is_empty() {
                all.first = *first;
            }
            all.facts.extend(facts);
        }
        let Ok(count) = i64::try_from(all.facts.len()) else {
            return;
        };
        if count > 0 {
            self.position.send_replace(StreamPosition(all.first.0 + count - 1));
            // Nobody listening is no failure: the log has it all.
            let _ = self.announcements.send(Arc::new(all));
        }
    }
}

/// Takes what one durable write may hold from the front of the queue: at least one request.
fn next_group(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut group = Vec::new();
    let (mut batches, mut bytes) = (0, 0);
    while let Some(next) = waiting.front() {
        batches += next.batches.len();
        bytes += next.batches.iter().map(Batch::bytes).sum::<usize>();
        let full = batches > COMMIT_GROUP_BATCHES_MAX || bytes > GROUP_BYTES_MAX;
        if full && !group.is_empty() {
            break;
        }
        group.extend(waiting.pop_front());
    }
    group
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use hearth_base::RoomNid;

    use super::*;
    use crate::{Check, Keyspace, MemoryEngine, Write};

    fn fact() -> Fact {
        Fact::Receipt { room: RoomNid(1), user: "@a:b".try_into().unwrap(), private: false }
    }

    fn write(key: &[u8], value_bytes: usize) -> Batch {
        let mut batch = Batch::new();
        batch.write(Write {
            keyspace: Keyspace::Rooms,
            key: key.to_vec(),
            key_slot: None,
            value: Some(vec![0; value_bytes]),
            value_slot: None,
            check: Some(Check::Absent),
        });
        batch.fact(fact());
        batch
    }

    #[tokio::test]
    async fn commits_are_announced_with_their_positions() {
        let store = Store::new(MemoryEngine::new());
        let mut announcements = store.subscribe();
        assert_eq!(store.commit(write(b"a", 1)).await.unwrap(), StreamPosition(1));
        let conflict = store.commit(write(b"a", 1)).await.unwrap_err();
        assert!(matches!(conflict, CommitError::Conflict { key, .. } if key == b"a"));
        assert_eq!(store.commit(write(b"b", 1)).await.unwrap(), StreamPosition(2));
        for position in [1, 2] {
            let announced = announcements.recv().await.unwrap();
            assert_eq!(announced.first, StreamPosition(position));
            assert_eq!(announced.facts, [fact()]);
        }
        assert_eq!(*store.position().borrow(), StreamPosition(2));
    }

    #[tokio::test]
    async fn a_closed_store_refuses_commits_and_still_reads() {
        let store = Store::new(MemoryEngine::new());
        store.commit(write(b"a", 1)).await.unwrap();
        store.close().await.unwrap();
        store.close().await.unwrap();
        let refused = store.commit(write(b"b", 1)).await.unwrap_err();
        assert!(matches!(refused, CommitError::Store(StoreError::Closed)));
        assert_eq!(store.snapshot().await.unwrap().position(), StreamPosition(1));
    }

    #[tokio::test]
    async fn a_batch_over_a_limit_is_refused_before_it_reaches_the_engine() {
        let store = Store::new(MemoryEngine::new());
        let large = write(b"a", hearth_base::limits::STORE_VALUE_BYTES_MAX + 1);
        let refused = store.commit_group(vec![write(b"b", 1), large]).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })));
        let many = vec![Batch::new(); COMMIT_GROUP_BATCHES_MAX + 1];
        assert!(store.commit_group(many).await.is_err());
        let snapshot = store.snapshot().await.unwrap();
        assert_eq!(snapshot.position(), StreamPosition::ZERO);
    }

    #[test]
    fn a_group_is_bounded_in_batches_and_bytes() {
        let waiting = |batches: usize, value_bytes| Waiting {
            batches: vec![write(b"a", value_bytes); batches],
            reply: oneshot::channel().0,
        };
        let mut queue: VecDeque<_> = [(1, 10), (COMMIT_GROUP_BATCHES_MAX, 10), (1, 10)]
            .into_iter()
            .chain([(1, GROUP_BYTES_MAX), (1, 10)])
            .map(|(batches, value_bytes)| waiting(batches, value_bytes))
            .collect();
        let mut sizes = Vec::new();
        while !queue.is_empty() {
            sizes.push(next_group(&mut queue).len());
        }
        assert_eq!(sizes, [1, 1, 1, 1, 1]);
        let mut queue: VecDeque<_> = (0..3).map(|_| waiting(2, 10)).collect();
        assert_eq!(next_group(&mut queue).len(), 3);
    }

    /// Fails every commit.
    struct Broken;

    #[async_trait]
    impl Engine for Broken {
        async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
            Err(StoreError::Unavailable("disk full".into()))
        }
        async fn commit(&self, _: Vec<Batch>) -> Result<Vec<Outcome>, StoreError> {
            Err(StoreError::Unavailable("disk full".into()))
        }
        async fn close(&self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_failed_write_is_reported_and_not_announced() {
        let store = Store::new(Broken);
        let mut announcements = store.subscribe();
        for _ in 0..2 {
            let failed = store.commit(write(b"a", 1)).await.unwrap_err();
            assert!(matches!(failed, CommitError::Store(StoreError::Unavailable(_))));
        }
        assert!(announcements.try_recv().is_err());
    }
}
