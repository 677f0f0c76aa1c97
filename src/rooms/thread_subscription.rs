//! Thread subscriptions: which threads a user wants to hear of (MSC4306), and what changed of
//! that since a client looked (MSC4308).
//!
//! A client subscribes by itself to threads that its user takes part in: then it names the event
//! that made it. What the user decided is not overruled by such an event that is older than the
//! decision. Whoever never said anything of a thread hears of it as of everything else.

use std::collections::HashMap;

use hearth_base::{RoomNid, StreamPosition, limits::THREAD_SUBSCRIPTION_CHANGES_MAX};
use hearth_store::{Batch, CommitError, Direction, Fact, Snapshot, Stamped};
use ruma::{EventId, OwnedEventId, OwnedRoomId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Event, Room, Rooms, RoomsError, Side,
    relation::RelatesTo,
    tables::{THREAD_SUBSCRIPTION_CHANGES, THREAD_SUBSCRIPTIONS},
};

/// How often a subscription is decided again when another device of the user was faster.
const CONFLICT_RETRIES_MAX: usize = 8;

/// What a user wants of a thread. The position of the row is when it became so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThreadSubscription {
    /// The user asked for it.
    Manual,
    /// A client did, since the user takes part in the thread.
    Automatic,
    /// The user was subscribed and does not want to be.
    Unsubscribed,
}

impl ThreadSubscription {
    /// Whether the user wants to hear of the thread.
    #[must_use]
    pub fn is_subscribed(self) -> bool {
        self != Self::Unsubscribed
    }
}

/// Whether a user wants to hear of a thread, by room and root.
pub type ThreadWishes = HashMap<(RoomNid, OwnedEventId), bool>;

/// A change of what a user wants of a thread: the present state, when it became so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSubscriptionChange {
    /// The room.
    pub room_id: OwnedRoomId,
    /// The thread.
    pub root: OwnedEventId,
    /// What the user wants now.
    pub subscription: ThreadSubscription,
    /// When it became so: the `bump_stamp` of MSC4308.
    pub position: StreamPosition,
}

/// Changes of a user's thread subscriptions, the latest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadSubscriptionPage {
    /// The changes.
    pub changes: Vec<ThreadSubscriptionChange>,
    /// Where to go on towards older ones; `None` at the end.
    pub next: Option<Side>,
}

impl Rooms {
    /// What a user wants of a thread; `None` if the user never said.
    ///
    /// # Errors
    /// The store failed.
    pub async fn thread_subscription(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
        user_id: &UserId,
        root: &EventId,
    ) -> Result<Option<ThreadSubscription>, RoomsError> {
        let row = THREAD_SUBSCRIPTIONS.get(snapshot, &(user_id, room, root)).await?;
        Ok(row.map(|row| row.value))
    }

    /// The threads of which a user said whether to hear of them, with what they said.
    ///
    /// # Errors
    /// The store failed.
    pub async fn thread_wishes(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
    ) -> Result<ThreadWishes, RoomsError> {
        let range = THREAD_SUBSCRIPTIONS.prefix(&(user_id,));
        let rows = THREAD_SUBSCRIPTIONS.scan_all(snapshot, &range).await?;
        let wish = |row: Stamped<ThreadSubscription>| row.value.is_subscribed();
        Ok(rows.into_iter().map(|((_, room, root), row)| ((room, root), wish(row))).collect())
    }

    /// Subscribes a user to a thread: because of `cause`, an event in the thread, or because the
    /// user wants it. A manual subscription replaces an automatic one, not the other way round.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] if the user may not see the root or the cause,
    /// [`RoomsError::NotInThread`] if the cause is not in the thread,
    /// [`RoomsError::ConflictingUnsubscription`] if the user left the thread after the cause, or
    /// the store failed.
    pub async fn subscribe_thread(
        &self,
        room: &Room,
        user_id: &UserId,
        root: &EventId,
        cause: Option<&EventId>,
    ) -> Result<(), RoomsError> {
        let snapshot = self.snapshot().await?;
        self.visible_event(snapshot.as_ref(), room, root, user_id).await?;
        let cause = match cause {
            Some(cause) => {
                Some(self.reply_of(snapshot.as_ref(), room, user_id, root, cause).await?)
            }
            None => None,
        };
        self.change_subscription(room, user_id, root, |present| {
            use ThreadSubscription::{Automatic, Manual, Unsubscribed};
            let Some(cause) = &cause else {
                return Ok(Some(Manual));
            };
            match present {
                Some(row) if row.value == Unsubscribed && row.position >= cause.position() => {
                    Err(RoomsError::ConflictingUnsubscription)
                }
                Some(row) if row.value == Manual => Ok(None),
                _ => Ok(Some(Automatic)),
            }
        })
        .await
    }

    /// Ends a user's subscription to a thread, if there is one.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] if the user may not see the root, or the store failed.
    pub async fn unsubscribe_thread(
        &self,
        room: &Room,
        user_id: &UserId,
        root: &EventId,
    ) -> Result<(), RoomsError> {
        let snapshot = self.snapshot().await?;
        self.visible_event(snapshot.as_ref(), room, root, user_id).await?;
        self.change_subscription(room, user_id, root, |present| {
            Ok(present.map(|_| ThreadSubscription::Unsubscribed))
        })
        .await
    }

    /// What changed of a user's subscriptions after `after` and up to `upto`: of each thread its
    /// present state, the latest changes first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn thread_subscription_changes(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        after: StreamPosition,
        upto: StreamPosition,
        limit: usize,
    ) -> Result<ThreadSubscriptionPage, RoomsError> {
        let limit = limit.clamp(1, THREAD_SUBSCRIPTION_CHANGES_MAX);
        let (start, end) = ((user_id, after.next()), (user_id, upto.next()));
        let range = THREAD_SUBSCRIPTION_CHANGES.between(&start, &end);
        let backward = Direction::Backward;
        let mut rows =
            THREAD_SUBSCRIPTION_CHANGES.scan(snapshot, &range, backward, limit + 1).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let oldest = rows.last().map(|((_, position), _)| *position);
        let mut changes = Vec::with_capacity(rows.len());
        for ((_, position), (room, root)) in rows {
            let present = self.thread_subscription(snapshot, room, user_id, &root).await?;
            let room_id = self.room_by_nid(snapshot, room).await?.id().to_owned();
            changes.extend(present.map(|subscription| ThreadSubscriptionChange {
                room_id,
                root,
                subscription,
                position,
            }));
        }
        let next = oldest.filter(|_| more).map(|oldest| Side(oldest.previous()));
        Ok(ThreadSubscriptionPage { changes, next })
    }

    /// An event that a client names as the cause of a subscription: a reply in the thread.
    async fn reply_of(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
        root: &EventId,
        cause: &EventId,
    ) -> Result<Event, RoomsError> {
        let cause = match self.visible_event(snapshot, room, cause, user_id).await {
            // A cause that is not there is in no thread, whatever the reason.
            Err(RoomsError::NotFound(_)) => return Err(RoomsError::NotInThread),
            cause => cause?,
        };
        let is_reply = RelatesTo::of(cause.pdu()).is_some_and(|relates| relates.is_in_thread(root));
        if is_reply { Ok(cause) } else { Err(RoomsError::NotInThread) }
    }

    /// Writes what `decide` makes of the present row; nothing, if that is what there is.
    async fn change_subscription(
        &self,
        room: &Room,
        user_id: &UserId,
        root: &EventId,
        decide: impl Fn(
            Option<&Stamped<ThreadSubscription>>,
        ) -> Result<Option<ThreadSubscription>, RoomsError>,
    ) -> Result<(), RoomsError> {
        let key = (user_id, room.nid(), root);
        for _ in 0..CONFLICT_RETRIES_MAX {
            let snapshot = self.snapshot().await?;
            let before = THREAD_SUBSCRIPTIONS.get(snapshot.as_ref(), &key).await?;
            let Some(after) = decide(before.as_ref())? else {
                return Ok(());
            };
            if before.as_ref().is_some_and(|before| before.value == after) {
                return Ok(());
            }
            let mut batch = Batch::new();
            let fact = batch.fact(Fact::ThreadSubscription { user: user_id.to_owned() });
            THREAD_SUBSCRIPTIONS.replace(&mut batch, &key, fact, before.as_ref(), &after)?;
            if let Some(before) = before {
                THREAD_SUBSCRIPTION_CHANGES.delete(&mut batch, &(user_id, before.position));
            }
            let thread = (room.nid(), root.to_owned());
            THREAD_SUBSCRIPTION_CHANGES.put(&mut batch, &(user_id, fact), &thread)?;
            match self.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(RoomsError::Busy)
    }
}
