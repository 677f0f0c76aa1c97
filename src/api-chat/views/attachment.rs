//! Files that come with messages.

use hearth_rooms::Event;
use ruma::{MxcUri, OwnedMxcUri};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Timestamp, message::MessageContent};
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
    /// Where it is.
    pub url: String,
    /// How wide a picture is, in pixels.
    pub width: Option<u64>,
    /// How high a picture is, in pixels.
    pub height: Option<u64>,
    /// When it came into the room.
    pub uploaded_at: Timestamp,
}

impl Attachment {
    /// The file of a message; `None` if there is none, or it is not on this server.
    pub(super) fn of(settings: &Settings, event: &Event, content: &MessageContent) -> Option<Self> {
        let address: OwnedMxcUri = content.url.as_deref().map(<&MxcUri>::from)?.to_owned();
        let (server, media) = address.parts().ok()?;
        if server != settings.server_name {
            return None;
        }
        let info = content.info.as_ref();
        Some(Self {
            url: format!("{}/attachments/{media}", settings.base_path),
            id: media.to_owned(),
            filename: content.filename.clone().unwrap_or_else(|| content.body.clone()),
            size: info.and_then(|info| info.size),
            mime_type: info.and_then(|info| info.mimetype.clone()),
            width: info.and_then(|info| info.width),
            height: info.and_then(|info| info.height),
            uploaded_at: event.pdu().origin_server_ts().into(),
        })
    }
}
