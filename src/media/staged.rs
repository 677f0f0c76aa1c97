//! A blob while its bytes arrive. Nobody can read it before it is published.

use std::mem;

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use object_store::{MultipartUpload, ObjectStoreExt, path::Path};

use crate::{MediaError, Storage, tables::ContentHash};

/// Bytes that are hashed, counted and written as they come; small blobs are written at once.
pub(crate) struct Staged {
    storage: Storage,
    location: Path,
    hasher: blake3::Hasher,
    size_bytes: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    parts: Option<Box<dyn MultipartUpload>>,
    published: bool,
}

impl Staged {
    pub fn new(storage: Storage, location: Path) -> Self {
        Self {
            storage,
            location,
            hasher: blake3::Hasher::new(),
            size_bytes: 0,
            gathered: Vec::new(),
            gathered_bytes: 0,
            parts: None,
            published: false,
        }
    }

    /// Bytes so far.
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The hash of the bytes so far.
    pub fn content(&self) -> ContentHash {
        *self.hasher.finalize().as_bytes()
    }

    /// Where the bytes are once they are published.
    pub fn location(&self) -> String {
        self.location.clone().into()
    }

    /// Adds bytes at the end.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), MediaError> {
        self.hasher.update(&bytes);
        self.size_bytes += bytes.len() as u64;
        self.gather(bytes).await
    }

    /// Writes parts as large as the storage wants them: all but the last have the same size.
    async fn gather(&mut self, mut bytes: Bytes) -> Result<(), MediaError> {
        loop {
            let missing_bytes = self.storage.part_bytes - self.gathered_bytes;
            let rest = bytes.split_off(missing_bytes.min(bytes.len()));
            self.gathered_bytes += bytes.len();
            self.gathered.push(bytes);
            if self.gathered_bytes < self.storage.part_bytes {
                return Ok(());
            }
            self.write_part().await?;
            bytes = rest;
        }
    }

    async fn write_part(&mut self) -> Result<(), MediaError> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let parts = self.storage.objects.put_multipart(&self.location).await?;
                self.parts.insert(parts)
            }
        };
        self.gathered_bytes = 0;
        let part = mem::take(&mut self.gathered).into_iter().collect();
        Ok(parts.put_part(part).await?)
    }

    /// Makes the bytes durable and readable. Doing it again does nothing.
    pub async fn publish(&mut self) -> Result<(), MediaError> {
        if self.published {
            return Ok(());
        }
        if self.parts.is_some() && self.gathered_bytes > 0 {
            self.write_part().await?;
        }
        if let Some(parts) = &mut self.parts {
            parts.complete().await?;
        } else {
            let all = self.gathered.iter().cloned().collect();
            self.storage.objects.put(&self.location, all).await?;
        }
        self.published = true;
        Ok(())
    }

    /// The bytes, for those who look at them before they are linked. What was too large to be
    /// gathered is published for that: nothing names it yet, so nobody else finds it.
    pub async fn read(
        &mut self,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, MediaError> {
        if self.parts.is_none() && !self.published {
            return Ok(stream::iter(self.gathered.clone()).map(Ok).boxed());
        }
        self.publish().await?;
        Ok(self.storage.stream(self.location.clone(), 0..self.size_bytes).boxed())
    }

    /// Throws the bytes away, wherever they are by now.
    pub async fn discard(mut self) -> Result<(), MediaError> {
        if self.published {
            self.storage.objects.delete(&self.location).await?;
        } else if let Some(parts) = &mut self.parts {
            parts.abort().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::TryStreamExt;
    use object_store::{ObjectStore, memory::InMemory};

    use super::*;
    use crate::limits::FILE_PART_BYTES;

    async fn locations(objects: &InMemory) -> Vec<String> {
        let listed: Vec<_> = objects.list(None).try_collect().await.unwrap();
        listed.into_iter().map(|object| object.location.into()).collect()
    }

    #[tokio::test]
    async fn large_and_small_blobs_come_back_whole() {
        for pieces in [1, 40] {
            let objects = Arc::new(InMemory::new());
            let storage = Storage::of_files(objects.clone());
            let mut staged = Staged::new(storage, Path::from("ab/cd"));
            let piece = Bytes::from(vec![7; 100_000]);
            for _ in 0..pieces {
                staged.write(piece.clone()).await.unwrap();
            }
            assert!(locations(&objects).await.is_empty());
            let read: Vec<Bytes> = staged.read().await.unwrap().try_collect().await.unwrap();
            assert!(read.concat() == vec![7; pieces * piece.len()]);
            staged.publish().await.unwrap();
            staged.publish().await.unwrap();
            let stored = objects.get(&Path::from("ab/cd")).await.unwrap().bytes().await.unwrap();
            assert_eq!(stored.len(), pieces * piece.len());
            assert_eq!(staged.content(), *blake3::hash(&stored).as_bytes());
            staged.discard().await.unwrap();
            assert!(locations(&objects).await.is_empty());
        }
    }

    #[tokio::test]
    async fn what_is_discarded_early_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let storage = crate::local_blobs(directory.path()).unwrap();
        let mut staged = Staged::new(storage, Path::from("ab/cd"));
        staged.write(Bytes::from(vec![7; 3 * FILE_PART_BYTES])).await.unwrap();
        let files = || std::fs::read_dir(directory.path().join("ab")).unwrap().count();
        assert_eq!(files(), 1);
        staged.discard().await.unwrap();
        assert_eq!(files(), 0);
    }
}
