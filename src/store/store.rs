//! The committer: it gathers what waits, pays one durable write for all of it, and announces it.

use std::sync::Arc;

use hearth_base::{
    StreamPosition,
    limits::{COMMIT_GROUP_BATCHES_MAX, COMMIT_QUEUE_BATCHES_MAX},
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::{Batch, CommitError, Engine, Fact, Outcome, Snapshot, StoreError};

/// How many commit announcements a slow subscriber may miss before it has to read the log.
const ANNOUNCEMENTS_MAX: usize = 4_096;

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
    Commit {
        batches: Vec<Batch>,
        reply: oneshot::Sender<Reply>,
    },
    Close {
        reply: oneshot::Sender<Result<(), StoreError>>,
    },
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
        Self {
            engine,
            queue,
            announcements,
            position,
        }
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
    /// The engine failed or a batch is over a limit: then none was committed.
    pub async fn commit_group(&self, batches: Vec<Batch>) -> Result<Vec<Outcome>, StoreError> {
        for batch in &batches {
            batch.validate()?;
        }
        let (reply, answer) = oneshot::channel();
        let request = Request::Commit { batches, reply };
        self.queue
            .send(request)
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
        let mut waiting = Vec::new();
        while requests
            .recv_many(&mut waiting, COMMIT_GROUP_BATCHES_MAX)
            .await
            > 0
        {
            let mut group = Vec::new();
            let mut closing = None;
            for request in waiting.drain(..) {
                match request {
                    Request::Commit { batches, reply } => group.push((batches, reply)),
                    Request::Close { reply } => closing = Some(reply),
                }
            }
            self.commit(group).await;
            if let Some(reply) = closing {
                let _ = reply.send(self.engine.close().await);
                return;
            }
        }
        if let Err(error) = self.engine.close().await {
            tracing::error!(%error, "the store was not flushed");
        }
    }

    async fn commit(&self, group: Vec<(Vec<Batch>, oneshot::Sender<Reply>)>) {
        if group.is_empty() {
            return;
        }
        let (mut batches, mut replies, mut facts) = (Vec::new(), Vec::new(), Vec::new());
        for (part, reply) in group {
            replies.push((part.len(), reply));
            facts.extend(part.iter().map(|batch| batch.facts.clone()));
            batches.extend(part);
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
        let mut all = Committed {
            first: StreamPosition::ZERO,
            facts: Vec::new(),
        };
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
            self.position
                .send_replace(StreamPosition(all.first.0 + count - 1));
            // Nobody listening is no failure: the log has it all.
            let _ = self.announcements.send(Arc::new(all));
        }
    }
}
