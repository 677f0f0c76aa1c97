//! Registration tokens (`m.login.registration_token`): those of the settings, which never run
//! out, and stored ones with a number of uses and an expiry.

use hearth_store::Batch;
use ruma::UserId;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::{Accounts, AccountsError, tables::REGISTRATION_TOKENS};

/// Longest token in bytes (specification, token-authenticated registration).
const TOKEN_BYTES_MAX: usize = 64;
const RANDOM_TOKEN_LENGTH: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegistrationTokenRow {
    pub(crate) uses_allowed: Option<u64>,
    pub(crate) uses: u64,
    pub(crate) expires_ms: Option<u64>,
}

impl RegistrationTokenRow {
    fn is_valid(&self, now_ms: u64) -> bool {
        self.uses_allowed.is_none_or(|allowed| self.uses < allowed)
            && self.expires_ms.is_none_or(|at| at > now_ms)
    }
}

/// A stored registration token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationToken {
    /// The token.
    pub token: String,
    /// How often it may be used; `None` is any number of times.
    pub uses_allowed: Option<u64>,
    /// How often it was used.
    pub uses: u64,
    /// When it expires, in Unix milliseconds.
    pub expires_ms: Option<u64>,
}

/// A registration token to be.
#[derive(Clone, Debug, Default)]
pub struct NewRegistrationToken {
    /// The token; random if it is not given. 1 to 64 characters of `A-Za-z0-9._~-`.
    pub token: Option<String>,
    /// How often it may be used; `None` is any number of times.
    pub uses_allowed: Option<u64>,
    /// When it expires, in Unix milliseconds.
    pub expires_ms: Option<u64>,
}

impl Accounts {
    /// Stores a registration token, and returns it.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] if the token is malformed or exists.
    pub async fn create_registration_token(
        &self,
        new: NewRegistrationToken,
    ) -> Result<String, AccountsError> {
        let random = || self.0.random.alphanumeric(RANDOM_TOKEN_LENGTH);
        let token = new.token.unwrap_or_else(random);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX || !token.bytes().all(allowed) {
            return Err(AccountsError::invalid("not a valid registration token"));
        }
        let row = &RegistrationTokenRow {
            uses_allowed: new.uses_allowed,
            uses: 0,
            expires_ms: new.expires_ms,
        };
        let key = &token;
        self.decide(|snapshot| async move {
            if REGISTRATION_TOKENS.get(snapshot.as_ref(), &(key.as_str(),)).await?.is_some() {
                return Err(AccountsError::invalid("the registration token exists"));
            }
            let mut batch = Batch::new();
            REGISTRATION_TOKENS.insert(&mut batch, &(key.as_str(),), row)?;
            Ok((batch, ()))
        })
        .await?;
        Ok(token)
    }

    /// All stored registration tokens.
    ///
    /// # Errors
    /// The store failed.
    pub async fn registration_tokens(&self) -> Result<Vec<RegistrationToken>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = REGISTRATION_TOKENS.all();
        let rows = REGISTRATION_TOKENS.scan_all(snapshot.as_ref(), &range).await?;
        let token = |((token,), row): ((String,), RegistrationTokenRow)| RegistrationToken {
            token,
            uses_allowed: row.uses_allowed,
            uses: row.uses,
            expires_ms: row.expires_ms,
        };
        Ok(rows.into_iter().map(token).collect())
    }

    /// Deletes a stored registration token; nothing happens if there is none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_registration_token(&self, token: &str) -> Result<(), AccountsError> {
        self.decide(|_| async move {
            let mut batch = Batch::new();
            REGISTRATION_TOKENS.delete(&mut batch, &(token,));
            Ok((batch, ()))
        })
        .await
    }

    /// Whether somebody could register with the token now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_registration_token_valid(&self, token: &str) -> Result<bool, AccountsError> {
        if self.is_configured_token(token) {
            return Ok(true);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(false);
        }
        let snapshot = self.snapshot().await?;
        let row = REGISTRATION_TOKENS.get(snapshot.as_ref(), &(token,)).await?;
        Ok(row.is_some_and(|row| row.is_valid(self.0.clock.now_ms())))
    }

    /// Counts one use of the token; `false` if it is not valid (any more).
    ///
    /// # Errors
    /// The store failed.
    pub async fn use_registration_token(&self, token: &str) -> Result<bool, AccountsError> {
        if self.is_configured_token(token) {
            return Ok(true);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Ok(false);
        }
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            let before = REGISTRATION_TOKENS.get(snapshot.as_ref(), &(token,)).await?;
            let valid = before.filter(|row| row.is_valid(self.0.clock.now_ms()));
            let Some(before) = valid else {
                return Ok((batch, false));
            };
            let after = RegistrationTokenRow { uses: before.uses + 1, ..before.clone() };
            REGISTRATION_TOKENS.replace(&mut batch, &(token,), Some(&before), Some(&after))?;
            Ok((batch, true))
        })
        .await
    }

    fn is_configured_token(&self, token: &str) -> bool {
        let tokens = &self.0.settings.registration_tokens;
        let equal = |known: &hearth_base::Secret| {
            bool::from(known.expose().as_bytes().ct_eq(token.as_bytes()))
        };
        // Every token is compared, so that the time does not tell which one is close.
        tokens.iter().fold(false, |found, known| found | equal(known))
    }

    /// Refuses a user id in a namespace that an application service has for itself.
    ///
    /// # Errors
    /// [`AccountsError::Exclusive`], unless `by` is the id of that service.
    pub fn check_not_exclusive(
        &self,
        user: &UserId,
        by: Option<&str>,
    ) -> Result<(), AccountsError> {
        match self.0.application_services.exclusive_owner_of_user(user) {
            Some(owner) if Some(owner) != by => Err(AccountsError::Exclusive),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hearth_base::Secret;

    use super::*;
    use crate::testing::{fixture_with, settings};

    #[tokio::test]
    async fn uses_are_counted_and_configured_tokens_never_run_out() {
        let configured = vec![Secret::new("friends")];
        let fixture =
            fixture_with(crate::Settings { registration_tokens: configured, ..settings() });
        let accounts = &fixture.accounts;
        for _ in 0..3 {
            assert!(accounts.use_registration_token("friends").await.unwrap());
        }
        let new = NewRegistrationToken { uses_allowed: Some(1), ..Default::default() };
        let token = accounts.create_registration_token(new).await.unwrap();
        assert!(accounts.is_registration_token_valid(&token).await.unwrap());
        assert!(accounts.use_registration_token(&token).await.unwrap());
        assert!(!accounts.use_registration_token(&token).await.unwrap());
        assert!(!accounts.is_registration_token_valid(&token).await.unwrap());
        assert_eq!(accounts.registration_tokens().await.unwrap()[0].uses, 1);
        assert!(!accounts.use_registration_token("unknown").await.unwrap());
    }

    #[tokio::test]
    async fn a_token_expires() {
        let fixture = fixture_with(settings());
        let accounts = &fixture.accounts;
        let new = NewRegistrationToken {
            token: Some("short".into()),
            expires_ms: Some(fixture.clock.now_ms() + 5),
            ..Default::default()
        };
        accounts.create_registration_token(new.clone()).await.unwrap();
        assert!(accounts.create_registration_token(new).await.is_err(), "it exists");
        assert!(accounts.is_registration_token_valid("short").await.unwrap());
        fixture.clock.advance(Duration::from_millis(5));
        assert!(!accounts.is_registration_token_valid("short").await.unwrap());
        accounts.delete_registration_token("short").await.unwrap();
        assert!(accounts.registration_tokens().await.unwrap().is_empty());
    }
}
