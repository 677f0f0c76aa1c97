//! The content repository: uploads, downloads and thumbnails.
//!
//! Files pass through in pieces, never whole. What a stranger uploaded leaves with the headers that
//! [`hearth_media`] finds safe.
//!
//! Deliberately absent: media of other servers, which do not exist here, and redirects.

mod config;
mod download;
mod old;
mod preview;
mod reserve;
mod serve;
mod taken;
mod thumbnail;
mod upload;

pub(crate) use self::{
    config::media_config,
    download::{download, download_as},
    old::{old_download, old_download_as, old_media_config, old_preview, old_thumbnail},
    preview::preview,
    reserve::reserve,
    thumbnail::thumbnail,
    upload::{upload, upload_reserved},
};
