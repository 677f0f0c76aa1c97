//! Who has read what: `/messages/{message_id}/read` and `/messages/{message_id}/receipts`.

use axum::extract::State;
use hearth_rooms::{ReceiptKind, ReceiptThread};
use http::StatusCode;
use ruma::{OwnedEventId, OwnedUserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, Json, Path, Problem,
    place::Place,
    views::{Person, Readers, Timestamp, person},
};

/// Marks a message as read, and all before it.
#[utoipa::path(
    post, path = "/messages/{message_id}/read", tag = "messages",
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 204, description = "It is read")),
)]
pub(crate) async fn mark_read(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
) -> Result<StatusCode, Problem> {
    read(&api, &caller, &message_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks a message as read for the caller, and all before it.
///
/// # Errors
/// 404 if there is no such message for the caller.
pub async fn read(
    api: &ChatApi,
    caller: &Caller,
    message_id: &OwnedEventId,
) -> Result<(), Problem> {
    let user_id = caller.user_id();
    let (place, _) = Place::of_message(api, message_id, user_id).await?;
    let (kind, thread) = (ReceiptKind::Read, ReceiptThread::Unthreaded);
    api.rooms.set_receipt(&place.room, user_id, kind, &thread, message_id).await?;
    api.bus.presence().active(user_id);
    Ok(())
}

/// Who has read a message, and whom it reached.
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipts {
    /// Who has read it.
    read_by: Vec<Receipt>,
    /// How many they are.
    read_by_count: usize,
    /// Who has it on a device and has not read it, as far as it is known.
    #[schema(value_type = Vec<String>)]
    delivered_to: Vec<OwnedUserId>,
}

/// Somebody who has read a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Receipt {
    /// Who it is.
    user: Person,
    /// When they read it, or a later one.
    read_at: Timestamp,
}

/// Who has read a message.
#[utoipa::path(
    get, path = "/messages/{message_id}/receipts", tag = "messages",
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 200, description = "Who has read it", body = Receipts)),
)]
pub(crate) async fn list_receipts(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
) -> Result<Json<Receipts>, Problem> {
    let (place, event) = Place::of_message(&api, &message_id, caller.user_id()).await?;
    let (snapshot, room) = (place.snapshot.as_ref(), &place.room);
    let thread = api.rooms.thread_of(snapshot, &event).await?;
    let readers = Readers::since(&api, snapshot, room, caller.user_id(), event.position()).await?;
    let read = readers.of(&event, thread.as_deref());
    let users: Vec<_> = read.keys().cloned().collect();
    let members = api.rooms.members_among(snapshot, room.nid(), &users).await?;
    let delivered_to = readers
        .reached(&event)
        .filter(|user| !read.contains_key(*user))
        .map(ToOwned::to_owned)
        .collect();
    let read_by: Vec<_> = read
        .into_iter()
        .zip(members)
        .map(|((user, read_at), member)| Receipt {
            user: person(&api.settings, &user, member),
            read_at,
        })
        .collect();
    Ok(Json(Receipts { read_by_count: read_by.len(), read_by, delivered_to }))
}
