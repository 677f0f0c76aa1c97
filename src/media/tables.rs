//! What the store keeps about media, in [`Keyspace::Media`].
//!
//! | tag | key | value |
//! |---|---|---|
//! | 1 | server name, media id | what was uploaded under the id |
//! | 2 | hash of a content | where its blob is, who refers to it, its thumbnails |
//! | 3 | media id | who reserved it, until when |
//! | 4 | user | the ids that the user has reserved, oldest first |
//! | 5 | user | bytes that the user keeps |
//! | 6 | part 0 to 15 | bytes that all users keep, in parts so that uploads do not meet |
//! | 7 | hash of a URL | the last preview of it |
//! | 8 | when a preview ends, hash of its URL | its picture |
//! | 9 | 0 | bytes of the pictures of previews |
//! | 10 | media id, event id | the event shows the file |

use hearth_store::{Keyspace, Table};
use ruma::{OwnedEventId, OwnedServerName, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::size::Size;

/// The BLAKE3 hash of a content.
pub(crate) type ContentHash = [u8; 32];

pub(crate) const FILES: Table<(OwnedServerName, String), FileRow> =
    Table::new(Keyspace::Media, 1, 1);
pub(crate) const BLOBS: Table<(ContentHash,), BlobRow> = Table::new(Keyspace::Media, 2, 1);
pub(crate) const RESERVATIONS: Table<(String,), ReservationRow> = Table::new(Keyspace::Media, 3, 1);
pub(crate) const PENDING: Table<(OwnedUserId,), Vec<PendingUpload>> =
    Table::new(Keyspace::Media, 4, 1);
pub(crate) const USED_BY_USER: Table<(OwnedUserId,), u64> = Table::new(Keyspace::Media, 5, 1);
pub(crate) const USED_IN_TOTAL: Table<(u8,), u64> = Table::new(Keyspace::Media, 6, 1);

pub(crate) const PREVIEWS: Table<(ContentHash,), PreviewRow> = Table::new(Keyspace::Media, 7, 1);
pub(crate) const PREVIEW_ENDS: Table<(u64, ContentHash), PreviewEnd> =
    Table::new(Keyspace::Media, 8, 1);
pub(crate) const USED_BY_PREVIEWS: Table<(u8,), u64> = Table::new(Keyspace::Media, 9, 1);

pub(crate) const SHOWN_BY: Table<(String, OwnedEventId), ()> = Table::new(Keyspace::Media, 10, 1);

/// In how many parts the total is counted.
pub(crate) const TOTAL_PARTS: u8 = 16;

/// The part of the total that a content counts in.
pub(crate) const fn total_part(content: &ContentHash) -> u8 {
    content[0] % TOTAL_PARTS
}

/// What was uploaded under an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRow {
    pub content: ContentHash,
    pub size_bytes: u64,
    pub content_type: Option<String>,
    pub filename: Option<String>,
    /// `None` for the pictures of previews.
    pub uploader: Option<OwnedUserId>,
    pub uploaded_at_ms: u64,
}

/// One content, however many ids it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlobRow {
    /// A location of its own for each time the content came to be, so that what deletes an old
    /// blob can never hit a new one.
    pub location: String,
    pub size_bytes: u64,
    /// How many rows of [`FILES`] have this content.
    pub references: u64,
    pub thumbnails: Vec<ThumbnailRow>,
}

/// A smaller picture of a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ThumbnailRow {
    pub size: Size,
    pub format: ThumbnailFormat,
    pub location: String,
    pub size_bytes: u64,
}

/// How thumbnails are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ThumbnailFormat {
    /// For opaque pictures.
    Jpeg,
    /// For pictures that one can see through.
    Png,
}

/// Who may upload to an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReservationRow {
    pub user: OwnedUserId,
    pub expires_at_ms: u64,
}

/// An id that waits for its upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PendingUpload {
    pub media_id: String,
    pub expires_at_ms: u64,
}

/// A preview of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreviewRow {
    pub fetched_at_ms: u64,
    /// What clients get.
    pub json: String,
}

/// What is deleted when a preview ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PreviewEnd {
    /// The id of its picture.
    pub picture: Option<String>,
}
