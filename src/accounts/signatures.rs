//! Signatures that users upload: on their own devices and master key, and on others' master keys.
//!
//! Only signatures that verify are stored. Those on others' keys are shown to their signer only.

use std::collections::BTreeMap;

use hearth_store::{Batch, Snapshot};
use ruma::{
    DeviceId, OwnedUserId, UserId,
    api::client::keys::upload_signatures::v3::SignedKeys,
    encryption::{DeviceKeys, KeyUsage},
};
use serde_json::{Map, Value};

use crate::{
    Accounts, AccountsError,
    cross_signing::{StoredKey, read_key},
    signed_json::{device_signing_key, signatures_of, unsigned_part, verify},
    tables::{DEVICE_KEYS, SIGNATURES},
};

/// Most keys that one request signs.
const SIGNED_KEYS_MAX: usize = 1_000;

/// Why the signatures on one key were not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFailure {
    /// A signature is missing, is by a key that may not sign this, or does not verify.
    #[error("invalid signature: {0}")]
    Invalid(String),
    /// The key that was signed does not exist, or is not what was signed.
    #[error("the signed key is not known")]
    UnknownKey,
}

/// Signatures on one key: signing key id and signature.
type Signatures = Vec<(String, String)>;

impl Accounts {
    /// Stores the signatures of `signer` on keys, and returns the keys that were refused.
    ///
    /// # Errors
    /// [`AccountsError::TooLarge`] if there are too many.
    pub async fn upload_signatures(
        &self,
        signer: &UserId,
        signed_keys: &BTreeMap<OwnedUserId, SignedKeys>,
    ) -> Result<BTreeMap<OwnedUserId, BTreeMap<String, SignatureFailure>>, AccountsError> {
        if signed_keys.values().map(|keys| keys.iter().count()).sum::<usize>() > SIGNED_KEYS_MAX {
            return Err(AccountsError::TooLarge("the number of signed keys"));
        }
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let mut batch = Batch::new();
            let mut failures: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
            for (user, keys) in signed_keys {
                let mut changed = false;
                for (key_id, json) in keys {
                    match self.check(snapshot, signer, user, key_id, json.get()).await? {
                        Ok(signatures) => {
                            let row = (signer, user.as_ref(), key_id);
                            changed |= store(snapshot, &mut batch, row, signatures).await?;
                        }
                        Err(failure) => {
                            let of_user = failures.entry(user.clone()).or_default();
                            of_user.insert(key_id.to_owned(), failure);
                        }
                    }
                }
                if changed && user == signer {
                    self.write_device_list_change(snapshot, &mut batch, user).await?;
                } else if changed {
                    self.write_own_signature_change(&mut batch, signer, user)?;
                }
            }
            Ok((batch, failures))
        })
        .await
    }

    /// The signatures of `signer` on one key, if all of them verify.
    async fn check(
        &self,
        snapshot: &dyn Snapshot,
        signer: &UserId,
        user: &UserId,
        key_id: &str,
        json: &str,
    ) -> Result<Result<Signatures, SignatureFailure>, AccountsError> {
        let Ok(object) = serde_json::from_str::<Map<String, Value>>(json) else {
            return Ok(Err(SignatureFailure::Invalid("not an object".to_owned())));
        };
        let master = read_key(snapshot, user, &KeyUsage::Master).await?;
        let master = master.filter(|master| master.public_key == key_id);
        let (stored, may_sign) = match (master, user == signer) {
            (Some(master), true) => {
                let devices = own_devices(snapshot, user, &signatures_of(&object, signer)).await?;
                (master.object, devices)
            }
            (Some(master), false) => {
                (master.object, signing_keys(snapshot, signer, &KeyUsage::UserSigning).await?)
            }
            (None, true) => {
                let device: &DeviceId = key_id.into();
                let Some(keys) = DEVICE_KEYS.get(snapshot, &(user, device)).await? else {
                    return Ok(Err(SignatureFailure::UnknownKey));
                };
                let stored = serde_json::from_str(&keys).unwrap_or_default();
                (stored, signing_keys(snapshot, signer, &KeyUsage::SelfSigning).await?)
            }
            (None, false) => return Ok(Err(SignatureFailure::UnknownKey)),
        };
        if unsigned_part(&object) != unsigned_part(&stored) {
            return Ok(Err(SignatureFailure::UnknownKey));
        }
        Ok(check_all(&object, &signatures_of(&object, signer), &signatures_of(&stored, signer), &may_sign))
    }
}

/// Every new signature must be by a key that may sign this, and verify.
fn check_all(
    object: &Map<String, Value>,
    signatures: &Signatures,
    known: &Signatures,
    may_sign: &BTreeMap<String, String>,
) -> Result<Signatures, SignatureFailure> {
    let invalid = |reason: &str| SignatureFailure::Invalid(reason.to_owned());
    // Clients send the object as they got it, with the signatures that it had.
    let new: Signatures =
        signatures.iter().filter(|signature| !known.contains(signature)).cloned().collect();
    if signatures.is_empty() {
        return Err(invalid("there is no signature of the user"));
    }
    for (key_id, signature) in &new {
        let key = may_sign.get(key_id);
        let key = key.ok_or_else(|| invalid(&format!("{key_id} may not sign this")))?;
        verify(object, key, signature).map_err(|error| invalid(&error.to_string()))?;
    }
    Ok(new)
}

/// Signing key id → public key, of a cross-signing key.
async fn signing_keys(
    snapshot: &dyn Snapshot,
    user: &UserId,
    usage: &KeyUsage,
) -> Result<BTreeMap<String, String>, AccountsError> {
    let key = read_key(snapshot, user, usage).await?;
    let entry = |StoredKey { public_key, .. }| (format!("ed25519:{public_key}"), public_key);
    Ok(key.map(entry).into_iter().collect())
}

/// Signing key id → public key, of the user's devices that the signatures name.
async fn own_devices(
    snapshot: &dyn Snapshot,
    user: &UserId,
    signatures: &Signatures,
) -> Result<BTreeMap<String, String>, AccountsError> {
    let mut keys = BTreeMap::new();
    for (key_id, _) in signatures {
        let Some(device) = key_id.strip_prefix("ed25519:") else { continue };
        let device: &DeviceId = device.into();
        let Some(json) = DEVICE_KEYS.get(snapshot, &(user, device)).await? else { continue };
        let Ok(device_keys) = serde_json::from_str::<DeviceKeys>(&json) else { continue };
        if let Some(key) = device_signing_key(&device_keys) {
            keys.insert(key_id.clone(), key.to_owned());
        }
    }
    Ok(keys)
}

/// Stores signatures; returns whether any was new.
async fn store(
    snapshot: &dyn Snapshot,
    batch: &mut Batch,
    (signer, user, key_id): (&UserId, &UserId, &str),
    signatures: Signatures,
) -> Result<bool, AccountsError> {
    let mut changed = false;
    for (signing_key, signature) in signatures {
        let row = (signer, user, key_id, signing_key.as_str());
        if SIGNATURES.get(snapshot, &row).await?.as_ref() != Some(&signature) {
            SIGNATURES.put(batch, &row, &signature)?;
            changed = true;
        }
    }
    Ok(changed)
}
