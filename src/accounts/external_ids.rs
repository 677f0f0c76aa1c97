//! Who a user is at an identity provider.
//!
//! Invariant: an account belongs to exactly the issuer and the subject that it was linked to.
//! Nothing else that a provider says about somebody, such as a name or an address, ever leads to
//! an account (CVE-2026-27656). The link outlives a deactivated account, so that nobody comes back
//! under a new one by the same way.

use hearth_store::{Batch, Snapshot};
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Accounts, AccountsError,
    tables::{EXTERNAL_IDS, USER_EXTERNAL_IDS, USERS},
};

/// Somebody at an identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalId {
    /// The provider, by the issuer that it calls itself.
    pub issuer: String,
    /// Who it is there: the subject.
    pub subject: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExternalIdRow {
    id: ExternalId,
    user: OwnedUserId,
}

impl ExternalId {
    /// Both parts, however long, as one part of a key; where one ends and the other begins counts.
    fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(u64::try_from(self.issuer.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(&self.issuer);
        hasher.update(&self.subject);
        hasher.finalize().into()
    }
}

impl Accounts {
    /// The user who is linked to exactly this issuer and subject.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user_of_external_id(
        &self,
        id: &ExternalId,
    ) -> Result<Option<OwnedUserId>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let row = EXTERNAL_IDS.get(snapshot.as_ref(), &(id.hash(),)).await?;
        Ok(row.filter(|row| row.id == *id).map(|row| row.user))
    }

    /// Whom a user is linked to.
    ///
    /// # Errors
    /// The store failed.
    pub async fn external_ids(&self, user: &UserId) -> Result<Vec<ExternalId>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = USER_EXTERNAL_IDS.prefix(&(user,));
        let rows = USER_EXTERNAL_IDS.scan_all(snapshot.as_ref(), &range).await?;
        Ok(rows.into_iter().map(|(_, id)| id).collect())
    }

    /// Links a user to somebody at an identity provider.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such user, [`AccountsError::Forbidden`] if
    /// another user is linked to it.
    pub async fn link_external_id(
        &self,
        user: &UserId,
        id: &ExternalId,
    ) -> Result<(), AccountsError> {
        self.decide(|snapshot| async move {
            if USERS.get(snapshot.as_ref(), &(user,)).await?.is_none() {
                return Err(AccountsError::NotFound("user"));
            }
            let mut batch = Batch::new();
            write_external_id(snapshot.as_ref(), &mut batch, user, id).await?;
            Ok((batch, ()))
        })
        .await
    }
}

/// Writes the link, if nobody else has it.
pub(crate) async fn write_external_id(
    snapshot: &dyn Snapshot,
    batch: &mut Batch,
    user: &UserId,
    id: &ExternalId,
) -> Result<(), AccountsError> {
    let hash = id.hash();
    match EXTERNAL_IDS.get(snapshot, &(hash,)).await? {
        Some(row) if row.user == user => return Ok(()),
        Some(_) => {
            let message = "another account is linked to this identity";
            return Err(AccountsError::forbidden(message));
        }
        None => {}
    }
    let row = ExternalIdRow { id: id.clone(), user: user.to_owned() };
    EXTERNAL_IDS.insert(batch, &(hash,), &row)?;
    USER_EXTERNAL_IDS.put(batch, &(user, hash), id)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::{NewUser, testing::fixture};

    fn id(issuer: &str, subject: &str) -> ExternalId {
        ExternalId { issuer: issuer.to_owned(), subject: subject.to_owned() }
    }

    #[tokio::test]
    async fn only_the_exact_issuer_and_subject_lead_to_the_account() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = accounts.new_user_id("alice").unwrap();
        let linked = id("https://id.example.org", "1234");
        let new = NewUser { external_id: Some(&linked), ..NewUser::default() };
        accounts.create_user(&alice, new).await.unwrap();
        let found = accounts.user_of_external_id(&linked).await.unwrap();
        assert_eq!(found.as_deref(), Some(&*alice));
        assert_eq!(accounts.external_ids(&alice).await.unwrap(), from_ref(&linked));
        for (issuer, subject) in [
            ("https://id.example.org", "123"),
            ("https://id.example.org", "12345"),
            ("https://id.example.org/", "1234"),
            ("https://id.example.org.evil.net", "1234"),
            ("https://id.example.or", "g1234"),
            ("https://ID.example.org", "1234"),
        ] {
            let found = accounts.user_of_external_id(&id(issuer, subject)).await.unwrap();
            assert_eq!(found, None, "{issuer} {subject}");
        }
    }

    #[tokio::test]
    async fn a_link_is_one_users() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let (alice, bob) = (fixture.user("alice").await, fixture.user("bob").await);
        let linked = id("https://id.example.org", "1234");
        accounts.link_external_id(&alice, &linked).await.unwrap();
        accounts.link_external_id(&alice, &linked).await.unwrap();
        let refused = accounts.link_external_id(&bob, &linked).await;
        assert!(matches!(refused, Err(AccountsError::Forbidden(_))));
        let nobody = accounts.new_user_id("nobody").unwrap();
        let other = id("https://id.example.org", "5");
        let refused = accounts.link_external_id(&nobody, &other).await;
        assert!(matches!(refused, Err(AccountsError::NotFound(_))));
    }
}
