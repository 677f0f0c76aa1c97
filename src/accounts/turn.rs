//! Credentials for TURN servers: the user name says until when they are valid, and the password
//! is its MAC, so that the TURN server needs nothing but the shared secret
//! (draft-uberti-behave-turn-rest).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use hearth_base::Secret;
use hmac::{Hmac, KeyInit, Mac};
use ruma::UserId;
use sha1::Sha1;

use crate::Accounts;

/// The TURN servers of a homeserver.
#[derive(Clone, Debug)]
pub struct TurnSettings {
    /// Where they are: `turn:` and `turns:` URIs.
    pub uris: Vec<String>,
    /// The secret that they share with this server.
    pub shared_secret: Secret,
    /// How long credentials are valid.
    pub lifetime: Duration,
}

/// What a client shows to a TURN server.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnCredentials {
    /// Expiry in Unix seconds, a colon, the user id.
    pub username: String,
    /// Base64 of the HMAC-SHA1 of the user name.
    pub password: String,
    /// Where the TURN servers are.
    pub uris: Vec<String>,
    /// How long they are valid.
    pub lifetime: Duration,
}

impl Accounts {
    /// Credentials of the user, if this server has TURN servers.
    #[must_use]
    pub fn turn_credentials(&self, user: &UserId) -> Option<TurnCredentials> {
        let settings = self.0.settings.turn.as_ref()?;
        let expires_seconds = self.after(settings.lifetime) / 1_000;
        let username = format!("{expires_seconds}:{user}");
        // A key of HMAC may have any length.
        let mut mac =
            Hmac::<Sha1>::new_from_slice(settings.shared_secret.expose().as_bytes()).ok()?;
        mac.update(username.as_bytes());
        Some(TurnCredentials {
            password: STANDARD.encode(mac.finalize().into_bytes()),
            username,
            uris: settings.uris.clone(),
            lifetime: settings.lifetime,
        })
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;
    use crate::testing::{fixture, fixture_with, settings};

    #[tokio::test]
    async fn the_password_is_the_mac_of_the_user_name() {
        let turn = TurnSettings {
            uris: vec!["turn:turn.example.org".to_owned()],
            shared_secret: Secret::new("north"),
            lifetime: Duration::from_secs(600),
        };
        let fixture_with_turn = fixture_with(crate::Settings { turn: Some(turn), ..settings() });
        let alice = user_id!("@alice:example.org");
        let credentials = fixture_with_turn.accounts.turn_credentials(alice).unwrap();
        assert_eq!(credentials.username, "1700000600:@alice:example.org");
        // printf %s USERNAME | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(credentials.password, "gdic0V2MZf+LtqT7i2kJKJOaCVI=");
        assert!(fixture().accounts.turn_credentials(alice).is_none());
    }
}
