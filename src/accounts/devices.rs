//! The devices of a user: list, rename, delete.

use hearth_base::limits::DEVICE_DISPLAY_NAME_BYTES_MAX;
use hearth_store::{Batch, Snapshot};
use ruma::{DeviceId, OwnedDeviceId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Accounts, AccountsError,
    last_seen::LastSeenRow,
    sessions::{check_device_count, checked_device_id},
    tables::{DEHYDRATED_DEVICES, DEVICE_KEYS, DEVICES, LAST_SEEN},
    tokens::{self, TokenHash},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceRow {
    pub(crate) display_name: Option<String>,
    pub(crate) created_ms: u64,
}

/// A device of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id, unique for the user.
    pub device_id: OwnedDeviceId,
    /// What the user calls it.
    pub display_name: Option<String>,
    /// When it was used last, in Unix milliseconds; a few minutes coarse.
    pub last_seen_ms: Option<u64>,
    /// The address that it was used from last.
    pub last_seen_ip: Option<String>,
}

impl Device {
    fn new(device_id: OwnedDeviceId, row: DeviceRow, seen: Option<LastSeenRow>) -> Self {
        let (last_seen_ms, last_seen_ip) = seen.map(|seen| (seen.at_ms, seen.ip)).unzip();
        Self { device_id, display_name: row.display_name, last_seen_ms, last_seen_ip }
    }
}

impl Accounts {
    /// A device of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn device(
        &self,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<Option<Device>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let Some(row) = DEVICES.get(snapshot.as_ref(), &(user, device)).await? else {
            return Ok(None);
        };
        let seen = match self.0.last_seen.recent(user, device) {
            Some(recent) => Some(recent),
            None => LAST_SEEN.get(snapshot.as_ref(), &(user, device)).await?,
        };
        Ok(Some(Device::new(device.to_owned(), row, seen)))
    }

    /// All devices of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn devices(&self, user: &UserId) -> Result<Vec<Device>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let rows = DEVICES.scan_all(snapshot.as_ref(), &DEVICES.prefix(&(user,))).await?;
        let keys = rows.iter().map(|(key, _)| key.clone());
        let seen = LAST_SEEN.get_many(snapshot.as_ref(), keys).await?;
        let devices = rows.into_iter().zip(seen);
        Ok(devices
            .map(|(((_, device), row), seen)| {
                let recent = self.0.last_seen.recent(user, &device);
                Device::new(device, row, recent.or(seen))
            })
            .collect())
    }

    pub(crate) async fn device_ids(
        &self,
        user: &UserId,
    ) -> Result<Vec<OwnedDeviceId>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let rows = DEVICES.scan_all(snapshot.as_ref(), &DEVICES.prefix(&(user,))).await?;
        Ok(rows.into_iter().map(|((_, device), _)| device).collect())
    }

    /// Changes the display name of a device.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such device.
    pub async fn rename_device(
        &self,
        user: &UserId,
        device: &DeviceId,
        display_name: Option<&str>,
    ) -> Result<(), AccountsError> {
        if display_name.is_some_and(|name| name.len() > DEVICE_DISPLAY_NAME_BYTES_MAX) {
            return Err(AccountsError::TooLarge("the display name of the device"));
        }
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let before = DEVICES.get(snapshot, &(user, device)).await?;
            let before = before.ok_or(AccountsError::NotFound("device"))?;
            let after =
                DeviceRow { display_name: display_name.map(str::to_owned), ..before.clone() };
            let mut batch = Batch::new();
            if before != after {
                DEVICES.replace(&mut batch, &(user, device), Some(&before), Some(&after))?;
                if DEVICE_KEYS.get(snapshot, &(user, device)).await?.is_some() {
                    self.write_device_list_change(snapshot, &mut batch, user).await?;
                }
            }
            Ok((batch, ()))
        })
        .await
    }

    /// Changes the display name of a device, or makes a new device without tokens: for application
    /// services, which act as any device by their own token. Returns whether it is new.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] if a device cannot have the id.
    pub async fn put_device(
        &self,
        user: &UserId,
        device: &DeviceId,
        display_name: Option<&str>,
    ) -> Result<bool, AccountsError> {
        match self.rename_device(user, device, display_name).await {
            Err(AccountsError::NotFound(_)) => {}
            renamed => return renamed.map(|()| false),
        }
        let device = &checked_device_id(device)?;
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            check_device_count(snapshot.as_ref(), user).await?;
            let row = DeviceRow {
                display_name: display_name.map(str::to_owned),
                created_ms: self.0.clock.now_ms(),
            };
            if DEVICES.get(snapshot.as_ref(), &(user, device)).await?.is_none() {
                DEVICES.insert(&mut batch, &(user, device), &row)?;
            }
            Ok((batch, true))
        })
        .await
    }

    /// Deletes devices with their tokens, keys, pushers and waiting messages. Unknown ones are
    /// skipped.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_devices(
        &self,
        user: &UserId,
        devices: &[OwnedDeviceId],
    ) -> Result<(), AccountsError> {
        for device in devices {
            let revoked = self
                .decide(|snapshot| async move {
                    let mut batch = Batch::new();
                    let revoked =
                        self.write_deletion(snapshot.as_ref(), &mut batch, user, device).await?;
                    Ok((batch, revoked))
                })
                .await?;
            self.0.sessions.forget(&revoked);
            self.delete_to_device(user, device, hearth_base::StreamPosition::MAX).await?;
            self.delete_sync_connections(user, device).await?;
        }
        Ok(())
    }

    async fn write_deletion(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<Vec<TokenHash>, AccountsError> {
        let Some(row) = DEVICES.get(snapshot, &(user, device)).await? else {
            return Ok(Vec::new());
        };
        DEVICES.replace(batch, &(user, device), Some(&row), None)?;
        LAST_SEEN.delete(batch, &(user, device));
        let dehydrated = DEHYDRATED_DEVICES.get(snapshot, &(user,)).await?;
        if dehydrated.is_some_and(|dehydrated| dehydrated.device == *device) {
            DEHYDRATED_DEVICES.delete(batch, &(user,));
        }
        self.write_device_key_deletion(snapshot, batch, user, device).await?;
        self.delete_pushers(snapshot, batch, user, Some(device)).await?;
        self.delete_local_notification_settings(snapshot, batch, user, device).await?;
        self.write_device_list_change(snapshot, batch, user).await?;
        tokens::delete_device_tokens(snapshot, batch, user, device).await
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::StreamPosition;

    use crate::{AccountsError, testing::fixture};

    #[tokio::test]
    async fn devices_are_listed_renamed_and_deleted() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        fixture.session(&alice, "A").await;
        fixture.session(&alice, "B").await;
        accounts.rename_device(&alice, "B".into(), Some("phone")).await.unwrap();
        let unknown = accounts.rename_device(&alice, "C".into(), None).await;
        assert!(matches!(unknown, Err(AccountsError::NotFound(_))));
        let device = accounts.device(&alice, "B".into()).await.unwrap().unwrap();
        assert_eq!(device.display_name.as_deref(), Some("phone"));
        accounts.delete_devices(&alice, &["A".into(), "C".into()]).await.unwrap();
        let left = accounts.devices(&alice).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].device_id, "B");
        let changed = accounts
            .device_list_changes(&alice, StreamPosition::ZERO, StreamPosition::MAX)
            .await
            .unwrap();
        assert!(changed.contains(&alice));
    }
}
