//! Pictures to upload, how to upload them, and how to have them back in parts.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};
use reqwest::{Method, RequestBuilder};

use serde_json::Value;

use crate::{Chat, Client, Reply, rooms::query_string};

const BOUNDARY: &str = "the-boundary";

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

impl Chat {
    /// Asks to upload what is in a form.
    pub async fn post_form(&self, form: Vec<u8>) -> Reply {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.request(Method::POST, "/attachments/upload");
        self.exchange(request.header("content-type", kind).body(form)).await
    }

    /// Uploads a file; the attachment that it is.
    pub async fn attach(&self, filename: &str, content: &[u8]) -> Value {
        self.post_form(form("file", filename, content)).await.created()
    }
}

/// A form with a file.
pub fn form(field: &str, filename: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{filename}\"\
         \r\nContent-Type: application/x-lie\r\n\r\n"
    );
    [head.as_bytes(), content, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// Checks that the answer to `request` is `content`, which can be had in parts and is not sent to
/// who has it (RFC 9110, 13 and 14). What a refused range is answered with is returned.
pub async fn assert_parts(
    request: impl Fn(Method) -> RequestBuilder,
    exchange: impl AsyncFn(RequestBuilder) -> Reply,
    content: &[u8],
) -> Reply {
    let size = content.len();
    let whole = exchange(request(Method::GET)).await;
    assert_eq!((whole.status, &*whole.bytes), (200, content), "{}", whole.text());
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let tag = whole.header("etag");
    let part = async |range: String, validator: &str| {
        let request = request(Method::GET).header("range", range).header("if-range", validator);
        exchange(request).await
    };
    for (range, first, last) in [
        ("bytes=0-9".to_owned(), 0, 9),
        (format!("bytes={}-", size - 5), size - 5, size - 1),
        ("bytes=-7".to_owned(), size - 7, size - 1),
        (format!("bytes=10-{}", 2 * size), 10, size - 1),
    ] {
        let reply = part(range, &tag).await;
        assert_eq!((reply.status, &*reply.bytes), (206, &content[first..=last]));
        assert_eq!(reply.header("content-range"), format!("bytes {first}-{last}/{size}"));
        assert_eq!(reply.header("content-length"), (last + 1 - first).to_string());
        assert_eq!(reply.header("etag"), tag);
        for name in ["content-type", "content-security-policy", "x-content-type-options"] {
            assert_eq!(reply.header(name), whole.header(name), "{name}");
        }
    }
    for (range, validator) in
        [("bytes=0-9", "\"other\""), ("bytes=0-1,4-5", &tag), ("lines=1-2", &tag), ("9", &tag)]
    {
        let reply = part(range.to_owned(), validator).await;
        assert_eq!((reply.status, &*reply.bytes), (200, content), "{range}");
    }
    let known = exchange(request(Method::GET).header("if-none-match", &tag)).await;
    assert_eq!((known.status, known.bytes.len()), (304, 0));
    assert_eq!(known.header("etag"), tag);
    let head = exchange(request(Method::HEAD).header("range", "bytes=0-9")).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    for name in ["content-length", "content-type", "accept-ranges", "etag"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    let beyond = part(format!("bytes={size}-"), &tag).await;
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    beyond
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
