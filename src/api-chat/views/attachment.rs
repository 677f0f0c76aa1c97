//! Files that come with messages.

use hearth_media::{MediaId, MediaInfo};
use hearth_rooms::Event;
use ruma::MxcUri;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Timestamp,
    message::{FileContent, MessageContent},
};
use crate::Settings;

/// A file that comes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attachment {
    /// The id.
    pub id: String,
    /// What it is called.
    pub filename: String,
    /// How large it is, in bytes, by what the sender says.
    pub size: Option<u64>,
    /// What it is, by what the sender says.
    pub mime_type: Option<String>,
    /// Where it is; it wants the token.
    pub url: String,
    /// Where a small picture of it is, if it is a picture.
    pub thumbnail_url: Option<String>,
    /// How wide a picture is, in pixels.
    pub width: Option<u64>,
    /// How high a picture is, in pixels.
    pub height: Option<u64>,
    /// When it came into the room.
    pub uploaded_at: Timestamp,
}

impl Attachment {
    /// The files of a message that are on this server.
    pub(super) fn all(settings: &Settings, event: &Event, content: &MessageContent) -> Vec<Self> {
        let files: &[FileContent] = match content.files.as_slice() {
            [] => std::slice::from_ref(&content.file),
            files => files,
        };
        files.iter().filter_map(|file| Self::of(settings, event, &content.body, file)).collect()
    }

    fn of(settings: &Settings, event: &Event, body: &str, file: &FileContent) -> Option<Self> {
        let (server, media) = <&MxcUri>::from(file.url.as_deref()?).parts().ok()?;
        if server != settings.server_name {
            return None;
        }
        let info = file.info.as_ref();
        let mime_type = info.and_then(|info| info.mimetype.clone());
        // Who may see the event may see the file, even if nobody else knows that it shows it.
        let seen = event.pdu().event_id().as_str().replace('$', "%24");
        let url = format!("{}/attachments/{media}", settings.base_path);
        let is_picture = mime_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
        Some(Self {
            thumbnail_url: is_picture.then(|| format!("{url}/thumbnail?message={seen}")),
            url: format!("{url}?message={seen}"),
            id: media.to_owned(),
            filename: file.filename.clone().unwrap_or_else(|| body.to_owned()),
            size: info.and_then(|info| info.size),
            mime_type,
            width: info.and_then(|info| info.width),
            height: info.and_then(|info| info.height),
            uploaded_at: event.pdu().origin_server_ts().into(),
        })
    }

    /// A file that was just uploaded.
    #[must_use]
    pub fn uploaded(settings: &Settings, id: &MediaId, info: MediaInfo) -> Self {
        let url = format!("{}/attachments/{id}", settings.base_path);
        let is_picture = info.content_type.as_deref().is_some_and(|it| it.starts_with("image/"));
        Self {
            thumbnail_url: is_picture.then(|| format!("{url}/thumbnail")),
            url,
            id: id.to_string(),
            filename: info.filename.unwrap_or_else(|| "file".to_owned()),
            size: Some(info.size_bytes),
            mime_type: info.content_type,
            width: None,
            height: None,
            uploaded_at: Timestamp::from_ms(info.uploaded_at_ms),
        }
    }
}
