//! Which users changed their devices or identity keys, by position.

use std::collections::BTreeSet;

use hearth_base::StreamPosition;
use hearth_store::{Batch, Fact, Snapshot};
use ruma::{OwnedUserId, UserId};

use crate::{
    Accounts, AccountsError,
    tables::{DEVICE_LIST_CHANGES, DEVICE_LISTS, OWN_SIGNATURE_CHANGES, OWN_SIGNATURES},
};

impl Accounts {
    /// Users whose devices or identity keys changed after `since`, up to and including `upto`, as
    /// `observer` sees it: users whose keys the observer signed count as well.
    ///
    /// Which of them share a room with the observer is the caller's part.
    ///
    /// # Errors
    /// The store failed.
    pub async fn device_list_changes(
        &self,
        observer: &UserId,
        since: StreamPosition,
        upto: StreamPosition,
    ) -> Result<BTreeSet<OwnedUserId>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let range = DEVICE_LIST_CHANGES.between(&(since.next(),), &(upto.next(),));
        let changed = DEVICE_LIST_CHANGES.scan_all(snapshot, &range).await?;
        let range =
            OWN_SIGNATURE_CHANGES.between(&(observer, since.next()), &(observer, upto.next()));
        let signed = OWN_SIGNATURE_CHANGES.scan_all(snapshot, &range).await?;
        let changed = changed.into_iter().map(|((_, user), ())| user);
        Ok(changed.chain(signed.into_iter().map(|((_, _, user), ())| user)).collect())
    }

    /// When the devices or identity keys of a user changed last.
    ///
    /// # Errors
    /// The store failed.
    pub async fn device_list_position(
        &self,
        user: &UserId,
    ) -> Result<Option<StreamPosition>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let row = DEVICE_LISTS.get(snapshot.as_ref(), &(user,)).await?;
        Ok(row.map(|row| row.position))
    }

    /// Notes that a user's devices or identity keys change with this batch.
    pub(crate) async fn write_device_list_change(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
    ) -> Result<(), AccountsError> {
        let before = DEVICE_LISTS.get(snapshot, &(user,)).await?;
        let fact = batch.fact(Fact::DeviceList { user: user.to_owned() });
        DEVICE_LISTS.replace(batch, &(user,), fact, before.as_ref(), &())?;
        if let Some(before) = before {
            DEVICE_LIST_CHANGES.delete(batch, &(before.position, user));
        }
        DEVICE_LIST_CHANGES.put(batch, &(fact, user), &())?;
        Ok(())
    }

    /// Notes that `signer` signed keys of another user: only the signer sees that.
    pub(crate) async fn write_own_signature_change(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        signer: &UserId,
        signed: &UserId,
    ) -> Result<(), AccountsError> {
        let before = OWN_SIGNATURES.get(snapshot, &(signer, signed)).await?;
        let fact = batch.fact(Fact::DeviceList { user: signer.to_owned() });
        OWN_SIGNATURES.replace(batch, &(signer, signed), fact, before.as_ref(), &())?;
        if let Some(before) = before {
            OWN_SIGNATURE_CHANGES.delete(batch, &(signer, before.position, signed));
        }
        OWN_SIGNATURE_CHANGES.put(batch, &(signer, fact, signed), &())?;
        Ok(())
    }
}
