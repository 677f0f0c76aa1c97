//! `GET /search` and `GET /search/rooms`.

use axum::extract::State;
use hearth_rooms::Event;
use hearth_search::{Has, SearchQuery};

use super::{
    answer::{Answering, ResultsByRoom, ResultsOfRoom, SearchResults, is_wanted},
    params::{SearchParams, Sort},
};
use crate::{Caller, ChatApi, Json, Problem, Query};

/// How many results of each room are told.
const RESULTS_OF_EACH_ROOM: usize = 3;

/// Messages in the rooms of the user, as far as they may read them.
#[utoipa::path(
    get, path = "/search", tag = "messages",
    params(SearchParams),
    responses((status = 200, description = "What was found", body = SearchResults)),
)]
pub(crate) async fn search(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(params): Query<SearchParams>,
) -> Result<Json<SearchResults>, Problem> {
    let ignored = api.accounts.ignored_users(caller.user_id()).await?;
    let wanted = |event: &Event| is_wanted(event, &ignored);
    let snapshot = api.rooms.snapshot().await?;
    let has = has(&params);
    let query = query(&caller, &params, &has);
    let page = api.search.find(snapshot.as_ref(), &query, &wanted).await?;
    let answering = answering(&api, snapshot.as_ref(), &caller, &params, &wanted);
    Ok(Json(SearchResults {
        results: answering.results(&page.hits).await?,
        count: page.count,
        highlights: page.highlights,
        next: page.next.map(|next| next.to_string()),
        index: page.progress.into(),
    }))
}

/// The same by room: the rooms in which something is found, with the first results in each. `limit`
/// and `after` are about rooms; at most 20 are told at once.
#[utoipa::path(
    get, path = "/search/rooms", tag = "messages",
    params(SearchParams),
    responses((status = 200, description = "What was found", body = ResultsByRoom)),
)]
pub(crate) async fn search_by_room(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(params): Query<SearchParams>,
) -> Result<Json<ResultsByRoom>, Problem> {
    let ignored = api.accounts.ignored_users(caller.user_id()).await?;
    let wanted = |event: &Event| is_wanted(event, &ignored);
    let snapshot = api.rooms.snapshot().await?;
    let has = has(&params);
    let query = query(&caller, &params, &has);
    let of_each = RESULTS_OF_EACH_ROOM;
    let found = api.search.find_by_room(snapshot.as_ref(), &query, of_each, &wanted).await?;
    let answering = answering(&api, snapshot.as_ref(), &caller, &params, &wanted);
    let mut rooms = Vec::with_capacity(found.rooms.len());
    for of_room in found.rooms {
        rooms.push(ResultsOfRoom {
            room_id: of_room.room.id().to_owned(),
            results: answering.results(&of_room.page.hits).await?,
            count: of_room.page.count,
            next: of_room.page.next.map(|next| next.to_string()),
        });
    }
    let next = found.next.map(|next| next.to_string());
    Ok(Json(ResultsByRoom { rooms, next, index: found.progress.into() }))
}

fn has(params: &SearchParams) -> Vec<Has> {
    params.has.iter().map(|wish| wish.has()).collect()
}

fn query<'a>(caller: &'a Caller, params: &'a SearchParams, has: &'a [Has]) -> SearchQuery<'a> {
    let named = |count: usize| count > 0;
    SearchQuery {
        with_typos: params.typos,
        rooms: named(params.room_id.len()).then_some(&params.room_id[..]),
        senders: named(params.sender_id.len()).then_some(&params.sender_id[..]),
        sent_ms: params.sent_ms(),
        has,
        order: params.sort.order(),
        limit: params.limit(),
        only_joined: true,
        after: params.after(),
        ..SearchQuery::new(caller.user_id(), &params.q)
    }
}

fn answering<'a>(
    api: &'a ChatApi,
    snapshot: &'a dyn hearth_rooms::Snapshot,
    caller: &'a Caller,
    params: &SearchParams,
    wanted: hearth_search::Wanted<'a>,
) -> Answering<'a> {
    Answering {
        api,
        snapshot,
        caller,
        with_relevance: params.sort == Sort::Relevance,
        with_neighbours: params.neighbours,
        wanted,
    }
}
