//! The content repository: what users upload, and small pictures of it.
//!
//! One handle, [`Media`]. An upload goes through three steps: *reserve* an id (at once, or ahead
//! of time with [`Media::create`]), *stage* the bytes as a blob that is durable, *link* both with
//! one batch in the store, if the scanner lets it pass. What the store names therefore exists; a
//! blob that nothing names can only be left by a crash between the last two steps, and
//! [`Media::keep_tidy`] deletes it later. [`Previews`] of pages are made on top of that.
//!
//! Invariants: content never changes under its id; equal contents share a blob, which lives as
//! long as somebody refers to it; no decoder sees bytes that do not begin like one of four
//! picture formats, or more pixels than the settings allow.
//!
//! Deliberately absent: fetching media of other servers, and any trust in a declared type.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod blobs;
mod charset;
mod compound_file;
mod content_headers;
mod delete;
mod download;
mod error;
mod file;
mod kind;
mod limits;
mod link;
mod media_id;
mod page;
mod picture;
mod portion;
mod preview;
mod preview_rows;
#[cfg(test)]
mod preview_tests;
mod reserve;
mod s3;
mod scanner;
mod scans;
mod shown;
mod shrink;
mod size;
mod staged;
mod storage;
mod tables;
#[cfg(test)]
mod test_media;
mod thumbnail;
mod tidy;
mod upload;
mod zip_directory;

use std::sync::Arc;

use hearth_base::{Clock, Random};
use hearth_store::Store;
use ruma::{OwnedMxcUri, OwnedServerName};
use tokio::sync::{Semaphore, broadcast};

use crate::{blobs::Blobs, scanner::Scanner};

pub use error::MediaError;
pub use file::MediaFile;
pub use kind::attachment_type;
pub use media_id::MediaId;
pub use preview::{PreviewError, PreviewSettings, Previews};
pub use reserve::Reserved;
pub use s3::{S3Settings, s3_blobs};
pub use scanner::{ScannerAddress, ScannerSettings};
pub use shown::MediaInfo;
pub use storage::{Storage, local_blobs, memory_blobs};
pub use thumbnail::ThumbnailRequest;
pub use upload::Upload;

/// What an administrator decides about media.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name in the URIs of what is uploaded here.
    pub server_name: OwnedServerName,
    /// Largest upload in bytes.
    pub max_upload_bytes: u64,
    /// Most that a user may keep, in bytes.
    pub max_bytes_per_user: Option<u64>,
    /// Most that all users together may keep, in bytes.
    pub max_bytes_total: Option<u64>,
    /// Most reserved ids of a user that wait for their upload.
    pub max_pending_uploads: usize,
    /// How long a reserved id waits for its upload, in milliseconds.
    pub reservation_ms: u64,
    /// Most pixels of a picture that gets thumbnails.
    pub max_pixels: u64,
    /// From when on uploads are only for those who are logged in, in Unix milliseconds.
    pub frozen_at_ms: Option<u64>,
    /// What looks for malware in everything that is taken in, before anybody can read it.
    pub scanner: Option<ScannerSettings>,
}

impl Settings {
    /// The defaults for a server: uploads of 50 MiB, no quotas, pictures of 32 megapixels.
    #[must_use]
    pub const fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            max_upload_bytes: 50 * 1024 * 1024,
            max_bytes_per_user: None,
            max_bytes_total: None,
            max_pending_uploads: 10,
            reservation_ms: 24 * 60 * 60 * 1_000,
            max_pixels: 32 * 1024 * 1024,
            frozen_at_ms: None,
            scanner: None,
        }
    }
}

/// The content repository. Cheap to clone.
#[derive(Clone)]
pub struct Media(Arc<Parts>);

struct Parts {
    store: Store,
    blobs: Blobs,
    scanner: Option<Scanner>,
    clock: Clock,
    random: Random,
    settings: Settings,
    /// The ids whose upload has just been completed, for those who wait.
    completed: broadcast::Sender<MediaId>,
    /// One permit a decoder that may run at the same time.
    decoders: Arc<Semaphore>,
}

impl Media {
    /// The media whose metadata is in `store` and whose bytes are in `storage`.
    #[must_use]
    pub fn new(
        store: Store,
        storage: Storage,
        clock: Clock,
        random: Random,
        settings: Settings,
    ) -> Self {
        let (completed, _) = broadcast::channel(limits::COMPLETIONS_MAX);
        Self(Arc::new(Parts {
            store,
            blobs: Blobs::new(storage, random.clone()),
            scanner: settings.scanner.clone().map(Scanner::new),
            clock,
            random,
            settings,
            completed,
            decoders: Arc::new(Semaphore::new(limits::DECODERS_MAX)),
        }))
    }

    /// The settings, for the endpoints that tell clients about them.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn uri(&self, media_id: &MediaId) -> OwnedMxcUri {
        format!("mxc://{}/{media_id}", self.0.settings.server_name).into()
    }
}
