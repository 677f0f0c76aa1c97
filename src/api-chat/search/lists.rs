//! `GET /rooms/{room_id}/links` and `GET /rooms/{room_id}/media`: searches without words.

use std::slice::from_ref;

use axum::extract::State;
use hearth_rooms::Event;
use hearth_search::{Has, SearchPage, SearchQuery};
use ruma::OwnedRoomId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::{Answering, IndexState, is_wanted},
    params::{FileParams, ListParams},
};
use crate::{Caller, ChatApi, Json, Path, Problem, Query, place::Place, views::Message};

/// A message with links.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinksOfMessage {
    /// The web addresses in it, in their order.
    urls: Vec<String>,
    /// The message.
    message: Message,
}

/// Links of a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkList {
    /// Messages with links, the newest first.
    links: Vec<LinksOfMessage>,
    /// Where the next page begins.
    next: Option<String>,
    /// How far the index is.
    index: IndexState,
}

/// Media of a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct MediaList {
    /// Messages with files, the newest first.
    media: Vec<Message>,
    /// Where the next page begins.
    next: Option<String>,
    /// How far the index is.
    index: IndexState,
}

/// The links in a room, the newest first.
#[utoipa::path(
    get, path = "/rooms/{room_id}/links", tag = "rooms",
    params(("room_id" = String, Path, description = "The room"), ListParams),
    responses((status = 200, description = "The links", body = LinkList)),
)]
pub(crate) async fn list_links(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Query(params): Query<ListParams>,
) -> Result<Json<LinkList>, Problem> {
    let (place, page) = list(&api, &caller, &room_id, &params, Has::Link).await?;
    let mut links = Vec::with_capacity(page.hits.len());
    for hit in &page.hits {
        if let Some(message) = shown(&api, &caller, &place, &hit.event).await? {
            links.push(LinksOfMessage { urls: hit.links(), message });
        }
    }
    let next = page.next.map(|next| next.to_string());
    Ok(Json(LinkList { links, next, index: page.progress.into() }))
}

/// The files in a room, the newest first: all of them, or of one kind.
#[utoipa::path(
    get, path = "/rooms/{room_id}/media", tag = "rooms",
    params(("room_id" = String, Path, description = "The room"), FileParams),
    responses((status = 200, description = "The messages with files", body = MediaList)),
)]
pub(crate) async fn list_media(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(room_id): Path<OwnedRoomId>,
    Query(params): Query<FileParams>,
) -> Result<Json<MediaList>, Problem> {
    let (kind, params) = params.parts();
    let (place, page) = list(&api, &caller, &room_id, &params, kind).await?;
    let mut media = Vec::with_capacity(page.hits.len());
    for hit in &page.hits {
        media.extend(shown(&api, &caller, &place, &hit.event).await?);
    }
    let next = page.next.map(|next| next.to_string());
    Ok(Json(MediaList { media, next, index: page.progress.into() }))
}

/// What a room has, the newest first, for one of its members.
async fn list(
    api: &ChatApi,
    caller: &Caller,
    room_id: &OwnedRoomId,
    params: &ListParams,
    has: Has,
) -> Result<(Place, SearchPage), Problem> {
    let place = Place::joined(api, room_id, caller.user_id()).await?;
    let ignored = api.accounts.ignored_users(caller.user_id()).await?;
    let wanted = |event: &Event| is_wanted(event, &ignored);
    let query = SearchQuery {
        rooms: Some(from_ref(room_id)),
        has: &[has],
        limit: params.limit(),
        only_joined: true,
        after: params.after(),
        ..SearchQuery::new(caller.user_id(), "")
    };
    let page = api.search.find(place.snapshot.as_ref(), &query, &wanted).await?;
    Ok((place, page))
}

async fn shown(
    api: &ChatApi,
    caller: &Caller,
    place: &Place,
    event: &Event,
) -> Result<Option<Message>, Problem> {
    let answering = Answering {
        api,
        snapshot: place.snapshot.as_ref(),
        caller,
        with_relevance: false,
        with_neighbours: false,
        wanted: &|_| true,
    };
    answering.message(&place.room, Some(event)).await
}
