//! Looking up the encryption keys of users, with the signatures that the requester may see.

use std::collections::BTreeMap;

use hearth_store::{Keyspace, Snapshot, StoreError};
use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    encryption::{CrossSigningKey, DeviceKeys, KeyUsage},
    serde::Raw,
};
use serde::Serialize;
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::{
    Accounts, AccountsError,
    cross_signing::read_key,
    signed_json::add_signatures,
    tables::{DEVICE_KEYS, DEVICES, SIGNATURES},
};

/// The keys of local users. Devices without keys are left out; users without any have an empty map.
#[derive(Clone, Debug, Default)]
pub struct QueriedKeys {
    /// Keys of devices, with the device's display name in `unsigned`.
    pub device_keys: BTreeMap<OwnedUserId, BTreeMap<OwnedDeviceId, Raw<DeviceKeys>>>,
    /// Master keys.
    pub master_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    /// Self-signing keys.
    pub self_signing_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
    /// The requester's own user-signing key.
    pub user_signing_keys: BTreeMap<OwnedUserId, Raw<CrossSigningKey>>,
}

/// Signatures by signed key, then by signer, then by signing key id.
type SignaturesByKey = BTreeMap<String, BTreeMap<OwnedUserId, BTreeMap<String, String>>>;

impl Accounts {
    /// Keys of local users: of the named devices, or of all devices where none is named.
    ///
    /// # Errors
    /// The store failed.
    pub async fn query_keys(
        &self,
        requester: &UserId,
        wanted: &BTreeMap<OwnedUserId, Vec<OwnedDeviceId>>,
    ) -> Result<QueriedKeys, AccountsError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let mut found = QueriedKeys::default();
        for (user, devices) in wanted.iter().filter(|(user, _)| self.is_local(user)) {
            let signatures = visible_signatures(snapshot, requester, user).await?;
            let keys = device_keys(snapshot, user, devices, &signatures).await?;
            found.device_keys.insert(user.clone(), keys);
            let mut usages = vec![
                (KeyUsage::Master, &mut found.master_keys),
                (KeyUsage::SelfSigning, &mut found.self_signing_keys),
            ];
            if user == requester {
                usages.push((KeyUsage::UserSigning, &mut found.user_signing_keys));
            }
            for (usage, keys) in usages {
                let Some(mut key) = read_key(snapshot, user, &usage).await? else {
                    continue;
                };
                sign(&mut key.object, &key.public_key, &signatures);
                keys.insert(user.clone(), raw(&key.object)?);
            }
        }
        Ok(found)
    }
}

async fn device_keys(
    snapshot: &dyn Snapshot,
    user: &UserId,
    wanted: &[OwnedDeviceId],
    signatures: &SignaturesByKey,
) -> Result<BTreeMap<OwnedDeviceId, Raw<DeviceKeys>>, AccountsError> {
    let range = DEVICE_KEYS.prefix(&(user,));
    let rows = DEVICE_KEYS.scan_all(snapshot, &range).await?;
    let is_wanted = |device: &OwnedDeviceId| wanted.is_empty() || wanted.contains(device);
    let rows: Vec<_> = rows.into_iter().filter(|((_, device), _)| is_wanted(device)).collect();
    let devices = DEVICES.get_many(snapshot, rows.iter().map(|(key, _)| key.clone())).await?;
    let mut found = BTreeMap::new();
    for (((_, device), json), row) in rows.into_iter().zip(devices) {
        let mut object: Map<String, Value> = serde_json::from_str(&json).map_err(corrupt)?;
        sign(&mut object, device.as_str(), signatures);
        if let Some(name) = row.and_then(|row| row.display_name) {
            object.insert("unsigned".to_owned(), json!({ "device_display_name": name }));
        }
        found.insert(device, raw(&object)?);
    }
    Ok(found)
}

/// Signatures on keys of `user`: the user's own, and the requester's.
async fn visible_signatures(
    snapshot: &dyn Snapshot,
    requester: &UserId,
    user: &UserId,
) -> Result<SignaturesByKey, AccountsError> {
    let mut found = SignaturesByKey::new();
    let others = (requester != user).then_some(requester);
    for signer in [user].into_iter().chain(others) {
        let range = SIGNATURES.prefix(&(signer, user));
        for ((signer, _, key, signing_key), signature) in
            SIGNATURES.scan_all(snapshot, &range).await?
        {
            let by_signer = found.entry(key).or_default().entry(signer).or_default();
            by_signer.insert(signing_key, signature);
        }
    }
    Ok(found)
}

fn sign(object: &mut Map<String, Value>, key: &str, signatures: &SignaturesByKey) {
    for (signer, signatures) in signatures.get(key).into_iter().flatten() {
        add_signatures(object, signer, signatures.clone());
    }
}

fn raw<T>(object: &impl Serialize) -> Result<Raw<T>, AccountsError> {
    Ok(Raw::from_json(to_raw_value(object).map_err(corrupt)?))
}

fn corrupt(error: serde_json::Error) -> AccountsError {
    StoreError::corrupt(Keyspace::Encryption, error).into()
}
