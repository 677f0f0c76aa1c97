//! Ids for content that comes later (MSC2246).

use hearth_store::Batch;
use ruma::{OwnedMxcUri, UserId};

use crate::{
    Media, MediaError, MediaId,
    error::{committed, contended},
    limits::CONFLICT_RETRIES_MAX,
    tables::{PENDING, PendingUpload, RESERVATIONS, ReservationRow},
};

/// An id that only its user can upload to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Where the content will be.
    pub uri: OwnedMxcUri,
    /// Until when it has to be uploaded, in Unix milliseconds.
    pub expires_at_ms: u64,
}

impl Media {
    /// Reserves an id for `user`. Ids that expired are forgotten on the way.
    ///
    /// # Errors
    /// [`MediaError::TooManyPending`], or the store failed.
    pub async fn create(&self, user: &UserId) -> Result<Reserved, MediaError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let snapshot = self.0.store.snapshot().await?;
            let before = PENDING.get(snapshot.as_ref(), &(user,)).await?;
            let now_ms = self.0.clock.now_ms();
            let (mut pending, expired): (Vec<_>, Vec<_>) = before
                .clone()
                .unwrap_or_default()
                .into_iter()
                .partition(|upload| upload.expires_at_ms > now_ms);
            self.check_pending(&pending, now_ms)?;

            let media_id = MediaId::random(&self.0.random);
            let expires_at_ms = now_ms.saturating_add(self.0.settings.reservation_ms);
            let row = ReservationRow { user: user.to_owned(), expires_at_ms };
            pending.push(PendingUpload { media_id: media_id.to_string(), expires_at_ms });
            let mut batch = Batch::new();
            for upload in &expired {
                RESERVATIONS.delete(&mut batch, &(upload.media_id.as_str(),));
            }
            RESERVATIONS.insert(&mut batch, &(media_id.as_str(),), &row)?;
            PENDING.replace(&mut batch, &(user,), before.as_ref(), Some(&pending))?;
            if committed(self.0.store.commit(batch).await)? {
                let uri = self.uri(&media_id);
                return Ok(Reserved { uri, expires_at_ms });
            }
        }
        Err(contended())
    }

    fn check_pending(&self, pending: &[PendingUpload], now_ms: u64) -> Result<(), MediaError> {
        if pending.len() < self.0.settings.max_pending_uploads {
            return Ok(());
        }
        let first = pending.iter().map(|upload| upload.expires_at_ms).min();
        let retry_after_ms = first.unwrap_or(now_ms).saturating_sub(now_ms);
        Err(MediaError::TooManyPending { retry_after_ms })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ruma::user_id;

    use super::*;
    use crate::test_media::TestMedia;

    #[tokio::test]
    async fn pending_uploads_are_limited_until_they_expire() {
        let test = TestMedia::with(|settings| settings.max_pending_uploads = 2);
        let (alice, bob) = (user_id!("@alice:hearth"), user_id!("@bob:hearth"));
        test.media.create(alice).await.unwrap();
        test.clock.advance(Duration::from_millis(1_000));
        test.media.create(alice).await.unwrap();
        let error = test.media.create(alice).await.unwrap_err();
        let expected_ms = test.media.settings().reservation_ms - 1_000;
        assert!(matches!(
            error,
            MediaError::TooManyPending { retry_after_ms } if retry_after_ms == expected_ms
        ));
        test.media.create(bob).await.unwrap();
        test.clock.advance(Duration::from_millis(expected_ms));
        test.media.create(alice).await.unwrap();
    }

    #[tokio::test]
    async fn an_upload_makes_room_for_the_next_reservation() {
        let test = TestMedia::with(|settings| settings.max_pending_uploads = 1);
        let alice = user_id!("@alice:hearth");
        let reserved = test.media.create(alice).await.unwrap();
        test.upload_to(alice, &reserved.uri, b"x").await.unwrap();
        test.media.create(alice).await.unwrap();
    }
}
