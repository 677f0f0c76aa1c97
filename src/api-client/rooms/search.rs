//! `POST /search`: which events are found. What is told of them is in
//! [`super::search_answer`].

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use hearth_accounts::Accounts;
use hearth_http::Extended;
use hearth_rooms::Rooms;
use hearth_search::{Search, SearchQuery};
use ruma::{OwnedRoomId, OwnedUserId, api::client::search::search_events::v3::Request};
use serde_json::{Map, Value, json};

use super::{
    filtered::Filtered,
    render,
    search_answer::Answering,
    search_request::{Asked, Batch},
};
use crate::error::Error;

pub(crate) async fn search(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(search): State<Search>,
    Extended { request, caller, body }: Extended<Request>,
) -> Result<Response, Error> {
    let Some(criteria) = request.search_categories.room_events else {
        return Ok(Json(json!({ "search_categories": {} })).into_response());
    };
    let asked = Asked::new(&criteria, wants_context(&body))?;
    let batch = Batch::parse(request.next_batch.as_deref())?;
    let mut filter = criteria.filter;
    let listed_rooms = within(filter.rooms.take(), batch.room);
    let senders: Option<Vec<OwnedUserId>> = within(filter.senders.take(), batch.sender);
    let not_rooms: Vec<OwnedRoomId> = std::mem::take(&mut filter.not_rooms);
    let filtered = Filtered::new(&accounts, &caller.user, filter, None).await?;

    let snapshot = rooms.snapshot().await?;
    let query = SearchQuery {
        keys: &asked.keys,
        rooms: listed_rooms.as_deref(),
        not_rooms: &not_rooms,
        senders: senders.as_deref(),
        order: asked.order,
        limit: asked.limit,
        after: batch.after,
        ..SearchQuery::new(&caller.user, &criteria.search_term)
    };
    let page = search.find(snapshot.as_ref(), &query, &|event| filtered.wants(event)).await?;
    let viewer = render::viewer(&rooms, &caller);
    let answering = Answering { rooms: &rooms, snapshot: snapshot.as_ref(), viewer };
    let found = answering.answer(&asked, &page).await?;
    Ok(Json(json!({ "search_categories": { "room_events": found } })).into_response())
}

/// A list of the filter, within a group if one was asked for.
fn within<T: PartialEq>(listed: Option<Vec<T>>, group: Option<T>) -> Option<Vec<T>> {
    match (listed, group) {
        (listed, None) => listed,
        (Some(listed), Some(group)) if !listed.contains(&group) => Some(Vec::new()),
        (_, Some(group)) => Some(vec![group]),
    }
}

/// Whether the request asks for the context of results, as ruma does not tell.
fn wants_context(body: &Map<String, Value>) -> bool {
    let category = body.get("search_categories").and_then(|all| all.get("room_events"));
    category.and_then(|category| category.get("event_context")).is_some_and(Value::is_object)
}
