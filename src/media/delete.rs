//! Deleting content: the id at once, the bytes with the last id that refers to them.

use hearth_store::{Batch, Direction, Snapshot};
use ruma::ServerName;

use crate::{
    Media, MediaError, MediaId,
    error::{committed, contended},
    limits::{CONFLICT_RETRIES_MAX, SHOWN_BY_MAX},
    tables::{
        BLOBS, BlobRow, FILES, FileRow, SHOWN_BY, USED_BY_PREVIEWS, USED_BY_USER, USED_IN_TOTAL,
        total_part,
    },
};

impl Media {
    /// Deletes the content of an id, and returns whether there was any.
    ///
    /// # Errors
    /// The store or the blobs failed; then the id may be gone while its bytes are still there.
    pub async fn delete(
        &self,
        server_name: &ServerName,
        media_id: &str,
    ) -> Result<bool, MediaError> {
        let Some(media_id) = MediaId::parse(media_id) else {
            return Ok(false);
        };
        let key = (server_name, media_id.as_str());
        for _ in 0..CONFLICT_RETRIES_MAX {
            let snapshot = self.0.store.snapshot().await?;
            let snapshot = snapshot.as_ref();
            let Some(file) = FILES.get(snapshot, &key).await? else {
                return Ok(false);
            };
            let mut batch = Batch::new();
            FILES.replace(&mut batch, &key, Some(&file), None)?;
            self.give_back(&mut batch, snapshot, &file).await?;
            let shown = SHOWN_BY.prefix(&(media_id.as_str(),));
            let forward = Direction::Forward;
            for (row, ()) in SHOWN_BY.scan(snapshot, &shown, forward, SHOWN_BY_MAX).await? {
                SHOWN_BY.delete(&mut batch, &row);
            }
            let unused = unlink(&mut batch, snapshot, &file).await?;
            if committed(self.0.store.commit(batch).await)? {
                self.delete_blob(unused).await?;
                return Ok(true);
            }
        }
        Err(contended())
    }

    async fn give_back(
        &self,
        batch: &mut Batch,
        snapshot: &dyn Snapshot,
        file: &FileRow,
    ) -> Result<(), MediaError> {
        let less = |used: u64| used.saturating_sub(file.size_bytes);
        if let Some(user) = &file.uploader {
            let before = USED_BY_USER.get(snapshot, &(&**user,)).await?;
            let after = before.map(less);
            USED_BY_USER.replace(batch, &(&**user,), before.as_ref(), after.as_ref())?;
        } else {
            let before = USED_BY_PREVIEWS.get(snapshot, &(0,)).await?;
            let after = before.map(less);
            USED_BY_PREVIEWS.replace(batch, &(0,), before.as_ref(), after.as_ref())?;
        }
        let part = (total_part(&file.content),);
        let before = USED_IN_TOTAL.get(snapshot, &part).await?;
        let after = before.map(less);
        USED_IN_TOTAL.replace(batch, &part, before.as_ref(), after.as_ref())?;
        Ok(())
    }

    /// Deletes the bytes and thumbnails of a blob that no row names any more.
    async fn delete_blob(&self, unused: Option<BlobRow>) -> Result<(), MediaError> {
        let Some(blob) = unused else {
            return Ok(());
        };
        for thumbnail in &blob.thumbnails {
            self.0.blobs.delete(&thumbnail.location).await?;
        }
        self.0.blobs.delete(&blob.location).await
    }
}

/// Takes a reference from the file's blob, and returns the blob if that was the last one.
async fn unlink(
    batch: &mut Batch,
    snapshot: &dyn Snapshot,
    file: &FileRow,
) -> Result<Option<BlobRow>, MediaError> {
    let key = (file.content,);
    let Some(before) = BLOBS.get(snapshot, &key).await? else {
        return Ok(None);
    };
    if before.references <= 1 {
        BLOBS.replace(batch, &key, Some(&before), None)?;
        return Ok(Some(before));
    }
    let after = BlobRow { references: before.references - 1, ..before.clone() };
    BLOBS.replace(batch, &key, Some(&before), Some(&after))?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use crate::test_media::TestMedia;

    #[tokio::test]
    async fn equal_contents_share_a_blob_until_the_last_is_deleted() {
        let test = TestMedia::new();
        let (alice, bob) = (user_id!("@alice:hearth"), user_id!("@bob:hearth"));
        let first = test.upload(alice, "text/plain", &[7; 3_000_000]).await.unwrap();
        let second = test.upload(bob, "text/html", &[7; 3_000_000]).await.unwrap();
        assert_ne!(first, second);
        assert_eq!(test.blobs().await, 1);

        assert!(test.delete(&first).await);
        assert!(!test.delete(&first).await);
        assert!(test.download(&first).await.is_none());
        assert_eq!(test.download(&second).await.unwrap().1.len(), 3_000_000);
        assert_eq!(test.media.used_bytes(alice).await.unwrap(), 0);

        assert!(test.delete(&second).await);
        assert_eq!(test.blobs().await, 0);
        let again = test.upload(alice, "text/plain", &[7; 3_000_000]).await.unwrap();
        assert_eq!(test.download(&again).await.unwrap().1.len(), 3_000_000);
    }

    #[tokio::test]
    async fn equal_uploads_and_deletions_at_the_same_time_lose_nothing() {
        let test = TestMedia::new();
        let alice = user_id!("@alice:hearth");
        for _ in 0..20 {
            let old = test.upload(alice, "text/plain", b"same").await.unwrap();
            let (deleted, one, two) = tokio::join!(
                test.delete(&old),
                test.upload(alice, "text/plain", b"same"),
                test.upload(alice, "text/plain", b"same"),
            );
            assert!(deleted);
            for uri in [one.unwrap(), two.unwrap()] {
                assert_eq!(test.download(&uri).await.unwrap().1, b"same");
                assert!(test.delete(&uri).await);
            }
            assert_eq!(test.blobs().await, 0);
        }
    }

    #[tokio::test]
    async fn thumbnails_go_with_their_blob() {
        let test = TestMedia::new();
        let picture = crate::test_media::png(100, 80);
        let uri = test.upload(user_id!("@a:hearth"), "image/png", &picture).await.unwrap();
        test.thumbnail(&uri, 32, 32).await.unwrap();
        assert_eq!(test.blobs().await, 2);
        assert!(test.delete(&uri).await);
        assert_eq!(test.blobs().await, 0);
    }
}
