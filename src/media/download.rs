//! Giving content out, and waiting for content that was announced.

use std::time::Duration;

use ruma::ServerName;
use tokio::{sync::broadcast::error::RecvError, time::timeout};

use crate::{
    Media, MediaError, MediaFile, MediaId,
    limits::WAIT_MAX,
    tables::{BLOBS, BlobRow, ContentHash, FILES, FileRow, RESERVATIONS},
};

/// What is known about an id.
enum Found {
    File(FileRow),
    Awaited,
    Nothing,
}

impl Media {
    /// The content of an id, or `None` if there is none and none to wait for.
    ///
    /// # Errors
    /// [`MediaError::NotYetUploaded`] if the id is reserved and nothing was uploaded within
    /// `wait` (at most two minutes), or the store or the blobs failed.
    pub async fn get(
        &self,
        server_name: &ServerName,
        media_id: &str,
        wait: Duration,
    ) -> Result<Option<MediaFile>, MediaError> {
        let Some(file) = self.find(server_name, media_id, wait).await? else {
            return Ok(None);
        };
        let Some(blob) = self.blob(&file.content).await? else {
            return Ok(None);
        };
        Ok(Some(MediaFile {
            content_type: file.content_type,
            filename: file.filename,
            size_bytes: blob.size_bytes,
            blob: self.0.blobs.blob(&blob.location),
            at_hand: None,
        }))
    }

    /// Whether content came after the freeze, so that the endpoints which ask nobody who they are
    /// do not have it (specification, content repository, client behaviour).
    ///
    /// # Errors
    /// The store failed.
    pub async fn is_frozen(
        &self,
        server_name: &ServerName,
        media_id: &str,
    ) -> Result<bool, MediaError> {
        let Some(frozen_at_ms) = self.0.settings.frozen_at_ms else {
            return Ok(false);
        };
        let file = self.find(server_name, media_id, Duration::ZERO).await?;
        Ok(file.is_some_and(|file| file.uploaded_at_ms >= frozen_at_ms))
    }

    /// What was uploaded under an id, now or within `wait`.
    pub(crate) async fn find(
        &self,
        server_name: &ServerName,
        media_id: &str,
        wait: Duration,
    ) -> Result<Option<FileRow>, MediaError> {
        let Some(media_id) = MediaId::parse(media_id) else {
            return Ok(None);
        };
        match self.look(server_name, &media_id).await? {
            Found::File(file) => return Ok(Some(file)),
            Found::Nothing => return Ok(None),
            Found::Awaited => {}
        }
        match timeout(wait.min(WAIT_MAX), self.await_upload(server_name, &media_id)).await {
            Ok(found) => found,
            Err(_) => Err(MediaError::NotYetUploaded),
        }
    }

    async fn await_upload(
        &self,
        server_name: &ServerName,
        media_id: &MediaId,
    ) -> Result<Option<FileRow>, MediaError> {
        // Listen first, then look: what is completed in between is heard.
        let mut completed = self.0.completed.subscribe();
        loop {
            match self.look(server_name, media_id).await? {
                Found::File(file) => return Ok(Some(file)),
                Found::Nothing => return Ok(None),
                Found::Awaited => {}
            }
            loop {
                match completed.recv().await {
                    Ok(other) if other != *media_id => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Err(MediaError::NotYetUploaded),
                }
            }
        }
    }

    async fn look(
        &self,
        server_name: &ServerName,
        media_id: &MediaId,
    ) -> Result<Found, MediaError> {
        let snapshot = self.0.store.snapshot().await?;
        let media_id = media_id.as_str();
        if let Some(file) = FILES.get(snapshot.as_ref(), &(server_name, media_id)).await? {
            return Ok(Found::File(file));
        }
        if server_name != self.0.settings.server_name {
            return Ok(Found::Nothing);
        }
        let reservation = RESERVATIONS.get(snapshot.as_ref(), &(media_id,)).await?;
        let now_ms = self.0.clock.now_ms();
        Ok(match reservation {
            Some(reservation) if reservation.expires_at_ms > now_ms => Found::Awaited,
            _ => Found::Nothing,
        })
    }

    pub(crate) async fn blob(&self, content: &ContentHash) -> Result<Option<BlobRow>, MediaError> {
        let snapshot = self.0.store.snapshot().await?;
        Ok(BLOBS.get(snapshot.as_ref(), &(*content,)).await?)
    }
}

#[cfg(test)]
mod tests {
    use ruma::{server_name, user_id};

    use super::*;
    use crate::test_media::TestMedia;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn ids_that_cannot_exist_do_not() {
        let test = TestMedia::new();
        for id in ["unknown", "../../etc/passwd", "", "a/b"] {
            let found = test.media.get(server_name!("hearth"), id, LONG).await.unwrap();
            assert!(found.is_none(), "{id}");
        }
    }

    #[tokio::test]
    async fn the_same_id_of_another_server_is_something_else() {
        let test = TestMedia::new();
        let uri = test.upload(user_id!("@a:hearth"), "text/plain", b"x").await.unwrap();
        let id = uri.media_id().unwrap();
        assert!(test.media.get(server_name!("other"), id, LONG).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_download_waits_for_its_upload() {
        let test = TestMedia::new();
        let alice = user_id!("@alice:hearth");
        let uri = test.media.create(alice).await.unwrap().uri;
        let id = uri.media_id().unwrap();
        let none = Duration::ZERO;
        let early = test.media.get(server_name!("hearth"), id, none).await;
        assert!(matches!(early, Err(MediaError::NotYetUploaded)));
        let waiting = test.media.get(server_name!("hearth"), id, LONG);
        let (found, uploaded) = tokio::join!(waiting, test.upload_to(alice, &uri, b"later"));
        uploaded.unwrap();
        assert_eq!(found.unwrap().unwrap().size_bytes, 5);
    }

    #[tokio::test]
    async fn an_expired_reservation_is_not_waited_for() {
        let test = TestMedia::new();
        let uri = test.media.create(user_id!("@a:hearth")).await.unwrap().uri;
        test.clock.advance(Duration::from_millis(test.media.settings().reservation_ms));
        assert!(test.download(&uri).await.is_none());
    }
}
