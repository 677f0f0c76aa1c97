//! One-time and fallback keys: uploaded by a device, each one-time key handed out at most once.
//!
//! Every change of a device's keys checks the row of their counts, so two claims at once cannot
//! get the same key. Keys are handed out in the order of their upload (MSC4225).

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::limits::{ENCRYPTION_KEY_BYTES_MAX, IDENTIFIER_BYTES_MAX, ONE_TIME_KEYS_MAX};
use hearth_store::{Batch, Direction, Fact, Snapshot};
use ruma::{
    DeviceId, OneTimeKeyAlgorithm, OwnedDeviceId, OwnedOneTimeKeyId, OwnedUserId, UInt, UserId,
    encryption::OneTimeKey, serde::Raw,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Accounts, AccountsError,
    tables::{DEVICES, FALLBACK_KEYS, KEY_COUNTS, ONE_TIME_KEY_IDS, ONE_TIME_KEYS},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FallbackKeyRow {
    pub(crate) key_id: String,
    pub(crate) json: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyCountsRow {
    /// One-time keys by algorithm.
    one_time: BTreeMap<String, u64>,
    /// Algorithms with a fallback key that was not handed out.
    unused_fallback: BTreeSet<String>,
    /// The order of the next one-time key. It counts every change, too: without it a claim and
    /// an upload in between could leave the row as it was.
    next_order: u64,
}

/// What a device still has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyCounts {
    /// One-time keys by algorithm.
    pub one_time_keys: BTreeMap<OneTimeKeyAlgorithm, UInt>,
    /// Algorithms with a fallback key that was not handed out.
    pub unused_fallback_keys: Vec<OneTimeKeyAlgorithm>,
}

/// One key for each device that had one.
pub type ClaimedKeys =
    BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>>>;

type Keys = BTreeMap<OwnedOneTimeKeyId, Raw<OneTimeKey>>;

impl Accounts {
    /// Adds one-time keys, and replaces fallback keys. A one-time key that exists with the same
    /// content is skipped.
    ///
    /// # Errors
    /// [`AccountsError::OneTimeKeyExists`], [`AccountsError::TooLarge`],
    /// [`AccountsError::NotFound`] if there is no such device.
    pub async fn upload_one_time_keys(
        &self,
        user: &UserId,
        device: &DeviceId,
        one_time_keys: &Keys,
        fallback_keys: &Keys,
    ) -> Result<(), AccountsError> {
        check_sizes(one_time_keys)?;
        check_sizes(fallback_keys)?;
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let mut batch = Batch::new();
            if DEVICES.get(snapshot, &(user, device)).await?.is_none() {
                return Err(AccountsError::NotFound("device"));
            }
            let before = KEY_COUNTS.get(snapshot, &(user, device)).await?;
            let mut counts = before.clone().unwrap_or_default();
            for (id, key) in one_time_keys {
                if is_new(snapshot, (user, device), id, key).await? {
                    add(&mut batch, (user, device), &mut counts, id, key)?;
                }
            }
            for (id, key) in fallback_keys {
                let algorithm = id.algorithm().to_string();
                let row = FallbackKeyRow {
                    key_id: id.key_name().to_string(),
                    json: key.json().get().to_owned(),
                };
                let old = FALLBACK_KEYS.get(snapshot, &(user, device, algorithm.as_str())).await?;
                if old.as_ref() != Some(&row) {
                    FALLBACK_KEYS.put(&mut batch, &(user, device, algorithm.as_str()), &row)?;
                    counts.unused_fallback.insert(algorithm);
                }
            }
            if counts.one_time.values().sum::<u64>() > ONE_TIME_KEYS_MAX as u64 {
                return Err(AccountsError::TooLarge("the number of one-time keys"));
            }
            if !batch.is_empty() {
                write_counts(&mut batch, (user, device), before.as_ref(), counts)?;
            }
            Ok((batch, ()))
        })
        .await
    }

    /// What a device still has. One point read.
    ///
    /// # Errors
    /// The store failed.
    pub async fn key_counts(
        &self,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<KeyCounts, AccountsError> {
        let snapshot = self.snapshot().await?;
        let row = KEY_COUNTS.get(snapshot.as_ref(), &(user, device)).await?.unwrap_or_default();
        let counted = |(algorithm, count): (String, u64)| {
            (OneTimeKeyAlgorithm::from(algorithm), UInt::new_saturating(count))
        };
        // Clients upload keys when they see a low count, so zero has to be said.
        let mut one_time_keys =
            BTreeMap::from([(OneTimeKeyAlgorithm::SignedCurve25519, UInt::MIN)]);
        one_time_keys.extend(row.one_time.into_iter().map(counted));
        let unused = row.unused_fallback.into_iter();
        let unused_fallback_keys = unused.map(OneTimeKeyAlgorithm::from).collect();
        Ok(KeyCounts { one_time_keys, unused_fallback_keys })
    }

    /// Takes one key of the wanted algorithm from each device: its oldest one-time key, or else
    /// its fallback key. Devices without either, and other servers' users, are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn claim_keys(
        &self,
        wanted: &BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, OneTimeKeyAlgorithm>>,
    ) -> Result<ClaimedKeys, AccountsError> {
        let mut claimed = ClaimedKeys::new();
        for (user, devices) in wanted.iter().filter(|(user, _)| self.is_local(user)) {
            let of_user = claimed.entry(user.clone()).or_default();
            for (device, algorithm) in devices {
                if let Some((id, key)) = self.claim_key(user, device, algorithm).await? {
                    of_user.insert(device.clone(), BTreeMap::from([(id, key)]));
                }
            }
        }
        claimed.retain(|_, devices| !devices.is_empty());
        Ok(claimed)
    }

    async fn claim_key(
        &self,
        user: &UserId,
        device: &DeviceId,
        algorithm: &OneTimeKeyAlgorithm,
    ) -> Result<Option<(OwnedOneTimeKeyId, Raw<OneTimeKey>)>, AccountsError> {
        let algorithm = algorithm.to_string();
        let algorithm = algorithm.as_str();
        let found = self
            .decide(|snapshot| async move {
                let snapshot = snapshot.as_ref();
                let mut batch = Batch::new();
                let before = KEY_COUNTS.get(snapshot, &(user, device)).await?;
                let Some(mut counts) = before.clone() else {
                    return Ok((batch, None));
                };
                let range = ONE_TIME_KEYS.prefix(&(user, device, algorithm));
                let oldest =
                    ONE_TIME_KEYS.scan(snapshot, &range, Direction::Forward, 1).await?.pop();
                let Some((key, json)) = oldest else {
                    let fallback = FALLBACK_KEYS.get(snapshot, &(user, device, algorithm)).await?;
                    if fallback.is_some() && counts.unused_fallback.remove(algorithm) {
                        write_counts(&mut batch, (user, device), before.as_ref(), counts)?;
                    }
                    return Ok((batch, fallback.map(|row| (row.key_id, row.json))));
                };
                ONE_TIME_KEYS.delete(&mut batch, &key);
                let (.., id) = key;
                ONE_TIME_KEY_IDS.delete(&mut batch, &(user, device, algorithm, id.as_str()));
                if let Some(count) = counts.one_time.get_mut(algorithm) {
                    *count = count.saturating_sub(1);
                }
                write_counts(&mut batch, (user, device), before.as_ref(), counts)?;
                Ok((batch, Some((id, json))))
            })
            .await?;
        Ok(found.and_then(|(id, json)| {
            let id = OwnedOneTimeKeyId::try_from(format!("{algorithm}:{id}")).ok()?;
            Some((id, Raw::from_json(RawValue::from_string(json).ok()?)))
        }))
    }
}

fn check_sizes(keys: &Keys) -> Result<(), AccountsError> {
    if keys.len() > ONE_TIME_KEYS_MAX {
        return Err(AccountsError::TooLarge("the number of one-time keys"));
    }
    for (id, key) in keys {
        let json = key.json().get();
        if json.len() > ENCRYPTION_KEY_BYTES_MAX || id.as_str().len() > IDENTIFIER_BYTES_MAX {
            return Err(AccountsError::TooLarge("the one-time key"));
        }
        key.deserialize().map_err(|error| {
            AccountsError::invalid(format!("malformed one-time key {id}: {error}"))
        })?;
    }
    Ok(())
}

/// Whether the device has no key of this id; if it has, it must be the same.
async fn is_new(
    snapshot: &dyn Snapshot,
    (user, device): (&UserId, &DeviceId),
    id: &OwnedOneTimeKeyId,
    key: &Raw<OneTimeKey>,
) -> Result<bool, AccountsError> {
    let (algorithm, name) = (id.algorithm().to_string(), id.key_name().to_string());
    let (algorithm, name) = (algorithm.as_str(), name.as_str());
    let order = ONE_TIME_KEY_IDS.get(snapshot, &(user, device, algorithm, name)).await?;
    let Some(order) = order else { return Ok(true) };
    let known = ONE_TIME_KEYS.get(snapshot, &(user, device, algorithm, order, name)).await?;
    let parsed = |json: &str| serde_json::from_str::<serde_json::Value>(json).ok();
    if known.as_deref().and_then(parsed) == parsed(key.json().get()) {
        return Ok(false);
    }
    Err(AccountsError::OneTimeKeyExists(id.to_string()))
}

fn add(
    batch: &mut Batch,
    (user, device): (&UserId, &DeviceId),
    counts: &mut KeyCountsRow,
    id: &OwnedOneTimeKeyId,
    key: &Raw<OneTimeKey>,
) -> Result<(), AccountsError> {
    let (algorithm, name) = (id.algorithm().to_string(), id.key_name().to_string());
    let order = counts.next_order;
    counts.next_order += 1;
    *counts.one_time.entry(algorithm.clone()).or_default() += 1;
    let (algorithm, name) = (algorithm.as_str(), name.as_str());
    let json = key.json().get().to_owned();
    ONE_TIME_KEYS.put(batch, &(user, device, algorithm, order, name), &json)?;
    ONE_TIME_KEY_IDS.put(batch, &(user, device, algorithm, name), &order)?;
    Ok(())
}

fn write_counts(
    batch: &mut Batch,
    (user, device): (&UserId, &DeviceId),
    before: Option<&KeyCountsRow>,
    mut after: KeyCountsRow,
) -> Result<(), AccountsError> {
    after.next_order += 1;
    KEY_COUNTS.replace(batch, &(user, device), before, Some(&after))?;
    batch.fact(Fact::DeviceKeyCounts { user: user.to_owned(), device: device.to_owned() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::device_id;
    use serde_json::json;

    use super::*;
    use crate::testing::{Fixture, fixture};

    fn keys(ids: &[&str], content: &str) -> Keys {
        let key = |id: &&str| {
            let id = OwnedOneTimeKeyId::try_from(format!("signed_curve25519:{id}")).unwrap();
            let key = json!({ "key": content, "signatures": {} });
            (id, Raw::new(&key).unwrap().cast_unchecked())
        };
        ids.iter().map(key).collect()
    }

    async fn claim(fixture: &Fixture, user: &UserId) -> Option<String> {
        let wanted = BTreeMap::from([(
            user.to_owned(),
            BTreeMap::from([("A".into(), OneTimeKeyAlgorithm::SignedCurve25519)]),
        )]);
        let claimed = fixture.accounts.claim_keys(&wanted).await.unwrap();
        let keys = claimed.get(user)?.get(device_id!("A"))?;
        keys.keys().next().map(|id| id.key_name().to_string())
    }

    async fn count(fixture: &Fixture, user: &UserId) -> u64 {
        let counts = fixture.accounts.key_counts(user, device_id!("A")).await.unwrap();
        counts.one_time_keys[&OneTimeKeyAlgorithm::SignedCurve25519].into()
    }

    #[tokio::test]
    async fn keys_go_out_in_the_order_of_upload_then_the_fallback() {
        let fixture = fixture();
        let device = device_id!("A");
        let alice = fixture.user_with_device("alice", device).await;
        let (accounts, none) = (&fixture.accounts, Keys::new());
        assert_eq!(count(&fixture, &alice).await, 0);
        let fallback = keys(&["F"], "eHh4");
        accounts
            .upload_one_time_keys(&alice, device, &keys(&["Z"], "eHh4"), &fallback)
            .await
            .unwrap();
        accounts.upload_one_time_keys(&alice, device, &keys(&["A"], "eHh4"), &none).await.unwrap();
        accounts.upload_one_time_keys(&alice, device, &keys(&["A"], "eHh4"), &none).await.unwrap();
        assert_eq!(count(&fixture, &alice).await, 2);
        let other = keys(&["A"], "eXl5");
        let refused = accounts.upload_one_time_keys(&alice, device, &other, &none).await;
        assert!(matches!(refused, Err(AccountsError::OneTimeKeyExists(_))));
        assert_eq!(claim(&fixture, &alice).await.as_deref(), Some("Z"));
        assert_eq!(claim(&fixture, &alice).await.as_deref(), Some("A"));
        let unused =
            async || accounts.key_counts(&alice, device).await.unwrap().unused_fallback_keys.len();
        assert_eq!(unused().await, 1);
        assert_eq!(claim(&fixture, &alice).await.as_deref(), Some("F"));
        assert_eq!(claim(&fixture, &alice).await.as_deref(), Some("F"));
        assert_eq!(unused().await, 0);
        accounts.upload_one_time_keys(&alice, device, &none, &keys(&["G"], "eHh4")).await.unwrap();
        assert_eq!(unused().await, 1);
        accounts.delete_devices(&alice, &[device.to_owned()]).await.unwrap();
        assert_eq!(claim(&fixture, &alice).await, None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_claims_never_get_the_same_key() {
        let fixture = std::sync::Arc::new(fixture());
        let device = device_id!("A");
        let alice = fixture.user_with_device("alice", device).await;
        let ids: Vec<String> = (0..20).map(|n| format!("K{n:02}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (uploaded, none) = (keys(&ids, "eHh4"), Keys::new());
        fixture.accounts.upload_one_time_keys(&alice, device, &uploaded, &none).await.unwrap();
        let claims: Vec<_> = (0..24)
            .map(|_| {
                let (fixture, alice) = (std::sync::Arc::clone(&fixture), alice.clone());
                tokio::spawn(async move { claim(&fixture, &alice).await })
            })
            .collect();
        let mut claimed = Vec::new();
        for task in claims {
            claimed.extend(task.await.unwrap());
        }
        assert_eq!(claimed.len(), 20);
        assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), 20);
        assert_eq!(count(&fixture, &alice).await, 0);
    }
}
