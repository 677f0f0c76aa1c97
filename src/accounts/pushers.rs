//! Pushers: where a user wants to be notified. Only stored here; nothing is sent.

use hearth_base::limits::PUSHERS_MAX;
use hearth_store::{Batch, Keyspace, Snapshot, StoreError};
use ruma::{
    DeviceId, OwnedDeviceId, UserId,
    api::client::push::{Pusher, PusherIds},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Accounts, AccountsError, tables::PUSHERS};

/// Longest push key in bytes (specification, `POST /pushers/set`).
const PUSHKEY_BYTES_MAX: usize = 512;
/// Longest app id in bytes (specification, `POST /pushers/set`).
const APP_ID_BYTES_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PusherRow {
    /// The device that set it, which takes it along when it goes.
    pub(crate) device: Option<OwnedDeviceId>,
    pub(crate) json: String,
}

impl Accounts {
    /// Creates a pusher, or replaces the user's pusher of the same app id and push key.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] if a length is over the limit, [`AccountsError::TooLarge`] if
    /// there are too many.
    pub async fn set_pusher(
        &self,
        user: &UserId,
        device: Option<&DeviceId>,
        pusher: &Pusher,
    ) -> Result<(), AccountsError> {
        let ids = &pusher.ids;
        if ids.pushkey.len() > PUSHKEY_BYTES_MAX || ids.app_id.len() > APP_ID_BYTES_MAX {
            return Err(AccountsError::invalid("pushkey or app_id is too long"));
        }
        let json = serde_json::to_string(pusher)
            .map_err(|error| AccountsError::invalid(error.to_string()))?;
        let row = &PusherRow { device: device.map(ToOwned::to_owned), json };
        self.decide(|snapshot| async move {
            let range = PUSHERS.prefix(&(user,));
            if PUSHERS.scan_all(snapshot.as_ref(), &range).await?.len() >= PUSHERS_MAX {
                return Err(AccountsError::TooLarge("the number of pushers"));
            }
            let mut batch = Batch::new();
            PUSHERS.put(&mut batch, &(user, key(ids)), row)?;
            Ok((batch, ()))
        })
        .await
    }

    /// Deletes a pusher; nothing happens if there is none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_pusher(&self, user: &UserId, ids: &PusherIds) -> Result<(), AccountsError> {
        self.decide(|_| async move {
            let mut batch = Batch::new();
            PUSHERS.delete(&mut batch, &(user, key(ids)));
            Ok((batch, ()))
        })
        .await
    }

    /// All pushers of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pushers(&self, user: &UserId) -> Result<Vec<Pusher>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let rows = PUSHERS.scan_all(snapshot.as_ref(), &PUSHERS.prefix(&(user,))).await?;
        rows.into_iter()
            .map(|(_, row)| {
                serde_json::from_str(&row.json)
                    .map_err(|error| StoreError::corrupt(Keyspace::Accounts, error).into())
            })
            .collect()
    }

    /// Deletes the pushers that a device set, or all of a user.
    pub(crate) async fn delete_pushers(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
        device: Option<&DeviceId>,
    ) -> Result<(), AccountsError> {
        for (key, row) in PUSHERS.scan_all(snapshot, &PUSHERS.prefix(&(user,))).await? {
            if device.is_none() || row.device.as_deref() == device {
                PUSHERS.delete(batch, &key);
            }
        }
        Ok(())
    }
}

/// Push keys may be longer than what is left of a key of the store.
fn key(ids: &PusherIds) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(ids.app_id.as_bytes());
    hasher.update([0]);
    hasher.update(ids.pushkey.as_bytes());
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use ruma::{
        api::client::push::{PusherInit, PusherKind},
        device_id,
        push::HttpPusherData,
    };

    use super::*;
    use crate::testing::fixture;

    fn pusher(pushkey: &str, language: &str) -> Pusher {
        PusherInit {
            ids: PusherIds::new(pushkey.to_owned(), "app".to_owned()),
            kind: PusherKind::Http(HttpPusherData::new("https://push.example.org".to_owned())),
            app_display_name: "App".to_owned(),
            device_display_name: "Phone".to_owned(),
            profile_tag: None,
            lang: language.to_owned(),
        }
        .into()
    }

    #[tokio::test]
    async fn pushers_are_replaced_and_go_with_their_device() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let device = device_id!("A");
        let alice = fixture.user_with_device("alice", device).await;
        accounts.set_pusher(&alice, Some(device), &pusher("1", "en")).await.unwrap();
        accounts.set_pusher(&alice, Some(device), &pusher("1", "de")).await.unwrap();
        accounts.set_pusher(&alice, None, &pusher("2", "en")).await.unwrap();
        let all = accounts.pushers(&alice).await.unwrap();
        assert_eq!(all.len(), 2);
        assert!(all.iter().any(|pusher| pusher.lang == "de"));
        accounts.delete_devices(&alice, &[device.to_owned()]).await.unwrap();
        let left = accounts.pushers(&alice).await.unwrap();
        assert_eq!(left.len(), 1);
        accounts.delete_pusher(&alice, &left[0].ids).await.unwrap();
        assert!(accounts.pushers(&alice).await.unwrap().is_empty());
        let long = pusher(&"x".repeat(513), "en");
        assert!(accounts.set_pusher(&alice, None, &long).await.is_err());
    }
}
