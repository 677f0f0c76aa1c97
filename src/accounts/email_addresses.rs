//! The e-mail addresses of accounts: proven, each of one account at most, and deleted with it.
//!
//! Phone numbers are deliberately absent: nothing here can prove one.

use hearth_base::limits::EMAIL_ADDRESSES_MAX;
use hearth_mail::EmailAddress;
use hearth_store::{Batch, Snapshot};
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Accounts, AccountsError, ProvenEmail,
    tables::{EMAIL_ADDRESSES, EMAIL_OWNERS},
};

/// What is known of an address of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EmailAddressRow {
    pub(crate) validated_ms: u64,
    pub(crate) added_ms: u64,
}

/// An address of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEmail {
    /// The address.
    pub address: String,
    /// When its owner proved it, in Unix milliseconds.
    pub validated_ms: u64,
    /// When it was added to the account, in Unix milliseconds.
    pub added_ms: u64,
}

impl Accounts {
    /// The addresses of a user.
    ///
    /// # Errors
    /// The store failed.
    pub async fn email_addresses(&self, user: &UserId) -> Result<Vec<AccountEmail>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = EMAIL_ADDRESSES.prefix(&(user,));
        let rows = EMAIL_ADDRESSES.scan_all(snapshot.as_ref(), &range).await?;
        let email = |((_, address), row): ((OwnedUserId, String), EmailAddressRow)| AccountEmail {
            address,
            validated_ms: row.validated_ms,
            added_ms: row.added_ms,
        };
        Ok(rows.into_iter().map(email).collect())
    }

    /// Whose address it is.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_of_email(
        &self,
        address: &EmailAddress,
    ) -> Result<Option<OwnedUserId>, AccountsError> {
        let snapshot = self.snapshot().await?;
        Ok(EMAIL_OWNERS.get(snapshot.as_ref(), &(address.as_str(),)).await?)
    }

    /// Gives a user an address that was proven.
    ///
    /// # Errors
    /// [`AccountsError::EmailInUse`] if it is another user's, [`AccountsError::TooLarge`] if the
    /// user has too many.
    pub async fn add_email(&self, user: &UserId, email: &ProvenEmail) -> Result<(), AccountsError> {
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            self.write_email(snapshot.as_ref(), &mut batch, user, email).await?;
            Ok((batch, ()))
        })
        .await
    }

    /// Takes an address from a user; nothing happens if it is not the user's.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove_email(&self, user: &UserId, address: &str) -> Result<(), AccountsError> {
        let Ok(address) = address.parse::<EmailAddress>() else {
            return Ok(());
        };
        let address = address.as_str();
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            let key = (user, address);
            if let Some(row) = EMAIL_ADDRESSES.get(snapshot.as_ref(), &key).await? {
                EMAIL_ADDRESSES.replace(&mut batch, &key, Some(&row), None)?;
                EMAIL_OWNERS.delete(&mut batch, &(address,));
            }
            Ok((batch, ()))
        })
        .await
    }

    pub(crate) async fn write_email(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
        email: &ProvenEmail,
    ) -> Result<(), AccountsError> {
        let address = email.address.as_str();
        match EMAIL_OWNERS.get(snapshot, &(address,)).await? {
            Some(owner) if owner == user => return Ok(()),
            Some(_) => return Err(AccountsError::EmailInUse),
            None => {}
        }
        let range = EMAIL_ADDRESSES.prefix(&(user,));
        if EMAIL_ADDRESSES.scan_all(snapshot, &range).await?.len() >= EMAIL_ADDRESSES_MAX {
            return Err(AccountsError::TooLarge("the number of e-mail addresses"));
        }
        let row =
            EmailAddressRow { validated_ms: email.validated_ms, added_ms: self.0.clock.now_ms() };
        EMAIL_OWNERS.insert(batch, &(address,), &user.to_owned())?;
        EMAIL_ADDRESSES.put(batch, &(user, address), &row)?;
        Ok(())
    }

    pub(crate) async fn delete_emails(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
    ) -> Result<(), AccountsError> {
        let range = EMAIL_ADDRESSES.prefix(&(user,));
        for (key, _) in EMAIL_ADDRESSES.scan_all(snapshot, &range).await? {
            EMAIL_OWNERS.delete(batch, &(key.1.as_str(),));
            EMAIL_ADDRESSES.delete(batch, &key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EmailPurpose, testing::fixture};

    fn proven(address: &str) -> ProvenEmail {
        ProvenEmail {
            address: address.parse().unwrap(),
            purpose: EmailPurpose::Add,
            validated_ms: 5,
        }
    }

    #[tokio::test]
    async fn an_address_has_one_owner_until_it_is_removed() {
        let fixture = fixture();
        let (alice, bob) = (fixture.user("alice").await, fixture.user("bob").await);
        let (accounts, email) = (&fixture.accounts, proven("a@example.com"));
        accounts.add_email(&alice, &email).await.unwrap();
        accounts.add_email(&alice, &email).await.unwrap();
        let taken = accounts.add_email(&bob, &email).await;
        assert!(matches!(taken, Err(AccountsError::EmailInUse)));
        assert_eq!(accounts.user_of_email(&email.address).await.unwrap(), Some(alice.clone()));
        assert_eq!(accounts.email_addresses(&alice).await.unwrap()[0].validated_ms, 5);

        accounts.remove_email(&bob, "a@example.com").await.unwrap();
        assert_eq!(accounts.email_addresses(&alice).await.unwrap().len(), 1);
        accounts.remove_email(&alice, "A@Example.com").await.unwrap();
        assert!(accounts.email_addresses(&alice).await.unwrap().is_empty());
        accounts.add_email(&bob, &email).await.unwrap();
    }

    #[tokio::test]
    async fn a_deactivated_user_has_no_address() {
        let fixture = fixture();
        let (alice, bob) = (fixture.user("alice").await, fixture.user("bob").await);
        let (accounts, email) = (&fixture.accounts, proven("a@example.com"));
        accounts.add_email(&alice, &email).await.unwrap();
        accounts.deactivate(&alice, false).await.unwrap();
        assert!(accounts.email_addresses(&alice).await.unwrap().is_empty());
        accounts.add_email(&bob, &email).await.unwrap();
    }

    #[tokio::test]
    async fn addresses_are_bounded() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        for number in 0..EMAIL_ADDRESSES_MAX {
            let email = proven(&format!("a{number}@example.com"));
            fixture.accounts.add_email(&alice, &email).await.unwrap();
        }
        let refused = fixture.accounts.add_email(&alice, &proven("more@example.com")).await;
        assert!(matches!(refused, Err(AccountsError::TooLarge(_))));
    }
}
