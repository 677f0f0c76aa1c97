//! `GET /publicRooms` and `POST /publicRooms`: the directory of this server.
//!
//! The answer differs from ruma's in one way: a room names its join rule also where that is
//! `public`, so that a client need not know the default.

use axum::{Json, extract::State};
use hearth_http::Ruma;
use hearth_rooms::{DirectoryPage, PublicRoom, Rooms, RoomsError};
use ruma::{
    ServerName, UInt,
    api::client::directory::{get_public_rooms, get_public_rooms_filtered},
    directory::{Filter, PublicRoomsChunk, RoomNetwork},
    room::JoinRuleKind,
};
use serde::Serialize;

use super::render;
use crate::error::Error;

/// How many rooms a client gets that does not say.
const PUBLIC_ROOMS_DEFAULT: usize = 100;

/// A page of the directory, for both endpoints.
#[derive(Serialize)]
pub(crate) struct Directory {
    chunk: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_room_count_estimate: Option<UInt>,
}

#[derive(Serialize)]
struct Entry {
    #[serde(flatten)]
    room: PublicRoomsChunk,
    /// What ruma leaves out because it is the default.
    #[serde(rename = "join_rule", skip_serializing_if = "Option::is_none")]
    default_join_rule: Option<JoinRuleKind>,
}

impl From<&PublicRoom> for Entry {
    fn from(room: &PublicRoom) -> Self {
        let room = room.to_chunk();
        let default_join_rule =
            (room.join_rule == JoinRuleKind::default()).then(JoinRuleKind::default);
        Self { room, default_join_rule }
    }
}

impl From<DirectoryPage> for Directory {
    fn from(page: DirectoryPage) -> Self {
        Self {
            chunk: page.chunk.iter().map(Entry::from).collect(),
            total_room_count_estimate: UInt::try_from(page.total).ok(),
            next_batch: page.next,
            prev_batch: page.prev,
        }
    }
}

pub(crate) async fn get_public_rooms(
    State(rooms): State<Rooms>,
    Ruma { request, .. }: Ruma<get_public_rooms::v3::Request>,
) -> Result<Json<Directory>, Error> {
    check_server(&rooms, request.server.as_deref())?;
    let since = request.since.as_deref();
    let page = page(&rooms, &RoomNetwork::Matrix, &Filter::new(), since, request.limit).await?;
    Ok(Json(page.into()))
}

pub(crate) async fn search_public_rooms(
    State(rooms): State<Rooms>,
    Ruma { request, .. }: Ruma<get_public_rooms_filtered::v3::Request>,
) -> Result<Json<Directory>, Error> {
    check_server(&rooms, request.server.as_deref())?;
    let since = request.since.as_deref();
    let page = page(&rooms, &request.room_network, &request.filter, since, request.limit).await?;
    Ok(Json(page.into()))
}

fn check_server(rooms: &Rooms, server: Option<&ServerName>) -> Result<(), Error> {
    if server.is_none_or(|server| server == rooms.server_name()) {
        return Ok(());
    }
    Err(RoomsError::NotFound("the directory of another server").into())
}

async fn page(
    rooms: &Rooms,
    network: &RoomNetwork,
    filter: &Filter,
    since: Option<&str>,
    limit: Option<UInt>,
) -> Result<DirectoryPage, Error> {
    let snapshot = rooms.snapshot().await?;
    let limit = limit.map_or(PUBLIC_ROOMS_DEFAULT, render::limit);
    Ok(rooms.public_rooms(snapshot.as_ref(), network, filter, since, limit).await?)
}
