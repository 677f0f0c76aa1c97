//! Bytes in an object store, each under a location that is used once.
//!
//! A location is random, not the hash of the content: the hash is known only after the last byte,
//! and a location that is never used again makes deletion safe beside uploads of the same content.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use hearth_base::Random;
use object_store::{ObjectStore, ObjectStoreExt, path::Path};

use crate::{MediaError, Storage, staged::Staged};

/// The object store and the source of locations.
pub(crate) struct Blobs {
    storage: Storage,
    random: Random,
}

impl Blobs {
    pub const fn new(storage: Storage, random: Random) -> Self {
        Self { storage, random }
    }

    /// The object store itself, to list it.
    pub fn objects(&self) -> &dyn ObjectStore {
        &*self.storage.objects
    }

    /// `ab/cdef…`: 256 directories, 128 bits.
    fn new_location(&self) -> Path {
        let name = format!("{:032x}", u128::from_be_bytes(self.random.bytes()));
        let (directory, file) = name.split_at(2);
        Path::from(format!("{directory}/{file}"))
    }

    /// Begins a blob whose content arrives in pieces.
    pub fn stage(&self) -> Staged {
        Staged::new(self.storage.clone(), self.new_location())
    }

    /// Stores a blob durably, and returns its location.
    pub async fn put(&self, bytes: Bytes) -> Result<String, MediaError> {
        let location = self.new_location();
        self.objects().put(&location, bytes.into()).await?;
        Ok(location.into())
    }

    /// The first `size_bytes` of a blob.
    pub async fn read(&self, location: &str, size_bytes: u64) -> Result<Bytes, MediaError> {
        let mut pieces = self.blob(location).stream(0..size_bytes);
        let Some(first) = pieces.try_next().await? else {
            return Ok(Bytes::new());
        };
        let mut all = BytesMut::from(first);
        while let Some(piece) = pieces.try_next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// The blob at a location, to be read later.
    pub fn blob(&self, location: &str) -> Blob {
        Blob { storage: self.storage.clone(), location: Path::from(location) }
    }

    /// Deletes a blob; it is no failure if it is gone.
    pub async fn delete(&self, location: &str) -> Result<(), MediaError> {
        match self.objects().delete(&Path::from(location)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A blob that may be read.
pub(crate) struct Blob {
    storage: Storage,
    location: Path,
}

impl Blob {
    /// Where it is.
    pub fn location(&self) -> &str {
        self.location.as_ref()
    }

    /// Bytes of it in pieces. Nothing is read before somebody wants the first.
    pub fn stream(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, MediaError>> {
        self.storage.stream(self.location.clone(), range).boxed()
    }
}
