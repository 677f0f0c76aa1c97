//! Bytes in an object store, each under a location that is used once.
//!
//! A location is random, not the hash of the content: the hash is known only after the last byte,
//! and a location that is never used again makes deletion safe beside uploads of the same content.

use std::{path::Path as FilePath, sync::Arc};

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use hearth_base::Random;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path};

use crate::{MediaError, limits::READ_BYTES, staged::Staged};

/// Blobs as files below `directory`, which exists; what is stored survives a loss of power.
///
/// # Errors
/// The directory cannot be used.
pub fn local_blobs(directory: &FilePath) -> Result<Arc<dyn ObjectStore>, MediaError> {
    let files = LocalFileSystem::new_with_prefix(directory)?.with_fsync(true);
    Ok(Arc::new(files))
}

/// The object store and the source of locations.
pub(crate) struct Blobs {
    objects: Arc<dyn ObjectStore>,
    random: Random,
}

impl Blobs {
    pub const fn new(objects: Arc<dyn ObjectStore>, random: Random) -> Self {
        Self { objects, random }
    }

    /// The object store itself, to list it.
    pub fn objects(&self) -> &dyn ObjectStore {
        &*self.objects
    }

    /// `ab/cdef…`: 256 directories, 128 bits.
    fn new_location(&self) -> Path {
        let name = format!("{:032x}", u128::from_be_bytes(self.random.bytes()));
        let (directory, file) = name.split_at(2);
        Path::from(format!("{directory}/{file}"))
    }

    /// Begins a blob whose content arrives in pieces.
    pub fn stage(&self) -> Staged {
        Staged::new(Arc::clone(&self.objects), self.new_location())
    }

    /// Stores a blob durably, and returns its location.
    pub async fn put(&self, bytes: Bytes) -> Result<String, MediaError> {
        let location = self.new_location();
        self.objects.put(&location, bytes.into()).await?;
        Ok(location.into())
    }

    /// The first `size_bytes` of a blob.
    pub async fn read(&self, location: &str, size_bytes: u64) -> Result<Bytes, MediaError> {
        let location = Path::from(location);
        Ok(self.objects.get_range(&location, 0..size_bytes).await?)
    }

    /// A blob in pieces.
    pub fn stream(
        &self,
        location: &str,
        size_bytes: u64,
    ) -> BoxStream<'static, Result<Bytes, MediaError>> {
        let objects = Arc::clone(&self.objects);
        let location = Path::from(location);
        stream::try_unfold(0, move |start| {
            let (objects, location) = (Arc::clone(&objects), location.clone());
            async move {
                if start >= size_bytes {
                    return Ok(None);
                }
                let end = size_bytes.min(start + READ_BYTES);
                let bytes = objects.get_range(&location, start..end).await?;
                Ok(Some((bytes, end)))
            }
        })
        .boxed()
    }

    /// Deletes a blob; it is no failure if it is gone.
    pub async fn delete(&self, location: &str) -> Result<(), MediaError> {
        match self.objects.delete(&Path::from(location)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
