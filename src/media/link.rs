//! The last step of an upload: one batch that makes the content exist under its id.

use hearth_store::{Batch, Snapshot};
use ruma::UserId;

use crate::{
    Media, MediaError, MediaId,
    error::{committed, contended},
    limits::{CONFLICT_RETRIES_MAX, PREVIEWS_BYTES_MAX},
    staged::Staged,
    tables::{
        BLOBS, BlobRow, FILES, FileRow, PENDING, RESERVATIONS, TOTAL_PARTS, USED_BY_PREVIEWS,
        USED_BY_USER, USED_IN_TOTAL, total_part,
    },
};

/// An upload whose bytes have all arrived.
pub(crate) struct Received<'a> {
    /// `None` for the picture of a preview, which is the server's own.
    pub user: Option<&'a UserId>,
    pub media_id: &'a MediaId,
    /// Whether the id was reserved before.
    pub reserved: bool,
    pub file: FileRow,
}

/// Whose bytes the id refers to.
enum Linked {
    /// Those of this upload.
    Own,
    /// Equal ones that were here before.
    Shared,
}

impl Media {
    /// Links the id with the staged bytes, or with equal ones that are here already, unless the
    /// scanner finds fault with them. There is no other way for content to become readable.
    pub(crate) async fn link(
        &self,
        received: &Received<'_>,
        mut staged: Staged,
    ) -> Result<(), MediaError> {
        if let Err(error) = self.scan(&mut staged).await {
            staged.discard().await?;
            return Err(error);
        }
        match self.try_link(received, &mut staged).await {
            Ok(Linked::Own) => Ok(()),
            // The store may have committed before it failed: then the bytes are needed.
            Err(MediaError::Store(error)) => Err(error.into()),
            Ok(Linked::Shared) => {
                if let Err(error) = staged.discard().await {
                    tracing::warn!(%error, "a blob that nobody needs could not be deleted");
                }
                Ok(())
            }
            Err(error) => {
                staged.discard().await?;
                Err(error)
            }
        }
    }

    async fn scan(&self, staged: &mut Staged) -> Result<(), MediaError> {
        match &self.0.scanner {
            Some(scanner) => scanner.scan(staged.read().await?).await,
            None => Ok(()),
        }
    }

    async fn try_link(
        &self,
        received: &Received<'_>,
        staged: &mut Staged,
    ) -> Result<Linked, MediaError> {
        for _ in 0..CONFLICT_RETRIES_MAX {
            let snapshot = self.0.store.snapshot().await?;
            let snapshot = snapshot.as_ref();
            let mut batch = Batch::new();
            self.write_file(&mut batch, snapshot, received).await?;
            self.write_used(&mut batch, snapshot, received).await?;
            let content = (received.file.content,);
            let before = BLOBS.get(snapshot, &content).await?;
            let (after, linked) = match before.clone() {
                Some(blob) => {
                    let references = blob.references + 1;
                    (BlobRow { references, ..blob }, Linked::Shared)
                }
                None => {
                    staged.publish().await?;
                    (new_blob(staged), Linked::Own)
                }
            };
            BLOBS.replace(&mut batch, &content, before.as_ref(), Some(&after))?;
            if committed(self.0.store.commit(batch).await)? {
                return Ok(linked);
            }
        }
        Err(contended())
    }

    async fn write_file(
        &self,
        batch: &mut Batch,
        snapshot: &dyn Snapshot,
        received: &Received<'_>,
    ) -> Result<(), MediaError> {
        let media_id = received.media_id.as_str();
        let key = (&*self.0.settings.server_name, media_id);
        if FILES.get(snapshot, &key).await?.is_some() {
            return Err(MediaError::AlreadyUploaded);
        }
        FILES.insert(batch, &key, &received.file)?;
        let Some(user) = received.user.filter(|_| received.reserved) else {
            return Ok(());
        };
        let reservation = RESERVATIONS.get(snapshot, &(media_id,)).await?;
        let Some(reservation) = reservation else {
            return Err(MediaError::NotReserved);
        };
        RESERVATIONS.replace(batch, &(media_id,), Some(&reservation), None)?;
        let before = PENDING.get(snapshot, &(user,)).await?;
        let mut after = before.clone().unwrap_or_default();
        after.retain(|upload| upload.media_id != media_id);
        PENDING.replace(batch, &(user,), before.as_ref(), Some(&after))?;
        Ok(())
    }

    async fn write_used(
        &self,
        batch: &mut Batch,
        snapshot: &dyn Snapshot,
        received: &Received<'_>,
    ) -> Result<(), MediaError> {
        let settings = &self.0.settings;
        let size_bytes = received.file.size_bytes;
        let within = |used: u64, quota: Option<u64>| {
            let used = used.saturating_add(size_bytes);
            let fits = quota.is_none_or(|quota| used <= quota);
            if fits { Ok(used) } else { Err(MediaError::QuotaExceeded) }
        };

        if let Some(user) = received.user {
            let before = USED_BY_USER.get(snapshot, &(user,)).await?;
            let after = within(before.unwrap_or(0), settings.max_bytes_per_user)?;
            USED_BY_USER.replace(batch, &(user,), before.as_ref(), Some(&after))?;
        } else {
            let before = USED_BY_PREVIEWS.get(snapshot, &(0,)).await?;
            let after = within(before.unwrap_or(0), Some(PREVIEWS_BYTES_MAX))?;
            USED_BY_PREVIEWS.replace(batch, &(0,), before.as_ref(), Some(&after))?;
        }

        // Uploads at the same time may exceed the total by what they bring: it is no hard wall.
        let parts = USED_IN_TOTAL.get_many(snapshot, (0..TOTAL_PARTS).map(|part| (part,))).await?;
        within(parts.iter().flatten().sum(), settings.max_bytes_total)?;
        let part = total_part(&received.file.content);
        let before = parts.get(usize::from(part)).copied().flatten();
        let after = before.unwrap_or(0).saturating_add(size_bytes);
        USED_IN_TOTAL.replace(batch, &(part,), before.as_ref(), Some(&after))?;
        Ok(())
    }
}

fn new_blob(staged: &Staged) -> BlobRow {
    BlobRow {
        location: staged.location(),
        size_bytes: staged.size_bytes(),
        references: 1,
        thumbnails: Vec::new(),
    }
}
