//! `GET /rooms/{roomId}/messages`.

use axum::extract::{FromRef, FromRequest, RawQuery, State};
use hearth_accounts::Accounts;
use hearth_base::StreamPosition;
use hearth_bus::Bus;
use hearth_http::{ApiError, Carrier, Ruma, RumaResponse};
use hearth_rooms::{Direction, Rooms, Side};
use http::Uri;
use ruma::api::client::message::get_message_events::v3::{Request, Response};

use super::{
    access::known_room,
    filtered::{Filtered, senders},
    render,
};
use crate::error::Error;

/// The request. The specification requires `dir`; without it Synapse reads forwards, and clients
/// that were tried with Synapse alone leave it out.
pub(crate) struct Messages(Ruma<Request>);

impl Carrier for Messages {
    type Request = Request;
}

impl<S> FromRequest<S> for Messages
where
    Accounts: FromRef<S>,
    Bus: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(
        mut request: axum::extract::Request,
        state: &S,
    ) -> Result<Self, Self::Rejection> {
        if let Some(uri) = with_direction(request.uri()) {
            *request.uri_mut() = uri;
        }
        Ok(Self(Ruma::from_request(request, state).await?))
    }
}

/// The address with `dir=f`; `None` if it has a direction.
fn with_direction(uri: &Uri) -> Option<Uri> {
    let query = uri.query().unwrap_or_default();
    let has_direction = query.split('&').any(|pair| pair.starts_with("dir="));
    let address = format!("{}?dir=f&{query}", uri.path());
    (!has_direction).then(|| address.parse().ok()).flatten()
}

pub(crate) async fn get_messages(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    RawQuery(query): RawQuery,
    Messages(Ruma { request, caller }): Messages,
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
    let filtered = Filtered::new(&accounts, user_id, request.filter, query.as_deref()).await?;
    let wanted = |event: &_| filtered.wants(event);
    let page = rooms.page(snapshot, &room, user_id, from, to, direction, limit, &wanted).await?;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_is_forwards_unless_the_client_says() {
        let read = |address: &str| with_direction(&address.parse().unwrap());
        assert_eq!(read("/messages?dir=b"), None);
        assert_eq!(read("/messages?from=t1&dir=f"), None);
        let added = |address| read(address).unwrap().to_string();
        assert_eq!(added("/messages?from=t1"), "/messages?dir=f&from=t1");
        assert_eq!(added("/messages"), "/messages?dir=f&");
    }
}
