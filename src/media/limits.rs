//! The limits of media that are not settings.

use std::time::Duration;

/// Longest media id in bytes.
pub(crate) const MEDIA_ID_BYTES_MAX: usize = 255;
/// Characters of the ids made here, about 6 bits each.
pub(crate) const MEDIA_ID_CHARS: usize = 24;
/// Longest file name in bytes; the rest is cut off.
pub(crate) const FILENAME_BYTES_MAX: usize = 255;
/// Longest content type in bytes; a longer one counts as none.
pub(crate) const CONTENT_TYPE_BYTES_MAX: usize = 255;

/// How much of an upload is gathered before it is written to a file.
pub(crate) const FILE_PART_BYTES: usize = 1024 * 1024;
/// How much of a file is read at once.
pub(crate) const FILE_READ_BYTES: u64 = 512 * 1024;
/// How much of an upload is gathered before it is sent to an S3 service, which takes no less.
pub(crate) const S3_PART_BYTES: usize = 5 * 1024 * 1024;
/// How much is read from an S3 service at once.
pub(crate) const S3_READ_BYTES: u64 = 2 * 1024 * 1024;
/// Largest answer of an S3 service: a piece of a blob, or a list of a thousand names.
pub(crate) const S3_ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How often a request to an S3 service that failed is repeated, if there is time.
pub(crate) const S3_RETRIES_MAX: usize = 3;
/// Longest pause before that.
pub(crate) const S3_PAUSE_MAX: Duration = Duration::from_secs(2);
/// How much the scanner is sent at once.
pub(crate) const SCAN_CHUNK_BYTES: usize = 128 * 1024;
/// Longest reply of the scanner that is read.
pub(crate) const SCAN_REPLY_BYTES_MAX: u64 = 4 * 1024;
/// Most files that are scanned at the same time.
pub(crate) const SCANS_MAX: usize = 8;
/// How often a batch is tried again after somebody else wrote a row of it.
pub(crate) const CONFLICT_RETRIES_MAX: usize = 32;
/// How many completed uploads a waiting download may miss before it looks again.
pub(crate) const COMPLETIONS_MAX: usize = 1_024;
/// Longest wait for an upload that was announced.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(120);

/// Most events that are known to show a file.
pub(crate) const SHOWN_BY_MAX: usize = 100;

/// Most decoders at the same time.
pub(crate) const DECODERS_MAX: usize = 2;
/// Longest that somebody waits for a thumbnail, and that its source is decoded.
pub(crate) const THUMBNAIL_TIME_MAX: Duration = Duration::from_secs(15);
/// Largest file that is read to make a thumbnail, in bytes.
pub(crate) const SOURCE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Memory of a decoder for each pixel that the settings allow, in bytes.
pub(crate) const DECODER_BYTES_PER_PIXEL: u64 = 4;
/// Memory of a decoder for everything else, in bytes.
pub(crate) const DECODER_BYTES: u64 = 16 * 1024 * 1024;
/// Most scans of a progressive JPEG; cameras and editors write about ten.
pub(crate) const JPEG_SCANS_MAX: usize = 40;

/// Longest URL of which there are previews, in bytes.
pub(crate) const PREVIEW_URL_BYTES_MAX: usize = 4 * 1024;
/// How much of a page is read, in bytes: what previews need stands at its beginning.
pub(crate) const PREVIEW_PAGE_BYTES_MAX: u64 = 512 * 1024;
/// Longest time that reading a fetched page takes, in milliseconds.
pub(crate) const PREVIEW_READ_MS_MAX: u64 = 1_000;
/// Largest picture of a preview, in bytes.
pub(crate) const PREVIEW_PICTURE_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Longest time that a page, or its picture, takes to arrive.
pub(crate) const PREVIEW_TIME_MAX: Duration = Duration::from_secs(15);
/// Most redirects to a page, or to its picture.
pub(crate) const PREVIEW_REDIRECTS_MAX: u8 = 5;
/// Most properties that are taken over from a page.
pub(crate) const PREVIEW_PROPERTIES_MAX: usize = 50;
/// Longest text that is taken over from a page, in characters.
pub(crate) const PREVIEW_TEXT_CHARS_MAX: usize = 1_000;
/// How long a preview is given out before the page is fetched again, in milliseconds.
pub(crate) const PREVIEW_FRESH_MS: u64 = 6 * 60 * 60 * 1_000;
/// How long a preview and its picture are kept, in milliseconds.
pub(crate) const PREVIEW_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Most pages that are fetched at the same time.
pub(crate) const PREVIEWS_FETCHED_MAX: usize = 8;
/// Most that the pictures of all previews together may take, in bytes.
pub(crate) const PREVIEWS_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Most previews that end in one round of tidying.
pub(crate) const PREVIEWS_ENDED_MAX: usize = 1_000;

/// How often media are tidied.
pub(crate) const TIDY_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How old a blob that nothing names has to be before it is deleted, in milliseconds: it may be
/// that of an upload that is just being linked.
pub(crate) const ORPHAN_AGE_MS: i64 = 24 * 60 * 60 * 1_000;
/// Rows of blobs that are read at once to find those that nothing names.
pub(crate) const BLOB_ROWS_READ: usize = 1_000;
