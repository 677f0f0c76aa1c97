//! Media and previews of URLs, as the settings want them.

use hearth_base::{Clock, Random};
use hearth_media::{Media, PreviewSettings, Previews};
use hearth_outgoing::Outgoing;
use hearth_store::Store;

use crate::{config, config::Settings, data_dir::DataDir, wiring::WiringError};

/// The media of a data directory.
///
/// # Errors
/// Their directory cannot be used.
pub(super) fn open_media(
    settings: &Settings,
    data_dir: &DataDir,
    store: &Store,
    clock: &Clock,
    random: &Random,
) -> Result<Media, WiringError> {
    let limits = &settings.media;
    let media = hearth_media::Settings {
        max_upload_bytes: limits.max_upload_bytes,
        max_bytes_per_user: Some(limits.max_bytes_per_user).filter(|bytes| *bytes > 0),
        frozen_at_ms: limits.freeze_unauthenticated_at.map(|seconds| seconds.saturating_mul(1_000)),
        ..hearth_media::Settings::new(settings.server_name.clone())
    };
    let directory = data_dir.media();
    std::fs::create_dir_all(&directory).map_err(|error| WiringError::Media(error.to_string()))?;
    let blobs = hearth_media::local_blobs(&directory)
        .map_err(|error| WiringError::Media(error.to_string()))?;
    Ok(Media::new(store.clone(), blobs, clock.clone(), random.clone(), media))
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
