//! `GET /publicRooms` and `POST /publicRooms`: the directory of this server.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{DirectoryPage, PublicRoom, Rooms, RoomsError};
use ruma::{
    ServerName, UInt,
    api::client::directory::{get_public_rooms, get_public_rooms_filtered},
    directory::{Filter, RoomNetwork},
};

use super::render;
use crate::error::Error;

/// How many rooms a client gets that does not say.
const PUBLIC_ROOMS_DEFAULT: usize = 100;

pub(crate) async fn get_public_rooms(
    State(rooms): State<Rooms>,
    Ruma { request, .. }: Ruma<get_public_rooms::v3::Request>,
) -> Result<RumaResponse<get_public_rooms::v3::Response>, Error> {
    check_server(&rooms, request.server.as_deref())?;
    let since = request.since.as_deref();
    let network = RoomNetwork::Matrix;
    let page = page(&rooms, &network, &Filter::new(), since, request.limit).await?;
    let chunk = page.chunk.iter().map(PublicRoom::to_chunk).collect();
    let mut response = get_public_rooms::v3::Response::new(chunk);
    response.total_room_count_estimate = total(&page);
    response.next_batch = page.next;
    response.prev_batch = page.prev;
    Ok(RumaResponse(response))
}

pub(crate) async fn search_public_rooms(
    State(rooms): State<Rooms>,
    Ruma { request, .. }: Ruma<get_public_rooms_filtered::v3::Request>,
) -> Result<RumaResponse<get_public_rooms_filtered::v3::Response>, Error> {
    check_server(&rooms, request.server.as_deref())?;
    let mut response = get_public_rooms_filtered::v3::Response::new();
    let since = request.since.as_deref();
    let network = &request.room_network;
    let page = page(&rooms, network, &request.filter, since, request.limit).await?;
    response.chunk = page.chunk.iter().map(PublicRoom::to_chunk).collect();
    response.total_room_count_estimate = total(&page);
    response.next_batch = page.next;
    response.prev_batch = page.prev;
    Ok(RumaResponse(response))
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

fn total(page: &DirectoryPage) -> Option<UInt> {
    UInt::try_from(page.total).ok()
}
