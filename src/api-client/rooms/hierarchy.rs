//! `GET /rooms/{roomId}/hierarchy`: the rooms of a space.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Event, Rooms, RoomsError, SpaceQuery, SpaceRoom};
use hearth_rules::{ClientEvent, ClientEventFormat, Unsigned};
use ruma::{
    api::client::space::{
        SpaceHierarchyRoomsChunk,
        get_hierarchy::v1::{Request, Response},
    },
    events::space::child::HierarchySpaceChildEvent,
    serde::Raw,
};

use super::{
    access::{known_room, not_in_room},
    render,
};
use crate::error::Error;

/// Rooms of one answer, for a client that does not say how many.
const ROOMS_DEFAULT: usize = 50;

pub(crate) async fn get_hierarchy(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let root = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    if !rooms.may_know(snapshot, &root, Some(&caller.user)).await? {
        return Err(not_in_room().into());
    }
    let query = SpaceQuery {
        user_id: &caller.user,
        suggested_only: request.suggested_only,
        max_depth: request.max_depth.map(render::limit),
        limit: request.limit.map_or(ROOMS_DEFAULT, render::limit),
        from: request.from.as_deref(),
    };
    let page = rooms.space_hierarchy(snapshot, &root, query).await?;
    let mut response = Response::new();
    response.rooms = page.rooms.into_iter().map(chunk).collect::<Result<_, Error>>()?;
    response.next_batch = page.next;
    Ok(RumaResponse(response))
}

fn chunk(room: SpaceRoom) -> Result<SpaceHierarchyRoomsChunk, Error> {
    let children = room.children.iter().map(child).collect::<Result<_, Error>>()?;
    Ok(SpaceHierarchyRoomsChunk::new(room.summary, children))
}

fn child(event: &Event) -> Result<Raw<HierarchySpaceChildEvent>, Error> {
    let format = ClientEventFormat::StrippedDated;
    let event = ClientEvent::new(event.pdu(), format, Unsigned::default());
    Ok(event.to_typed().map_err(RoomsError::from)?)
}
