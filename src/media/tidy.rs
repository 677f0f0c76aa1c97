//! Tidying up beside requests: previews that have ended, blobs that nothing names.
//!
//! Each round looks at one of the 256 directories of blobs, which one follows from the time; so
//! a round is bounded, nothing has to be remembered, and all have had their turn in eleven days.

use std::collections::HashSet;

use futures::TryStreamExt;
use hearth_store::Direction;
use object_store::path::Path;

use crate::{
    Media, MediaError,
    limits::{BLOB_ROWS_READ, ORPHAN_AGE_MS, TIDY_INTERVAL},
    tables::{BLOBS, BlobRow},
};

impl Media {
    /// Tidies up from time to time, for as long as it is polled. The first time is now, so that a
    /// storage that does not work is heard of.
    pub async fn keep_tidy(self) {
        loop {
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "media could not be tidied");
            }
            tokio::time::sleep(TIDY_INTERVAL).await;
        }
    }

    /// One round.
    pub(crate) async fn tidy(&self) -> Result<(), MediaError> {
        self.end_previews().await?;
        let rounds = u128::from(self.0.clock.now_ms()) / TIDY_INTERVAL.as_millis();
        self.delete_orphans(&format!("{:02x}", rounds % 256)).await
    }

    /// Deletes what a crash left in a directory between storing and linking.
    pub(crate) async fn delete_orphans(&self, directory: &str) -> Result<(), MediaError> {
        // List first, then look at the rows: what is linked in between is found there.
        let mut orphans = self.old_blobs(directory).await?;
        if orphans.is_empty() {
            return Ok(());
        }
        let snapshot = self.0.store.snapshot().await?;
        let mut range = BLOBS.all();
        loop {
            let forward = Direction::Forward;
            let rows = BLOBS.scan(snapshot.as_ref(), &range, forward, BLOB_ROWS_READ).await?;
            for (_, BlobRow { location, thumbnails, .. }) in &rows {
                orphans.remove(location);
                for thumbnail in thumbnails {
                    orphans.remove(&thumbnail.location);
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == BLOB_ROWS_READ => {
                    range.start = BLOBS.after(last, last).start;
                }
                _ => break,
            }
        }
        for location in orphans {
            tracing::info!(%location, "a blob that nothing names is deleted");
            self.0.blobs.delete(&location).await?;
        }
        Ok(())
    }

    /// The blobs of a directory that are older than any upload takes.
    async fn old_blobs(&self, directory: &str) -> Result<HashSet<String>, MediaError> {
        let newest_ms = i64::try_from(self.0.clock.now_ms()).unwrap_or(i64::MAX) - ORPHAN_AGE_MS;
        let prefix = Path::from(directory);
        let listed = self.0.blobs.objects().list(Some(&prefix));
        let old = listed.try_filter_map(|blob| async move {
            let is_old = blob.last_modified.timestamp_millis() <= newest_ms;
            Ok(is_old.then(|| blob.location.to_string()))
        });
        Ok(old.try_collect().await?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use ruma::user_id;

    use super::*;
    use crate::test_media::{TestMedia, png};

    /// The blobs of a test carry the machine's time.
    fn move_past_the_age_of_orphans(test: &TestMedia) {
        #[allow(clippy::disallowed_methods, reason = "the object store in memory asks the machine")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let behind = now.saturating_sub(Duration::from_millis(test.clock.now_ms()));
        test.clock.advance(behind + Duration::from_millis(2 * ORPHAN_AGE_MS.unsigned_abs()));
    }

    async fn sweep_everything(test: &TestMedia) {
        for directory in 0..256 {
            test.media.delete_orphans(&format!("{directory:02x}")).await.unwrap();
        }
    }

    #[tokio::test]
    async fn only_old_blobs_that_nothing_names_are_deleted() {
        let test = TestMedia::new();
        let uri = test.upload(user_id!("@a:hearth"), "image/png", &png(100, 80)).await.unwrap();
        test.thumbnail(&uri, 32, 32).await.unwrap();
        test.media.0.blobs.put("left by a crash".into()).await.unwrap();
        assert_eq!(test.blobs().await, 3);
        sweep_everything(&test).await;
        assert_eq!(test.blobs().await, 3);
        move_past_the_age_of_orphans(&test);
        sweep_everything(&test).await;
        assert_eq!(test.blobs().await, 2);
        assert!(test.download(&uri).await.is_some());
        test.thumbnail(&uri, 32, 32).await.unwrap();
    }
}
