//! `GET /rooms/{roomId}/messages`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_base::StreamPosition;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Direction, Rooms, Side};
use ruma::api::client::message::get_message_events::v3::{Request, Response};

use super::{
    access::known_room,
    filtered::{Filtered, senders},
    render,
};
use crate::error::Error;

pub(crate) async fn get_messages(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let (snapshot, user_id) = (rooms.snapshot().await?, &caller.user);
    let snapshot = snapshot.as_ref();
    let room = known_room(&rooms, &request.room_id).await?;
    rooms.readable_state(snapshot, &room, user_id).await?;
    let direction = render::direction(request.dir);
    let from = match (&request.from, direction) {
        (Some(token), _) => token.parse()?,
        (None, Direction::Forward) => Side(StreamPosition::MIN),
        (None, Direction::Backward) => rooms.end(snapshot, room.nid()).await?,
    };
    let to = request.to.as_deref().map(str::parse::<Side>).transpose()?;
    let limit = render::limit(request.limit);
    let filtered = Filtered::new(&accounts, user_id, request.filter).await?;
    let wanted = |event: &_| filtered.wants(event);
    let page = rooms
        .page(
            snapshot, &room, user_id, from, to, direction, limit, &wanted,
        )
        .await?;

    let viewer = render::viewer(&rooms, &caller);
    let mut response = Response::new();
    response.start = from.to_string();
    response.end = page.next.map(|side| side.to_string());
    response.chunk = render::timeline(&rooms, snapshot, &page.events, &viewer).await?;
    if let Some(first) = page.events.first().filter(|_| filtered.loads_lazily()) {
        let members = senders(&rooms, snapshot, &room, first, &page.events).await?;
        response.state = render::state(&rooms, snapshot, &members, &viewer).await?;
    }
    Ok(RumaResponse(response))
}
