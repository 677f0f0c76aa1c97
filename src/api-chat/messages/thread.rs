//! `GET /messages/{message_id}/thread`.

use axum::extract::State;
use hearth_rooms::{Direction, RelationQuery, Side};
use ruma::OwnedEventId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::page::{MESSAGES_DEFAULT, MESSAGES_MAX, MessagePage};
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate, place::Place,
    rooms::check_limit, views::MessageViews,
};

/// Which messages of a thread.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListThread {
    /// The message after which to begin.
    #[param(value_type = Option<String>, pattern = "^[$][A-Za-z0-9_-]{1,64}$")]
    after: Option<OwnedEventId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
}

impl Validate for ListThread {
    fn validate(&self, faults: &mut Faults) {
        check_limit(faults, self.limit, MESSAGES_MAX);
    }
}

/// The messages of the thread that begins with a message, the oldest first.
#[utoipa::path(
    get, path = "/messages/{message_id}/thread", tag = "messages",
    params(("message_id" = String, Path, description = "The message"), ListThread),
    responses((status = 200, description = "The messages", body = MessagePage)),
)]
pub(crate) async fn list_thread(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
    Query(query): Query<ListThread>,
) -> Result<Json<MessagePage>, Problem> {
    let user_id = caller.user_id();
    let (place, root) = Place::of_message(&api, &message_id, user_id).await?;
    let (snapshot, room) = (place.snapshot.as_ref(), &place.room);
    let from = match &query.after {
        Some(after) => {
            Some(Side(api.rooms.event_in_room(snapshot, room.nid(), after).await?.position()))
        }
        None => None,
    };
    let replies = RelationQuery {
        rel_type: Some("m.thread".to_owned()),
        event_type: None,
        from,
        to: None,
        direction: Direction::Forward,
        limit: query.limit.unwrap_or(MESSAGES_DEFAULT),
        recurse: false,
    };
    let root_id = root.pdu().event_id();
    let page = api.rooms.relations(snapshot, room, user_id, root_id, &replies).await?;
    let views = MessageViews::new(&api, snapshot, room, user_id, Some(caller.device_id()));
    let messages = views.all(&page.events).await?;
    Ok(Json(MessagePage { messages, has_more: page.next.is_some() }))
}
