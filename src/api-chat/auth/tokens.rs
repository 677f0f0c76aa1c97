//! Tokens: signed with a key that rotates, and worth nothing without the session that they name.
//!
//! A token names the session of a Matrix device, so whatever ends the session ends the token at
//! once: logging out, a new password, deactivation. The signature only keeps strangers from asking
//! the store. The session itself expires together with the token.

use std::{sync::Arc, time::Duration};

use hearth_accounts::{Accounts, KeyRotation, Session, SessionId, TokenKey};
use hearth_base::Clock;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::RwLock;
use ruma::{
    OwnedServerName, OwnedUserId,
    serde::{Base64, base64::UrlSafe},
};
use serde::{Deserialize, Serialize};

use super::signatures::ED25519;
use crate::Problem;

/// How long a key signs.
const KEY_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 2_048;

/// What makes tokens and verifies them. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    accounts: Accounts,
    clock: Clock,
    issuer: OwnedServerName,
    lifetime: Duration,
    /// The keys as they were read last, the one that signs first.
    keys: RwLock<Arc<Vec<Key>>>,
}

/// A key, ready to be used.
struct Key {
    stored: TokenKey,
    id: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    /// The public key.
    public: [u8; 32],
}

/// What a token says (RFC 7519, section 4).
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The server that made it.
    iss: String,
    /// The user.
    sub: OwnedUserId,
    /// The device.
    device: String,
    /// The session: what its access token is stored as, which is not the access token.
    sid: Base64<UrlSafe, [u8; 32]>,
    /// When it was made, in seconds since 1970.
    iat: u64,
    /// When it stops being valid, in seconds since 1970.
    exp: u64,
}

/// A token as a client gets it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub text: String,
    /// When it stops being valid, in Unix milliseconds.
    pub expires_ms: u64,
}

/// A public key for whoever wants to verify tokens (RFC 7517, RFC 8037).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PublicKey {
    /// The type of the key.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// The curve.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// What it is used for.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    /// The algorithm.
    #[schema(example = "EdDSA")]
    alg: &'static str,
    /// What the header of a token calls it.
    kid: String,
    /// The public key in unpadded URL-safe base64.
    x: String,
}

impl Tokens {
    /// Tokens that are valid for `lifetime`.
    #[must_use]
    pub fn new(
        accounts: Accounts,
        clock: Clock,
        issuer: OwnedServerName,
        lifetime: Duration,
    ) -> Self {
        // Somebody else in this process may have been first: it is the same one.
        let _ = ED25519.install_default();
        Self(Arc::new(Inner { accounts, clock, issuer, lifetime, keys: RwLock::default() }))
    }

    /// How long a token is valid.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// The token of a session.
    ///
    /// # Errors
    /// The store failed.
    pub async fn issue(&self, session: &Session) -> Result<Token, Problem> {
        let now_ms = self.0.clock.now_ms();
        let lifetime = session.expires_in.unwrap_or(self.0.lifetime);
        let expires_ms = now_ms.saturating_add(millis(lifetime));
        let claims = Claims {
            iss: self.0.issuer.to_string(),
            sub: session.user.clone(),
            device: session.device.to_string(),
            sid: Base64::new(session.id().0),
            iat: now_ms / 1_000,
            exp: expires_ms / 1_000,
        };
        let keys = self.keys().await?;
        let key = keys.first().ok_or_else(|| Problem::internal("there is no key for tokens"))?;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        let text = jsonwebtoken::encode(&header, &claims, &key.signing);
        Ok(Token { text: text.map_err(Problem::internal)?, expires_ms })
    }

    /// The session that a token names. Whether it still goes on has to be asked.
    ///
    /// # Errors
    /// 401 if this is no token of ours, or it has expired; or the store failed.
    pub async fn verify(&self, token: &str) -> Result<SessionId, Problem> {
        let unknown = || Problem::unauthorized("this is not a token of this server");
        if token.len() > TOKEN_BYTES_MAX {
            return Err(unknown());
        }
        let kid = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        let kid = kid.ok_or_else(unknown)?;
        let keys = self.keys().await?;
        let key = keys.iter().find(|key| key.id == kid).ok_or_else(unknown)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[self.0.issuer.as_str()]);
        // Below, by this server's clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let token = jsonwebtoken::decode::<Claims>(token, &key.verifying, &validation);
        let claims = token.map_err(|_| unknown())?.claims;
        if claims.exp <= self.0.clock.now_ms() / 1_000 {
            return Err(Problem::unauthorized("the token has expired"));
        }
        Ok(SessionId(claims.sid.into_inner()))
    }

    /// The public keys of all tokens that may be valid.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn public_keys(&self) -> Result<Vec<PublicKey>, Problem> {
        let keys = self.keys().await?;
        Ok(keys
            .iter()
            .map(|key| PublicKey {
                kty: "OKP",
                crv: "Ed25519",
                usage: "sig",
                alg: "EdDSA",
                kid: key.id.clone(),
                x: Base64::<UrlSafe, _>::new(key.public).encode(),
            })
            .collect())
    }

    async fn keys(&self) -> Result<Arc<Vec<Key>>, Problem> {
        let rotation = KeyRotation { every: KEY_LIFETIME, keep: self.0.lifetime };
        let known = Arc::clone(&self.0.keys.read());
        let now_ms = self.0.clock.now_ms();
        if known.first().is_some_and(|key| !rotation.is_due(&key.stored, now_ms)) {
            return Ok(known);
        }
        let stored = self.0.accounts.token_keys(rotation).await?;
        let keys = Arc::new(stored.into_iter().map(Key::new).collect());
        *self.0.keys.write() = Arc::clone(&keys);
        Ok(keys)
    }
}

impl Key {
    fn new(stored: TokenKey) -> Self {
        let public = ed25519_dalek::SigningKey::from_bytes(&stored.seed).verifying_key();
        Self {
            id: stored.created_ms.to_string(),
            signing: EncodingKey::from_ed_der(&stored.seed),
            verifying: DecodingKey::from_ed_der(public.as_bytes()),
            public: public.to_bytes(),
            stored,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
