//! Cross-signing keys: the identity of a user, above the devices.

use hearth_base::limits::ENCRYPTION_KEY_BYTES_MAX;
use hearth_store::{Batch, Snapshot};
use ruma::{
    DeviceId, UserId,
    encryption::{CrossSigningKey, KeyUsage},
    serde::Raw,
};
use serde_json::{Map, Value};

use crate::{
    Accounts, AccountsError,
    signed_json::{cross_signing_public_key, signatures_of, verify},
    tables::CROSS_SIGNING_KEYS,
};

/// The keys of one upload.
#[derive(Clone, Debug, Default)]
pub struct CrossSigningKeys {
    /// Signs the other two.
    pub master: Option<Raw<CrossSigningKey>>,
    /// Signs the user's own devices.
    pub self_signing: Option<Raw<CrossSigningKey>>,
    /// Signs other users' master keys; only its owner sees it.
    pub user_signing: Option<Raw<CrossSigningKey>>,
}

/// What an upload would mean; replacing needs the user's authentication (MSC3967).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossSigningUpload {
    /// All keys are there already.
    Unchanged,
    /// The user has no master key yet.
    First,
    /// Keys of the user would be replaced or added to.
    Replacement,
}

impl CrossSigningKeys {
    fn each(&self) -> [(KeyUsage, Option<&Raw<CrossSigningKey>>); 3] {
        [
            (KeyUsage::Master, self.master.as_ref()),
            (KeyUsage::SelfSigning, self.self_signing.as_ref()),
            (KeyUsage::UserSigning, self.user_signing.as_ref()),
        ]
    }
}

/// A cross-signing key, parsed and as text.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey {
    pub(crate) public_key: String,
    pub(crate) object: Map<String, Value>,
}

impl StoredKey {
    fn parse(user: &UserId, usage: &KeyUsage, json: &str) -> Result<Self, AccountsError> {
        let malformed = |reason: String| {
            AccountsError::invalid(format!("malformed {} key: {reason}", usage.as_str()))
        };
        if json.len() > ENCRYPTION_KEY_BYTES_MAX {
            return Err(AccountsError::TooLarge("the cross-signing key"));
        }
        let key: CrossSigningKey =
            serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
        if key.user_id != user || !key.usage.contains(usage) {
            return Err(malformed("it is another user's, or for another usage".to_owned()));
        }
        let public_key = cross_signing_public_key(&key);
        let public_key =
            public_key.ok_or_else(|| malformed("it must have one ed25519 key".to_owned()))?;
        let object = serde_json::from_str(json).map_err(|error| malformed(error.to_string()))?;
        Ok(Self { public_key: public_key.to_owned(), object })
    }

    fn check_signed_by(&self, user: &UserId, signer: &Self) -> Result<(), AccountsError> {
        let key_id = format!("ed25519:{}", signer.public_key);
        let signatures = signatures_of(&self.object, user);
        let signature = signatures.iter().find(|(id, _)| *id == key_id);
        let (_, signature) = signature.ok_or_else(|| {
            AccountsError::InvalidSignature("not signed by the master key".into())
        })?;
        verify(&self.object, &signer.public_key, signature)
    }
}

/// A cross-signing key of a user, if it is there and well-formed.
pub(crate) async fn read_key(
    snapshot: &dyn Snapshot,
    user: &UserId,
    usage: &KeyUsage,
) -> Result<Option<StoredKey>, AccountsError> {
    let json = CROSS_SIGNING_KEYS.get(snapshot, &(user, usage.as_str())).await?;
    json.map(|json| StoredKey::parse(user, usage, &json)).transpose()
}

/// Refuses a new device that is called like one of the user's cross-signing keys: signatures name
/// devices and keys alike.
pub(crate) async fn check_is_no_key(
    snapshot: &dyn Snapshot,
    user: &UserId,
    device: &DeviceId,
) -> Result<(), AccountsError> {
    for usage in [KeyUsage::Master, KeyUsage::SelfSigning, KeyUsage::UserSigning] {
        let key = read_key(snapshot, user, &usage).await?;
        if key.is_some_and(|key| key.public_key == device.as_str()) {
            return Err(AccountsError::forbidden("a cross-signing key has this id"));
        }
    }
    Ok(())
}

impl Accounts {
    /// What it would mean to upload these keys.
    ///
    /// # Errors
    /// The store failed.
    pub async fn cross_signing_upload_kind(
        &self,
        user: &UserId,
        keys: &CrossSigningKeys,
    ) -> Result<CrossSigningUpload, AccountsError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let mut unchanged = true;
        for (usage, key) in keys.each() {
            let Some(key) = key else { continue };
            let stored = read_key(snapshot, user, &usage).await?;
            unchanged &= stored.is_some_and(|stored| is_same(&stored, key));
        }
        if unchanged {
            return Ok(CrossSigningUpload::Unchanged);
        }
        Ok(match read_key(snapshot, user, &KeyUsage::Master).await? {
            None => CrossSigningUpload::First,
            Some(_) => CrossSigningUpload::Replacement,
        })
    }

    /// Stores cross-signing keys; equal keys change nothing.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] if one is malformed, another user's, or there is no master key;
    /// [`AccountsError::InvalidSignature`] if one is not signed by the master key.
    pub async fn upload_cross_signing_keys(
        &self,
        user: &UserId,
        keys: &CrossSigningKeys,
    ) -> Result<(), AccountsError> {
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let mut batch = Batch::new();
            let master = match &keys.master {
                Some(key) => Some(StoredKey::parse(user, &KeyUsage::Master, key.json().get())?),
                None => read_key(snapshot, user, &KeyUsage::Master).await?,
            };
            let master = master.ok_or_else(|| AccountsError::invalid("there is no master key"))?;
            for (usage, key) in keys.each() {
                let Some(key) = key else { continue };
                let json = key.json().get().to_owned();
                let parsed = StoredKey::parse(user, &usage, &json)?;
                if usage != KeyUsage::Master {
                    parsed.check_signed_by(user, &master)?;
                }
                let row = (user, usage.as_str());
                let before = CROSS_SIGNING_KEYS.get(snapshot, &row).await?;
                let stored = before.as_deref().map(|json| StoredKey::parse(user, &usage, json));
                if stored.is_some_and(|stored| stored.is_ok_and(|stored| is_same(&stored, key))) {
                    continue;
                }
                CROSS_SIGNING_KEYS.replace(&mut batch, &row, before.as_ref(), Some(&json))?;
            }
            if !batch.is_empty() {
                self.write_device_list_change(snapshot, &mut batch, user).await?;
            }
            Ok((batch, ()))
        })
        .await
    }
}

fn is_same(stored: &StoredKey, key: &Raw<CrossSigningKey>) -> bool {
    serde_json::from_str::<Map<String, Value>>(key.json().get())
        .is_ok_and(|object| object == stored.object)
}
