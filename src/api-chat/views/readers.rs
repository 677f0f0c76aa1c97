//! Who has read messages: from the receipts that came after them, which an index finds.

use std::collections::BTreeMap;

use hearth_base::StreamPosition;
use hearth_rooms::{Event, ReceiptChange, ReceiptKind, ReceiptThread, Room, Snapshot};
use ruma::{EventId, OwnedUserId, UserId};

use super::Timestamp;
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
    /// Some members.
    members: Vec<OwnedUserId>,
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
        let members = members.into_iter().map(|(user, _)| user).collect();
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

    /// Some other members.
    pub fn others<'a>(&'a self, user_id: &'a UserId) -> impl Iterator<Item = &'a UserId> {
        self.members.iter().map(|user| &**user).filter(move |user| *user != user_id)
    }
}
