//! Login tokens (`m.login.token`): single use, two minutes, in memory only.

use std::time::Duration;

use ruma::{OwnedUserId, UserId};

use crate::Accounts;

/// How long a login token waits for its use.
pub(crate) const LIFETIME: Duration = Duration::from_secs(120);

const TOKEN_LENGTH: usize = 43;

impl Accounts {
    /// A token with which its holder may log in as the user once, and how long it is valid.
    #[must_use]
    pub fn create_login_token(&self, user: &UserId) -> (String, Duration) {
        let token = self.0.random.alphanumeric(TOKEN_LENGTH);
        self.0.login_tokens.insert(token.clone(), user.to_owned());
        (token, LIFETIME)
    }

    /// The user of a login token, which is used up by this.
    #[must_use]
    pub fn take_login_token(&self, token: &str) -> Option<OwnedUserId> {
        self.0.login_tokens.take(token)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::fixture;

    #[tokio::test]
    async fn a_login_token_works_once_and_expires() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let (token, _) = fixture.accounts.create_login_token(&alice);
        assert_eq!(fixture.accounts.take_login_token(&token), Some(alice.clone()));
        assert_eq!(fixture.accounts.take_login_token(&token), None);
        let (token, lifetime) = fixture.accounts.create_login_token(&alice);
        fixture.clock.advance(lifetime);
        assert_eq!(fixture.accounts.take_login_token(&token), None);
    }
}
