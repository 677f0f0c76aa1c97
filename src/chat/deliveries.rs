//! What reached whom, beyond the process: "delivered" is not taken back by a restart.
//!
//! It is known in memory first, and written now and then. A crash forgets what came in between,
//! until the client asks again.

use std::time::Duration;

use hearth_base::{RoomNid, StreamPosition};
use hearth_bus::Delivery;
use hearth_rooms::Snapshot;
use hearth_store::Batch;
use ruma::OwnedUserId;
use tokio_util::sync::CancellationToken;

use crate::{
    Chat, ChatError,
    tables::{DELIVERED, DELIVERED_IN},
};

/// How long lies between two rounds of writing.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// How many deliveries one batch is about.
const BATCH_DELIVERIES: usize = 500;

impl Chat {
    /// Up to where a device of each of these users has everything of a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delivered_upto(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        users: &[OwnedUserId],
    ) -> Result<Vec<StreamPosition>, ChatError> {
        let everywhere = DELIVERED.get_many(snapshot, users.iter().map(|user| (user,))).await?;
        let of_room = users.iter().map(|user| (user, room));
        let of_room = DELIVERED_IN.get_many(snapshot, of_room).await?;
        let kept = everywhere.into_iter().zip(of_room).map(|(all, of_room)| all.max(of_room));
        let known = users.iter().zip(kept).map(|(user, kept)| {
            let known = self.bus().deliveries().upto(user, room).max(kept);
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
        for some in deliveries.to_keep().chunks(BATCH_DELIVERIES) {
            let mut batch = Batch::new();
            for Delivery { user, room, upto } in some {
                match room {
                    None => DELIVERED.put(&mut batch, &(user,), upto)?,
                    Some(room) => DELIVERED_IN.put(&mut batch, &(user, *room), upto)?,
                }
            }
            self.store().commit(batch).await?;
            deliveries.kept(some);
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
        let (room, other) = (RoomNid(1), RoomNid(2));
        fixture.chat.bus().deliveries().delivered(&users[0], StreamPosition(7));
        fixture.chat.bus().deliveries().delivered_in(room, &users[1], StreamPosition(8));
        let known = async |chat: &Chat, room: RoomNid| {
            let snapshot = chat.snapshot().await.unwrap();
            chat.delivered_upto(snapshot.as_ref(), room, &users).await.unwrap()
        };
        fixture.chat.write_deliveries().await.unwrap();
        assert_eq!(fixture.chat.bus().deliveries().to_keep(), []);
        for chat in [&fixture.chat, &fixture.restarted()] {
            assert_eq!(known(chat, room).await, [StreamPosition(7), StreamPosition(8)]);
            assert_eq!(known(chat, other).await, [StreamPosition(7), StreamPosition::MIN]);
        }
    }
}
