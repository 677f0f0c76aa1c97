//! Message retention (MSC1763): how long a room's messages are kept, and the task that purges what
//! is older.
//!
//! The room's `m.room.retention` state says it, within the bounds that the administrator sets; a
//! default holds for rooms without. Deliberately absent: `min_lifetime`, which is for clients and
//! for whoever would purge more than the room wants; and media, which other events may show.

use std::time::Duration;

use hearth_base::{RoomNid, limits::STORE_PAGE_ROWS_MAX};
use hearth_store::Direction;
use ruma::events::StateEventType;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{Room, Rooms, RoomsError, tables::ROOMS};

/// The names of the state event, the later one first.
const STATE_TYPES: [&str; 2] = ["m.room.retention", "org.matrix.msc1763.retention"];

/// What an administrator decides about retention.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How often rooms are looked through.
    pub interval: Duration,
    /// How long messages are kept in rooms that do not say, in milliseconds; `None`: for ever.
    pub default_max_lifetime_ms: Option<u64>,
    /// The shortest lifetime that a room can ask for, in milliseconds.
    pub lowest_max_lifetime_ms: Option<u64>,
    /// The longest lifetime that a room can ask for, in milliseconds.
    pub highest_max_lifetime_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Content {
    max_lifetime: Option<u64>,
}

impl Retention {
    /// How long messages are kept in a room that asks for this.
    fn lifetime_ms(&self, asked_ms: Option<u64>) -> Option<u64> {
        let asked_ms = asked_ms?;
        let at_least = self.lowest_max_lifetime_ms.unwrap_or(0);
        let at_most = self.highest_max_lifetime_ms.unwrap_or(u64::MAX);
        Some(asked_ms.min(at_most).max(at_least))
    }
}

impl Rooms {
    /// Purges what is older than its room wants, again and again until `stop` fires.
    pub async fn purge_expired_events(self, retention: Retention, stop: CancellationToken) {
        let mut interval = tokio::time::interval(retention.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = interval.tick() => {}
            }
            if let Err(error) = self.purge_all(&retention, &stop).await {
                tracing::error!(%error, "old messages could not be purged");
            }
        }
    }

    /// Looks through all rooms once.
    pub(crate) async fn purge_all(
        &self,
        retention: &Retention,
        stop: &CancellationToken,
    ) -> Result<(), RoomsError> {
        let mut from = RoomNid(0);
        loop {
            let snapshot = self.snapshot().await?;
            let range = ROOMS.between(&(from,), &(RoomNid(u64::MAX),));
            let forward = Direction::Forward;
            let rows = ROOMS.scan(snapshot.as_ref(), &range, forward, STORE_PAGE_ROWS_MAX).await?;
            for ((nid,), _) in &rows {
                if stop.is_cancelled() {
                    return Ok(());
                }
                let room = self.room_by_nid(snapshot.as_ref(), *nid).await?;
                self.purge_room(&room, retention, stop).await?;
            }
            match rows.last() {
                Some(((last,), _)) => from = RoomNid(last.0.saturating_add(1)),
                None => return Ok(()),
            }
        }
    }

    async fn purge_room(
        &self,
        room: &Room,
        retention: &Retention,
        stop: &CancellationToken,
    ) -> Result<(), RoomsError> {
        let Some(lifetime_ms) = self.max_lifetime_ms(room, retention).await? else {
            return Ok(());
        };
        let before_ms = self.clock().now_ms().saturating_sub(lifetime_ms);
        while !stop.is_cancelled() && self.purge_some(room, before_ms).await? {}
        Ok(())
    }

    /// How long messages are kept in a room; `None`: for ever.
    async fn max_lifetime_ms(
        &self,
        room: &Room,
        retention: &Retention,
    ) -> Result<Option<u64>, RoomsError> {
        let snapshot = self.snapshot().await?;
        let state = self.head(snapshot.as_ref(), room.nid()).await?.state;
        let wanted = STATE_TYPES.map(|name| (StateEventType::from(name), String::new()));
        let found = self.state_events(snapshot.as_ref(), room.nid(), state, &wanted).await?;
        let content = found.iter().flatten().find_map(|event| event.pdu().content_as::<Content>());
        Ok(match content {
            Some(Content { max_lifetime }) => retention.lifetime_ms(max_lifetime),
            None => retention.default_max_lifetime_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::StreamPosition;
    use ruma::{OwnedEventId, api::client::threads::get_threads::v1::IncludeThreads};

    use super::*;
    use crate::testing::{event, message, public_room, relating, rooms, user};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn retention() -> Retention {
        Retention {
            interval: DAY,
            default_max_lifetime_ms: None,
            lowest_max_lifetime_ms: Some(1_000),
            highest_max_lifetime_ms: Some(10_000),
        }
    }

    async fn purge(rooms: &Rooms) {
        rooms.purge_all(&retention(), &CancellationToken::new()).await.unwrap();
    }

    async fn exists(rooms: &Rooms, event_id: &OwnedEventId) -> bool {
        let snapshot = rooms.snapshot().await.unwrap();
        rooms.event_by_id(snapshot.as_ref(), event_id).await.unwrap().is_some()
    }

    #[test]
    fn what_rooms_ask_for_is_bounded() {
        let retention = retention();
        let lifetimes = [None, Some(1), Some(5_000), Some(u64::MAX)];
        let granted = lifetimes.map(|asked_ms| retention.lifetime_ms(asked_ms));
        assert_eq!(granted, [None, Some(1_000), Some(5_000), Some(10_000)]);
    }

    #[tokio::test]
    async fn old_messages_go_and_nothing_names_them_any_more() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let policy = serde_json::json!({ "max_lifetime": 1_000 });
        let policy = event(&alice, "m.room.retention", Some(""), policy);
        rooms.send(&room, policy).await.unwrap();
        let root = rooms.send(&room, message(&alice, "root")).await.unwrap().event_id;
        let reply = rooms.send(&room, relating(&alice, "m.thread", &root)).await.unwrap().event_id;
        purge(&rooms).await;
        assert!(exists(&rooms, &root).await && exists(&rooms, &reply).await);
        rooms.clock().advance(Duration::from_secs(2));
        let young = rooms.send(&room, relating(&alice, "m.thread", &root)).await.unwrap().event_id;
        purge(&rooms).await;
        assert!(!exists(&rooms, &root).await && !exists(&rooms, &reply).await);
        assert!(exists(&rooms, &young).await);

        let snapshot = rooms.snapshot().await.unwrap();
        let snapshot = snapshot.as_ref();
        let (start, end) = (StreamPosition::MIN, snapshot.position());
        let forward = Direction::Forward;
        let left = rooms.timeline(snapshot, room.nid(), start, end, forward, 100).await.unwrap();
        assert!(left.iter().all(|event| event.pdu().is_state() || event.pdu().event_id() == young));
        let all = IncludeThreads::All;
        let page = rooms.threads(snapshot, &room, &alice, &all, None, 10).await.unwrap();
        assert!(page.roots.is_empty());
        rooms.send(&room, message(&alice, "goes on")).await.unwrap();
    }

    #[tokio::test]
    async fn the_end_of_a_room_stays() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let policy = serde_json::json!({ "max_lifetime": 1_000 });
        let policy = event(&alice, "m.room.retention", Some(""), policy);
        rooms.send(&room, policy).await.unwrap();
        let last = rooms.send(&room, message(&alice, "last")).await.unwrap().event_id;
        rooms.clock().advance(DAY);
        purge(&rooms).await;
        assert!(exists(&rooms, &last).await);
        rooms.send(&room, message(&alice, "next")).await.unwrap();
        purge(&rooms).await;
        assert!(!exists(&rooms, &last).await);
    }
}
