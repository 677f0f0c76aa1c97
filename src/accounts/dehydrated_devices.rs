//! Dehydrated devices (MSC3814): a device of the user that waits on the server for messages, its
//! private keys encrypted, until a new device takes over what it got.
//!
//! A user has at most one. It is listed and queried as any device is, has no tokens, and goes with
//! its data when it is deleted like any device. Its messages stay until then, so that a client
//! that was interrupted can begin again.

use std::collections::BTreeMap;

use hearth_base::{
    StreamPosition,
    limits::{DEHYDRATED_DEVICE_BYTES_MAX, TO_DEVICE_MESSAGES_MAX},
};
use hearth_store::Batch;
use ruma::{
    OwnedDeviceId, OwnedOneTimeKeyId, UserId,
    api::client::dehydrated_device::DehydratedDeviceData,
    encryption::{DeviceKeys, OneTimeKey},
    serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Accounts, AccountsError, ToDeviceMessage,
    devices::DeviceRow,
    sessions::checked_device_id,
    tables::{DEHYDRATED_DEVICES, DEVICES},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DehydratedDeviceRow {
    pub(crate) device: OwnedDeviceId,
    /// JSON of the encrypted private keys.
    data: String,
}

/// A device that a client leaves on the server.
#[derive(Clone, Debug)]
pub struct NewDehydratedDevice {
    /// Its id.
    pub device: OwnedDeviceId,
    /// What it is called.
    pub display_name: Option<String>,
    /// Its private keys, encrypted.
    pub data: Raw<DehydratedDeviceData>,
    /// Its public keys.
    pub keys: Raw<DeviceKeys>,
    /// Its one-time keys.
    pub one_time_keys: BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
    /// Its fallback keys.
    pub fallback_keys: BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>,
}

impl Accounts {
    /// Leaves a dehydrated device here, in place of the one before.
    ///
    /// # Errors
    /// As [`Accounts::upload_device_keys`] and [`Accounts::upload_one_time_keys`];
    /// [`AccountsError::Invalid`] if a device of the user that is in use has the id.
    pub async fn put_dehydrated_device(
        &self,
        user: &UserId,
        new: &NewDehydratedDevice,
    ) -> Result<(), AccountsError> {
        let device = &checked_device_id(&new.device)?;
        if new.data.json().get().len() > DEHYDRATED_DEVICE_BYTES_MAX {
            return Err(AccountsError::TooLarge("the dehydrated device"));
        }
        new.data.deserialize().map_err(|error| {
            AccountsError::BadJson(format!("malformed dehydrated device: {error}"))
        })?;
        crate::device_keys::checked(user, device, &new.keys)?;
        let before = self.dehydrated_device(user).await?.map(|(device, _)| device);
        if before.as_ref() != Some(device) && self.device(user, device).await?.is_some() {
            return Err(AccountsError::invalid("a device in use has this id"));
        }
        if let Some(before) = before {
            self.delete_devices(user, &[before]).await?;
        }
        let row =
            DehydratedDeviceRow { device: device.clone(), data: new.data.json().get().to_owned() };
        let (row, display_name) = (&row, &new.display_name);
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            let created_ms = self.0.clock.now_ms();
            let listed = DeviceRow { display_name: display_name.clone(), created_ms };
            let before = DEHYDRATED_DEVICES.get(snapshot.as_ref(), &(user,)).await?;
            DEHYDRATED_DEVICES.replace(&mut batch, &(user,), before.as_ref(), Some(row))?;
            if DEVICES.get(snapshot.as_ref(), &(user, device)).await?.is_some() {
                return Err(AccountsError::invalid("a device in use has this id"));
            }
            DEVICES.insert(&mut batch, &(user, device), &listed)?;
            Ok((batch, ()))
        })
        .await?;
        self.upload_one_time_keys(user, device, &new.one_time_keys, &new.fallback_keys).await?;
        self.upload_device_keys(user, device, &new.keys).await
    }

    /// The dehydrated device of a user: its id and its encrypted private keys.
    ///
    /// # Errors
    /// The store failed.
    pub async fn dehydrated_device(
        &self,
        user: &UserId,
    ) -> Result<Option<(OwnedDeviceId, Raw<DehydratedDeviceData>)>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let Some(row) = DEHYDRATED_DEVICES.get(snapshot.as_ref(), &(user,)).await? else {
            return Ok(None);
        };
        let data = RawValue::from_string(row.data).map_err(|error| {
            hearth_store::StoreError::corrupt(hearth_store::Keyspace::Encryption, error)
        })?;
        Ok(Some((row.device, Raw::from_json(data))))
    }

    /// Deletes the dehydrated device of a user, and returns its id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_dehydrated_device(
        &self,
        user: &UserId,
    ) -> Result<Option<OwnedDeviceId>, AccountsError> {
        let Some((device, _)) = self.dehydrated_device(user).await? else {
            return Ok(None);
        };
        self.delete_devices(user, std::slice::from_ref(&device)).await?;
        Ok(Some(device))
    }

    /// A page of what was sent to the dehydrated device, oldest first.
    ///
    /// # Errors
    /// [`AccountsError::Forbidden`] if the device is not the user's dehydrated one.
    pub async fn dehydrated_device_messages(
        &self,
        user: &UserId,
        device: &OwnedDeviceId,
        since: StreamPosition,
    ) -> Result<Vec<ToDeviceMessage>, AccountsError> {
        let dehydrated = self.dehydrated_device(user).await?;
        if dehydrated.is_none_or(|(dehydrated, _)| dehydrated != *device) {
            return Err(AccountsError::forbidden("this is not your dehydrated device"));
        }
        let limit = TO_DEVICE_MESSAGES_MAX;
        self.to_device_since(user, device, since, StreamPosition::MAX, limit).await
    }
}

#[cfg(test)]
mod tests {
    use ruma::device_id;
    use serde_json::json;

    use super::*;
    use crate::testing::{Signer, fixture, raw};

    fn device(user: &UserId, id: &str) -> NewDehydratedDevice {
        let keys = Signer::new(Some(id)).device_keys(user, id);
        NewDehydratedDevice {
            device: id.into(),
            display_name: Some("asleep".to_owned()),
            data: raw(&json!({
                "algorithm": "org.matrix.msc3814.v2", "device_pickle": "p", "nonce": "n",
            })),
            keys: raw(&keys),
            one_time_keys: BTreeMap::new(),
            fallback_keys: BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn a_user_has_one_dehydrated_device() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user_with_device("alice", device_id!("A")).await;
        assert!(accounts.dehydrated_device(&alice).await.unwrap().is_none());
        accounts.put_dehydrated_device(&alice, &device(&alice, "D1")).await.unwrap();
        accounts.put_dehydrated_device(&alice, &device(&alice, "D2")).await.unwrap();
        accounts.put_dehydrated_device(&alice, &device(&alice, "D2")).await.unwrap();
        let (found, _) = accounts.dehydrated_device(&alice).await.unwrap().unwrap();
        assert_eq!(found, "D2");
        let listed = accounts.devices(&alice).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|device| device.device_id.as_str()).collect();
        assert_eq!(listed, ["A", "D2"]);
        let taken = accounts.put_dehydrated_device(&alice, &device(&alice, "A")).await;
        assert!(matches!(taken, Err(AccountsError::Invalid(_))));
        assert_eq!(accounts.delete_dehydrated_device(&alice).await.unwrap(), Some("D2".into()));
        assert_eq!(accounts.delete_dehydrated_device(&alice).await.unwrap(), None);
        assert_eq!(accounts.devices(&alice).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn logging_the_device_out_deletes_its_data() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user_with_device("alice", device_id!("A")).await;
        accounts.put_dehydrated_device(&alice, &device(&alice, "D1")).await.unwrap();
        accounts.delete_devices(&alice, &["A".into()]).await.unwrap();
        assert!(accounts.dehydrated_device(&alice).await.unwrap().is_some());
        accounts.delete_devices(&alice, &["D1".into()]).await.unwrap();
        assert!(accounts.dehydrated_device(&alice).await.unwrap().is_none());
        let since = StreamPosition::ZERO;
        let refused = accounts.dehydrated_device_messages(&alice, &"D1".into(), since).await;
        assert!(matches!(refused, Err(AccountsError::Forbidden(_))));
    }
}
