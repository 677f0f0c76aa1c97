//! Accounts and devices: register, log in, user-interactive authentication.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::{Client, Reply, Server, settings::SHARED_SECRET};

/// The password of every account that a story registers.
pub const PASSWORD: &str = "correct horse battery staple";

impl Server {
    /// A new administrator, by the shared secret.
    pub async fn administrator(&self, localpart: &str) -> Client {
        let nobody = self.anonymous();
        let path = "/_synapse/admin/v1/register";
        let nonce = nobody.get(path).await.ok()["nonce"].as_str().unwrap().to_owned();
        let mac = registration_mac(SHARED_SECRET, &nonce, localpart, PASSWORD, true);
        let body = json!({
            "nonce": nonce, "username": localpart, "password": PASSWORD, "admin": true, "mac": mac,
        });
        nobody.with_session(&nobody.post(path, body).await.ok())
    }
}

impl Client {
    /// A new account by `m.login.dummy` in one step.
    pub async fn register(&self, localpart: &str) -> Self {
        let body = json!({
            "username": localpart,
            "password": PASSWORD,
            "auth": { "type": "m.login.dummy" },
        });
        let session = self.post("/register", body).await.ok();
        self.with_session(&session)
    }

    /// A further device of this user, logged in with the password.
    pub async fn another_device(&self) -> Self {
        self.anonymous().login(&self.user, PASSWORD).await
    }

    /// Logs in with a password.
    pub async fn login(&self, user: &str, password: &str) -> Self {
        let session = self.try_login(user, password).await.ok();
        self.with_session(&session)
    }

    /// Asks for a login with a password.
    pub async fn try_login(&self, user: &str, password: &str) -> Reply {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user },
            "password": password,
        });
        self.post("/login", body).await
    }

    /// Sends a POST that wants user-interactive authentication, checks that it is refused without,
    /// and sends it again with the password stage in the session that the server opened.
    pub async fn post_with_password(&self, path: &str, mut body: Value, password: &str) -> Reply {
        let refused = self.post(path, body.clone()).await;
        assert_eq!(refused.status, 401, "{}: {}", refused.request, refused.text());
        let session = refused.json()["session"].clone();
        assert!(session.is_string(), "no session in {}", refused.text());
        body["auth"] = self.password_stage(session, password);
        self.post(path, body).await
    }

    /// The password stage of a user-interactive session.
    pub fn password_stage(&self, session: Value, password: &str) -> Value {
        json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": self.user },
            "password": password,
            "session": session,
        })
    }
}

/// The proof that the admin register endpoint wants: HMAC-SHA1 in hexadecimal over the fields,
/// separated by NUL.
pub fn registration_mac(
    secret: &str,
    nonce: &str,
    user: &str,
    password: &str,
    admin: bool,
) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    let role = if admin { "admin" } else { "notadmin" };
    mac.update([nonce, user, password, role].join("\0").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Unpadded standard base64, as Matrix writes keys and signatures.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}
