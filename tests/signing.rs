//! Keys that sign JSON, as devices and cross-signing do (specification, "Signing JSON").

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};

use crate::session::base64;

/// An ed25519 key pair.
pub struct Keys {
    secret: SigningKey,
}

impl Keys {
    /// The key pair of a seed.
    pub fn from_seed(seed: u8) -> Self {
        Self { secret: SigningKey::from_bytes(&[seed; 32]) }
    }

    /// The public key in unpadded base64.
    pub fn public(&self) -> String {
        base64(self.secret.verifying_key().as_bytes())
    }

    /// Adds a signature of `user` under `ed25519:key_id`.
    pub fn sign(&self, object: &mut Value, user: &str, key_id: &str) {
        let mut bare = object.clone();
        let fields = bare.as_object_mut().unwrap();
        fields.remove("signatures");
        fields.remove("unsigned");
        let signature = self.secret.sign(canonical(&bare).as_bytes());
        object["signatures"][user][format!("ed25519:{key_id}")] =
            json!(base64(&signature.to_bytes()));
    }
}

/// Canonical JSON of what the stories sign: no floats, keys in ASCII.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            let fields = fields
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.to_string(),
    }
}
