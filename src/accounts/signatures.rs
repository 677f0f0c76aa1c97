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
                    self.write_own_signature_change(snapshot, &mut batch, signer, user).await?;
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
        Ok(check_all(
            &object,
            &signatures_of(&object, signer),
            &signatures_of(&stored, signer),
            &may_sign,
        ))
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
        let Some(device) = key_id.strip_prefix("ed25519:") else {
            continue;
        };
        let device: &DeviceId = device.into();
        let Some(json) = DEVICE_KEYS.get(snapshot, &(user, device)).await? else {
            continue;
        };
        let Ok(device_keys) = serde_json::from_str::<DeviceKeys>(&json) else {
            continue;
        };
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

#[cfg(test)]
mod tests {
    use hearth_base::StreamPosition;
    use ruma::{OwnedDeviceId, device_id};
    use serde_json::json;

    use super::*;
    use crate::{
        CrossSigningKeys, CrossSigningUpload,
        testing::{Fixture, Signer, fixture, raw},
    };

    /// A user with a device and an identity.
    struct Identity {
        user: OwnedUserId,
        device: Signer,
        master: Signer,
        self_signing: Signer,
        user_signing: Signer,
    }

    impl Identity {
        async fn new(fixture: &Fixture, localpart: &str) -> Self {
            let user = fixture.user_with_device(localpart, device_id!("A")).await;
            let identity = Self {
                user,
                device: Signer::new(Some("A")),
                master: Signer::new(None),
                self_signing: Signer::new(None),
                user_signing: Signer::new(None),
            };
            let keys = raw(&identity.device_keys());
            let accounts = &fixture.accounts;
            accounts.upload_device_keys(&identity.user, device_id!("A"), &keys).await.unwrap();
            accounts.upload_cross_signing_keys(&identity.user, &identity.keys()).await.unwrap();
            identity
        }

        fn device_keys(&self) -> Value {
            self.device.device_keys(&self.user, "A")
        }

        fn master_key(&self) -> Value {
            self.master.cross_signing_key(&self.user, "master")
        }

        fn keys(&self) -> CrossSigningKeys {
            let by_master = |signer: &Signer, usage| {
                let key = signer.cross_signing_key(&self.user, usage);
                Some(raw(&self.master.sign(&self.user, &key)))
            };
            CrossSigningKeys {
                master: Some(raw(&self.master_key())),
                self_signing: by_master(&self.self_signing, "self_signing"),
                user_signing: by_master(&self.user_signing, "user_signing"),
            }
        }
    }

    async fn upload(
        fixture: &Fixture,
        signer: &UserId,
        user: &UserId,
        key: &str,
        object: &Value,
    ) -> Option<SignatureFailure> {
        let keys = json!({ user.as_str(): { key: object } });
        let keys = serde_json::from_value(keys).unwrap();
        let mut failures = fixture.accounts.upload_signatures(signer, &keys).await.unwrap();
        failures.remove(user)?.remove(key)
    }

    async fn query(fixture: &Fixture, requester: &UserId, user: &UserId) -> crate::QueriedKeys {
        let wanted = BTreeMap::from([(user.to_owned(), Vec::<OwnedDeviceId>::new())]);
        fixture.accounts.query_keys(requester, &wanted).await.unwrap()
    }

    #[tokio::test]
    async fn a_user_signs_the_own_devices_and_identity() {
        let fixture = fixture();
        let alice = Identity::new(&fixture, "alice").await;
        let bob = fixture.user("bob").await;
        let user = &alice.user;
        let signed = alice.self_signing.sign(user, &alice.device_keys());
        assert_eq!(upload(&fixture, user, user, "A", &signed).await, None);
        let master = alice.device.sign(user, &alice.master_key());
        assert_eq!(upload(&fixture, user, user, &alice.master.public_key, &master).await, None);

        let seen = query(&fixture, &bob, user).await;
        let device = serde_json::to_value(&seen.device_keys[user][device_id!("A")]).unwrap();
        assert_eq!(device["signatures"], signed["signatures"]);
        let shown = serde_json::to_value(&seen.master_keys[user]).unwrap();
        assert_eq!(shown["signatures"], master["signatures"]);
        assert!(seen.user_signing_keys.is_empty());
        assert_eq!(query(&fixture, user, user).await.user_signing_keys.len(), 1);
    }

    #[tokio::test]
    async fn what_does_not_verify_is_refused_key_by_key() {
        let fixture = fixture();
        let alice = Identity::new(&fixture, "alice").await;
        let user = &alice.user;
        let by_wrong_key = alice.user_signing.sign(user, &alice.device_keys());
        let mut forged = alice.self_signing.sign(user, &alice.device_keys());
        let key_id = format!("ed25519:{}", alice.self_signing.public_key);
        let id = user.as_str();
        forged["signatures"][id][key_id] = forged["signatures"][id]["ed25519:A"].clone();
        let mut unsigned = alice.device_keys();
        unsigned.as_object_mut().unwrap().remove("signatures");
        for object in [by_wrong_key, forged, unsigned, json!([])] {
            let failure = upload(&fixture, user, user, "A", &object).await;
            assert!(matches!(failure, Some(SignatureFailure::Invalid(_))), "{failure:?}");
        }
        let mut other = alice.device_keys();
        other["algorithms"] = json!([]);
        let other = alice.self_signing.sign(user, &other);
        let failure = upload(&fixture, user, user, "A", &other).await;
        assert_eq!(failure, Some(SignatureFailure::UnknownKey));
        let failure = upload(&fixture, user, user, "B", &other).await;
        assert_eq!(failure, Some(SignatureFailure::UnknownKey));
    }

    #[tokio::test]
    async fn only_the_signer_sees_signatures_on_another_user() {
        let fixture = fixture();
        let alice = Identity::new(&fixture, "alice").await;
        let bob = Identity::new(&fixture, "bob").await;
        let key = &bob.master.public_key;
        let start = fixture.accounts.snapshot().await.unwrap().position();
        let signed = alice.user_signing.sign(&alice.user, &bob.master_key());
        assert_eq!(upload(&fixture, &alice.user, &bob.user, key, &signed).await, None);
        let seen = async |requester: &UserId| {
            let seen = query(&fixture, requester, &bob.user).await;
            let master = serde_json::to_value(&seen.master_keys[&bob.user]).unwrap();
            master["signatures"].get(alice.user.as_str()).is_some()
        };
        assert!(seen(&alice.user).await);
        assert!(!seen(&bob.user).await);
        let changes = async |observer: &UserId| {
            let accounts = &fixture.accounts;
            accounts.device_list_changes(observer, start, StreamPosition::MAX).await.unwrap()
        };
        assert!(changes(&alice.user).await.contains(&bob.user));
        assert!(changes(&bob.user).await.is_empty());
        let device = alice.self_signing.sign(&alice.user, &bob.device_keys());
        let failure = upload(&fixture, &alice.user, &bob.user, "A", &device).await;
        assert_eq!(failure, Some(SignatureFailure::UnknownKey));
    }

    #[tokio::test]
    async fn an_identity_is_checked_and_uploaded_once() {
        let fixture = fixture();
        let alice = Identity::new(&fixture, "alice").await;
        let (accounts, user) = (&fixture.accounts, &alice.user);
        let kind = async |keys: &CrossSigningKeys| {
            accounts.cross_signing_upload_kind(user, keys).await.unwrap()
        };
        let keys = alice.keys();
        assert_eq!(kind(&keys).await, CrossSigningUpload::Unchanged);
        let position = accounts.device_list_position(user).await.unwrap();
        accounts.upload_cross_signing_keys(user, &keys).await.unwrap();
        assert_eq!(accounts.device_list_position(user).await.unwrap(), position);
        let other = Signer::new(None);
        let other_master = raw(&other.cross_signing_key(user, "master"));
        let replaced = CrossSigningKeys { master: Some(other_master), ..keys };
        assert_eq!(kind(&replaced).await, CrossSigningUpload::Replacement);
        let refused = accounts.upload_cross_signing_keys(user, &replaced).await;
        assert!(matches!(refused, Err(AccountsError::InvalidSignature(_))));
        let bob = fixture.user("bob").await;
        let refused = accounts.upload_cross_signing_keys(&bob, &alice.keys()).await;
        assert!(matches!(refused, Err(AccountsError::Invalid(_))));
    }

    #[tokio::test]
    async fn malformed_device_keys_are_refused() {
        let fixture = fixture();
        let alice = fixture.user_with_device("alice", device_id!("A")).await;
        let signer = Signer::new(Some("A"));
        let upload = async |keys: Value| {
            let accounts = &fixture.accounts;
            accounts.upload_device_keys(&alice, device_id!("A"), &raw(&keys)).await
        };
        for malformed in [json!({}), json!({ "user_id": alice, "device_id": "A", "keys": 5 })] {
            let refused = upload(malformed).await;
            assert!(matches!(refused, Err(AccountsError::BadJson(_))));
        }
        for others in [
            signer.device_keys(&alice, "B"),
            signer.device_keys(ruma::user_id!("@bob:example.org"), "A"),
        ] {
            let refused = upload(others).await;
            assert!(matches!(refused, Err(AccountsError::Invalid(_))));
        }
    }
}
