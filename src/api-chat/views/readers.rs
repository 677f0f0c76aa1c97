//! Who has read messages: from the receipts that came after them, which an index finds.

use std::collections::BTreeMap;

use hearth_base::StreamPosition;
use hearth_rooms::{Event, ReceiptChange, ReceiptKind, ReceiptThread, Room, Snapshot};
use ruma::{EventId, OwnedUserId, UserId};

use super::{DeliveryStatus, Timestamp};
use crate::{ChatApi, Problem};

/// In rooms with more members nobody counts readers.
const MEMBERS_MAX: u64 = 1_000;
/// Most members of whom is asked whether a message reached them.
const RECIPIENTS_MAX: usize = 100;

/// Who has read the messages of a room since one of them.
#[derive(Default)]
pub struct Readers {
    /// None in a room that is too large.
    receipts: Option<Vec<ReceiptChange>>,
    /// Some members, and up to where what was said reached them.
    members: Vec<(OwnedUserId, StreamPosition)>,
}

impl Readers {
    /// Who has read the messages from a position on.
    ///
    /// # Errors
    /// The store failed.
    pub async fn since(
        api: &ChatApi,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
        oldest: StreamPosition,
    ) -> Result<Self, Problem> {
        let head = api.rooms.head(snapshot, room.nid()).await?;
        let members = api.rooms.joined_members(snapshot, room.nid(), None, RECIPIENTS_MAX).await?;
        let members: Vec<_> = members.into_iter().map(|(user, _)| user).collect();
        let delivered = api.chat.delivered_upto(snapshot, room.nid(), &members).await?;
        let members = members.into_iter().zip(delivered).collect();
        if head.joined_members > MEMBERS_MAX {
            return Ok(Self { receipts: None, members });
        }
        let upto = snapshot.position();
        let receipts =
            api.rooms.receipts_since(snapshot, room.nid(), oldest, upto, user_id).await?;
        let public = receipts.into_iter().filter(|receipt| receipt.kind == ReceiptKind::Read);
        Ok(Self { receipts: Some(public.collect()), members })
    }

    /// How many others have read a message, if it is known.
    #[must_use]
    pub fn count(&self, event: &Event, thread: Option<&EventId>) -> Option<u64> {
        self.receipts.as_ref()?;
        u64::try_from(self.of(event, thread).len()).ok()
    }

    /// Who else has read a message, and when.
    #[must_use]
    pub fn of(&self, event: &Event, thread: Option<&EventId>) -> BTreeMap<OwnedUserId, Timestamp> {
        let speaks = |receipt: &&ReceiptChange| match &receipt.thread {
            ReceiptThread::Unthreaded => true,
            ReceiptThread::Main => thread.is_none(),
            ReceiptThread::Thread(root) => thread == Some(root),
        };
        let receipts = self.receipts.iter().flatten().filter(speaks);
        let read = receipts.filter(|receipt| {
            receipt.receipt.event_position >= event.position()
                && receipt.user != event.pdu().sender()
        });
        read.map(|read| (read.user.clone(), Timestamp::from_ms(read.receipt.ts_ms))).collect()
    }

    /// What became of a message that so many others have read.
    #[must_use]
    pub fn status(&self, event: &Event, count: Option<u64>) -> DeliveryStatus {
        if count.is_some_and(|count| count > 0) {
            return DeliveryStatus::Read;
        }
        let is_delivered = self.reached(event).next().is_some();
        if is_delivered { DeliveryStatus::Delivered } else { DeliveryStatus::Sent }
    }

    /// Some others whom a message reached.
    pub fn reached<'a>(&'a self, event: &'a Event) -> impl Iterator<Item = &'a UserId> {
        let reached = self.members.iter().filter(|(_, upto)| *upto >= event.position());
        reached.map(|(user, _)| &**user).filter(|user| *user != event.pdu().sender())
    }
}
