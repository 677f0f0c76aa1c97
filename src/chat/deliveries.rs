//! What reached whom, beyond the process: "delivered" is not taken back by a restart.
//!
//! It is known in memory first, and written now and then. A crash forgets what came in between,
//! until the client asks again.

use std::time::Duration;

use hearth_base::StreamPosition;
use hearth_rooms::Snapshot;
use hearth_store::Batch;
use ruma::OwnedUserId;
use tokio_util::sync::CancellationToken;

use crate::{Chat, ChatError, tables::DELIVERED};

/// How long lies between two rounds of writing.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// How many users one batch is about.
const BATCH_USERS: usize = 500;

impl Chat {
    /// Up to where a device of each of these users has everything.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delivered_upto(
        &self,
        snapshot: &dyn Snapshot,
        users: &[OwnedUserId],
    ) -> Result<Vec<StreamPosition>, ChatError> {
        let kept = DELIVERED.get_many(snapshot, users.iter().map(|user| (user,))).await?;
        let known = users.iter().zip(kept).map(|(user, kept)| {
            let known = self.bus().deliveries().upto(user).max(kept);
            known.unwrap_or(StreamPosition::MIN)
        });
        Ok(known.collect())
    }

    /// Writes what reached whom, now and then and at the end.
    pub(crate) async fn keep_deliveries(self, stop: CancellationToken) {
        loop {
            let is_end = stop.run_until_cancelled(tokio::time::sleep(WRITE_EVERY)).await.is_none();
            if let Err(error) = self.write_deliveries().await {
                tracing::warn!(%error, "what reached whom is not written");
            }
            if is_end {
                return;
            }
        }
    }

    async fn write_deliveries(&self) -> Result<(), ChatError> {
        let deliveries = self.bus().deliveries();
        for users in deliveries.to_keep().chunks(BATCH_USERS) {
            let mut batch = Batch::new();
            for (user, upto) in users {
                DELIVERED.put(&mut batch, &(user,), upto)?;
            }
            self.store().commit(batch).await?;
            deliveries.kept(users);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn what_was_delivered_is_known_to_the_next_process() {
        let fixture = fixture();
        let users = [fixture.id("alice"), fixture.id("bob")];
        fixture.chat.bus().deliveries().delivered(&users[0], StreamPosition(7));
        let known = async |chat: &Chat| {
            let snapshot = chat.snapshot().await.unwrap();
            chat.delivered_upto(snapshot.as_ref(), &users).await.unwrap()
        };
        let expected = [StreamPosition(7), StreamPosition::MIN];
        assert_eq!(known(&fixture.chat).await, expected);
        fixture.chat.write_deliveries().await.unwrap();
        assert_eq!(fixture.chat.bus().deliveries().to_keep(), []);
        assert_eq!(known(&fixture.restarted()).await, expected);
    }
}
