//! What the tests of this crate share.

use hearth_base::{Clock, Random};
use hearth_store::{MemoryEngine, Store};
use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, UserId,
    serde::{Base64, Raw, base64::Standard},
    server_name,
    signatures::{Ed25519KeyPair, sign_json},
};
use serde_json::{Value, json};

use crate::{Accounts, NewSession, NewUser, PasswordCost, Session, Settings};

pub(crate) struct Fixture {
    pub(crate) accounts: Accounts,
    pub(crate) clock: Clock,
}

pub(crate) fn settings() -> Settings {
    Settings {
        password_cost: PasswordCost { memory_kib: 64, iterations: 1 },
        ..Settings::new(server_name!("example.org").to_owned())
    }
}

pub(crate) fn fixture() -> Fixture {
    fixture_with(settings())
}

pub(crate) fn fixture_with(settings: Settings) -> Fixture {
    let clock = Clock::manual(1_700_000_000_000);
    let store = Store::new(MemoryEngine::new());
    let accounts = Accounts::new(store, clock.clone(), Random::seeded(7), settings).unwrap();
    Fixture { accounts, clock }
}

impl Fixture {
    pub(crate) async fn user(&self, localpart: &str) -> OwnedUserId {
        let user = self.accounts.new_user_id(localpart).unwrap();
        let new = NewUser { password: Some("secret"), ..NewUser::default() };
        self.accounts.create_user(&user, new).await.unwrap();
        user
    }

    pub(crate) async fn session(&self, user: &OwnedUserId, device: &str) -> Session {
        let device: OwnedDeviceId = device.into();
        let new = NewSession { device: Some(&device), ..NewSession::new(user) };
        self.accounts.open_session(new).await.unwrap()
    }

    /// A user with one device.
    pub(crate) async fn user_with_device(&self, localpart: &str, device: &DeviceId) -> OwnedUserId {
        let user = self.user(localpart).await;
        self.session(&user, device.as_str()).await;
        user
    }
}

/// Somebody who can sign: a device or a cross-signing key.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    pub(crate) public_key: String,
}

impl Signer {
    /// A new key. Without a name it is named by its public key, as cross-signing keys are.
    pub(crate) fn new(name: Option<&str>) -> Self {
        let document = Ed25519KeyPair::generate();
        let pair = Ed25519KeyPair::from_der(&document, "unnamed".to_owned()).unwrap();
        let public_key = Base64::<Standard, _>::new(pair.public_key().to_vec()).encode();
        let name = name.unwrap_or(&public_key).to_owned();
        Self { pair: Ed25519KeyPair::from_der(&document, name).unwrap(), public_key }
    }

    /// The object with the signature of `user` added.
    pub(crate) fn sign(&self, user: &UserId, object: &Value) -> Value {
        let mut object = serde_json::from_value(object.clone()).unwrap();
        sign_json(user.as_str(), &self.pair, &mut object).unwrap();
        serde_json::to_value(object).unwrap()
    }

    /// This key as a cross-signing key.
    pub(crate) fn cross_signing_key(&self, user: &UserId, usage: &str) -> Value {
        let key = &self.public_key;
        let keys = json!({ format!("ed25519:{key}"): key });
        json!({ "user_id": user, "usage": [usage], "keys": keys })
    }

    /// This key as the signing key of a device.
    pub(crate) fn device_keys(&self, user: &UserId, device: &str) -> Value {
        let keys = json!({
            format!("ed25519:{device}"): self.public_key,
            format!("curve25519:{device}"): self.public_key,
        });
        let algorithms = ["m.megolm.v1.aes-sha2"];
        let unsigned = json!({
            "user_id": user, "device_id": device, "algorithms": algorithms, "keys": keys,
        });
        self.sign(user, &unsigned)
    }
}

/// JSON of a client.
pub(crate) fn raw<T>(value: &Value) -> Raw<T> {
    Raw::new(value).unwrap().cast_unchecked()
}
