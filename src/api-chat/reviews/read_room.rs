//! Reading a public room without joining it: for administrators, and written to the audit log.
//!
//! Edits and reactions are shown as far as a stranger sees them.

use axum::extract::State;
use hearth_base::StreamPosition;
use hearth_chat::{Audit, AuditAction};
use hearth_rooms::Direction;
use ruma::{OwnedEventId, OwnedRoomId, room::JoinRuleKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::check_admin;
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate,
    place::Place,
    rooms::check_limit,
    views::{Message, MessageViews, may_be_message},
};

/// How many events are looked at if nobody says.
const LIMIT_DEFAULT: usize = 50;
/// Most events that are looked at.
const LIMIT_MAX: usize = 100;

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadRoomQuery {
    /// The message before which to end; the newest messages without it.
    #[param(value_type = Option<String>, pattern = "^[$][A-Za-z0-9_-]{1,64}$")]
    before: Option<OwnedEventId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
}

impl Validate for ReadRoomQuery {
    fn validate(&self, faults: &mut Faults) {
        check_limit(faults, self.limit, LIMIT_MAX);
    }
}

/// Part of a public room.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublicRoomPage {
    /// The messages, the oldest first.
    messages: Vec<Message>,
    /// What to ask for as `before` to go on; absent at the beginning of the room.
    #[schema(value_type = Option<String>)]
    next: Option<OwnedEventId>,
}

/// Reads a public room without joining it. The room does not learn of it, the audit log does.
#[utoipa::path(
    get, path = "/admin/rooms/{room_id}/messages", tag = "admin",
    params(("room_id" = String, Path, description = "The room"), ReadRoomQuery),
    responses((status = 200, description = "The messages", body = PublicRoomPage)),
)]
pub(crate) async fn read_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Query(query): Query<ReadRoomQuery>,
) -> Result<Json<PublicRoomPage>, Problem> {
    check_admin(&caller)?;
    let Place { snapshot, room, head } = Place::find(&api, &room_id).await?;
    let (snapshot, nid) = (snapshot.as_ref(), room.nid());
    let look = api.rooms.look(snapshot, &room, &head).await?;
    if look.join_rule != Some(JoinRuleKind::Public) {
        return Err(Problem::forbidden("this room is not public"));
    }
    let upto = match &query.before {
        Some(before) => api.rooms.event_in_room(snapshot, nid, before).await?.position().previous(),
        None => api.rooms.end(snapshot, nid).await?.0,
    };
    api.chat.audit(Audit::new(caller.user_id(), AuditAction::ReadRoom).room(&room_id)).await?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let (after, backward) = (StreamPosition::MIN, Direction::Backward);
    let mut events = api.rooms.timeline(snapshot, nid, after, upto, backward, limit).await?;
    let last = events.last().filter(|_| events.len() == limit);
    let next = last.map(|event| event.pdu().event_id().to_owned());
    events.reverse();
    events.retain(may_be_message);
    let views = MessageViews::new(&api, snapshot, &room, caller.user_id(), None);
    Ok(Json(PublicRoomPage { messages: views.all(&events).await?, next }))
}
