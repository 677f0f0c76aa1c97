//! Rows that are good for a while only: an index of when each one goes, and what deletes them.
//!
//! Whether a row is still valid its own subject decides when it reads it; this only gives the
//! space back.

use std::time::Duration;

use hearth_store::{Batch, Direction};
use ruma::{OwnedDeviceId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{
    Accounts, AccountsError,
    tables::{EXPIRIES, OPENID_TOKENS, TO_DEVICE_TRANSACTIONS},
    tokens::TokenHash,
};

/// Rows deleted by one batch.
const DELETED_IN_A_BATCH: usize = 1_000;

/// A row that goes at its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Perishable {
    /// The OpenID token of this hash.
    OpenIdToken(TokenHash),
    /// That a device sent the to-device request of this transaction id.
    ToDeviceTransaction(OwnedUserId, OwnedDeviceId, String),
}

impl Accounts {
    /// The time in `lifetime` from now, in Unix milliseconds.
    pub(crate) fn after(&self, lifetime: Duration) -> u64 {
        let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        self.0.clock.now_ms().saturating_add(lifetime_ms)
    }

    /// Notes when a row that the batch writes may be deleted.
    pub(crate) fn write_expiry(
        &self,
        batch: &mut Batch,
        expires_ms: u64,
        row: &Perishable,
    ) -> Result<(), AccountsError> {
        // Any number of rows may go in the same millisecond.
        let distinction = self.0.random.bytes::<32>();
        Ok(EXPIRIES.put(batch, &(expires_ms, distinction), row)?)
    }

    /// Deletes what has expired, and returns how many rows that were.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_expired(&self) -> Result<usize, AccountsError> {
        let range = EXPIRIES.between(&(0_u64,), &(self.0.clock.now_ms().saturating_add(1),));
        let range = &range;
        let mut total = 0;
        loop {
            let deleted = self
                .decide(|snapshot| async move {
                    let mut batch = Batch::new();
                    let limit = DELETED_IN_A_BATCH;
                    let due =
                        EXPIRIES.scan(snapshot.as_ref(), range, Direction::Forward, limit).await?;
                    for (key, row) in &due {
                        EXPIRIES.delete(&mut batch, key);
                        delete(&mut batch, row);
                    }
                    Ok((batch, due.len()))
                })
                .await?;
            total += deleted;
            if deleted < DELETED_IN_A_BATCH {
                return Ok(total);
            }
        }
    }
}

fn delete(batch: &mut Batch, row: &Perishable) {
    match row {
        Perishable::OpenIdToken(hash) => OPENID_TOKENS.delete(batch, &(*hash,)),
        Perishable::ToDeviceTransaction(user, device, transaction) => {
            TO_DEVICE_TRANSACTIONS.delete(batch, &(user, device, transaction.as_str()));
        }
    }
}
