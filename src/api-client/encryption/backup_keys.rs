//! `/room_keys/keys`: the keys in a backup, all, of a room, or of a session.

use std::collections::BTreeMap;

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma, RumaResponse};
use ruma::{
    OwnedRoomId, UInt,
    api::client::backup::{
        KeyBackupData, RoomKeyBackup, add_backup_keys, add_backup_keys_for_room,
        add_backup_keys_for_session, delete_backup_keys, delete_backup_keys_for_room,
        delete_backup_keys_for_session, get_backup_keys, get_backup_keys_for_room,
        get_backup_keys_for_session,
    },
    serde::Raw,
};

use crate::error::Error;

pub(crate) async fn put_backup_keys(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<add_backup_keys::v3::Request>,
) -> Result<RumaResponse<add_backup_keys::v3::Response>, Error> {
    let state = accounts.put_backup_keys(&caller.user, &request.version, &request.rooms).await?;
    let count = UInt::new_saturating(state.count);
    Ok(RumaResponse(add_backup_keys::v3::Response::new(state.etag, count)))
}

pub(crate) async fn put_backup_keys_for_room(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<add_backup_keys_for_room::v3::Request>,
) -> Result<RumaResponse<add_backup_keys_for_room::v3::Response>, Error> {
    let rooms = in_room(request.room_id, request.sessions);
    let state = accounts.put_backup_keys(&caller.user, &request.version, &rooms).await?;
    let count = UInt::new_saturating(state.count);
    Ok(RumaResponse(add_backup_keys_for_room::v3::Response::new(state.etag, count)))
}

pub(crate) async fn put_backup_keys_for_session(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<add_backup_keys_for_session::v3::Request>,
) -> Result<RumaResponse<add_backup_keys_for_session::v3::Response>, Error> {
    let sessions = BTreeMap::from([(request.session_id, request.session_data)]);
    let rooms = in_room(request.room_id, sessions);
    let state = accounts.put_backup_keys(&caller.user, &request.version, &rooms).await?;
    let count = UInt::new_saturating(state.count);
    Ok(RumaResponse(add_backup_keys_for_session::v3::Response::new(state.etag, count)))
}

pub(crate) async fn get_backup_keys(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_backup_keys::v3::Request>,
) -> Result<RumaResponse<get_backup_keys::v3::Response>, Error> {
    let rooms = accounts.backup_keys(&caller.user, &request.version, None).await?;
    Ok(RumaResponse(get_backup_keys::v3::Response::new(rooms)))
}

pub(crate) async fn get_backup_keys_for_room(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_backup_keys_for_room::v3::Request>,
) -> Result<RumaResponse<get_backup_keys_for_room::v3::Response>, Error> {
    let room = &request.room_id;
    let mut rooms = accounts.backup_keys(&caller.user, &request.version, Some(room)).await?;
    let sessions = rooms.remove(room).map(|backup| backup.sessions).unwrap_or_default();
    Ok(RumaResponse(get_backup_keys_for_room::v3::Response::new(sessions)))
}

pub(crate) async fn get_backup_keys_for_session(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<get_backup_keys_for_session::v3::Request>,
) -> Result<RumaResponse<get_backup_keys_for_session::v3::Response>, Error> {
    let (version, room) = (&request.version, &request.room_id);
    let key = accounts.backup_key(&caller.user, version, room, &request.session_id).await?;
    let key = key.ok_or_else(|| ApiError::not_found("there is no such key in the backup"))?;
    Ok(RumaResponse(get_backup_keys_for_session::v3::Response::new(key)))
}

pub(crate) async fn delete_backup_keys(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<delete_backup_keys::v3::Request>,
) -> Result<RumaResponse<delete_backup_keys::v3::Response>, Error> {
    let state = accounts.delete_backup_keys(&caller.user, &request.version, None, None).await?;
    let count = UInt::new_saturating(state.count);
    Ok(RumaResponse(delete_backup_keys::v3::Response::new(state.etag, count)))
}

pub(crate) async fn delete_backup_keys_for_room(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<delete_backup_keys_for_room::v3::Request>,
) -> Result<RumaResponse<delete_backup_keys_for_room::v3::Response>, Error> {
    let (version, room) = (&request.version, Some(&*request.room_id));
    let state = accounts.delete_backup_keys(&caller.user, version, room, None).await?;
    let count = UInt::new_saturating(state.count);
    Ok(RumaResponse(delete_backup_keys_for_room::v3::Response::new(state.etag, count)))
}

pub(crate) async fn delete_backup_keys_for_session(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<delete_backup_keys_for_session::v3::Request>,
) -> Result<RumaResponse<delete_backup_keys_for_session::v3::Response>, Error> {
    let (version, room) = (&request.version, Some(&*request.room_id));
    let session = Some(request.session_id.as_str());
    let state = accounts.delete_backup_keys(&caller.user, version, room, session).await?;
    let count = UInt::new_saturating(state.count);
    Ok(RumaResponse(delete_backup_keys_for_session::v3::Response::new(state.etag, count)))
}

fn in_room(
    room: OwnedRoomId,
    sessions: BTreeMap<String, Raw<KeyBackupData>>,
) -> BTreeMap<OwnedRoomId, RoomKeyBackup> {
    BTreeMap::from([(room, RoomKeyBackup::new(sessions))])
}
