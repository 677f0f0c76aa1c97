//! The follower that counts.

use hearth_base::StreamPosition;
use hearth_rooms::{Rooms, RoomsError};
use hearth_store::{
    Batch, CommitError, Fact, Follower, FollowerPosition, Log, Snapshot, Store, StoreError,
};
use tokio_util::sync::CancellationToken;

use crate::counts::{COUNTS, Counts, ROW};

const POSITION: FollowerPosition = FollowerPosition::new("census");
/// How many facts are read at a time.
const FACTS_MAX: usize = 500;
/// After how many facts the counts are written. Whoever crashes counts so many again.
const WRITTEN_AFTER_FACTS: i64 = 2_000;

/// Why counting has to wait.
#[derive(Debug, thiserror::Error)]
enum CensusError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Rooms(#[from] RoomsError),
}

/// Counts users, rooms and messages, and shows the figures to whoever collects them, until `stop`
/// fires.
pub async fn take_census(store: Store, rooms: Rooms, stop: CancellationToken) {
    Counts::describe();
    let census = Census::new(store.clone(), rooms);
    store.follow(census, "figures", stop).await;
}

struct Census {
    store: Store,
    rooms: Rooms,
    /// How far it has counted, once it is known.
    counted: Option<Counted>,
}

#[derive(Clone, Copy)]
struct Counted {
    counts: Counts,
    upto: StreamPosition,
    /// Up to where the counts are written.
    written: StreamPosition,
}

impl Census {
    const fn new(store: Store, rooms: Rooms) -> Self {
        Self { store, rooms, counted: None }
    }

    async fn count(&mut self) -> Result<(), CensusError> {
        loop {
            let snapshot = self.store.snapshot().await?;
            let mut counted = match self.counted {
                Some(counted) => counted,
                None => Counted::load(snapshot.as_ref()).await?,
            };
            let facts = Log::read(snapshot.as_ref(), counted.upto, FACTS_MAX).await?;
            let is_end = facts.is_empty();
            let mut events = Vec::new();
            for (position, fact) in facts {
                match fact {
                    Fact::Account { is_active, .. } => counted.counts.account(is_active),
                    Fact::Event { event, .. } => events.push(event),
                    _ => {}
                }
                counted.upto = position;
            }
            for event in self.rooms.events(snapshot.as_ref(), &events).await? {
                counted.counts.event(event.pdu().type_name());
            }
            if counted.upto.0 - counted.written.0 >= WRITTEN_AFTER_FACTS {
                self.write(&mut counted).await?;
            }
            self.counted = Some(counted);
            if is_end {
                counted.counts.publish();
                return Ok(());
            }
        }
    }

    async fn write(&self, counted: &mut Counted) -> Result<(), CensusError> {
        let mut batch = Batch::new();
        COUNTS.put(&mut batch, &ROW, &counted.counts)?;
        POSITION.save(&mut batch, counted.upto)?;
        self.store.commit(batch).await?;
        counted.written = counted.upto;
        Ok(())
    }
}

impl Counted {
    /// What was written last.
    async fn load(snapshot: &dyn Snapshot) -> Result<Self, StoreError> {
        let upto = POSITION.load(snapshot).await?;
        let counts = COUNTS.get(snapshot, &ROW).await?.unwrap_or_default();
        Ok(Self { counts, upto, written: upto })
    }
}

impl Follower for Census {
    type Error = CensusError;

    async fn catch_up(&mut self) -> Result<(), CensusError> {
        self.count().await
    }

    fn failed(&mut self) {
        self.counted = None;
    }
}

#[cfg(test)]
mod tests {
    use hearth_fixtures::Setup;

    use super::*;

    async fn counts(census: &mut Census) -> (u64, u64, u64) {
        census.count().await.unwrap();
        let Counts { users, rooms, messages } = census.counted.unwrap().counts;
        (users, rooms, messages)
    }

    #[tokio::test]
    async fn everything_is_counted_once_whoever_begins_again() {
        let server = Setup::default().build();
        let mut census = Census::new(server.store.clone(), server.rooms.clone());
        assert_eq!(counts(&mut census).await, (0, 0, 0));

        let (alice, bob) = (server.user("alice").await, server.user("bob").await);
        let room = server.room(&alice).await;
        for body in ["one", "two", "three"] {
            server.say(&room, &alice, body).await.unwrap();
        }
        for _ in 0..2 {
            server.accounts.deactivate(&bob, false).await.unwrap();
        }
        assert_eq!(counts(&mut census).await, (1, 1, 3));
        // Nothing was written yet, so it is counted again; and what is written, is not.
        census.failed();
        assert_eq!(counts(&mut census).await, (1, 1, 3));
        let mut counted = census.counted.unwrap();
        census.write(&mut counted).await.unwrap();
        server.user("carol").await;
        let mut again = Census::new(server.store, server.rooms);
        assert_eq!(counts(&mut again).await, (2, 1, 3));
    }
}
