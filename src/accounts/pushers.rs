//! Pushers: where a user wants to be notified. Only stored here; what is sent is decided by
//! `hearth-push`, which learns of every change from the log.

use hearth_base::limits::PUSHERS_MAX;
use hearth_store::{Batch, Fact, Keyspace, Snapshot, StoreError};
use ruma::{
    DeviceId, OwnedDeviceId, UserId,
    api::client::push::{Pusher, PusherIds},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Accounts, AccountsError,
    tables::{PUSHER_OWNERS, PUSHERS},
};

/// Longest push key in bytes (specification, `POST /pushers/set`).
const PUSHKEY_BYTES_MAX: usize = 512;
/// Longest app id in bytes (specification, `POST /pushers/set`).
const APP_ID_BYTES_MAX: usize = 64;

/// A short name for an app id and a push key, which may be longer than a key of the store.
pub type PusherKey = [u8; 32];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PusherRow {
    /// The device that set it, which takes it along when it goes.
    pub(crate) device: Option<OwnedDeviceId>,
    /// When it was set last, in Unix milliseconds.
    pub(crate) set_ms: u64,
    pub(crate) json: String,
}

/// A pusher as it is stored.
#[derive(Clone, Debug)]
pub struct StoredPusher {
    /// Its name.
    pub key: PusherKey,
    /// When it was set last, in Unix milliseconds.
    pub set_ms: u64,
    /// What the client said.
    pub pusher: Pusher,
}

impl StoredPusher {
    fn new(key: PusherKey, row: &PusherRow) -> Result<Self, AccountsError> {
        let pusher = serde_json::from_str(&row.json)
            .map_err(|error| StoreError::corrupt(Keyspace::Accounts, error))?;
        Ok(Self { key, set_ms: row.set_ms, pusher })
    }
}

impl Accounts {
    /// Creates a pusher, or replaces the user's pusher of the same app id and push key. Unless
    /// `append`, other users lose theirs of that app id and push key.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] if a length is over the limit, [`AccountsError::TooLarge`] if
    /// there are too many.
    pub async fn set_pusher(
        &self,
        user: &UserId,
        device: Option<&DeviceId>,
        pusher: &Pusher,
        append: bool,
    ) -> Result<(), AccountsError> {
        let ids = &pusher.ids;
        if ids.pushkey.len() > PUSHKEY_BYTES_MAX || ids.app_id.len() > APP_ID_BYTES_MAX {
            return Err(AccountsError::invalid("pushkey or app_id is too long"));
        }
        let json = serde_json::to_string(pusher)
            .map_err(|error| AccountsError::invalid(error.to_string()))?;
        let set_ms = self.0.clock.now_ms();
        let row = &PusherRow { device: device.map(ToOwned::to_owned), set_ms, json };
        let key = key(ids);
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let known = PUSHERS.scan_all(snapshot, &PUSHERS.prefix(&(user,))).await?;
            let is_new = known.iter().all(|((_, known), _)| *known != key);
            if is_new && known.len() >= PUSHERS_MAX {
                return Err(AccountsError::TooLarge("the number of pushers"));
            }
            let mut batch = Batch::new();
            if !append {
                let owners = PUSHER_OWNERS.prefix(&(key,));
                for ((_, owner), ()) in PUSHER_OWNERS.scan_all(snapshot, &owners).await? {
                    write_deletion(&mut batch, &owner, key);
                }
            }
            PUSHERS.put(&mut batch, &(user, key), row)?;
            PUSHER_OWNERS.put(&mut batch, &(key, user), &())?;
            batch.fact(Fact::Pushers { user: user.to_owned() });
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
            write_deletion(&mut batch, user, key(ids));
            Ok((batch, ()))
        })
        .await
    }

    /// All pushers of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pushers(&self, user: &UserId) -> Result<Vec<StoredPusher>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let rows = PUSHERS.scan_all(snapshot.as_ref(), &PUSHERS.prefix(&(user,))).await?;
        rows.into_iter().map(|((_, key), row)| StoredPusher::new(key, &row)).collect()
    }

    /// The names of the pushers of users, in the order of the users.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pusher_keys(
        &self,
        snapshot: &dyn Snapshot,
        users: &[&UserId],
    ) -> Result<Vec<Vec<PusherKey>>, AccountsError> {
        let mut keys = Vec::with_capacity(users.len());
        for user in users {
            let rows = PUSHERS.scan_all(snapshot, &PUSHERS.prefix(&(*user,))).await?;
            keys.push(rows.into_iter().map(|((_, key), _)| key).collect());
        }
        Ok(keys)
    }

    /// A pusher of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn pusher(
        &self,
        user: &UserId,
        key: PusherKey,
    ) -> Result<Option<StoredPusher>, AccountsError> {
        let row = PUSHERS.get(self.snapshot().await?.as_ref(), &(user, key)).await?;
        row.map(|row| StoredPusher::new(key, &row)).transpose()
    }

    /// Deletes the pushers that a device set, or all of a user.
    pub(crate) async fn delete_pushers(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
        device: Option<&DeviceId>,
    ) -> Result<(), AccountsError> {
        for ((_, key), row) in PUSHERS.scan_all(snapshot, &PUSHERS.prefix(&(user,))).await? {
            if device.is_none() || row.device.as_deref() == device {
                write_deletion(batch, user, key);
            }
        }
        Ok(())
    }
}

fn write_deletion(batch: &mut Batch, user: &UserId, key: PusherKey) {
    PUSHERS.delete(batch, &(user, key));
    PUSHER_OWNERS.delete(batch, &(key, user));
    batch.fact(Fact::Pushers { user: user.to_owned() });
}

fn key(ids: &PusherIds) -> PusherKey {
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
        accounts.set_pusher(&alice, Some(device), &pusher("1", "en"), false).await.unwrap();
        accounts.set_pusher(&alice, Some(device), &pusher("1", "de"), false).await.unwrap();
        accounts.set_pusher(&alice, None, &pusher("2", "en"), false).await.unwrap();
        let all = accounts.pushers(&alice).await.unwrap();
        assert_eq!(all.len(), 2);
        assert!(all.iter().any(|stored| stored.pusher.lang == "de"));
        accounts.delete_devices(&alice, &[device.to_owned()]).await.unwrap();
        let left = accounts.pushers(&alice).await.unwrap();
        assert_eq!(left.len(), 1);
        accounts.delete_pusher(&alice, &left[0].pusher.ids).await.unwrap();
        assert!(accounts.pushers(&alice).await.unwrap().is_empty());
        let long = pusher(&"x".repeat(513), "en");
        assert!(accounts.set_pusher(&alice, None, &long, false).await.is_err());
    }

    #[tokio::test]
    async fn a_push_key_changes_hands_unless_it_is_appended() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let (alice, bob) = (fixture.user("alice").await, fixture.user("bob").await);
        let shared = pusher("1", "en");
        accounts.set_pusher(&alice, None, &shared, false).await.unwrap();
        accounts.set_pusher(&bob, None, &shared, true).await.unwrap();
        let (hers, his) = (accounts.pushers(&alice).await, accounts.pushers(&bob).await);
        assert_eq!((hers.unwrap().len(), his.unwrap().len()), (1, 1));
        accounts.set_pusher(&bob, None, &shared, false).await.unwrap();
        let (hers, his) = (accounts.pushers(&alice).await, accounts.pushers(&bob).await);
        assert_eq!(hers.unwrap().len(), 0);
        let key = his.unwrap()[0].key;
        assert_eq!(accounts.pusher(&bob, key).await.unwrap().unwrap().pusher.lang, "en");
        assert!(accounts.pusher(&alice, key).await.unwrap().is_none());
    }
}
