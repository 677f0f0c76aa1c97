//! Transaction ids: a request that is sent twice makes one event.

use hearth_store::{Batch, Snapshot};
use ruma::{DeviceId, OwnedDeviceId, OwnedEventId, OwnedTransactionId, UserId};

use crate::{RoomsError, event::Origin, tables::TRANSACTIONS};

/// Which request of which device made an event (specification, "Transaction identifiers").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The device of the sender.
    pub device_id: OwnedDeviceId,
    /// What the device called the request.
    pub transaction_id: OwnedTransactionId,
    /// What was called: the same id for another endpoint, room or type is another transaction.
    pub scope: String,
}

impl Transaction {
    pub(crate) fn origin(&self) -> Origin {
        Origin { device_id: self.device_id.clone(), transaction_id: self.transaction_id.clone() }
    }

    /// The key of what remembers the transactions of a user.
    pub(crate) fn key<'a>(
        &'a self,
        user_id: &'a UserId,
    ) -> (&'a UserId, &'a DeviceId, &'a str, &'a str) {
        (user_id, &self.device_id, &self.scope, self.transaction_id.as_str())
    }

    /// The event that the transaction made before, if it did.
    pub(crate) async fn result(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
    ) -> Result<Option<OwnedEventId>, RoomsError> {
        Ok(TRANSACTIONS.get(snapshot, &self.key(user_id)).await?)
    }

    /// Remembers the event; the batch is a conflict if the transaction made one already.
    pub(crate) fn insert(
        &self,
        batch: &mut Batch,
        user_id: &UserId,
        event_id: &OwnedEventId,
    ) -> Result<(), RoomsError> {
        Ok(TRANSACTIONS.insert(batch, &self.key(user_id), event_id)?)
    }
}
