//! Media and previews of URLs, as the settings want them.

use std::time::Duration;

use hearth_base::{Clock, Random};
use hearth_media::{
    Media, MediaError, PreviewSettings, Previews, S3Settings, ScannerAddress, ScannerSettings,
    Storage,
};
use hearth_outgoing::Outgoing;
use hearth_store::Store;

use crate::{config, config::Settings, data_dir::DataDir, wiring::WiringError};

/// The media, whose blobs are in the data directory or in a bucket.
///
/// # Errors
/// Their directory cannot be used, or the settings of the bucket lack something.
pub(super) fn open_media(
    settings: &Settings,
    data_dir: &DataDir,
    store: &Store,
    outgoing: &Outgoing,
    clock: &Clock,
    random: &Random,
) -> Result<Media, WiringError> {
    let limits = &settings.media;
    let media = hearth_media::Settings {
        max_upload_bytes: limits.max_upload_bytes,
        max_bytes_per_user: Some(limits.max_bytes_per_user).filter(|bytes| *bytes > 0),
        frozen_at_ms: limits.freeze_unauthenticated_at.map(|seconds| seconds.saturating_mul(1_000)),
        scanner: scanner(&limits.scanner),
        ..hearth_media::Settings::new(settings.server_name.clone())
    };
    let storage = open_storage(&limits.storage, data_dir, outgoing)
        .map_err(|error| WiringError::Media(error.to_string()))?;
    Ok(Media::new(store.clone(), storage, clock.clone(), random.clone(), media))
}

fn open_storage(
    storage: &config::MediaStorage,
    data_dir: &DataDir,
    outgoing: &Outgoing,
) -> Result<Storage, MediaError> {
    let Some(bucket) = storage.bucket.clone() else {
        let directory = data_dir.media();
        let unusable = |error| MediaError::Settings(format!("{}: {error}", directory.display()));
        std::fs::create_dir_all(&directory).map_err(unusable)?;
        return hearth_media::local_blobs(&directory);
    };
    let missing = |key: &str| {
        MediaError::Settings(format!("media.storage.bucket needs media.storage.{key} too"))
    };
    let s3 = S3Settings {
        bucket,
        endpoint: storage.endpoint.clone(),
        region: storage.region.clone(),
        path_style: storage.path_style,
        access_key_id: storage.access_key_id.clone().ok_or_else(|| missing("access_key_id"))?,
        secret_access_key: storage
            .secret_access_key
            .clone()
            .ok_or_else(|| missing("secret_access_key"))?,
        timeout: Duration::from_secs(storage.timeout_seconds),
    };
    hearth_media::s3_blobs(s3, outgoing)
}

fn scanner(settings: &config::MediaScanner) -> Option<ScannerSettings> {
    let clamd = settings.clamd.clone()?;
    let address = if clamd.starts_with('/') {
        ScannerAddress::Unix(clamd.into())
    } else {
        ScannerAddress::Tcp(clamd)
    };
    Some(ScannerSettings { address, timeout: Duration::from_secs(settings.timeout_seconds) })
}

/// Previews of URLs; none unless they are wanted.
pub(super) fn open_previews(
    settings: &Settings,
    media: &Media,
    outgoing: &Outgoing,
) -> Option<Previews> {
    settings.previews.enabled.then(|| {
        let config::Previews { allow, deny, .. } = settings.previews.clone();
        Previews::new(media.clone(), outgoing.clone(), PreviewSettings { allow, deny })
    })
}
