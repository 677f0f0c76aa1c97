//! OpenID tokens: with one, a user proves to a service who they are, and the service asks this
//! server (specification, OpenID). They open nothing else.

use std::time::Duration;

use hearth_store::Batch;
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Accounts, AccountsError,
    expired_rows::Perishable,
    tables::{OPENID_TOKENS, USERS},
    tokens,
};

/// How long an OpenID token is valid.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
const TOKEN_LENGTH: usize = 43;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenIdTokenRow {
    pub(crate) user: OwnedUserId,
    /// When it stops being valid, in Unix milliseconds.
    pub(crate) expires_ms: u64,
}

impl Accounts {
    /// A new token of the user, and how long it is valid.
    ///
    /// # Errors
    /// The store failed.
    pub async fn create_openid_token(
        &self,
        user: &UserId,
    ) -> Result<(String, Duration), AccountsError> {
        let token = self.0.random.alphanumeric(TOKEN_LENGTH);
        let hash = tokens::hash(&token);
        let expires_ms = self.after(LIFETIME);
        self.decide(|_| async move {
            let mut batch = Batch::new();
            let row = OpenIdTokenRow { user: user.to_owned(), expires_ms };
            OPENID_TOKENS.insert(&mut batch, &(hash,), &row)?;
            self.write_expiry(&mut batch, expires_ms, &Perishable::OpenIdToken(hash))?;
            Ok((batch, ()))
        })
        .await?;
        Ok((token, LIFETIME))
    }

    /// The user who proves with this token who they are.
    ///
    /// # Errors
    /// The store failed.
    pub async fn openid_token_user(
        &self,
        token: &str,
    ) -> Result<Option<OwnedUserId>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let row = OPENID_TOKENS.get(snapshot.as_ref(), &(tokens::hash(token),)).await?;
        let Some(row) = row.filter(|row| row.expires_ms > self.0.clock.now_ms()) else {
            return Ok(None);
        };
        let user = USERS.get(snapshot.as_ref(), &(&row.user,)).await?;
        Ok(user.filter(|user| !user.is_deactivated).map(|_| row.user))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::fixture;

    #[tokio::test]
    async fn a_token_names_its_user_until_it_expires() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let (token, lifetime) = accounts.create_openid_token(&alice).await.unwrap();
        assert_eq!(accounts.openid_token_user(&token).await.unwrap(), Some(alice.clone()));
        assert_eq!(accounts.openid_token_user("wrong").await.unwrap(), None);
        fixture.clock.advance(lifetime);
        assert_eq!(accounts.openid_token_user(&token).await.unwrap(), None);
        assert_eq!(accounts.delete_expired().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn the_token_of_a_deactivated_user_is_worth_nothing() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let (token, _) = accounts.create_openid_token(&alice).await.unwrap();
        accounts.deactivate(&alice, false).await.unwrap();
        assert_eq!(accounts.openid_token_user(&token).await.unwrap(), None);
    }
}
