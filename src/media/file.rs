//! Content that is given out, as the answer to a request.

use std::ops::Range;

use bytes::Bytes;
use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use headers::{AcceptRanges, ContentLength, ContentRange, ETag, HeaderMapExt};
use http::{HeaderMap, Method, Response, StatusCode, header::CACHE_CONTROL};

use crate::{
    MediaError,
    blobs::Blob,
    content_headers::{IMMUTABLE, content_headers},
    portion::Portion,
};

/// How much of the hash of a location is in an entity tag, in bytes.
const TAG_BYTES: usize = 16;

/// Content that is given out.
pub struct MediaFile {
    /// The type that its uploader said it has.
    pub content_type: Option<String>,
    /// The name that its uploader gave it.
    pub filename: Option<String>,
    /// How large it is, in bytes.
    pub size_bytes: u64,
    /// Where the bytes are.
    pub(crate) blob: Blob,
    /// The bytes, if they need not be read.
    pub(crate) at_hand: Option<Bytes>,
}

impl MediaFile {
    /// The file under another name.
    #[must_use]
    pub fn named(self, filename: String) -> Self {
        Self { filename: Some(filename), ..self }
    }

    /// The answer to a GET or HEAD: what conditions and range of the request leave of the file
    /// (RFC 9110, 13 and 14), with the headers that make it safe to give out. Nothing is read
    /// before somebody wants the body, so that of a HEAD costs nothing.
    ///
    /// A range that begins behind the end is answered with 416, whose body is the caller's.
    #[must_use]
    pub fn answer(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Response<BoxStream<'static, Result<Bytes, MediaError>>> {
        let (tag, size_bytes) = (self.tag(), self.size_bytes);
        let mut answer = match Portion::wanted(method, headers, tag.as_ref(), size_bytes) {
            Portion::Whole => self.with_bytes(0..size_bytes),
            Portion::Part(range) => {
                let mut answer = self.with_bytes(range.clone());
                *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
                if let Ok(range) = ContentRange::bytes(range, size_bytes) {
                    answer.headers_mut().typed_insert(range);
                }
                answer
            }
            Portion::Beyond => {
                let mut answer = without_bytes(StatusCode::RANGE_NOT_SATISFIABLE);
                answer.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(size_bytes));
                answer
            }
            Portion::Unchanged => {
                let mut answer = without_bytes(StatusCode::NOT_MODIFIED);
                answer.headers_mut().insert(CACHE_CONTROL, IMMUTABLE);
                answer
            }
        };
        answer.headers_mut().typed_insert(AcceptRanges::bytes());
        if let Some(tag) = tag {
            answer.headers_mut().typed_insert(tag);
        }
        answer
    }

    fn with_bytes(
        &self,
        range: Range<u64>,
    ) -> Response<BoxStream<'static, Result<Bytes, MediaError>>> {
        let length_bytes = range.end.saturating_sub(range.start);
        let mut answer = Response::new(self.bytes(range));
        *answer.headers_mut() =
            content_headers(self.content_type.as_deref(), self.filename.as_deref());
        answer.headers_mut().typed_insert(ContentLength(length_bytes));
        answer
    }

    /// Some of the bytes in pieces.
    pub(crate) fn bytes(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes, MediaError>> {
        let Some(bytes) = &self.at_hand else {
            return self.blob.stream(range);
        };
        let place = |at| usize::try_from(at).map_or(bytes.len(), |at| bytes.len().min(at));
        let part = bytes.slice(place(range.start)..place(range.end));
        stream::iter([Ok(part)]).boxed()
    }

    /// A strong entity tag: the location is used once, so these bytes and no others were ever
    /// there. Only a hash of it is told.
    fn tag(&self) -> Option<ETag> {
        let hash = blake3::hash(self.blob.location().as_bytes());
        let digits = hash.to_hex();
        format!("\"{}\"", digits.get(..2 * TAG_BYTES)?).parse().ok()
    }
}

fn without_bytes(status: StatusCode) -> Response<BoxStream<'static, Result<Bytes, MediaError>>> {
    let mut answer = Response::new(stream::empty().boxed());
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use http::header::{
        ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
    };
    use ruma::user_id;

    use super::*;
    use crate::{
        limits::FILE_READ_BYTES,
        test_media::{TestMedia, png},
    };

    type Answer = (StatusCode, HeaderMap, Vec<u8>);

    async fn ask(file: &MediaFile, name: http::HeaderName, value: &str) -> Answer {
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        let (head, body) = file.answer(&Method::GET, &headers).into_parts();
        let body: Vec<Bytes> = body.try_collect().await.unwrap();
        (head.status, head.headers, body.concat())
    }

    #[tokio::test]
    async fn a_part_is_a_part_of_the_whole() {
        let test = TestMedia::new();
        let size = usize::try_from(2 * FILE_READ_BYTES + 10).unwrap();
        let content: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
        let uri = test.upload(user_id!("@a:hearth"), "text/plain", &content).await.unwrap();
        let (file, _) = test.download(&uri).await.unwrap();
        for (start, end) in [(0, 1), (7, size - 7), (size - 1, size)] {
            let (status, headers, body) =
                ask(&file, RANGE, &format!("bytes={start}-{}", end - 1)).await;
            assert_eq!(status, StatusCode::PARTIAL_CONTENT);
            assert!(body == content[start..end], "{start} to {end}");
            assert_eq!(headers[CONTENT_RANGE], format!("bytes {start}-{}/{size}", end - 1));
            assert_eq!(headers[CONTENT_LENGTH], (end - start).to_string());
            assert_eq!(headers[CONTENT_TYPE], "text/plain");
        }
        let (status, headers, body) = ask(&file, RANGE, &format!("bytes={size}-")).await;
        assert_eq!((status, body.len()), (StatusCode::RANGE_NOT_SATISFIABLE, 0));
        assert_eq!(headers[CONTENT_RANGE], format!("bytes */{size}"));
        let (status, headers, body) = ask(&file, RANGE, "bytes=0-1,3-4").await;
        assert_eq!((status, body.len()), (StatusCode::OK, size));
        assert_eq!(headers[ACCEPT_RANGES], "bytes");
    }

    #[tokio::test]
    async fn equal_bytes_have_equal_tags() {
        let test = TestMedia::new();
        let upload = async |content: &[u8]| {
            test.upload(user_id!("@a:hearth"), "image/png", content).await.unwrap()
        };
        let picture = upload(&png(40, 40)).await;
        let (again, other) = (upload(&png(40, 40)).await, upload(b"other").await);
        let tag_of = async |file: &MediaFile| {
            let (_, headers, _) = ask(file, RANGE, "").await;
            headers[ETAG].to_str().unwrap().to_owned()
        };
        let (file, _) = test.download(&picture).await.unwrap();
        let tag = tag_of(&file).await;
        assert_eq!(tag, tag_of(&test.download(&again).await.unwrap().0).await);
        assert_ne!(tag, tag_of(&test.download(&other).await.unwrap().0).await);
        let (status, headers, body) = ask(&file, IF_NONE_MATCH, &tag).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(headers[ETAG], *tag);
        assert!(headers.contains_key(CACHE_CONTROL) && !headers.contains_key(CONTENT_LENGTH));
        // The one who draws a thumbnail gets the same as those who come later, in parts too.
        let drawn = test.thumbnail_file(&picture, 32, 32).await.unwrap().unwrap();
        let kept = test.thumbnail_file(&picture, 32, 32).await.unwrap().unwrap();
        assert_eq!(tag_of(&drawn).await, tag_of(&kept).await);
        assert_ne!(tag_of(&drawn).await, tag);
        let end = async |file| ask(file, RANGE, "bytes=-9").await.2;
        assert_eq!((end(&drawn).await.len(), end(&drawn).await), (9, end(&kept).await));
    }
}
