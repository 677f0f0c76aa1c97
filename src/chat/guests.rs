//! Guests: accounts by name only, without a password, that end when nobody was there for a while.
//!
//! Whether a guest is there is known to a few minutes: when their session was used last, and
//! whether they are connected now.

use std::time::Duration;

use hearth_accounts::NewUser;
use hearth_store::Batch;
use ruma::{OwnedUserId, UserId, presence::PresenceState};

use crate::{Chat, ChatError, chores::Chore, tables::GUESTS};

/// Length of the random part of a guest's user name.
const NAME_CHARACTERS: usize = 12;

impl Chat {
    /// Makes an account for a guest, which ends after so long an absence.
    ///
    /// # Errors
    /// The name is refused, or the store failed.
    pub async fn add_guest(&self, name: &str, absence: Duration) -> Result<OwnedUserId, ChatError> {
        let random = self.random().alphanumeric(NAME_CHARACTERS).to_ascii_lowercase();
        let user_id = self.accounts().new_user_id(&format!("guest_{random}"))?;
        let absence_ms = u64::try_from(absence.as_millis()).unwrap_or(u64::MAX);
        // The end first: a crash leaves no account that does not end.
        let mut batch = Batch::new();
        GUESTS.put(&mut batch, &(&*user_id,), &absence_ms)?;
        self.put_end(&mut batch, &user_id, self.now_ms().saturating_add(absence_ms)).await?;
        self.store().commit(batch).await?;
        self.accounts().create_user(&user_id, NewUser::default()).await?;
        let name = name.into();
        self.accounts().set_profile_field(&user_id, "displayname", Some(&name)).await?;
        self.chores_changed().notify_one();
        Ok(user_id)
    }

    /// Ends a guest's account, unless they were there since.
    pub(crate) async fn end_guest(&self, user_id: &UserId) -> Result<(), ChatError> {
        let snapshot = self.snapshot().await?;
        let Some(absence_ms) = GUESTS.get(snapshot.as_ref(), &(user_id,)).await? else {
            return Ok(());
        };
        let mut batch = Batch::new();
        if let Some(due_ms) = self.guest_due_ms(user_id, absence_ms).await? {
            self.put_end(&mut batch, user_id, due_ms).await?;
        } else {
            if self.accounts().user(user_id).await?.is_some() {
                self.accounts().deactivate(user_id, false).await?;
                if self.rooms().leave_all(user_id).await? {
                    self.accounts().departed(user_id).await?;
                }
            }
            GUESTS.delete(&mut batch, &(user_id,));
        }
        self.store().commit(batch).await?;
        Ok(())
    }

    /// When a guest's account ends who was there lately, in Unix milliseconds.
    async fn guest_due_ms(
        &self,
        user_id: &UserId,
        absence_ms: u64,
    ) -> Result<Option<u64>, ChatError> {
        let now_ms = self.now_ms();
        if self.presence().get(user_id).state != PresenceState::Offline {
            return Ok(Some(now_ms.saturating_add(absence_ms)));
        }
        let devices = self.accounts().devices(user_id).await?;
        let seen_ms = devices.iter().filter_map(|device| device.last_seen_ms).max();
        let due_ms = seen_ms.unwrap_or_default().saturating_add(absence_ms);
        Ok((due_ms > now_ms).then_some(due_ms))
    }

    async fn put_end(
        &self,
        batch: &mut Batch,
        user_id: &UserId,
        due_ms: u64,
    ) -> Result<(), ChatError> {
        let number = self.chore_numbers().next().await?;
        Self::put_chore(batch, due_ms, number, &Chore::EndGuest { user: user_id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    #[tokio::test]
    async fn a_guest_ends_after_an_absence() {
        let fixture = fixture();
        let room = fixture.public_room("alice").await;
        let guest = fixture.chat.add_guest("Passer-by", HOUR).await.unwrap();
        assert!(guest.localpart().len() <= 20, "{guest}");
        fixture.try_join(&room, &guest).await.unwrap();
        let profile = fixture.accounts.member_profile(&guest).await.unwrap();
        assert_eq!(profile.displayname.as_deref(), Some("Passer-by"));
        fixture.clock.advance(HOUR - Duration::from_secs(1));
        fixture.chat.presence().set(&guest, PresenceState::Online, None);
        fixture.clock.advance(Duration::from_secs(1));
        fixture.chat.do_due().await.unwrap();
        let is_gone = async || fixture.accounts.user(&guest).await.unwrap().unwrap().is_deactivated;
        assert!(!is_gone().await);
        fixture.clock.advance(HOUR);
        fixture.restarted().do_due().await.unwrap();
        assert!(is_gone().await);
        let snapshot = fixture.rooms.snapshot().await.unwrap();
        assert!(!fixture.rooms.is_joined(snapshot.as_ref(), room.nid(), &guest).await.unwrap());
    }
}
