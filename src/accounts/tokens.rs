//! Access tokens: who a request comes from.
//!
//! Only hashes of tokens are stored. One request costs no disk read as long as its session is in
//! the cache; whatever ends or changes a session takes it out of the cache after the commit.

use std::sync::Arc;

use hearth_base::limits::SESSION_CACHE_ENTRIES_MAX;
use hearth_store::{Batch, Snapshot};
use moka::sync::Cache;
use parking_lot::Mutex;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Accounts, AccountsError, SessionId,
    tables::{ACCESS_TOKENS, DEVICE_TOKENS, REFRESH_TOKENS, USERS},
};

/// SHA-256 of a token. Tokens are long and random, so it needs neither salt nor stretching.
pub(crate) type TokenHash = [u8; 32];

pub(crate) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessTokenRow {
    pub(crate) user: OwnedUserId,
    pub(crate) device: OwnedDeviceId,
    /// When it stops being valid, in Unix milliseconds.
    pub(crate) expires_ms: Option<u64>,
    /// The refresh token that this token came from, revoked once this one is used.
    pub(crate) predecessor: Option<TokenHash>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshTokenRow {
    pub(crate) user: OwnedUserId,
    pub(crate) device: OwnedDeviceId,
    /// The access token that was given out together with it.
    pub(crate) access: TokenHash,
    /// The refresh token that this one came from, revoked once this one is used.
    pub(crate) predecessor: Option<TokenHash>,
    /// What it was exchanged for: access and refresh token.
    pub(crate) successors: Option<(TokenHash, TokenHash)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TokenKind {
    Access,
    Refresh,
}

/// Who a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// The user.
    pub user: OwnedUserId,
    /// The user's device; application services may act without one.
    pub device: Option<OwnedDeviceId>,
    /// Whether the user is a guest.
    pub is_guest: bool,
    /// Whether the user administrates this server.
    pub is_admin: bool,
    /// Whether the account is locked.
    pub is_locked: bool,
    /// Whether the account is suspended.
    pub is_suspended: bool,
    /// Id of the application service that makes the request.
    pub application_service: Option<String>,
    pub(crate) expires_ms: Option<u64>,
}

/// What a token is worth.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// A valid token.
    Valid(Arc<Authenticated>),
    /// The token has expired; the session lives and can be refreshed (`soft_logout`).
    Expired,
    /// There is no such token.
    Unknown,
}

/// Sessions by the hash of their access token.
pub(crate) struct SessionCache {
    entries: Cache<TokenHash, Arc<Authenticated>>,
    /// How often something was forgotten: what was read before that must not be remembered.
    generation: Mutex<u64>,
}

impl SessionCache {
    pub(crate) fn new() -> Self {
        Self { entries: Cache::new(SESSION_CACHE_ENTRIES_MAX), generation: Mutex::new(0) }
    }

    fn remember(&self, read_in: u64, hash: TokenHash, session: &Arc<Authenticated>) {
        let generation = self.generation.lock();
        if *generation == read_in {
            self.entries.insert(hash, Arc::clone(session));
        }
    }

    pub(crate) fn forget(&self, hashes: &[TokenHash]) {
        let mut generation = self.generation.lock();
        *generation += 1;
        for hash in hashes {
            self.entries.invalidate(hash);
        }
    }

    pub(crate) fn forget_all(&self) {
        let mut generation = self.generation.lock();
        *generation += 1;
        self.entries.invalidate_all();
    }
}

impl Accounts {
    /// Who the holder of an access token is. Application services have tokens of their own:
    /// [`Accounts::application_service`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn authenticate(&self, token: &str) -> Result<Authentication, AccountsError> {
        self.authenticate_session(SessionId(hash(token))).await
    }

    /// As [`Accounts::authenticate`], for whoever proves otherwise to hold the access token.
    ///
    /// # Errors
    /// The store failed.
    pub async fn authenticate_session(
        &self,
        SessionId(hash): SessionId,
    ) -> Result<Authentication, AccountsError> {
        let session = match self.0.sessions.entries.get(&hash) {
            Some(session) => Some(session),
            None => self.load_session(hash).await?,
        };
        let now = self.0.clock.now_ms();
        Ok(match session {
            None => Authentication::Unknown,
            Some(found) if found.expires_ms.is_some_and(|at| at <= now) => Authentication::Expired,
            Some(found) => Authentication::Valid(found),
        })
    }

    async fn load_session(
        &self,
        hash: TokenHash,
    ) -> Result<Option<Arc<Authenticated>>, AccountsError> {
        let generation = *self.0.sessions.generation.lock();
        let snapshot = self.snapshot().await?;
        let Some(token) = ACCESS_TOKENS.get(snapshot.as_ref(), &(hash,)).await? else {
            return Ok(None);
        };
        let user = USERS.get(snapshot.as_ref(), &(&token.user,)).await?;
        // A login may have raced with a deactivation.
        let Some(user) = user.filter(|user| !user.is_deactivated) else {
            return Ok(None);
        };
        let session = Arc::new(Authenticated {
            user: token.user.clone(),
            device: Some(token.device.clone()),
            is_guest: user.is_guest,
            is_admin: user.is_admin,
            is_locked: user.is_locked,
            is_suspended: user.is_suspended,
            application_service: None,
            expires_ms: token.expires_ms,
        });
        if token.predecessor.is_some() {
            self.confirm_refresh(hash).await?;
        } else {
            self.0.sessions.remember(generation, hash, &session);
        }
        Ok(Some(session))
    }

    /// The first use of a refreshed access token revokes what it came from.
    async fn confirm_refresh(&self, hash: TokenHash) -> Result<(), AccountsError> {
        let revoked = self
            .decide(|snapshot| async move {
                let mut batch = Batch::new();
                let Some(before) = ACCESS_TOKENS.get(snapshot.as_ref(), &(hash,)).await? else {
                    return Ok((batch, Vec::new()));
                };
                let Some(predecessor) = before.predecessor else {
                    return Ok((batch, Vec::new()));
                };
                let after = AccessTokenRow { predecessor: None, ..before.clone() };
                ACCESS_TOKENS.replace(&mut batch, &(hash,), Some(&before), Some(&after))?;
                let revoked = revoke_refresh(snapshot.as_ref(), &mut batch, predecessor).await?;
                Ok((batch, revoked))
            })
            .await?;
        self.0.sessions.forget(&revoked);
        Ok(())
    }
}

/// Deletes a refresh token and the access token that belongs to it, and returns their hashes.
pub(crate) async fn revoke_refresh(
    snapshot: &dyn Snapshot,
    batch: &mut Batch,
    refresh: TokenHash,
) -> Result<Vec<TokenHash>, AccountsError> {
    let Some(row) = REFRESH_TOKENS.get(snapshot, &(refresh,)).await? else {
        return Ok(Vec::new());
    };
    delete_token(batch, &row.user, &row.device, refresh, TokenKind::Refresh);
    delete_token(batch, &row.user, &row.device, row.access, TokenKind::Access);
    Ok(vec![refresh, row.access])
}

/// Deletes a token and its place among the device's tokens.
pub(crate) fn delete_token(
    batch: &mut Batch,
    user: &UserId,
    device: &DeviceId,
    hash: TokenHash,
    kind: TokenKind,
) {
    match kind {
        TokenKind::Access => ACCESS_TOKENS.delete(batch, &(hash,)),
        TokenKind::Refresh => REFRESH_TOKENS.delete(batch, &(hash,)),
    }
    DEVICE_TOKENS.delete(batch, &(user, device, hash));
}

/// Deletes all tokens of a device, and returns their hashes.
pub(crate) async fn delete_device_tokens(
    snapshot: &dyn Snapshot,
    batch: &mut Batch,
    user: &UserId,
    device: &DeviceId,
) -> Result<Vec<TokenHash>, AccountsError> {
    let range = DEVICE_TOKENS.prefix(&(user, device));
    let mut hashes = Vec::new();
    for ((_, _, hash), kind) in DEVICE_TOKENS.scan_all(snapshot, &range).await? {
        delete_token(batch, user, device, hash, kind);
        hashes.push(hash);
    }
    Ok(hashes)
}
