//! Sessions: logging a device in, refreshing its tokens, logging it out.
//!
//! A refresh token stays valid until one of the tokens that it was exchanged for is used, so that
//! an answer that gets lost does not end the session (specification, refreshing access tokens).

use std::time::Duration;

use hearth_base::limits::{DEVICE_DISPLAY_NAME_BYTES_MAX, DEVICES_MAX};
use hearth_store::{Batch, Direction, Snapshot};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};

use crate::{
    Accounts, AccountsError,
    cross_signing::check_is_no_key,
    devices::DeviceRow,
    tables::{ACCESS_TOKENS, DEVICE_TOKENS, DEVICES, REFRESH_TOKENS},
    tokens::{self, AccessTokenRow, RefreshTokenRow, TokenHash, TokenKind},
};

/// Length of a token in characters of about 6 bits each.
const TOKEN_LENGTH: usize = 43;
/// Length of a device id that the client did not choose.
const DEVICE_ID_LENGTH: usize = 10;

/// A login.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// Who logs in.
    pub user: &'a UserId,
    /// With which device; a new one if it is not given or not known.
    pub device: Option<&'a DeviceId>,
    /// The display name of the device if it is new.
    pub device_display_name: Option<&'a str>,
    /// Whether the client can refresh tokens; then the access token expires.
    pub refreshable: bool,
    /// How long an access token that expires is valid, if not as long as the settings say.
    pub lifetime: Option<Duration>,
}

impl<'a> NewSession<'a> {
    /// A login with a new device, without refresh token.
    #[must_use]
    pub const fn new(user: &'a UserId) -> Self {
        Self { user, device: None, device_display_name: None, refreshable: false, lifetime: None }
    }
}

/// The tokens of a session, as the client gets them.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The user.
    pub user: OwnedUserId,
    /// The device.
    pub device: OwnedDeviceId,
    /// The access token.
    pub access_token: String,
    /// The refresh token, if the client asked for one.
    pub refresh_token: Option<String>,
    /// How long the access token is valid, if not for ever.
    pub expires_in: Option<Duration>,
}

/// What a session is called where its access token must not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionId(pub [u8; 32]);

impl Session {
    /// The name of the session, for [`Accounts::authenticate_session`].
    #[must_use]
    pub fn id(&self) -> SessionId {
        SessionId(tokens::hash(&self.access_token))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { user, device, .. } = self;
        f.debug_struct("Session")
            .field("user", user)
            .field("device", device)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Logs a device in. Tokens that a known device had are revoked; its keys stay.
    ///
    /// # Errors
    /// [`AccountsError::Forbidden`] if the user has too many devices, or a cross-signing key that
    /// is called like the device; [`AccountsError::Invalid`]
    /// if the device id is not usable.
    pub async fn open_session(&self, new: NewSession<'_>) -> Result<Session, AccountsError> {
        let device = match new.device {
            Some(device) => checked_device_id(device)?,
            None => self.random_device_id(),
        };
        if new.device_display_name.is_some_and(|name| name.len() > DEVICE_DISPLAY_NAME_BYTES_MAX) {
            return Err(AccountsError::TooLarge("the display name of the device"));
        }
        let lifetime = new.refreshable.then(|| self.token_lifetime(new.lifetime));
        let session = self.mint(new.user, &device, lifetime);
        let (session_ref, device) = (&session, &device);
        let revoked = self
            .decide(|snapshot| async move {
                let mut batch = Batch::new();
                let snapshot = snapshot.as_ref();
                let key = (new.user, device);
                if DEVICES.get(snapshot, &key).await?.is_none() {
                    check_is_no_key(snapshot, new.user, device).await?;
                    let row = DeviceRow {
                        display_name: new.device_display_name.map(str::to_owned),
                        created_ms: self.0.clock.now_ms(),
                    };
                    check_device_count(snapshot, new.user).await?;
                    DEVICES.insert(&mut batch, &key, &row)?;
                }
                let revoked =
                    tokens::delete_device_tokens(snapshot, &mut batch, new.user, device).await?;
                self.write_tokens(&mut batch, session_ref, None)?;
                Ok((batch, revoked))
            })
            .await?;
        self.0.sessions.forget(&revoked);
        Ok(session)
    }

    /// Exchanges a refresh token for new tokens, the access token being valid for `lifetime` or as
    /// long as the settings say.
    ///
    /// # Errors
    /// [`AccountsError::UnknownToken`] if the refresh token is not valid (any more).
    pub async fn refresh_session(
        &self,
        refresh_token: &str,
        lifetime: Option<Duration>,
    ) -> Result<Session, AccountsError> {
        let lifetime = Some(self.token_lifetime(lifetime));
        let used = tokens::hash(refresh_token);
        let (session, revoked) = self
            .decide(|snapshot| async move {
                let snapshot = snapshot.as_ref();
                let before = REFRESH_TOKENS.get(snapshot, &(used,)).await?;
                let before = before.ok_or(AccountsError::UnknownToken)?;
                let mut batch = Batch::new();
                let mut revoked = Vec::new();
                if let Some(predecessor) = before.predecessor {
                    revoked = tokens::revoke_refresh(snapshot, &mut batch, predecessor).await?;
                }
                if let Some((_, refresh)) = before.successors {
                    revoked.extend(tokens::revoke_refresh(snapshot, &mut batch, refresh).await?);
                }
                let session = self.mint(&before.user, &before.device, lifetime);
                let successors = self.write_tokens(&mut batch, &session, Some(used))?;
                let after = RefreshTokenRow { successors, predecessor: None, ..before.clone() };
                REFRESH_TOKENS.replace(&mut batch, &(used,), Some(&before), Some(&after))?;
                Ok((batch, (session, revoked)))
            })
            .await?;
        self.0.sessions.forget(&revoked);
        Ok(session)
    }

    /// Logs all devices of a user out, and deletes them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn close_all_sessions(&self, user: &UserId) -> Result<(), AccountsError> {
        self.close_sessions(user, None).await
    }

    /// Logs all devices of a user but one out, and deletes them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn close_other_sessions(
        &self,
        user: &UserId,
        except: Option<&DeviceId>,
    ) -> Result<(), AccountsError> {
        self.close_sessions(user, except).await
    }

    async fn close_sessions(
        &self,
        user: &UserId,
        except: Option<&DeviceId>,
    ) -> Result<(), AccountsError> {
        let devices = self.device_ids(user).await?;
        let devices: Vec<_> =
            devices.into_iter().filter(|device| Some(device.as_ref()) != except).collect();
        self.delete_devices(user, &devices).await
    }

    fn random_device_id(&self) -> OwnedDeviceId {
        let letters = self.0.random.bytes::<DEVICE_ID_LENGTH>();
        let letters = letters.map(|byte| char::from(b'A' + byte % 26));
        String::from_iter(letters).into()
    }

    fn token_lifetime(&self, wanted: Option<Duration>) -> Duration {
        wanted.unwrap_or(self.0.settings.access_token_lifetime)
    }

    /// The tokens of a session; with a lifetime it can be refreshed.
    fn mint(&self, user: &UserId, device: &DeviceId, lifetime: Option<Duration>) -> Session {
        let token = || self.0.random.alphanumeric(TOKEN_LENGTH);
        Session {
            user: user.to_owned(),
            device: device.to_owned(),
            access_token: token(),
            refresh_token: lifetime.is_some().then(token),
            expires_in: lifetime,
        }
    }

    /// Writes the tokens of a session; the hashes are returned if there is a refresh token.
    fn write_tokens(
        &self,
        batch: &mut Batch,
        session: &Session,
        predecessor: Option<TokenHash>,
    ) -> Result<Option<(TokenHash, TokenHash)>, AccountsError> {
        let Session { user, device, .. } = session;
        let lifetime = session.expires_in.map(|lifetime| lifetime.as_millis());
        let lifetime_ms = lifetime.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX));
        let access = tokens::hash(&session.access_token);
        let row = AccessTokenRow {
            user: user.clone(),
            device: device.clone(),
            expires_ms: lifetime_ms.map(|ms| self.0.clock.now_ms().saturating_add(ms)),
            predecessor,
        };
        ACCESS_TOKENS.insert(batch, &(access,), &row)?;
        let key = |hash| (user.clone(), device.clone(), hash);
        DEVICE_TOKENS.put(batch, &key(access), &TokenKind::Access)?;
        let Some(refresh_token) = &session.refresh_token else {
            return Ok(None);
        };
        let refresh = tokens::hash(refresh_token);
        let row = RefreshTokenRow {
            user: user.clone(),
            device: device.clone(),
            access,
            predecessor,
            successors: None,
        };
        REFRESH_TOKENS.insert(batch, &(refresh,), &row)?;
        DEVICE_TOKENS.put(batch, &key(refresh), &TokenKind::Refresh)?;
        Ok(Some((access, refresh)))
    }
}

/// The device id, if a device can have it.
pub(crate) fn checked_device_id(device: &DeviceId) -> Result<OwnedDeviceId, AccountsError> {
    let text = device.as_str();
    // "*" means all devices in to-device messages.
    if text.is_empty() || text == "*" || text.len() > hearth_base::limits::IDENTIFIER_BYTES_MAX {
        return Err(AccountsError::invalid("not a usable device id"));
    }
    Ok(device.to_owned())
}

/// Refuses another device of a user who has too many.
pub(crate) async fn check_device_count(
    snapshot: &dyn Snapshot,
    user: &UserId,
) -> Result<(), AccountsError> {
    let range = DEVICES.prefix(&(user,));
    let devices = DEVICES.scan(snapshot, &range, Direction::Forward, DEVICES_MAX).await?;
    if devices.len() >= DEVICES_MAX {
        return Err(AccountsError::forbidden("too many devices: log some out first"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Authentication,
        testing::{Fixture, fixture},
    };

    async fn is_valid(fixture: &Fixture, token: &str) -> bool {
        let found = fixture.accounts.authenticate(token).await.unwrap();
        matches!(found, Authentication::Valid(_))
    }

    async fn refreshable(fixture: &Fixture) -> Session {
        let alice = fixture.user("alice").await;
        let new = NewSession { refreshable: true, ..NewSession::new(&alice) };
        fixture.accounts.open_session(new).await.unwrap()
    }

    #[tokio::test]
    async fn a_login_gives_a_token_that_identifies_the_device() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let session = fixture.session(&alice, "A").await;
        assert!(session.access_token.len() >= 43);
        assert!(!format!("{session:?}").contains(&session.access_token));
        for _ in 0..2 {
            let found = fixture.accounts.authenticate(&session.access_token).await.unwrap();
            let Authentication::Valid(found) = found else { panic!("not valid") };
            assert_eq!(found.user, alice);
            assert_eq!(found.device.as_deref().unwrap(), "A");
        }
        assert!(!is_valid(&fixture, "wrong").await);
    }

    #[tokio::test]
    async fn a_second_login_of_a_device_revokes_the_first() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let first = fixture.session(&alice, "A").await;
        assert!(is_valid(&fixture, &first.access_token).await);
        let second = fixture.session(&alice, "A").await;
        assert!(!is_valid(&fixture, &first.access_token).await);
        assert!(is_valid(&fixture, &second.access_token).await);
        assert_eq!(fixture.accounts.devices(&alice).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn logging_out_others_keeps_one() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let a = fixture.session(&alice, "A").await;
        let b = fixture.session(&alice, "B").await;
        fixture.accounts.close_other_sessions(&alice, Some("A".into())).await.unwrap();
        assert!(is_valid(&fixture, &a.access_token).await);
        assert!(!is_valid(&fixture, &b.access_token).await);
        fixture.accounts.close_all_sessions(&alice).await.unwrap();
        assert!(!is_valid(&fixture, &a.access_token).await);
    }

    #[tokio::test]
    async fn an_access_token_with_a_refresh_token_expires_softly() {
        let fixture = fixture();
        let session = refreshable(&fixture).await;
        assert!(is_valid(&fixture, &session.access_token).await);
        fixture.clock.advance(session.expires_in.unwrap());
        let found = fixture.accounts.authenticate(&session.access_token).await.unwrap();
        assert!(matches!(found, Authentication::Expired));
        let refresh_token = session.refresh_token.unwrap();
        let next = fixture.accounts.refresh_session(&refresh_token, None).await.unwrap();
        assert!(is_valid(&fixture, &next.access_token).await);
    }

    #[tokio::test]
    async fn the_old_refresh_token_lives_until_a_new_token_is_used() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let first = refreshable(&fixture).await;
        let old = first.refresh_token.unwrap();
        let lost = accounts.refresh_session(&old, None).await.unwrap();
        let second = accounts.refresh_session(&old, None).await.unwrap();
        assert!(!is_valid(&fixture, &lost.access_token).await, "replaced by the second exchange");
        assert!(is_valid(&fixture, &second.access_token).await);
        assert!(is_valid(&fixture, &second.access_token).await);
        let again = accounts.refresh_session(&old, None).await;
        assert!(matches!(again, Err(AccountsError::UnknownToken)));
        assert!(!is_valid(&fixture, &first.access_token).await);
    }

    #[tokio::test]
    async fn using_the_new_refresh_token_revokes_the_old_one() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let old = refreshable(&fixture).await.refresh_token.unwrap();
        let second = accounts.refresh_session(&old, None).await.unwrap().refresh_token.unwrap();
        let third = accounts.refresh_session(&second, None).await.unwrap();
        assert!(accounts.refresh_session(&old, None).await.is_err());
        assert!(is_valid(&fixture, &third.access_token).await);
    }
}
