//! Checking the signatures of users' devices and identities on JSON objects.

use ruma::{
    CanonicalJsonObject, CanonicalJsonValue, SigningKeyAlgorithm, UserId,
    encryption::{CrossSigningKey, DeviceKeys},
    serde::Base64,
    signatures,
};
use serde_json::{Map, Value};

use crate::AccountsError;

/// The signatures of one user on an object: signing key id → signature.
pub(crate) fn signatures_of(object: &Map<String, Value>, user: &UserId) -> Vec<(String, String)> {
    let signatures = object.get("signatures").and_then(|all| all.get(user.as_str()));
    let signatures = signatures.and_then(Value::as_object).into_iter().flatten();
    let text =
        |(key, signature): (&String, &Value)| Some((key.clone(), signature.as_str()?.to_owned()));
    signatures.filter_map(text).collect()
}

/// The object without its signatures and what is not covered by them.
pub(crate) fn unsigned_part(object: &Map<String, Value>) -> Map<String, Value> {
    let mut object = object.clone();
    object.remove("signatures");
    object.remove("unsigned");
    object
}

/// Adds signatures of one user to an object.
pub(crate) fn add_signatures(
    object: &mut Map<String, Value>,
    user: &UserId,
    signatures: impl IntoIterator<Item = (String, String)>,
) {
    let mut added = signatures.into_iter().peekable();
    if added.peek().is_none() {
        return;
    }
    let all = object.entry("signatures").or_insert_with(|| Value::Object(Map::new()));
    let Some(all) = all.as_object_mut() else {
        return;
    };
    let of_user = all.entry(user.as_str()).or_insert_with(|| Value::Object(Map::new()));
    let Some(of_user) = of_user.as_object_mut() else {
        return;
    };
    of_user.extend(added.map(|(key, signature)| (key, Value::String(signature))));
}

/// Checks one ed25519 signature on an object.
pub(crate) fn verify(
    object: &Map<String, Value>,
    public_key: &str,
    signature: &str,
) -> Result<(), AccountsError> {
    let invalid = |reason: String| AccountsError::InvalidSignature(reason);
    let canonical: CanonicalJsonValue = Value::Object(object.clone())
        .try_into()
        .map_err(|error| invalid(format!("not canonical JSON: {error}")))?;
    let CanonicalJsonValue::Object(canonical) = canonical else {
        return Err(invalid("not an object".to_owned()));
    };
    let message = signing_text(&canonical)?;
    let parse = |text: &str| {
        Base64::<ruma::serde::base64::Standard>::parse(text)
            .map_err(|error| invalid(error.to_string()))
    };
    let (public_key, signature) = (parse(public_key)?, parse(signature)?);
    signatures::verify_canonical_json_bytes(
        &SigningKeyAlgorithm::Ed25519,
        public_key.as_bytes(),
        signature.as_bytes(),
        message.as_bytes(),
    )
    .map_err(|error| invalid(error.to_string()))
}

fn signing_text(object: &CanonicalJsonObject) -> Result<String, AccountsError> {
    signatures::to_canonical_json_string_for_signing(object)
        .map_err(|error| AccountsError::InvalidSignature(error.to_string()))
}

/// The ed25519 key of a device.
pub(crate) fn device_signing_key(keys: &DeviceKeys) -> Option<&str> {
    let ed25519 = |key: &&ruma::OwnedDeviceKeyId| key.as_str().starts_with("ed25519:");
    let id = keys.keys.keys().find(ed25519)?;
    keys.keys.get(id).map(String::as_str)
}

/// The one public key of a cross-signing key.
pub(crate) fn cross_signing_public_key(key: &CrossSigningKey) -> Option<&str> {
    let mut keys = key.keys.iter();
    let (id, public_key) = keys.next()?;
    let expected = format!("ed25519:{public_key}");
    (keys.next().is_none() && id.as_str() == expected).then_some(public_key.as_str())
}
