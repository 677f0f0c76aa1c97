//! A content repository in memory, and pictures, for the tests of this crate.

use std::{
    io::{Cursor, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, TryStreamExt, stream};
use hearth_base::{Clock, Random};
use hearth_store::{MemoryEngine, Store};
use image::{ImageFormat, RgbImage};
use object_store::{ObjectStore, memory::InMemory};
use ruma::{MxcUri, OwnedMxcUri, UserId, media::Method, server_name};

use crate::{Media, MediaError, MediaFile, Settings, Storage, ThumbnailRequest, Upload};

pub struct TestMedia {
    pub media: Media,
    pub clock: Clock,
    objects: Arc<InMemory>,
}

impl TestMedia {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Clock::manual(1_700_000_000_000);
        let objects = Arc::new(InMemory::new());
        let mut settings = Settings::new(server_name!("hearth").to_owned());
        change(&mut settings);
        let media = Media::new(
            Store::new(MemoryEngine::new()),
            Storage::of_files(objects.clone()),
            clock.clone(),
            Random::seeded(1),
            settings,
        );
        Self { media, clock, objects }
    }

    /// How many blobs there are.
    pub async fn blobs(&self) -> usize {
        self.objects.list(None).try_collect::<Vec<_>>().await.unwrap().len()
    }

    pub async fn upload(
        &self,
        user: &UserId,
        content_type: &str,
        content: &[u8],
    ) -> Result<OwnedMxcUri, MediaError> {
        self.media.upload(user, upload(content_type, content)).await
    }

    pub async fn upload_to(
        &self,
        user: &UserId,
        uri: &MxcUri,
        content: &[u8],
    ) -> Result<(), MediaError> {
        let (server_name, media_id) = uri.parts().unwrap();
        let upload = upload("text/plain", content);
        self.media.upload_to(user, server_name, media_id, upload).await
    }

    pub async fn download(&self, uri: &MxcUri) -> Option<(MediaFile, Vec<u8>)> {
        let (server_name, media_id) = uri.parts().unwrap();
        let file = self.media.get(server_name, media_id, Duration::ZERO).await.unwrap()?;
        let content = all_of(&file).await;
        Some((file, content))
    }

    pub async fn thumbnail_file(
        &self,
        uri: &MxcUri,
        width: u32,
        height: u32,
    ) -> Result<Option<MediaFile>, MediaError> {
        let (server_name, media_id) = uri.parts().unwrap();
        let wanted = ThumbnailRequest {
            width,
            height,
            method: if width == height { Method::Crop } else { Method::Scale },
        };
        self.media.thumbnail(server_name, media_id, &wanted, Duration::ZERO).await
    }

    pub async fn thumbnail(
        &self,
        uri: &MxcUri,
        width: u32,
        height: u32,
    ) -> Result<Vec<u8>, MediaError> {
        let file = self.thumbnail_file(uri, width, height).await?.unwrap();
        Ok(all_of(&file).await)
    }

    pub async fn delete(&self, uri: &MxcUri) -> bool {
        let (server_name, media_id) = uri.parts().unwrap();
        self.media.delete(server_name, media_id).await.unwrap()
    }
}

async fn all_of(file: &MediaFile) -> Vec<u8> {
    file.bytes(0..file.size_bytes).try_collect::<Vec<_>>().await.unwrap().concat()
}

fn upload(
    content_type: &str,
    content: &[u8],
) -> Upload<impl Stream<Item = Result<Bytes, String>> + Send> {
    let pieces: Vec<_> =
        content.chunks(64 * 1024).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Upload {
        content_type: Some(content_type.to_owned()),
        filename: None,
        body: stream::iter(pieces),
    }
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let shade = |x: u32, y: u32| u8::try_from((x * 7 + y * 13) % 256).unwrap();
    let pixels = RgbImage::from_fn(width, height, |x, y| image::Rgb([shade(x, y), shade(y, x), 9]));
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub fn png(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::Png)
}

pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::Jpeg)
}

/// A JPEG whose camera was held sideways (EXIF orientation 6).
pub fn jpeg_turned(width: u32, height: u32) -> Vec<u8> {
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let upright = jpeg(width, height);
    [&upright[..2], &[0xff, 0xe1], &length, exif, &upright[2..]].concat()
}

/// A compound file with streams at these paths, as old Office documents are.
pub fn compound_file(paths: &[&str]) -> Vec<u8> {
    let bytes = Cursor::new(Vec::new());
    let mut file = cfb::CompoundFile::create_with_version(cfb::Version::V3, bytes).unwrap();
    for path in paths {
        file.create_storage_all(Path::new("/").join(path).parent().unwrap()).unwrap();
        file.create_stream(path).unwrap().write_all(b"content").unwrap();
    }
    file.into_inner().into_inner()
}

/// A ZIP archive of empty files with these names, in this order.
pub fn zip(names: &[&str]) -> Vec<u8> {
    let (mut content, mut directory) = (Vec::new(), Vec::new());
    for name in names {
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let start = u32::try_from(content.len()).unwrap().to_le_bytes();
        content.extend([b"PK\x03\x04\x14\0".as_slice(), &[0; 20], &length, &[0; 2]].concat());
        content.extend(name.as_bytes());
        let entry = [b"PK\x01\x02\x14\0\x14\0".as_slice(), &[0; 20], &length, &[0; 12], &start];
        directory.extend([&entry.concat(), name.as_bytes()].concat());
    }
    let count = u16::try_from(names.len()).unwrap().to_le_bytes();
    let [length, start] =
        [&directory, &content].map(|part| u32::try_from(part.len()).unwrap().to_le_bytes());
    let end = [b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &length, &start, &[0; 2]];
    [content, directory, end.concat()].concat()
}

/// The checksum of a chunk of a PNG.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
