//! The log for those who tell of it elsewhere: change by change, in order.
//!
//! Deliberately absent: a durable position. Whoever reads here knows where they are, or begins now.

use hearth_base::StreamPosition;
use hearth_store::{Fact, Log, Store, StoreError};
use tokio::sync::watch;

use crate::{Sync, SyncError};

/// A place in the log, from which one reads on.
pub struct LogReader {
    store: Store,
    position: StreamPosition,
    commits: watch::Receiver<StreamPosition>,
}

impl Sync {
    /// Reads what comes after a position.
    #[must_use]
    pub fn log_after(&self, position: StreamPosition) -> LogReader {
        let store = self.store().clone();
        LogReader { commits: store.position(), store, position }
    }

    /// The position of the last change.
    ///
    /// # Errors
    /// The store failed.
    pub async fn log_end(&self) -> Result<StreamPosition, SyncError> {
        Ok(self.store().snapshot().await?.position())
    }
}

impl LogReader {
    /// Up to where it has read.
    #[must_use]
    pub const fn position(&self) -> StreamPosition {
        self.position
    }

    /// The next changes, at most `limit`; none at the end.
    ///
    /// # Errors
    /// The store failed; the reader stays where it is.
    pub async fn read(&mut self, limit: usize) -> Result<Vec<(StreamPosition, Fact)>, SyncError> {
        let snapshot = self.store.snapshot().await?;
        let facts = Log::read(snapshot.as_ref(), self.position, limit).await?;
        if let Some((last, _)) = facts.last() {
            self.position = *last;
        }
        Ok(facts)
    }

    /// The next changes, at most `limit`; it waits for the first. Nothing is lost by not waiting
    /// for the answer.
    ///
    /// # Errors
    /// The store failed; the reader stays where it is.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<(StreamPosition, Fact)>, SyncError> {
        loop {
            // First mark, then read: what is committed in between wakes the wait.
            self.commits.mark_unchanged();
            let facts = self.read(limit).await?;
            if !facts.is_empty() {
                return Ok(facts);
            }
            let closed = |_| StoreError::Unavailable("the store is closed".to_owned());
            self.commits.changed().await.map_err(closed)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::StreamPosition;

    use crate::testing::server;

    #[tokio::test]
    async fn every_change_comes_once_and_in_order() {
        let server = server();
        let alice = server.user("alice").await;
        let mut log = server.sync.log_after(server.sync.log_end().await.unwrap());
        let start = log.position();
        let room = server.room(&alice).await;
        let end = server.sync.log_end().await.unwrap();
        let mut positions = Vec::new();
        while log.position() < end {
            positions.extend(log.next(2).await.unwrap().into_iter().map(|(position, _)| position));
        }
        let expected: Vec<_> = (start.0 + 1..=end.0).map(StreamPosition).collect();
        assert_eq!(positions, expected);
        assert!(log.read(2).await.unwrap().is_empty());

        let (next, ()) = tokio::join!(log.next(10), server.say(&room, &alice, "later"));
        assert_eq!(next.unwrap()[0].0, end.next());
    }
}
