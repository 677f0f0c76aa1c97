//! `GET /rooms/{roomId}/threads`.

use axum::extract::State;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::Rooms;
use ruma::api::client::threads::get_threads::v1::{Request, Response};

use super::{access::known_room, render};
use crate::error::Error;

/// How many threads a client gets that does not say.
const THREADS_DEFAULT: usize = 20;

pub(crate) async fn get_threads(
    State(rooms): State<Rooms>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let (snapshot, user_id) = (snapshot.as_ref(), &caller.user);
    rooms.readable_state(snapshot, &room, user_id).await?;
    let from = request.from.as_deref().map(str::parse).transpose()?;
    let limit = request.limit.map_or(THREADS_DEFAULT, render::limit);
    let page = rooms.threads(snapshot, &room, user_id, &request.include, from, limit).await?;
    let viewer = render::viewer(&rooms, &caller);
    let chunk = render::timeline(&rooms, snapshot, &page.roots, &viewer).await?;
    let mut response = Response::new(chunk);
    response.next_batch = page.next.map(|side| side.to_string());
    Ok(RumaResponse(response))
}
