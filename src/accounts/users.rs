//! Accounts: creation, flags and passwords.

use hearth_store::{Batch, Direction, Fact};
use ruma::{OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Accounts, AccountsError, ExternalId, ProvenEmail,
    default_push_rules::default_push_rules,
    external_ids::write_external_id,
    tables::{PASSWORDS, USERS},
};

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// When it was created, in Unix milliseconds.
    pub created_ms: u64,
    /// Whether it is a guest's.
    pub is_guest: bool,
    /// Whether the user administrates this server.
    pub is_admin: bool,
    /// Whether it can be used at present (specification, account locking).
    pub is_locked: bool,
    /// Whether it can only read at present (specification, account suspension).
    pub is_suspended: bool,
    /// Whether it is gone for ever.
    pub is_deactivated: bool,
    /// Whether the user asked that others forget what they wrote.
    pub is_erased: bool,
    /// The application service that created it.
    pub application_service: Option<String>,
}

/// What a new account is.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewUser<'a> {
    /// The password; without one there is no login by password.
    pub password: Option<&'a str>,
    /// Whether it is a guest's.
    pub is_guest: bool,
    /// Whether the user administrates this server.
    pub is_admin: bool,
    /// Id of the application service that creates it.
    pub application_service: Option<&'a str>,
    /// Who the user is at an identity provider.
    pub external_id: Option<&'a ExternalId>,
    /// An e-mail address that the user has proven.
    pub email: Option<&'a ProvenEmail>,
}

impl Accounts {
    /// Creates an account with the default push rules and, unless it is a guest's, its localpart
    /// as display name.
    ///
    /// # Errors
    /// [`AccountsError::UserInUse`], [`AccountsError::Exclusive`], [`AccountsError::EmailInUse`],
    /// [`AccountsError::Forbidden`] if another user is linked to the external id, or the password
    /// is refused.
    pub async fn create_user(&self, user: &UserId, new: NewUser<'_>) -> Result<(), AccountsError> {
        self.check_not_exclusive(user, new.application_service)?;
        if self.user(user).await?.is_some() {
            return Err(AccountsError::UserInUse);
        }
        let password = match new.password {
            Some(password) => Some(self.0.passwords.hash(password).await?),
            None => None,
        };
        let row = User {
            created_ms: self.0.clock.now_ms(),
            is_guest: new.is_guest,
            is_admin: new.is_admin,
            application_service: new.application_service.map(str::to_owned),
            ..User::default()
        };
        let (row, password) = (&row, password.as_ref());
        self.decide(|snapshot| async move {
            if USERS.get(snapshot.as_ref(), &(user,)).await?.is_some() {
                return Err(AccountsError::UserInUse);
            }
            let mut batch = Batch::new();
            USERS.insert(&mut batch, &(user,), row)?;
            batch.fact(Fact::Account { user: user.to_owned(), is_active: true });
            if let Some(id) = new.external_id {
                write_external_id(snapshot.as_ref(), &mut batch, user, id).await?;
            }
            if let Some(password) = password {
                PASSWORDS.put(&mut batch, &(user,), password)?;
            }
            if let Some(email) = new.email {
                self.write_email(snapshot.as_ref(), &mut batch, user, email).await?;
            }
            if !row.is_guest {
                self.write_first_display_name(&mut batch, user)?;
            }
            let rules = default_push_rules(user);
            self.write_push_rules(snapshot.as_ref(), &mut batch, user, &rules).await?;
            Ok((batch, ()))
        })
        .await
    }

    /// The account of a user of this server.
    ///
    /// # Errors
    /// The store failed.
    pub async fn user(&self, user: &UserId) -> Result<Option<User>, AccountsError> {
        Ok(USERS.get(self.snapshot().await?.as_ref(), &(user,)).await?)
    }

    /// Users in the order of their ids, after `after`, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<(OwnedUserId, User)>, AccountsError> {
        let mut range = USERS.all();
        if let Some(after) = after {
            range = USERS.after(&(after,), &(after,));
            range.end = USERS.all().end;
        }
        let snapshot = self.snapshot().await?;
        let rows = USERS.scan(snapshot.as_ref(), &range, Direction::Forward, limit).await?;
        Ok(rows.into_iter().map(|((user,), row)| (user, row)).collect())
    }

    /// Makes a user an administrator, or no longer one.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such user.
    pub async fn set_admin(&self, user: &UserId, is_admin: bool) -> Result<(), AccountsError> {
        self.change_user(user, |row| row.is_admin = is_admin).await
    }

    /// Locks an account, or unlocks it.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such user.
    pub async fn set_locked(&self, user: &UserId, is_locked: bool) -> Result<(), AccountsError> {
        self.change_user(user, |row| row.is_locked = is_locked).await
    }

    /// Suspends an account, or ends that.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such user.
    pub async fn set_suspended(
        &self,
        user: &UserId,
        is_suspended: bool,
    ) -> Result<(), AccountsError> {
        self.change_user(user, |row| row.is_suspended = is_suspended).await
    }

    async fn change_user(
        &self,
        user: &UserId,
        change: impl Fn(&mut User) + Sync,
    ) -> Result<(), AccountsError> {
        let change = &change;
        self.decide(|snapshot| async move {
            let before = USERS.get(snapshot.as_ref(), &(user,)).await?;
            let before = before.ok_or(AccountsError::NotFound("user"))?;
            let mut after = before.clone();
            change(&mut after);
            let mut batch = Batch::new();
            USERS.replace(&mut batch, &(user,), Some(&before), Some(&after))?;
            Ok((batch, ()))
        })
        .await?;
        self.0.sessions.forget_all();
        Ok(())
    }

    /// Whether the password is the user's. An unknown user costs the same time as a known one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn verify_password(
        &self,
        user: Option<&UserId>,
        password: &str,
    ) -> Result<bool, AccountsError> {
        let hash = match user {
            Some(user) => PASSWORDS.get(self.snapshot().await?.as_ref(), &(user,)).await?,
            None => None,
        };
        self.0.passwords.verify(password, hash).await
    }

    /// Whether the user can log in by password.
    ///
    /// # Errors
    /// The store failed.
    pub async fn has_password(&self, user: &UserId) -> Result<bool, AccountsError> {
        Ok(PASSWORDS.get(self.snapshot().await?.as_ref(), &(user,)).await?.is_some())
    }

    /// Gives the user a new password. Sessions stay as they are: see
    /// [`Accounts::close_other_sessions`].
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such active user, or the password is refused.
    pub async fn set_password(&self, user: &UserId, password: &str) -> Result<(), AccountsError> {
        let hash = self.0.passwords.hash(password).await?;
        let hash = &hash;
        self.decide(|snapshot| async move {
            let row = USERS.get(snapshot.as_ref(), &(user,)).await?;
            let row = row.filter(|row| !row.is_deactivated);
            let row = row.ok_or(AccountsError::NotFound("user"))?;
            let mut batch = Batch::new();
            // The check makes a deactivation in between a conflict.
            USERS.replace(&mut batch, &(user,), Some(&row), Some(&row))?;
            PASSWORDS.put(&mut batch, &(user,), hash)?;
            Ok((batch, ()))
        })
        .await
    }

    /// Makes a guest's account a whole one.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such guest, or the password is refused.
    pub async fn upgrade_guest(&self, user: &UserId, password: &str) -> Result<(), AccountsError> {
        let hash = self.0.passwords.hash(password).await?;
        let hash = &hash;
        self.decide(|snapshot| async move {
            let before = USERS.get(snapshot.as_ref(), &(user,)).await?;
            let before = before.filter(|row| row.is_guest && !row.is_deactivated);
            let before = before.ok_or(AccountsError::NotFound("guest"))?;
            let after = User { is_guest: false, ..before.clone() };
            let mut batch = Batch::new();
            USERS.replace(&mut batch, &(user,), Some(&before), Some(&after))?;
            PASSWORDS.put(&mut batch, &(user,), hash)?;
            Ok((batch, ()))
        })
        .await?;
        self.0.sessions.forget_all();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{AccountsError, Authentication, NewUser, testing::fixture};

    #[tokio::test]
    async fn a_user_exists_once() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let again = fixture.accounts.create_user(&alice, NewUser::default()).await;
        assert!(matches!(again, Err(AccountsError::UserInUse)));
        fixture.user("bob").await;
        let all = fixture.accounts.list_users(None, 10).await.unwrap();
        assert_eq!(all.len(), 2);
        let rest = fixture.accounts.list_users(Some(&alice), 10).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].0, "@bob:example.org");
    }

    #[tokio::test]
    async fn passwords_change() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        assert!(accounts.verify_password(Some(&alice), "secret").await.unwrap());
        assert!(!accounts.verify_password(None, "secret").await.unwrap());
        accounts.set_password(&alice, "other").await.unwrap();
        assert!(!accounts.verify_password(Some(&alice), "secret").await.unwrap());
        assert!(accounts.verify_password(Some(&alice), "other").await.unwrap());
    }

    #[tokio::test]
    async fn flags_reach_a_cached_session() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let session = fixture.session(&alice, "A").await;
        let accounts = &fixture.accounts;
        accounts.authenticate(&session.access_token).await.unwrap();
        accounts.set_locked(&alice, true).await.unwrap();
        let Authentication::Valid(now) =
            accounts.authenticate(&session.access_token).await.unwrap()
        else {
            panic!("the session is gone");
        };
        assert!(now.is_locked && !now.is_suspended);
    }
}
