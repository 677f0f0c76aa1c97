//! The follower of the log that keeps the index up to date.
//!
//! It gathers what happens for a moment, since a commit of the index costs a sync of the disk; a
//! search makes it go at once. What it has done is part of the index, so a crash only makes it do
//! some of it again.

use std::{collections::BTreeSet, sync::Arc};

use hearth_base::{EventNid, StreamPosition};
use hearth_rooms::{Event, Rooms, RoomsError, Snapshot};
use hearth_store::{Fact, Log, Store};
use tantivy::{query::TermQuery, schema::IndexRecordOption};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SearchError,
    entry::{changed_by, entry_of},
    find::Order,
    index::{Change, Index},
    limits::{
        CATCH_UP_TIME_MAX, COMMIT_FACTS_MAX, GATHERING_TIME_MAX, IDLE_FACTS_MAX, LOOKED_AT_MAX,
        RETRY_TIME,
    },
    top::Top,
};

/// The task.
pub(crate) struct Follower {
    store: Store,
    rooms: Rooms,
    index: Arc<Index>,
    /// The last position that was dealt with.
    at: StreamPosition,
    /// The position that the index knows.
    committed: StreamPosition,
    wanted: watch::Receiver<StreamPosition>,
    indexed: watch::Sender<StreamPosition>,
}

/// What a search needs of the follower.
pub(crate) struct Handle {
    wanted: watch::Sender<StreamPosition>,
    indexed: watch::Receiver<StreamPosition>,
}

impl Handle {
    /// Waits until the index has what was committed up to `position`, but not for ever: an index
    /// that is being made again answers with what it has.
    pub(crate) async fn reach(&self, position: StreamPosition) {
        self.wanted.send_if_modified(|wanted| {
            let later = *wanted < position;
            *wanted = position.max(*wanted);
            later
        });
        let mut indexed = self.indexed.clone();
        let reached = indexed.wait_for(|indexed| *indexed >= position);
        if timeout(CATCH_UP_TIME_MAX, reached).await.is_err() {
            tracing::warn!("a search did not wait for the index to catch up");
        }
    }
}

impl Follower {
    pub(crate) fn new(store: Store, rooms: Rooms, index: Arc<Index>) -> (Self, Handle) {
        let at = index.position();
        let (wants, wanted) = watch::channel(StreamPosition::ZERO);
        let (indexes, indexed) = watch::channel(at);
        let follower = Self { store, rooms, index, at, committed: at, wanted, indexed: indexes };
        (follower, Handle { wanted: wants, indexed })
    }

    /// Follows the log until `shutdown`, or until nobody can search or write any more.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut commits = self.store.position();
        loop {
            if let Err(error) = self.catch_up(&shutdown).await {
                tracing::error!(%error, "the search index cannot follow");
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

    /// Waits for a search, or for changes and a moment more. `false`: there will be none.
    async fn something_new(&mut self, commits: &mut watch::Receiver<StreamPosition>) -> bool {
        tokio::select! {
            changed = commits.changed() => if changed.is_err() { return false },
            asked = self.wanted.changed() => return asked.is_ok(),
        }
        tokio::select! {
            () = sleep(GATHERING_TIME_MAX) => true,
            asked = self.wanted.changed() => asked.is_ok(),
        }
    }

    async fn catch_up(&mut self, shutdown: &CancellationToken) -> Result<(), SearchError> {
        let snapshot = self.store.snapshot().await?;
        if snapshot.position() < self.at {
            // The store is an older one than the index was made from.
            self.in_background(|index| index.clear()).await?;
            (self.at, self.committed) = (StreamPosition::ZERO, StreamPosition::ZERO);
        }
        while !shutdown.is_cancelled() {
            let snapshot = self.store.snapshot().await?;
            let facts = Log::read(snapshot.as_ref(), self.at, COMMIT_FACTS_MAX).await?;
            let Some((last, _)) = facts.last() else {
                return Ok(());
            };
            let last = *last;
            let changes = self.changes(snapshot.as_ref(), &facts).await?;
            let idle = usize::try_from(last.0 - self.committed.0).unwrap_or(usize::MAX);
            if !changes.is_empty() || idle > IDLE_FACTS_MAX {
                self.in_background(move |index| index.commit(&changes, last)).await?;
                self.committed = last;
            }
            self.at = last;
            self.indexed.send_replace(last);
        }
        Ok(())
    }

    /// What facts change in the index.
    async fn changes(
        &self,
        snapshot: &dyn Snapshot,
        facts: &[(StreamPosition, Fact)],
    ) -> Result<Vec<Change>, SearchError> {
        let mut touched = BTreeSet::new();
        for (_, fact) in facts {
            match fact {
                Fact::Event { event, .. } => {
                    if let Some(event) = self.event(snapshot, *event).await? {
                        touched.extend(changed_by(&self.rooms, snapshot, &event).await?);
                    }
                }
                Fact::Redacted { event, .. } => {
                    touched.insert(*event);
                    touched.extend(self.shown_by(*event).await?);
                }
                _ => {}
            }
        }
        let mut changes = Vec::with_capacity(touched.len());
        for nid in touched {
            let entry = match self.event(snapshot, nid).await? {
                Some(event) => entry_of(&self.rooms, snapshot, &event).await?,
                None => None,
            };
            changes.push(entry.map_or(Change::Remove(nid), Change::Put));
        }
        Ok(changes)
    }

    /// The events whose entries have the text of `edit`. What is not committed yet cannot matter:
    /// its edits were read after they were redacted.
    async fn shown_by(&self, edit: EventNid) -> Result<Vec<EventNid>, SearchError> {
        let term = self.index.fields().edit_term(edit.0);
        let found = self.in_background(move |index| {
            let query = TermQuery::new(term, IndexRecordOption::Basic);
            let top = Top { order: Order::Recent, before: None, limit: LOOKED_AT_MAX };
            Ok(index.searcher().search(&query, &top)?)
        });
        Ok(found.await?.matches.into_iter().map(|one| one.event).collect())
    }

    /// The event, unless it is gone for good.
    async fn event(
        &self,
        snapshot: &dyn Snapshot,
        nid: EventNid,
    ) -> Result<Option<Event>, SearchError> {
        match self.rooms.event(snapshot, nid).await {
            Ok(event) => Ok(Some(event)),
            Err(RoomsError::Corrupt(reason)) => {
                tracing::warn!(%reason, "an event is not indexed");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
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
