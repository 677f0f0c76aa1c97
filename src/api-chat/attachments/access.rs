//! Who may have a file.

use hearth_media::{MediaId, MediaInfo};
use ruma::{EventId, UserId};
use serde_json::Value;

use crate::{ChatApi, Problem};

/// How deep in the content of an event the address of a file may be.
const CONTENT_DEPTH_MAX: usize = 4;

/// Checks that a file can be the avatar of a user: a picture that they uploaded. An avatar is for
/// everybody, and whether a file is, decides who it is from.
///
/// # Errors
/// 400 if it cannot.
pub(crate) async fn check_avatar(api: &ChatApi, user: &UserId, id: &str) -> Result<(), Problem> {
    let info = api.media.info(id).await?;
    let is_own = info.is_some_and(|info| info.uploader.as_deref() == Some(user));
    if is_own && api.media.is_picture(id).await? {
        return Ok(());
    }
    Err(Problem::invalid_field("avatar", "you uploaded no such picture"))
}

/// A file that somebody may have.
///
/// # Errors
/// 404 if there is none, 403 if the user may not have it.
pub(super) async fn readable(
    api: &ChatApi,
    user: &UserId,
    id: &str,
    message: Option<&EventId>,
) -> Result<(MediaId, MediaInfo), Problem> {
    let unknown = || Problem::not_found("there is no such attachment");
    let media_id = MediaId::parse(id).ok_or_else(unknown)?;
    let info = api.media.info(id).await?.ok_or_else(unknown)?;
    if may_read(api, user, &media_id, &info, message).await? {
        Ok((media_id, info))
    } else {
        Err(Problem::forbidden("you may not see what this attachment belongs to"))
    }
}

async fn may_read(
    api: &ChatApi,
    user: &UserId,
    media_id: &MediaId,
    info: &MediaInfo,
    message: Option<&EventId>,
) -> Result<bool, Problem> {
    let uri = format!("mxc://{}/{media_id}", api.settings.server_name);
    if let Some(uploader) = info.uploader.as_deref() {
        let is_avatar = async || -> Result<bool, Problem> {
            let profile = api.accounts.member_profile(uploader).await?;
            Ok(profile.avatar_url.is_some_and(|avatar| avatar == uri.as_str()))
        };
        if uploader == user || is_avatar().await? {
            return Ok(true);
        }
    }
    if let Some(message) = message
        && shows(api, user, message, &uri).await?
    {
        return Ok(true);
    }
    for event in api.media.shown_by(media_id).await? {
        if shows(api, user, &event, &uri).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an event names the file, and the user may see the event.
async fn shows(api: &ChatApi, user: &UserId, event: &EventId, uri: &str) -> Result<bool, Problem> {
    let snapshot = api.rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let Some(event) = api.rooms.event_by_id(snapshot, event).await? else {
        return Ok(false);
    };
    let content: Option<Value> = event.pdu().content_as();
    if !content.is_some_and(|content| names(&content, uri, CONTENT_DEPTH_MAX)) {
        return Ok(false);
    }
    let room = api.rooms.room_by_nid(snapshot, event.room()).await?;
    let mut visibility = api.rooms.visibility(snapshot, &room, user).await?;
    Ok(visibility.may_see(&event).await?)
}

fn names(content: &Value, uri: &str, depth: usize) -> bool {
    match content {
        Value::String(text) => text == uri,
        Value::Object(fields) if depth > 0 => {
            fields.values().any(|field| names(field, uri, depth - 1))
        }
        Value::Array(items) if depth > 0 => items.iter().any(|item| names(item, uri, depth - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_named_by_its_whole_address() {
        let named = |content| names(&content, "mxc://a/b", CONTENT_DEPTH_MAX);
        assert!(named(json!({ "url": "mxc://a/b" })));
        assert!(named(json!({ "info": { "thumbnail_file": { "url": "mxc://a/b" } } })));
        assert!(named(json!({ "attachments": [{ "url": "mxc://a/b" }] })));
        assert!(!named(json!({ "body": "see mxc://a/b", "url": "mxc://a/bc" })));
        assert!(!named(json!([[[[["mxc://a/b"]]]]])));
    }
}
