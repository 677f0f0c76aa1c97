//! Identity keys of devices.

use hearth_base::limits::ENCRYPTION_KEY_BYTES_MAX;
use hearth_store::{Batch, Snapshot};
use ruma::{DeviceId, UserId, encryption::DeviceKeys, serde::Raw};
use serde_json::{Map, Value};

use crate::{
    Accounts, AccountsError,
    signed_json::unsigned_part,
    tables::{
        DEVICE_KEYS, DEVICES, FALLBACK_KEYS, KEY_COUNTS, ONE_TIME_KEY_IDS, ONE_TIME_KEYS,
        SIGNATURES,
    },
};

impl Accounts {
    /// Stores the identity keys of a device; equal keys change nothing.
    ///
    /// # Errors
    /// [`AccountsError::BadJson`] if they are malformed, [`AccountsError::Invalid`] if they are
    /// another device's, [`AccountsError::TooLarge`] if they are too large,
    /// [`AccountsError::NotFound`] if there is no such device.
    pub async fn upload_device_keys(
        &self,
        user: &UserId,
        device: &DeviceId,
        keys: &Raw<DeviceKeys>,
    ) -> Result<(), AccountsError> {
        let json = &checked(user, device, keys)?;
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let mut batch = Batch::new();
            let before = DEVICE_KEYS.get(snapshot, &(user, device)).await?;
            if before.as_ref() == Some(json) {
                return Ok((batch, ()));
            }
            // The check makes a deletion of the device in between a conflict.
            let row = DEVICES.get(snapshot, &(user, device)).await?;
            let row = row.ok_or(AccountsError::NotFound("device"))?;
            DEVICES.replace(&mut batch, &(user, device), Some(&row), Some(&row))?;
            DEVICE_KEYS.replace(&mut batch, &(user, device), before.as_ref(), Some(json))?;
            if before.is_some_and(|before| !is_same_identity(&before, json)) {
                delete_signatures(snapshot, &mut batch, user, device).await?;
            }
            self.write_device_list_change(snapshot, &mut batch, user).await?;
            Ok((batch, ()))
        })
        .await
    }

    /// Deletes everything that a device has to encrypt with.
    pub(crate) async fn write_device_key_deletion(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<(), AccountsError> {
        DEVICE_KEYS.delete(batch, &(user, device));
        if let Some(counts) = KEY_COUNTS.get(snapshot, &(user, device)).await? {
            KEY_COUNTS.replace(batch, &(user, device), Some(&counts), None)?;
        }
        let range = ONE_TIME_KEYS.prefix(&(user, device));
        for (key, _) in ONE_TIME_KEYS.scan_all(snapshot, &range).await? {
            ONE_TIME_KEYS.delete(batch, &key);
        }
        let range = ONE_TIME_KEY_IDS.prefix(&(user, device));
        for (key, _) in ONE_TIME_KEY_IDS.scan_all(snapshot, &range).await? {
            ONE_TIME_KEY_IDS.delete(batch, &key);
        }
        let range = FALLBACK_KEYS.prefix(&(user, device));
        for (key, _) in FALLBACK_KEYS.scan_all(snapshot, &range).await? {
            FALLBACK_KEYS.delete(batch, &key);
        }
        delete_signatures(snapshot, batch, user, device).await
    }
}

/// Deletes the user's own signatures on a device.
async fn delete_signatures(
    snapshot: &dyn Snapshot,
    batch: &mut Batch,
    user: &UserId,
    device: &DeviceId,
) -> Result<(), AccountsError> {
    let range = SIGNATURES.prefix(&(user, user, device.as_str()));
    for (key, _) in SIGNATURES.scan_all(snapshot, &range).await? {
        SIGNATURES.delete(batch, &key);
    }
    Ok(())
}

/// Whether signatures on the one hold for the other.
fn is_same_identity(before: &str, after: &str) -> bool {
    let signed = |json: &str| serde_json::from_str(json).ok().map(|keys| unsigned_part(&keys));
    signed(before) == signed(after)
}

/// The keys as they are stored: whole and well-formed, without what the server adds.
pub(crate) fn checked(
    user: &UserId,
    device: &DeviceId,
    keys: &Raw<DeviceKeys>,
) -> Result<String, AccountsError> {
    if keys.json().get().len() > ENCRYPTION_KEY_BYTES_MAX {
        return Err(AccountsError::TooLarge("the device keys"));
    }
    let malformed = |error: serde_json::Error| {
        AccountsError::BadJson(format!("malformed device keys: {error}"))
    };
    let typed = keys.deserialize().map_err(malformed)?;
    if typed.user_id != user || typed.device_id != device {
        return Err(AccountsError::invalid("the device keys are another device's"));
    }
    let mut object: Map<String, Value> =
        serde_json::from_str(keys.json().get()).map_err(malformed)?;
    object.remove("unsigned");
    serde_json::to_string(&object).map_err(malformed)
}
