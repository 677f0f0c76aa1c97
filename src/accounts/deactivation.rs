//! The end of an account.
//!
//! It is over at once and for ever; what belonged to it is deleted then, and leaving its rooms is
//! the part of a layer above. Whoever is not through with that is listed here, so that it goes on
//! after a crash.

use hearth_store::{Batch, Direction, Fact};
use ruma::{OwnedUserId, UserId};

use crate::{
    Accounts, AccountsError, User,
    tables::{ACCOUNT_DATA, ACCOUNT_DATA_CHANGES, DEPARTING, PASSWORDS, USERS},
};

/// How many rows of account data one batch deletes.
const ACCOUNT_DATA_PAGE: usize = 500;

impl Accounts {
    /// Ends an account for ever: sessions, devices, password, profile, addresses and pushers are
    /// deleted, and the id stays taken. The user is departing from then on.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such user.
    pub async fn deactivate(&self, user: &UserId, erase: bool) -> Result<(), AccountsError> {
        self.decide(|snapshot| async move {
            let before = USERS.get(snapshot.as_ref(), &(user,)).await?;
            let before = before.ok_or(AccountsError::NotFound("user"))?;
            let is_erased = before.is_erased || erase;
            let after = User { is_deactivated: true, is_erased, ..before.clone() };
            let mut batch = Batch::new();
            USERS.replace(&mut batch, &(user,), Some(&before), Some(&after))?;
            DEPARTING.put(&mut batch, &(user,), &())?;
            if !before.is_deactivated {
                batch.fact(Fact::Account { user: user.to_owned(), is_active: false });
            }
            Ok((batch, ()))
        })
        .await?;
        self.0.sessions.forget_all();
        self.delete_belongings(user).await
    }

    /// Deletes what belonged to a deactivated user; again after a crash, and as often as wanted.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_belongings(&self, user: &UserId) -> Result<(), AccountsError> {
        self.close_all_sessions(user).await?;
        let erased = self.user(user).await?.is_some_and(|row| row.is_erased);
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            PASSWORDS.delete(&mut batch, &(user,));
            self.delete_profile(snapshot.as_ref(), &mut batch, user).await?;
            self.delete_pushers(snapshot.as_ref(), &mut batch, user, None).await?;
            self.delete_emails(snapshot.as_ref(), &mut batch, user).await?;
            Ok((batch, ()))
        })
        .await?;
        if erased {
            self.delete_all_account_data(user).await?;
        }
        Ok(())
    }

    async fn delete_all_account_data(&self, user: &UserId) -> Result<(), AccountsError> {
        let range = &ACCOUNT_DATA.prefix(&(user,));
        let page = || {
            self.decide(|snapshot| async move {
                let snapshot = snapshot.as_ref();
                let mut batch = Batch::new();
                let rows =
                    ACCOUNT_DATA.scan(snapshot, range, Direction::Forward, ACCOUNT_DATA_PAGE);
                let rows = rows.await?;
                for ((user, room, kind), row) in &rows {
                    let (user, room, kind) = (&**user, room.as_str(), kind.as_str());
                    ACCOUNT_DATA.delete(&mut batch, &(user, room, kind));
                    ACCOUNT_DATA_CHANGES.delete(&mut batch, &(user, row.position, room, kind));
                }
                Ok((batch, rows.len()))
            })
        };
        while page().await? == ACCOUNT_DATA_PAGE {}
        Ok(())
    }

    /// Deactivated users who may still be in rooms.
    ///
    /// # Errors
    /// The store failed.
    pub async fn departing_users(&self) -> Result<Vec<OwnedUserId>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let rows = DEPARTING.scan_all(snapshot.as_ref(), &DEPARTING.all()).await?;
        Ok(rows.into_iter().map(|((user,), ())| user).collect())
    }

    /// Notes that a deactivated user is in no room any more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn departed(&self, user: &UserId) -> Result<(), AccountsError> {
        self.decide(|_| async move {
            let mut batch = Batch::new();
            DEPARTING.delete(&mut batch, &(user,));
            Ok((batch, ()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use crate::{Authentication, NewUser, testing::fixture};

    #[tokio::test]
    async fn a_deactivated_user_is_gone_but_the_id_is_taken() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let session = fixture.session(&alice, "A").await;
        let accounts = &fixture.accounts;
        accounts.deactivate(&alice, true).await.unwrap();
        let user = accounts.user(&alice).await.unwrap().unwrap();
        assert!(user.is_deactivated && user.is_erased);
        assert!(!accounts.verify_password(Some(&alice), "secret").await.unwrap());
        let found = accounts.authenticate(&session.access_token).await.unwrap();
        assert!(matches!(found, Authentication::Unknown));
        assert!(accounts.devices(&alice).await.unwrap().is_empty());
        assert!(accounts.create_user(&alice, NewUser::default()).await.is_err());
        assert!(accounts.set_password(&alice, "again").await.is_err());
    }

    #[tokio::test]
    async fn whoever_departs_is_remembered_until_it_is_done() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        accounts.deactivate(&alice, false).await.unwrap();
        assert_eq!(accounts.departing_users().await.unwrap(), from_ref(&alice));
        accounts.delete_belongings(&alice).await.unwrap();
        accounts.departed(&alice).await.unwrap();
        assert!(accounts.departing_users().await.unwrap().is_empty());
    }
}
