//! Thumbnails: drawn when somebody asks for the first time, then kept as blobs.
//!
//! An upload does not pay for them, and the bytes of one content are drawn once a size however
//! many ids it has.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hearth_store::Batch;
use ruma::{ServerName, media::Method};
use tokio::{sync::OwnedSemaphorePermit, task::spawn_blocking, time::timeout};

use crate::{
    Media, MediaError, MediaFile,
    error::{committed, contended},
    limits::{CONFLICT_RETRIES_MAX, SOURCE_BYTES_MAX, THUMBNAIL_TIME_MAX},
    picture::{Budget, Drawn, MAGIC_BYTES, draw, sniff},
    size::Size,
    tables::{BLOBS, BlobRow, ContentHash, ThumbnailFormat, ThumbnailRow},
};

/// The thumbnail that a client would like. The answer may be larger, and is as small as the
/// picture if that is smaller.
#[derive(Clone, Debug)]
pub struct ThumbnailRequest {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Whether the picture may be cut.
    pub method: Method,
}

impl Media {
    /// A still thumbnail of the content of an id, or `None` if there is no content.
    ///
    /// # Errors
    /// [`MediaError::NotThumbnailable`], [`MediaError::TooLargeToThumbnail`],
    /// [`MediaError::Busy`], and those of [`Media::get`].
    pub async fn thumbnail(
        &self,
        server_name: &ServerName,
        media_id: &str,
        wanted: &ThumbnailRequest,
        wait: Duration,
    ) -> Result<Option<MediaFile>, MediaError> {
        let Some(file) = self.find(server_name, media_id, wait).await? else {
            return Ok(None);
        };
        let Some(blob) = self.blob(&file.content).await? else {
            return Ok(None);
        };
        let size = Size::covering(wanted.width, wanted.height, &wanted.method);
        if let Some(kept) = blob.thumbnail(size) {
            return Ok(Some(self.thumbnail_file(kept, None)));
        }
        let made = timeout(THUMBNAIL_TIME_MAX, self.make_thumbnail(file.content, size)).await;
        made.unwrap_or(Err(MediaError::Busy))
    }

    async fn make_thumbnail(
        &self,
        content: ContentHash,
        size: Size,
    ) -> Result<Option<MediaFile>, MediaError> {
        let decoders = Arc::clone(&self.0.decoders);
        let permit = decoders.acquire_owned().await.map_err(|_| MediaError::Busy)?;
        // Somebody else may have made it while this one waited.
        let Some(blob) = self.blob(&content).await? else {
            return Ok(None);
        };
        if let Some(kept) = blob.thumbnail(size) {
            return Ok(Some(self.thumbnail_file(kept, None)));
        }
        let source = self.thumbnail_source(&blob).await?;
        let drawn = self.draw(source, size, permit).await?;
        let row = ThumbnailRow {
            size,
            format: drawn.format,
            location: self.0.blobs.put(drawn.bytes.clone()).await?,
            size_bytes: drawn.bytes.len() as u64,
        };
        if !self.keep_thumbnail(content, &row).await? {
            self.0.blobs.delete(&row.location).await?;
        }
        Ok(Some(self.thumbnail_file(&row, Some(drawn.bytes))))
    }

    /// Whether the content of an id of this server begins like a picture.
    ///
    /// # Errors
    /// Those of [`Media::get`].
    pub async fn is_picture(&self, media_id: &str) -> Result<bool, MediaError> {
        let server_name = &self.0.settings.server_name;
        let Some(file) = self.find(server_name, media_id, Duration::ZERO).await? else {
            return Ok(false);
        };
        match self.blob(&file.content).await? {
            Some(blob) => self.begins_like_a_picture(&blob).await,
            None => Ok(false),
        }
    }

    async fn begins_like_a_picture(&self, blob: &BlobRow) -> Result<bool, MediaError> {
        let start_bytes = blob.size_bytes.min(MAGIC_BYTES);
        let start = self.0.blobs.read(&blob.location, start_bytes).await?;
        Ok(sniff(&start).is_some())
    }

    /// The whole blob, if it begins like a picture.
    async fn thumbnail_source(&self, blob: &BlobRow) -> Result<Bytes, MediaError> {
        if !self.begins_like_a_picture(blob).await? {
            return Err(MediaError::NotThumbnailable);
        }
        if blob.size_bytes > SOURCE_BYTES_MAX {
            return Err(MediaError::TooLargeToThumbnail);
        }
        self.0.blobs.read(&blob.location, blob.size_bytes).await
    }

    /// Draws off the runtime. The permit goes along: it is given back when the decoder ends, even
    /// if nobody waits for it any more.
    async fn draw(
        &self,
        source: Bytes,
        size: Size,
        permit: OwnedSemaphorePermit,
    ) -> Result<Drawn, MediaError> {
        let max_pixels = self.0.settings.max_pixels;
        let clock = self.0.clock.clone();
        let drawing = spawn_blocking(move || {
            let time_max_ms = u64::try_from(THUMBNAIL_TIME_MAX.as_millis()).unwrap_or(u64::MAX);
            let budget = Budget {
                max_pixels,
                clock: &clock,
                deadline_ms: clock.now_ms().saturating_add(time_max_ms),
            };
            let drawn = draw(&source, size, &budget);
            drop(permit);
            drawn
        });
        // A decoder that panics has found a file that is no picture.
        drawing.await.unwrap_or(Err(MediaError::NotThumbnailable))
    }

    /// Whether the thumbnail is kept now; not if its content is gone or somebody was faster.
    async fn keep_thumbnail(
        &self,
        content: ContentHash,
        row: &ThumbnailRow,
    ) -> Result<bool, MediaError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let Some(before) = self.blob(&content).await? else {
                return Ok(false);
            };
            if before.thumbnail(row.size).is_some() {
                return Ok(false);
            }
            let mut after = before.clone();
            after.thumbnails.push(row.clone());
            let mut batch = Batch::new();
            BLOBS.replace(&mut batch, &(content,), Some(&before), Some(&after))?;
            if committed(self.0.store.commit(batch).await)? {
                return Ok(true);
            }
        }
        Err(contended())
    }

    fn thumbnail_file(&self, row: &ThumbnailRow, at_hand: Option<Bytes>) -> MediaFile {
        let (content_type, filename) = match row.format {
            ThumbnailFormat::Jpeg => ("image/jpeg", "thumbnail.jpg"),
            ThumbnailFormat::Png => ("image/png", "thumbnail.png"),
        };
        MediaFile {
            content_type: Some(content_type.to_owned()),
            filename: Some(filename.to_owned()),
            size_bytes: row.size_bytes,
            blob: self.0.blobs.blob(&row.location),
            at_hand,
        }
    }
}

impl BlobRow {
    fn thumbnail(&self, size: Size) -> Option<&ThumbnailRow> {
        self.thumbnails.iter().find(|thumbnail| thumbnail.size == size)
    }
}

#[cfg(test)]
mod tests {
    use http::{
        HeaderMap, Method,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    };
    use ruma::user_id;

    use super::*;
    use crate::test_media::{TestMedia, png};

    #[tokio::test]
    async fn a_thumbnail_is_made_once_a_content_and_size() {
        let test = TestMedia::new();
        let picture = png(700, 500);
        let first = test.upload(user_id!("@a:hearth"), "image/png", &picture).await.unwrap();
        let second = test.upload(user_id!("@b:hearth"), "image/png", &picture).await.unwrap();
        assert_eq!(test.blobs().await, 1);
        let drawn = test.thumbnail(&first, 320, 240).await.unwrap();
        assert_eq!(test.blobs().await, 2);
        assert_eq!(test.thumbnail(&first, 200, 200).await.unwrap(), drawn);
        assert_eq!(test.thumbnail(&second, 320, 240).await.unwrap(), drawn);
        assert_eq!(test.blobs().await, 2);
        let small = image::load_from_memory(&drawn).unwrap();
        assert_eq!((small.width(), small.height()), (320, 229));
    }

    #[tokio::test]
    async fn many_who_ask_at_once_get_the_same_and_leave_one_blob() {
        let test = TestMedia::new();
        let uri = test.upload(user_id!("@a:hearth"), "image/png", &png(500, 500)).await.unwrap();
        let asking = (0..8).map(|_| test.thumbnail(&uri, 96, 96));
        let answers = futures::future::join_all(asking).await;
        let first = answers[0].as_ref().unwrap();
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap() == first));
        assert_eq!(test.blobs().await, 2);
    }

    #[tokio::test]
    async fn what_the_bytes_are_counts_not_what_the_uploader_says() {
        let test = TestMedia::new();
        let alice = user_id!("@alice:hearth");
        let lie = test.upload(alice, "image/png", b"<svg onload=alert(1)>").await.unwrap();
        let error = test.thumbnail(&lie, 32, 32).await.unwrap_err();
        assert!(matches!(error, MediaError::NotThumbnailable));
        let empty = test.upload(alice, "image/png", b"").await.unwrap();
        assert!(test.thumbnail(&empty, 32, 32).await.is_err());
        let modest = test.upload(alice, "text/plain", &png(50, 50)).await.unwrap();
        test.thumbnail(&modest, 32, 32).await.unwrap();
        assert_eq!(test.blobs().await, 4);
    }

    #[tokio::test]
    async fn a_thumbnail_is_shown_in_the_browser_under_its_own_name() {
        let test = TestMedia::new();
        let uri = test.upload(user_id!("@a:hearth"), "text/html", &png(50, 50)).await.unwrap();
        let file = test.thumbnail_file(&uri, 32, 32).await.unwrap().unwrap();
        let answer = file.answer(&Method::GET, &HeaderMap::new());
        assert_eq!(answer.headers()[CONTENT_TYPE], "image/jpeg");
        assert_eq!(answer.headers()[CONTENT_DISPOSITION], "inline; filename=thumbnail.jpg");
    }
}
