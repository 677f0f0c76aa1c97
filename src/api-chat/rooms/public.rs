//! `GET /rooms/public`: the directory.

use axum::extract::State;
use hearth_rooms::RoomsError;
use ruma::directory::{Filter, RoomNetwork};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::check_limit;
use crate::{
    Caller, ChatApi, Faults, Json, Problem, Query, Validate,
    views::{Room, RoomViews},
};

/// How many rooms an answer has if the client does not say.
const ROOMS_DEFAULT: usize = 50;
/// Most rooms of one answer.
const ROOMS_MAX: usize = 100;
/// Longest search, in characters.
const SEARCH_CHARACTERS_MAX: usize = 100;

/// Which public rooms.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListPublicRooms {
    /// Part of the name or the description.
    #[param(max_length = 100)]
    q: Option<String>,
    /// `next` of the page before.
    since: Option<String>,
    /// How many rooms at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
}

impl Validate for ListPublicRooms {
    fn validate(&self, faults: &mut Faults) {
        faults.optional_characters("q", self.q.as_deref(), 0..=SEARCH_CHARACTERS_MAX);
        check_limit(faults, self.limit, ROOMS_MAX);
    }
}

/// Public rooms.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublicRooms {
    /// The rooms, the largest first.
    rooms: Vec<Room>,
    /// What the next page is had with, if there is one.
    next: Option<String>,
    /// How many there are altogether.
    total: usize,
}

/// Public rooms that anybody may join, the largest first.
#[utoipa::path(
    get, path = "/rooms/public", tag = "rooms", params(ListPublicRooms),
    responses((status = 200, description = "The rooms", body = PublicRooms)),
)]
pub(crate) async fn list_public_rooms(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(query): Query<ListPublicRooms>,
) -> Result<Json<PublicRooms>, Problem> {
    let snapshot = api.rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let mut filter = Filter::new();
    filter.generic_search_term = query.q.filter(|search| !search.is_empty());
    let (network, since) = (RoomNetwork::Matrix, query.since.as_deref());
    let limit = query.limit.unwrap_or(ROOMS_DEFAULT);
    let page = api.rooms.public_rooms(snapshot, &network, &filter, since, limit).await;
    let page = page.map_err(|error| match error {
        RoomsError::InvalidParam(_) => Problem::not_found("there is no such page"),
        other => other.into(),
    })?;
    let views = RoomViews::new(&api, snapshot, caller.user_id()).await?;
    let mut rooms = Vec::with_capacity(page.chunk.len());
    for found in &page.chunk {
        let Some(room) = api.rooms.room(&found.room_id).await? else {
            continue;
        };
        let head = api.rooms.head(snapshot, room.nid()).await?;
        rooms.push(views.from_outside(&room, &head).await?);
    }
    Ok(Json(PublicRooms { rooms, next: page.next, total: page.total }))
}
