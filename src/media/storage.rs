//! Where blobs are kept: in files, or in a bucket of an S3 service.
//!
//! Invariant: what is stored survives a loss of power before it is acknowledged. Files are synced
//! with their directories; an S3 service promises it with its answer.

use std::{ops::Range, path::Path as FilePath, sync::Arc};

use bytes::Bytes;
use futures::{Stream, stream};
use object_store::{
    ObjectStore, ObjectStoreExt, local::LocalFileSystem, memory::InMemory, path::Path,
};

use crate::{
    MediaError,
    limits::{FILE_PART_BYTES, FILE_READ_BYTES},
};

/// Where blobs are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage {
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// How much of an upload is gathered before it is written.
    pub(crate) part_bytes: usize,
    /// How much of a blob is read at once.
    pub(crate) read_bytes: u64,
}

/// Blobs as files below `directory`, which exists.
///
/// # Errors
/// The directory cannot be used.
pub fn local_blobs(directory: &FilePath) -> Result<Storage, MediaError> {
    let files = LocalFileSystem::new_with_prefix(directory)?.with_fsync(true);
    Ok(Storage::of_files(Arc::new(files)))
}

/// Blobs that last as long as the process, for tests.
#[must_use]
pub fn memory_blobs() -> Storage {
    Storage::of_files(Arc::new(InMemory::new()))
}

impl Storage {
    /// A store that is as near as the file system.
    pub(crate) fn of_files(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects, part_bytes: FILE_PART_BYTES, read_bytes: FILE_READ_BYTES }
    }

    /// Bytes of a blob in pieces.
    pub(crate) fn stream(
        &self,
        location: Path,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, MediaError>> + Send + 'static {
        let (objects, read_bytes) = (Arc::clone(&self.objects), self.read_bytes);
        stream::try_unfold(range.start, move |start| {
            let (objects, location) = (Arc::clone(&objects), location.clone());
            async move {
                if start >= range.end {
                    return Ok(None);
                }
                let end = range.end.min(start + read_bytes);
                let bytes = objects.get_range(&location, start..end).await?;
                Ok(Some((bytes, end)))
            }
        })
    }
}
