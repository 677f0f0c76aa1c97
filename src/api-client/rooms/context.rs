//! `GET /rooms/{roomId}/context/{eventId}`.

use axum::extract::{RawQuery, State};
use hearth_accounts::Accounts;
use hearth_base::limits::PAGE_EVENTS_MAX;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Direction, Event, Page, Room, Rooms, Side, Snapshot};
use ruma::{
    UserId,
    api::client::context::get_context::v3::{Request, Response},
};

use super::{
    access::known_room,
    filtered::{Filtered, senders},
    render,
};
use crate::error::Error;

pub(crate) async fn get_context(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    RawQuery(query): RawQuery,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let room = known_room(&rooms, &request.room_id).await?;
    let event = rooms.visible_event(snapshot, &room, &request.event_id, &caller.user).await?;
    let limit = render::limit(request.limit).min(PAGE_EVENTS_MAX);
    let filtered = Filtered::new(&accounts, &caller.user, request.filter, query.as_deref()).await?;
    let reader = Reader { rooms: &rooms, snapshot, room: &room, user_id: &caller.user, filtered };
    let before = reader.page(&event, Direction::Backward, limit / 2).await?;
    let after = reader.page(&event, Direction::Forward, limit - limit / 2).await?;
    let state = reader.state(&event, &before.events, &after.events).await?;

    let viewer = render::viewer(&rooms, &caller);
    let mut response = Response::new();
    response.start = Some(far_end(&before, &event, Direction::Backward).to_string());
    response.end = Some(far_end(&after, &event, Direction::Forward).to_string());
    response.events_before = render::timeline(&rooms, snapshot, &before.events, &viewer).await?;
    response.events_after = render::timeline(&rooms, snapshot, &after.events, &viewer).await?;
    response.state = render::state(&rooms, snapshot, &state, &viewer).await?;
    response.event = render::timeline(&rooms, snapshot, &[event], &viewer).await?.pop();
    Ok(RumaResponse(response))
}

/// One user who reads one room.
struct Reader<'a> {
    rooms: &'a Rooms,
    snapshot: &'a dyn Snapshot,
    room: &'a Room,
    user_id: &'a UserId,
    filtered: Filtered,
}

impl Reader<'_> {
    async fn page(&self, event: &Event, direction: Direction, limit: usize) -> Result<Page, Error> {
        let from = side_of(event, direction);
        if limit == 0 {
            return Ok(Page { events: Vec::new(), next: Some(from) });
        }
        let wanted = |event: &_| self.filtered.wants(event);
        let Self { rooms, snapshot, room, user_id, .. } = *self;
        Ok(rooms.page(snapshot, room, user_id, from, None, direction, limit, &wanted).await?)
    }

    /// The state after the last of the events, members only as far as they are wanted.
    async fn state(
        &self,
        event: &Event,
        before: &[Event],
        after: &[Event],
    ) -> Result<Vec<Event>, Error> {
        let Self { rooms, snapshot, room, .. } = *self;
        let last = after.last().unwrap_or(event);
        let (nid, state) = (room.nid(), last.state_after());
        let mut events = rooms.state_without_members(snapshot, nid, state).await?;
        if self.filtered.loads_lazily() {
            let shown = [before, std::slice::from_ref(event), after].concat();
            events.extend(senders(rooms, snapshot, room, last, &shown).await?);
        } else {
            events.extend(rooms.state_members(snapshot, nid, state).await?);
        }
        events.retain(|event| self.filtered.wants_state(event));
        Ok(events)
    }
}

/// The place next to an event.
fn side_of(event: &Event, direction: Direction) -> Side {
    match direction {
        Direction::Forward => Side(event.position()),
        Direction::Backward => Side(event.position().previous()),
    }
}

/// Where to read on, also if there is nothing yet.
fn far_end(page: &Page, event: &Event, direction: Direction) -> Side {
    page.next.unwrap_or_else(|| side_of(page.events.last().unwrap_or(event), direction))
}
