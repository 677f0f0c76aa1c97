//! The follower of the log that keeps the index up to date.
//!
//! It gathers what happens for a moment, since a commit of the index costs a sync of the disk; a
//! search makes it go at once. What it has done is part of the index, so a crash only makes it do
//! some of it again. If the index fails it, or is gone, it opens it again or makes a new one, and
//! searches go on with what is there.

use std::sync::Arc;

use hearth_base::StreamPosition;
use hearth_rooms::Rooms;
use hearth_store::{Log, Store};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SearchError,
    changes::Reading,
    index::Index,
    limits::{
        BEHIND_FACTS_MAX, CATCH_UP_TIME_MAX, COMMIT_PAGES_MAX, GATHERING_TIME_MAX, IDLE_FACTS_MAX,
        LOOK_TIME, PAGE_FACTS_MAX, RETRY_TIME,
    },
    progress::Progress,
};

/// The task.
pub(crate) struct Follower {
    store: Store,
    rooms: Rooms,
    index: Arc<Index>,
    /// The last position that was dealt with.
    at: StreamPosition,
    /// What the index knows of itself.
    committed: Progress,
    wanted: watch::Receiver<StreamPosition>,
    suspected: Arc<Notify>,
    /// Whether all of the index is to be looked at before anything else is done with it.
    is_suspect: bool,
    /// `None` until the index is open.
    indexed: watch::Sender<Option<StreamPosition>>,
}

/// What a search needs of the follower.
pub(crate) struct Handle {
    wanted: watch::Sender<StreamPosition>,
    suspected: Arc<Notify>,
    indexed: watch::Receiver<Option<StreamPosition>>,
}

impl Handle {
    /// Waits until the index has what was committed up to `position`, and says how far it is.
    ///
    /// It does not wait for ever, and for an index that is being made again not at all: that one
    /// answers with what it has.
    pub(crate) async fn reach(&self, position: StreamPosition) -> Progress {
        self.wanted.send_if_modified(|wanted| {
            let later = *wanted < position;
            *wanted = position.max(*wanted);
            later
        });
        let mut indexed = self.indexed.clone();
        let is_near_or_far = |indexed: &Option<StreamPosition>| {
            let behind = |at: StreamPosition| position.0.saturating_sub(at.0);
            indexed.is_some_and(|at| behind(at) <= 0 || behind(at) > BEHIND_FACTS_MAX)
        };
        if timeout(CATCH_UP_TIME_MAX, indexed.wait_for(is_near_or_far)).await.is_err() {
            tracing::warn!("a search did not wait for the index to catch up");
        }
        let done = self.indexed.borrow().unwrap_or_default();
        Progress { done, of: position }
    }

    /// Has the index looked at, since a search failed.
    pub(crate) fn suspect(&self) {
        self.suspected.notify_one();
    }
}

impl Follower {
    pub(crate) fn new(store: Store, rooms: Rooms, index: Arc<Index>) -> (Self, Handle) {
        let (wants, wanted) = watch::channel(StreamPosition::ZERO);
        let (indexes, indexed) = watch::channel(None);
        let suspected = Arc::new(Notify::new());
        let handle = Handle { wanted: wants, suspected: Arc::clone(&suspected), indexed };
        let follower = Self {
            store,
            rooms,
            index,
            at: StreamPosition::ZERO,
            committed: Progress::NONE,
            wanted,
            suspected,
            is_suspect: false,
            indexed: indexes,
        };
        (follower, handle)
    }

    /// Follows the log until `shutdown`, or until nobody can search or write any more.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut commits = self.store.position();
        loop {
            if let Err(error) = self.work(&shutdown).await {
                tracing::error!(%error, "the search index cannot follow");
                // What was applied and not committed has to go.
                if let Err(error) = self.recover().await {
                    tracing::error!(%error, "the search index cannot be opened");
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep(RETRY_TIME) => continue,
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                goes_on = self.something_new(&mut commits) => if !goes_on { return },
            }
        }
    }

    /// Waits for a search, or for changes and a moment more, or for the time to look at the index.
    /// `false`: there will be nothing.
    async fn something_new(&mut self, commits: &mut watch::Receiver<StreamPosition>) -> bool {
        tokio::select! {
            changed = commits.changed() => if changed.is_err() { return false },
            asked = self.wanted.changed() => return asked.is_ok(),
            () = self.suspected.notified() => {
                self.is_suspect = true;
                return true;
            }
            () = sleep(LOOK_TIME) => return true,
        }
        tokio::select! {
            () = sleep(GATHERING_TIME_MAX) => true,
            asked = self.wanted.changed() => asked.is_ok(),
        }
    }

    async fn work(&mut self, shutdown: &CancellationToken) -> Result<(), SearchError> {
        let is_suspect = std::mem::take(&mut self.is_suspect);
        let look = move |index: &Index| Ok(index.is_there() && (!is_suspect || index.is_sound()));
        let is_good = self.in_background(look).await?;
        if !self.is_open() || !is_good {
            self.recover().await?;
        }
        while !shutdown.is_cancelled() && self.follow(shutdown).await? {}
        Ok(())
    }

    /// Follows the log as far as one commit of the index goes; says whether there may be more.
    async fn follow(&mut self, shutdown: &CancellationToken) -> Result<bool, SearchError> {
        let snapshot = self.store.snapshot().await?;
        let of = snapshot.position();
        if of < self.at {
            tracing::warn!("the search index is ahead of the store, and is made again");
            self.committed = self.in_background(Index::begin_anew).await?;
            self.at = self.committed.done;
        }
        let reading =
            Reading { rooms: &self.rooms, index: &self.index, snapshot: snapshot.as_ref() };
        let (mut at, mut changed) = (self.at, false);
        for _ in 0..COMMIT_PAGES_MAX {
            let facts = Log::read(snapshot.as_ref(), at, PAGE_FACTS_MAX).await?;
            if shutdown.is_cancelled() {
                break;
            }
            let Some((last, _)) = facts.last() else {
                at = of;
                break;
            };
            let changes = reading.changes(at, &facts).await?;
            at = *last;
            if !changes.is_empty() {
                changed = true;
                self.in_background(move |index| index.apply(&changes)).await?;
            }
        }
        let is_late = at.0 - self.committed.done.0 > IDLE_FACTS_MAX;
        if changed || is_late || !self.committed.is_complete() {
            let progress = Progress { done: at, of };
            self.in_background(move |index| index.commit(progress)).await?;
            self.committed = progress;
        }
        self.at = at;
        self.indexed.send_replace(Some(at));
        Ok(at < of)
    }

    fn is_open(&self) -> bool {
        self.indexed.borrow().is_some()
    }

    /// Opens the index, or makes a new one.
    async fn recover(&mut self) -> Result<(), SearchError> {
        self.committed = self.in_background(Index::recover).await?;
        self.at = self.committed.done;
        self.indexed.send_replace(Some(self.at));
        Ok(())
    }

    /// Works on the index where blocking is no harm.
    async fn in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Index) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let index = Arc::clone(&self.index);
        let done = tokio::task::spawn_blocking(move || work(&index)).await;
        done.map_err(|error| SearchError::Index(error.to_string()))?
    }
}
