//! Pictures to upload, and how to upload them.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use reqwest::Method;

use crate::{Client, Reply, rooms::query_string};

impl Client {
    /// Asks to upload `bytes`.
    pub async fn try_upload(&self, kind: &str, name: &str, bytes: Vec<u8>) -> Reply {
        let path = format!("/_matrix/media/v3/upload?{}", query_string(&[("filename", name)]));
        let request = self.request(Method::POST, &path).header("content-type", kind);
        self.exchange(request.body(bytes)).await
    }

    /// Uploads `bytes` and returns `server/media_id` of its `mxc://` address.
    pub async fn upload(&self, kind: &str, name: &str, bytes: Vec<u8>) -> String {
        let body = self.try_upload(kind, name, bytes).await.ok();
        let address = body["content_uri"].as_str().expect("a content_uri");
        address.strip_prefix("mxc://").expect("an mxc address").to_owned()
    }
}

/// A PNG in one colour.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_pixel(width, height, image::Rgb([200, 80, 20]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A PNG of a few bytes whose header promises `width` × `height` pixels.
pub fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(1, 1);
    // The header chunk: 8 bytes of signature, 4 of length, then the type; the checksum covers it.
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The width and height of a picture in any format the server may answer with.
pub fn dimensions(bytes: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory(bytes).expect("a picture");
    (picture.width(), picture.height())
}

/// The checksum of PNG chunks (ISO 3309), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| {
        if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 }
    };
    let fold = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum));
    !bytes.iter().fold(u32::MAX, fold)
}
