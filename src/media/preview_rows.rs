//! Where previews are kept: a row a URL, a picture each among the media, and when both end.

use bytes::Bytes;
use hearth_store::{Batch, Direction};
use ruma::OwnedMxcUri;
use serde_json::{Map, Value, json};

use crate::{
    Media, MediaError, MediaId,
    error::committed,
    limits::{PREVIEW_KEPT_MS, PREVIEWS_ENDED_MAX},
    link::Received,
    picture::dimensions,
    tables::{ContentHash, FileRow, PREVIEW_ENDS, PREVIEWS, PreviewEnd, PreviewRow},
};

/// The picture of a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    media_id: MediaId,
    uri: OwnedMxcUri,
    content_type: &'static str,
    size_bytes: u64,
    width: u32,
    height: u32,
}

impl Picture {
    /// Says what a client has to know of it.
    pub(crate) fn describe(&self, card: &mut Map<String, Value>) {
        card.insert("og:image".to_owned(), json!(self.uri));
        card.insert("og:image:type".to_owned(), json!(self.content_type));
        card.insert("og:image:width".to_owned(), json!(self.width));
        card.insert("og:image:height".to_owned(), json!(self.height));
        card.insert("matrix:image:size".to_owned(), json!(self.size_bytes));
    }
}

impl Media {
    /// The last preview of a URL.
    pub(crate) async fn preview_row(
        &self,
        url: &ContentHash,
    ) -> Result<Option<PreviewRow>, MediaError> {
        let snapshot = self.0.store.snapshot().await?;
        Ok(PREVIEWS.get(snapshot.as_ref(), &(*url,)).await?)
    }

    /// Keeps a preview until it ends, in place of the one before.
    pub(crate) async fn keep_preview(
        &self,
        url: ContentHash,
        json: &str,
        picture: Option<Picture>,
    ) -> Result<(), MediaError> {
        let fetched_at_ms = self.0.clock.now_ms();
        let mut batch = Batch::new();
        PREVIEWS.put(&mut batch, &(url,), &PreviewRow { fetched_at_ms, json: json.to_owned() })?;
        let end = PreviewEnd { picture: picture.map(|picture| picture.media_id.to_string()) };
        PREVIEW_ENDS.put(&mut batch, &(fetched_at_ms + PREVIEW_KEPT_MS, url), &end)?;
        committed(self.0.store.commit(batch).await)?;
        Ok(())
    }

    /// Keeps a picture, if it is one; its type is what it begins like, whoever said otherwise.
    pub(crate) async fn keep_picture(&self, bytes: Bytes) -> Result<Option<Picture>, MediaError> {
        let Some((format, width, height)) = dimensions(&bytes) else {
            return Ok(None);
        };
        let media_id = MediaId::random(&self.0.random);
        let mut staged = self.0.blobs.stage();
        if let Err(error) = staged.write(bytes).await {
            staged.discard().await?;
            return Err(error);
        }
        let size_bytes = staged.size_bytes();
        let file = FileRow {
            content: staged.content(),
            size_bytes,
            content_type: Some(format.to_mime_type().to_owned()),
            filename: None,
            uploader: None,
            uploaded_at_ms: self.0.clock.now_ms(),
        };
        let received = Received { user: None, media_id: &media_id, reserved: false, file };
        self.link(&received, staged).await?;
        let (uri, content_type) = (self.uri(&media_id), format.to_mime_type());
        Ok(Some(Picture { media_id, uri, content_type, size_bytes, width, height }))
    }

    /// Forgets previews whose time has come, with their pictures; not more than a bounded number.
    pub(crate) async fn end_previews(&self) -> Result<(), MediaError> {
        let now_ms = self.0.clock.now_ms();
        let snapshot = self.0.store.snapshot().await?;
        let due = PREVIEW_ENDS.between(&(0,), &(now_ms,));
        let forward = Direction::Forward;
        let ended = PREVIEW_ENDS.scan(snapshot.as_ref(), &due, forward, PREVIEWS_ENDED_MAX).await?;
        for ((end_ms, url), end) in ended {
            if let Some(picture) = &end.picture {
                self.delete(&self.0.settings.server_name, picture).await?;
            }
            let row = PREVIEWS.get(snapshot.as_ref(), &(url,)).await?;
            let mut batch = Batch::new();
            if row.is_some_and(|row| row.fetched_at_ms + PREVIEW_KEPT_MS <= end_ms) {
                PREVIEWS.delete(&mut batch, &(url,));
            }
            PREVIEW_ENDS.delete(&mut batch, &(end_ms, url));
            committed(self.0.store.commit(batch).await)?;
        }
        Ok(())
    }
}
