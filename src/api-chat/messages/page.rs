//! `GET /rooms/{room_id}/messages` and `GET /messages/{message_id}`.

use axum::extract::State;
use hearth_base::StreamPosition;
use hearth_rooms::{Direction, Event, RoomsError, Side};
use ruma::{OwnedEventId, OwnedRoomId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate,
    place::Place,
    rooms::check_limit,
    views::{Message, MessageViews, may_be_message},
};

/// How many messages an answer has if the client does not say.
pub(super) const MESSAGES_DEFAULT: usize = 50;
/// Most messages of one answer.
pub(super) const MESSAGES_MAX: usize = 100;
/// How often more events are read because some turned out to be no messages.
const ROUNDS_MAX: usize = 10;

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListMessages {
    /// The message before which to end.
    #[param(value_type = Option<String>, pattern = "^[$][A-Za-z0-9_-]{1,64}$")]
    before: Option<OwnedEventId>,
    /// The message after which to begin; without it the newest messages are given.
    #[param(value_type = Option<String>, pattern = "^[$][A-Za-z0-9_-]{1,64}$")]
    after: Option<OwnedEventId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
}

impl Validate for ListMessages {
    fn validate(&self, faults: &mut Faults) {
        check_limit(faults, self.limit, MESSAGES_MAX);
    }
}

/// Messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagePage {
    /// The messages, the oldest first.
    pub(super) messages: Vec<Message>,
    /// Whether there are more: older ones, or newer ones where `after` was given.
    pub(super) has_more: bool,
}

/// Messages of a room, the oldest first.
#[utoipa::path(
    get, path = "/rooms/{room_id}/messages", tag = "messages",
    params(("room_id" = String, Path, description = "The room"), ListMessages),
    responses((status = 200, description = "The messages", body = MessagePage)),
)]
pub(crate) async fn list_messages(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Query(query): Query<ListMessages>,
) -> Result<Json<MessagePage>, Problem> {
    let user_id = caller.user_id();
    let place = Place::joined(&api, &room_id, user_id).await?;
    let snapshot = place.snapshot.as_ref();
    let before = match &query.before {
        Some(before) => Some(position_of(&api, &place, before, "before").await?.previous()),
        None => None,
    };
    let (direction, from, to) = match &query.after {
        Some(after) => {
            let after = position_of(&api, &place, after, "after").await?;
            (Direction::Forward, Side(after), before.map(Side))
        }
        None => {
            let end = api.rooms.end(snapshot, place.room.nid()).await?;
            (Direction::Backward, before.map_or(end, Side), None)
        }
    };
    let ignored = api.accounts.ignored_users(user_id).await?;
    let wanted = |event: &Event| {
        may_be_message(event) && (event.pdu().is_state() || !ignored.contains(event.pdu().sender()))
    };
    let views = MessageViews::new(&api, snapshot, &place.room, user_id, Some(caller.device_id()));
    let limit = query.limit.unwrap_or(MESSAGES_DEFAULT);
    let reading = Reading { api: &api, place: &place, user_id, direction, to, wanted: &wanted };
    let mut page = reading.read(&views, from, limit).await?;
    if direction == Direction::Backward {
        page.messages.reverse();
    }
    if query.before.is_none() && query.after.is_none() {
        api.bus.deliveries().delivered_in(place.room.nid(), user_id, snapshot.position());
    }
    Ok(Json(page))
}

async fn position_of(
    api: &ChatApi,
    place: &Place,
    message_id: &OwnedEventId,
    field: &str,
) -> Result<StreamPosition, Problem> {
    let (snapshot, nid) = (place.snapshot.as_ref(), place.room.nid());
    match api.rooms.event_in_room(snapshot, nid, message_id).await {
        Err(RoomsError::NotFound(_)) => {
            Err(Problem::not_found(format!("{field}: there is no such message in this room")))
        }
        found => Ok(found?.position()),
    }
}

/// A way through a room's timeline.
struct Reading<'a> {
    api: &'a ChatApi,
    place: &'a Place,
    user_id: &'a UserId,
    direction: Direction,
    to: Option<Side>,
    wanted: &'a (dyn Fn(&Event) -> bool + Sync),
}

impl Reading<'_> {
    /// Up to `limit` messages from a place on. What turns out to be none does not count.
    async fn read(
        &self,
        views: &MessageViews<'_>,
        mut from: Side,
        limit: usize,
    ) -> Result<MessagePage, Problem> {
        let Self { api, place, user_id, direction, to, wanted } = *self;
        let (snapshot, room) = (place.snapshot.as_ref(), &place.room);
        let mut messages = Vec::with_capacity(limit);
        for _ in 0..ROUNDS_MAX {
            let missing = limit - messages.len();
            let page = api
                .rooms
                .page(snapshot, room, user_id, from, to, direction, missing, wanted)
                .await?;
            messages.extend(views.all(&page.events).await?);
            match page.next {
                None => return Ok(MessagePage { messages, has_more: false }),
                Some(_) if messages.len() >= limit => break,
                Some(next) => from = next,
            }
        }
        Ok(MessagePage { messages, has_more: true })
    }
}

/// One message.
#[utoipa::path(
    get, path = "/messages/{message_id}", tag = "messages",
    params(("message_id" = String, Path, description = "The message")),
    responses((status = 200, description = "The message", body = Message)),
)]
pub(crate) async fn get_message(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(message_id): Path<OwnedEventId>,
) -> Result<Json<Message>, Problem> {
    let (place, event) = Place::of_message(&api, &message_id, caller.user_id()).await?;
    Ok(Json(shown(&api, &caller, &place, &event).await?))
}

/// A message as the caller sees it now.
pub(super) async fn shown(
    api: &ChatApi,
    caller: &Caller,
    place: &Place,
    event: &Event,
) -> Result<Message, Problem> {
    let snapshot = api.rooms.snapshot().await?;
    let event = api.rooms.event(snapshot.as_ref(), event.nid()).await?;
    let device_id = Some(caller.device_id());
    let user_id = caller.user_id();
    let views = MessageViews::new(api, snapshot.as_ref(), &place.room, user_id, device_id);
    let message = match may_be_message(&event) {
        true => views.one(&event).await?,
        false => None,
    };
    message.ok_or_else(|| Problem::not_found("there is no such message"))
}
