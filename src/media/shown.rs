//! Which events show a file, for those who have the file's id and not the event's.
//!
//! Deliberately absent: any permission. Events may lose their content or their readers; whoever
//! gives files out by this looks at the event.

use hearth_store::{Batch, Direction};
use ruma::{EventId, OwnedEventId, OwnedUserId};

use crate::{
    Media, MediaError, MediaId,
    error::committed,
    limits::SHOWN_BY_MAX,
    tables::{FILES, SHOWN_BY},
};

/// What is known about a file of this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaInfo {
    /// The type that its uploader said it has.
    pub content_type: Option<String>,
    /// The name that its uploader gave it.
    pub filename: Option<String>,
    /// How large it is, in bytes.
    pub size_bytes: u64,
    /// Who uploaded it; `None` for what the server got itself.
    pub uploader: Option<OwnedUserId>,
    /// When, in Unix milliseconds.
    pub uploaded_at_ms: u64,
}

impl Media {
    /// What is known about a file of this server, or `None` if it does not exist (yet).
    ///
    /// # Errors
    /// The store failed.
    pub async fn info(&self, media_id: &str) -> Result<Option<MediaInfo>, MediaError> {
        let Some(media_id) = MediaId::parse(media_id) else {
            return Ok(None);
        };
        let snapshot = self.0.store.snapshot().await?;
        let key = (&*self.0.settings.server_name, media_id.as_str());
        let file = FILES.get(snapshot.as_ref(), &key).await?;
        Ok(file.map(|file| MediaInfo {
            content_type: file.content_type,
            filename: file.filename,
            size_bytes: file.size_bytes,
            uploader: file.uploader,
            uploaded_at_ms: file.uploaded_at_ms,
        }))
    }

    /// Notes that an event shows a file. Saying it again does nothing.
    ///
    /// # Errors
    /// The store failed.
    pub async fn note_shown(&self, media_id: &MediaId, event: &EventId) -> Result<(), MediaError> {
        let mut batch = Batch::new();
        SHOWN_BY.put(&mut batch, &(media_id.as_str(), event), &())?;
        committed(self.0.store.commit(batch).await)?;
        Ok(())
    }

    /// The events that were noted to show a file; not more than a bounded number.
    ///
    /// # Errors
    /// The store failed.
    pub async fn shown_by(&self, media_id: &MediaId) -> Result<Vec<OwnedEventId>, MediaError> {
        let snapshot = self.0.store.snapshot().await?;
        let range = SHOWN_BY.prefix(&(media_id.as_str(),));
        let forward = Direction::Forward;
        let rows = SHOWN_BY.scan(snapshot.as_ref(), &range, forward, SHOWN_BY_MAX).await?;
        Ok(rows.into_iter().map(|((_, event), ())| event).collect())
    }
}

#[cfg(test)]
mod tests {
    use ruma::{event_id, user_id};

    use super::*;
    use crate::test_media::TestMedia;

    #[tokio::test]
    async fn events_are_noted_once_and_go_with_the_file() {
        let test = TestMedia::new();
        let uri = test.upload(user_id!("@a:hearth"), "text/plain", b"x").await.unwrap();
        let media_id = MediaId::parse(uri.media_id().unwrap()).unwrap();
        let info = test.media.info(media_id.as_str()).await.unwrap().unwrap();
        assert_eq!((info.size_bytes, info.uploader.as_deref()), (1, Some(user_id!("@a:hearth"))));
        for event in [event_id!("$one"), event_id!("$two"), event_id!("$one")] {
            test.media.note_shown(&media_id, event).await.unwrap();
        }
        let shown_by = test.media.shown_by(&media_id).await.unwrap();
        assert_eq!(shown_by, [event_id!("$one"), event_id!("$two")]);
        assert!(test.delete(&uri).await);
        assert!(test.media.shown_by(&media_id).await.unwrap().is_empty());
        assert!(test.media.info(media_id.as_str()).await.unwrap().is_none());
        assert!(test.media.info("../x").await.unwrap().is_none());
    }
}
