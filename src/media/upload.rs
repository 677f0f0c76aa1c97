//! Taking an upload: to a new id, or to one that was reserved.

use std::{fmt::Display, pin::pin};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use ruma::{OwnedMxcUri, ServerName, UserId};

use crate::{
    Media, MediaError, MediaId,
    content_headers::{clean_content_type, clean_filename},
    link::Received,
    staged::Staged,
    tables::{FILES, FileRow, RESERVATIONS, USED_BY_USER},
};

/// What a user uploads.
pub struct Upload<S> {
    /// The type that the user says it has.
    pub content_type: Option<String>,
    /// The name that it shall have when somebody saves it.
    pub filename: Option<String>,
    /// The bytes.
    pub body: S,
}

impl Media {
    /// Stores an upload under a new id; it is durable when this returns.
    ///
    /// # Errors
    /// [`MediaError::TooLarge`], [`MediaError::QuotaExceeded`], [`MediaError::Interrupted`], or
    /// the store or the blobs failed.
    pub async fn upload<S, E>(
        &self,
        user: &UserId,
        upload: Upload<S>,
    ) -> Result<OwnedMxcUri, MediaError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Display + Send,
    {
        let media_id = MediaId::random(&self.0.random);
        self.receive(user, &media_id, false, upload).await?;
        Ok(self.uri(&media_id))
    }

    /// Stores an upload under an id that the user reserved with [`Media::create`].
    ///
    /// # Errors
    /// [`MediaError::NotReserved`], [`MediaError::NotOwner`], [`MediaError::AlreadyUploaded`], and
    /// those of [`Media::upload`].
    pub async fn upload_to<S, E>(
        &self,
        user: &UserId,
        server_name: &ServerName,
        media_id: &str,
        upload: Upload<S>,
    ) -> Result<(), MediaError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Display + Send,
    {
        let here = server_name == self.0.settings.server_name;
        let media_id = MediaId::parse(media_id).filter(|_| here).ok_or(MediaError::NotReserved)?;
        self.check_reservation(user, &media_id).await?;
        self.receive(user, &media_id, true, upload).await?;
        // Nobody waiting is no failure.
        let _ = self.0.completed.send(media_id);
        Ok(())
    }

    /// How much the user keeps here, in bytes.
    ///
    /// # Errors
    /// The store failed.
    pub async fn used_bytes(&self, user: &UserId) -> Result<u64, MediaError> {
        let snapshot = self.0.store.snapshot().await?;
        Ok(USED_BY_USER.get(snapshot.as_ref(), &(user,)).await?.unwrap_or(0))
    }

    async fn check_reservation(&self, user: &UserId, media_id: &MediaId) -> Result<(), MediaError> {
        let snapshot = self.0.store.snapshot().await?;
        let server_name = &*self.0.settings.server_name;
        let file = FILES.get(snapshot.as_ref(), &(server_name, media_id.as_str())).await?;
        if let Some(file) = file {
            let own = file.uploader.is_some_and(|uploader| uploader == user);
            return Err(if own { MediaError::AlreadyUploaded } else { MediaError::NotOwner });
        }
        let reservation = RESERVATIONS.get(snapshot.as_ref(), &(media_id.as_str(),)).await?;
        match reservation {
            Some(reservation) if reservation.user != user => Err(MediaError::NotOwner),
            Some(reservation) if reservation.expires_at_ms > self.0.clock.now_ms() => Ok(()),
            _ => Err(MediaError::NotReserved),
        }
    }

    async fn receive<S, E>(
        &self,
        user: &UserId,
        media_id: &MediaId,
        reserved: bool,
        upload: Upload<S>,
    ) -> Result<(), MediaError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Display + Send,
    {
        let staged = self.stage(user, upload.body).await?;
        let file = FileRow {
            content: staged.content(),
            size_bytes: staged.size_bytes(),
            content_type: upload.content_type.and_then(clean_content_type),
            filename: upload.filename.and_then(clean_filename),
            uploader: Some(user.to_owned()),
            uploaded_at_ms: self.0.clock.now_ms(),
        };
        let received = Received { user: Some(user), media_id, reserved, file };
        self.link(&received, staged).await
    }

    /// Takes the body in, and stops as soon as it is too much.
    async fn stage<S, E>(&self, user: &UserId, body: S) -> Result<Staged, MediaError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Display + Send,
    {
        let max_bytes = self.0.settings.max_upload_bytes;
        let quota_left = match self.0.settings.max_bytes_per_user {
            Some(quota) => quota.saturating_sub(self.used_bytes(user).await?),
            None => u64::MAX,
        };
        let mut body = pin!(body);
        let mut staged = self.0.blobs.stage();
        while let Some(bytes) = body.next().await {
            let checked = match bytes {
                Err(error) => Err(MediaError::Interrupted(error.to_string())),
                Ok(bytes) => {
                    let size_bytes = staged.size_bytes() + bytes.len() as u64;
                    if size_bytes > max_bytes {
                        Err(MediaError::TooLarge { max_bytes })
                    } else if size_bytes > quota_left {
                        Err(MediaError::QuotaExceeded)
                    } else {
                        staged.write(bytes).await
                    }
                }
            };
            if let Err(error) = checked {
                staged.discard().await?;
                return Err(error);
            }
        }
        Ok(staged)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::stream;
    use ruma::user_id;

    use super::*;
    use crate::test_media::TestMedia;

    #[tokio::test]
    async fn what_was_uploaded_comes_back() {
        let test = TestMedia::new();
        let alice = user_id!("@alice:hearth");
        let content = vec![42; 3_000_000];
        let uri = test.upload(alice, "video/mp4", &content).await.unwrap();
        let (file, body) = test.download(&uri).await.unwrap();
        assert_eq!(body, content);
        assert_eq!(file.size_bytes, 3_000_000);
        assert_eq!(file.content_type.as_deref(), Some("video/mp4"));
        assert_eq!(test.media.used_bytes(alice).await.unwrap(), 3_000_000);
    }

    #[tokio::test]
    async fn an_empty_upload_is_one() {
        let test = TestMedia::new();
        let uri = test.upload(user_id!("@a:hearth"), "text/plain", b"").await.unwrap();
        assert!(test.download(&uri).await.unwrap().1.is_empty());
    }

    #[tokio::test]
    async fn too_much_is_refused_before_it_has_all_arrived() {
        let test = TestMedia::with(|settings| settings.max_upload_bytes = 2_500_000);
        let mut taken = 0;
        let endless = stream::repeat_with(|| {
            taken += 1;
            Ok::<_, String>(Bytes::from(vec![0; 1_000_000]))
        });
        let upload = Upload { content_type: None, filename: None, body: endless };
        let error = test.media.upload(user_id!("@a:hearth"), upload).await.unwrap_err();
        assert!(matches!(error, MediaError::TooLarge { max_bytes: 2_500_000 }));
        assert_eq!(taken, 3);
        assert_eq!(test.blobs().await, 0);
    }

    #[tokio::test]
    async fn an_interrupted_upload_leaves_nothing() {
        let test = TestMedia::new();
        let alice = user_id!("@alice:hearth");
        let body =
            stream::iter([Ok(Bytes::from(vec![0; 2_000_000])), Err("connection reset".to_owned())]);
        let upload = Upload { content_type: None, filename: None, body };
        let error = test.media.upload(alice, upload).await.unwrap_err();
        assert!(matches!(error, MediaError::Interrupted(_)));
        assert_eq!(test.blobs().await, 0);
        assert_eq!(test.media.used_bytes(alice).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn quotas_hold_for_users_and_for_all() {
        let test = TestMedia::with(|settings| {
            settings.max_bytes_per_user = Some(100);
            settings.max_bytes_total = Some(150);
        });
        let (alice, bob) = (user_id!("@alice:hearth"), user_id!("@bob:hearth"));
        test.upload(alice, "text/plain", &[1; 100]).await.unwrap();
        let refused = test.upload(alice, "text/plain", b"1").await;
        assert!(matches!(refused, Err(MediaError::QuotaExceeded)));
        let refused = test.upload(bob, "text/plain", &[2; 51]).await;
        assert!(matches!(refused, Err(MediaError::QuotaExceeded)));
        test.upload(bob, "text/plain", &[2; 50]).await.unwrap();
        assert_eq!(test.blobs().await, 2);
    }

    #[tokio::test]
    async fn a_reserved_id_takes_one_upload_of_its_user_in_time() {
        let test = TestMedia::new();
        let (alice, bob) = (user_id!("@alice:hearth"), user_id!("@bob:hearth"));
        let reserved = test.media.create(alice).await.unwrap().uri;
        let error = test.upload_to(bob, &reserved, b"x").await.unwrap_err();
        assert!(matches!(error, MediaError::NotOwner));
        test.upload_to(alice, &reserved, b"x").await.unwrap();
        let error = test.upload_to(alice, &reserved, b"y").await.unwrap_err();
        assert!(matches!(error, MediaError::AlreadyUploaded));
        assert_eq!(test.download(&reserved).await.unwrap().1, b"x");

        let late = test.media.create(alice).await.unwrap().uri;
        test.clock.advance(Duration::from_millis(test.media.settings().reservation_ms));
        let error = test.upload_to(alice, &late, b"x").await.unwrap_err();
        assert!(matches!(error, MediaError::NotReserved));
        let error = test.upload_to(alice, "mxc://hearth/unknown".into(), b"x").await.unwrap_err();
        assert!(matches!(error, MediaError::NotReserved));
        let error = test.upload_to(alice, "mxc://other/unknown".into(), b"x").await.unwrap_err();
        assert!(matches!(error, MediaError::NotReserved));
    }
}
