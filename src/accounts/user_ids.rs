//! Which user ids a new user may have, and which user a person means who logs in.

use hearth_base::limits::IDENTIFIER_BYTES_MAX;
use hearth_mail::EmailAddress;
use ruma::{OwnedUserId, UserId, api::client::uiaa::UserIdentifier};

use crate::{Accounts, AccountsError};

/// Length of the localpart of guests and of users who did not choose one.
const RANDOM_LOCALPART_LENGTH: usize = 12;

impl Accounts {
    /// The id of a new user; upper case is made lower case.
    ///
    /// # Errors
    /// [`AccountsError::InvalidUsername`] if the localpart does not follow the grammar for new
    /// users (specification, user identifiers): `a-z`, `0-9` and `._=-/+`, 255 bytes in all.
    pub fn new_user_id(&self, localpart: &str) -> Result<OwnedUserId, AccountsError> {
        let invalid = |reason: &str| AccountsError::InvalidUsername(reason.to_owned());
        let localpart = localpart.to_ascii_lowercase();
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._=-/+".contains(&byte)
        };
        if localpart.is_empty() {
            return Err(invalid("it is empty"));
        }
        if !localpart.bytes().all(allowed) {
            return Err(invalid("only a-z, 0-9 and ._=-/+ are allowed"));
        }
        let id = format!("@{localpart}:{}", self.server_name());
        if id.len() > IDENTIFIER_BYTES_MAX {
            return Err(invalid("it is too long"));
        }
        OwnedUserId::try_from(id).map_err(|error| invalid(&error.to_string()))
    }

    /// A user id for somebody who did not choose one, guests for example.
    ///
    /// # Errors
    /// Never in practice: the server name would have to be too long.
    pub fn random_user_id(&self) -> Result<OwnedUserId, AccountsError> {
        self.new_user_id(&self.0.random.alphanumeric(RANDOM_LOCALPART_LENGTH))
    }

    /// The existing local user whom an identifier means: a name, or an e-mail address that the
    /// user has proven.
    ///
    /// # Errors
    /// The store failed.
    pub async fn identified_user(
        &self,
        identifier: &UserIdentifier,
    ) -> Result<Option<OwnedUserId>, AccountsError> {
        match identifier {
            UserIdentifier::Matrix(matrix) => self.login_user(&matrix.user).await,
            UserIdentifier::Email(email) => match email.address.parse::<EmailAddress>() {
                Ok(address) => self.user_of_email(&address).await,
                Err(_) => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// The existing local user that a localpart or whole user id means, historical ids included.
    ///
    /// The exact id comes first, then its lower-case form.
    ///
    /// # Errors
    /// The store failed.
    pub async fn login_user(&self, identifier: &str) -> Result<Option<OwnedUserId>, AccountsError> {
        let Ok(exact) = UserId::parse_with_server_name(identifier, self.server_name()) else {
            return Ok(None);
        };
        if !self.is_local(&exact) {
            return Ok(None);
        }
        if self.user(&exact).await?.is_some() {
            return Ok(Some(exact));
        }
        let Ok(lower) = self.new_user_id(exact.localpart()) else {
            return Ok(None);
        };
        Ok(self.user(&lower).await?.map(|_| lower))
    }
}

#[cfg(test)]
mod tests {
    use crate::{AccountsError, testing::fixture};

    #[tokio::test]
    async fn new_ids_follow_the_grammar() {
        let accounts = fixture().accounts;
        assert_eq!(accounts.new_user_id("Alice+1/x").unwrap(), "@alice+1/x:example.org");
        for localpart in ["", "alice!", "a b", "é", "@a", "a:b", &"a".repeat(255)] {
            let refused = accounts.new_user_id(localpart);
            assert!(matches!(refused, Err(AccountsError::InvalidUsername(_))), "{localpart}");
        }
        assert!(accounts.random_user_id().is_ok());
    }

    #[tokio::test]
    async fn a_login_may_use_localpart_or_id_in_any_case() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        for identifier in ["alice", "Alice", "@alice:example.org", "@ALICE:example.org"] {
            let found = fixture.accounts.login_user(identifier).await.unwrap();
            assert_eq!(found.as_ref(), Some(&alice), "{identifier}");
        }
        for identifier in ["bob", "@alice:elsewhere.org", "", "@", "a\u{0}b"] {
            assert_eq!(fixture.accounts.login_user(identifier).await.unwrap(), None);
        }
    }
}
