//! The notifications of a user: listing, counting, reading, and their end after 30 days.
//!
//! A notification has the position of its own fact in the log: who follows the log learns of it
//! there, and a reader that was away goes on from where it was. It names an event, and says nothing
//! that the event does not say any more.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use hearth_rooms::{Event, RoomsError, Snapshot};
use hearth_store::{Batch, Direction, Fact};
use ruma::{OwnedRoomId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Chat, ChatError,
    limits::{NOTIFICATION_LIFETIME_MS, NOTIFICATIONS_PAGE_MAX, UNREAD_MAX},
    tables::{NOTIFICATION_TIMES, NOTIFICATIONS, UNREAD},
};

/// How many notifications one batch ends.
const EXPIRED_ROWS: usize = 500;

/// Why somebody is notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// Somebody named them.
    Mention,
    /// Somebody answered a message of theirs.
    Reply,
    /// Somebody invited them to a room.
    RoomInvite,
    /// Somebody wrote to them alone.
    DirectMessage,
}

/// That a user was notified of an event.
#[derive(Clone)]
pub struct Notification {
    /// Where it stands in the log; its name as well.
    pub position: StreamPosition,
    /// Why.
    pub kind: NotificationKind,
    /// The room of the event.
    pub room_id: OwnedRoomId,
    /// The event.
    pub event: Event,
    /// When the user was notified, in Unix milliseconds.
    pub at_ms: u64,
    /// Whether the user has read it.
    pub is_read: bool,
}

/// Part of a user's notifications, the newest first.
#[derive(Clone, Default)]
pub struct NotificationsPage {
    /// The notifications.
    pub notifications: Vec<Notification>,
    /// Where to go on; `None` at the end.
    pub next: Option<StreamPosition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotificationRow {
    pub(crate) kind: NotificationKind,
    pub(crate) room: RoomNid,
    pub(crate) event: EventNid,
    pub(crate) at_ms: u64,
}

/// Adds a notification of an event to a batch; `unread` is the event's position, unless the user
/// has read it already.
pub(crate) fn put(
    batch: &mut Batch,
    user_id: &UserId,
    row: &NotificationRow,
    unread: Option<StreamPosition>,
) -> Result<(), ChatError> {
    let fact = batch.fact(Fact::Notification { user: user_id.to_owned() });
    NOTIFICATIONS.put(batch, &(user_id, fact), row)?;
    if let Some(event_position) = unread {
        UNREAD.put(batch, &(user_id, fact), &(row.room, event_position))?;
    }
    NOTIFICATION_TIMES.put(batch, &(row.at_ms, user_id, fact), &())?;
    Ok(())
}

impl Chat {
    /// The notifications of a user, the newest first; those before `before`, if given, and if
    /// `unread` only those that were not read. What the user may not see any more is left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn notifications(
        &self,
        user_id: &UserId,
        before: Option<StreamPosition>,
        limit: usize,
        unread: bool,
    ) -> Result<NotificationsPage, ChatError> {
        let limit = limit.clamp(1, NOTIFICATIONS_PAGE_MAX);
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let before = before.unwrap_or(StreamPosition::MAX).max(StreamPosition::ZERO);
        let positions = match unread {
            true => self.positions_unread(snapshot, user_id, before, limit).await?,
            false => self.positions_all(snapshot, user_id, before, limit).await?,
        };
        let next = (positions.len() == limit).then(|| positions.last().copied()).flatten();
        let mut notifications = Vec::with_capacity(positions.len());
        for position in positions {
            notifications.extend(self.notification(snapshot, user_id, position).await?);
        }
        Ok(NotificationsPage { notifications, next })
    }

    /// The notification of a user at a position, if there is one that the user may see: for who
    /// met its fact in the log.
    ///
    /// # Errors
    /// The store failed.
    pub async fn notification(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        position: StreamPosition,
    ) -> Result<Option<Notification>, ChatError> {
        let row = NOTIFICATIONS.get(snapshot, &(user_id, position)).await?;
        let Some(row) = row.filter(|row| row.at_ms > self.expired_before_ms()) else {
            return Ok(None);
        };
        let event = match self.rooms().event(snapshot, row.event).await {
            Ok(event) => event,
            // It was purged.
            Err(RoomsError::Corrupt(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let room = self.rooms().room_by_nid(snapshot, row.room).await?;
        if row.kind != NotificationKind::RoomInvite {
            let mut visibility = self.rooms().visibility(snapshot, &room, user_id).await?;
            if !visibility.may_see(&event).await? {
                return Ok(None);
            }
        }
        let is_read = UNREAD.get(snapshot, &(user_id, position)).await?.is_none();
        let (room_id, NotificationRow { kind, at_ms, .. }) = (room.id().to_owned(), row);
        Ok(Some(Notification { position, kind, room_id, event, at_ms, is_read }))
    }

    /// How many notifications a user has not read, up to a thousand.
    ///
    /// # Errors
    /// The store failed.
    pub async fn unread_notifications(&self, user_id: &UserId) -> Result<usize, ChatError> {
        let snapshot = self.snapshot().await?;
        let before = StreamPosition::MAX;
        let found = self.positions_unread(snapshot.as_ref(), user_id, before, UNREAD_MAX).await?;
        Ok(found.len())
    }

    /// Marks a notification as read.
    ///
    /// # Errors
    /// The user has no such notification, or the store failed.
    pub async fn read_notification(
        &self,
        user_id: &UserId,
        position: StreamPosition,
    ) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        if NOTIFICATIONS.get(snapshot.as_ref(), &(user_id, position)).await?.is_none() {
            return Err(ChatError::NotFound("notification"));
        }
        let mut batch = Batch::new();
        UNREAD.delete(&mut batch, &(user_id, position));
        self.store().commit(batch).await?;
        Ok(())
    }

    /// Marks all notifications of a user as read, and returns how many that were.
    ///
    /// # Errors
    /// The store failed.
    pub async fn read_all_notifications(&self, user_id: &UserId) -> Result<usize, ChatError> {
        let mut read = 0;
        loop {
            let snapshot = self.snapshot().await?;
            let (all, forward) = (UNREAD.prefix(&(user_id,)), Direction::Forward);
            let rows = UNREAD.scan(snapshot.as_ref(), &all, forward, UNREAD_MAX).await?;
            if rows.is_empty() {
                return Ok(read);
            }
            read += rows.len();
            let mut batch = Batch::new();
            rows.iter().for_each(|(key, _)| UNREAD.delete(&mut batch, key));
            self.store().commit(batch).await?;
        }
    }

    /// Forgets what is older than 30 days.
    pub(crate) async fn expire_notifications(&self) -> Result<(), ChatError> {
        loop {
            let snapshot = self.snapshot().await?;
            let range = NOTIFICATION_TIMES.between(&(0_u64,), &(self.expired_before_ms() + 1,));
            let (forward, limit) = (Direction::Forward, EXPIRED_ROWS);
            let rows = NOTIFICATION_TIMES.scan(snapshot.as_ref(), &range, forward, limit).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut batch = Batch::new();
            for (key @ (_, user_id, position), ()) in &rows {
                NOTIFICATION_TIMES.delete(&mut batch, key);
                NOTIFICATIONS.delete(&mut batch, &(user_id, *position));
                UNREAD.delete(&mut batch, &(user_id, *position));
            }
            self.store().commit(batch).await?;
        }
    }

    fn expired_before_ms(&self) -> u64 {
        self.now_ms().saturating_sub(NOTIFICATION_LIFETIME_MS)
    }

    async fn positions_all(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        before: StreamPosition,
        limit: usize,
    ) -> Result<Vec<StreamPosition>, ChatError> {
        let range = NOTIFICATIONS.between(&(user_id, StreamPosition::ZERO), &(user_id, before));
        let rows = NOTIFICATIONS.scan(snapshot, &range, Direction::Backward, limit).await?;
        Ok(rows.into_iter().map(|((_, position), _)| position).collect())
    }

    async fn positions_unread(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        before: StreamPosition,
        limit: usize,
    ) -> Result<Vec<StreamPosition>, ChatError> {
        let range = UNREAD.between(&(user_id, StreamPosition::ZERO), &(user_id, before));
        let rows = UNREAD.scan(snapshot, &range, Direction::Backward, limit).await?;
        Ok(rows.into_iter().map(|((_, position), _)| position).collect())
    }
}

/// The keys of what a user has not read of a room up to a position.
pub(crate) async fn unread_upto(
    snapshot: &dyn Snapshot,
    user_id: &UserId,
    room: RoomNid,
    upto: StreamPosition,
) -> Result<Vec<(OwnedUserId, StreamPosition)>, ChatError> {
    let (all, backward) = (UNREAD.prefix(&(user_id,)), Direction::Backward);
    let rows = UNREAD.scan(snapshot, &all, backward, UNREAD_MAX).await?;
    let read = rows.into_iter().filter(|(_, (unread, at))| *unread == room && *at <= upto);
    Ok(read.map(|(key, _)| key).collect())
}
