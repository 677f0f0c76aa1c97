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

/// How much of an upload is gathered before it is written.
pub(crate) const PART_BYTES: usize = 1024 * 1024;
/// How much of a blob is read at once.
pub(crate) const READ_BYTES: u64 = 512 * 1024;
/// How often a batch is tried again after somebody else wrote a row of it.
pub(crate) const CONFLICT_RETRIES_MAX: usize = 32;
/// How many completed uploads a waiting download may miss before it looks again.
pub(crate) const COMPLETIONS_MAX: usize = 1_024;
/// Longest wait for an upload that was announced.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(120);

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
