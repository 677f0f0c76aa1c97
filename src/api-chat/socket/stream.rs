//! `GET /events`: the same frames as a stream of server-sent events, for networks that let no
//! WebSocket through.
//!
//! What clients say goes through the other endpoints. `Last-Event-ID` is the `pos` of a frame.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use bytes::Bytes;
use futures::stream::{self, Stream};
use hearth_bus::Present;
use http::HeaderMap;
use tokio::{
    sync::Notify,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    command::Wish,
    form::Form,
    frame::{Frame, Reply, Says},
    limits::{HEARTBEAT, SECOND_LOOK, SILENCE_MAX, STREAM_HEARTBEAT},
    listener::Listener,
    listening,
};
use crate::{Caller, ChatApi, Problem, Query, extract::bearer, validate::check};

/// The header with which a client that comes back says where it was.
const LAST_EVENT_ID: &str = "last-event-id";

/// Follow what happens
///
/// A stream of server-sent events: each has the frame that a WebSocket would have as its data and
/// the frame's `pos` as its id. Without `rooms` it is about all rooms of the user.
#[utoipa::path(
    get,
    path = "/events",
    tag = "live",
    params(
        Wish,
        ("Last-Event-ID" = Option<String>, Header, description = "As `pos`; it comes first"),
    ),
    responses((status = 200, description = "Events, for as long as the client listens",
               body = String, content_type = "text/event-stream")),
)]
pub(crate) async fn stream_events(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(mut wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    if let Some(last) = headers.get(LAST_EVENT_ID).and_then(|last| last.to_str().ok()) {
        wish.pos = Some(last.to_owned());
        check(&wish)?;
    }
    wish.all_rooms |= wish.rooms.is_empty();
    let user = caller.user_id();
    let (listener, resumed) = Listener::open(&api, user, &wish).await?;
    let ready = Reply::Ready {
        user_id: user.to_owned(),
        resumed,
        rooms: listener.rooms(),
        heartbeat_ms: u64::try_from(SILENCE_MAX.as_millis()).unwrap_or(u64::MAX),
    };
    let ready = Frame { pos: listener.place(), says: Says::Reply(ready) };
    let ready = Form::Json.write(&ready).map_err(Problem::internal)?;
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let follower = StreamFollower {
        token: bearer(&headers).unwrap_or_default().to_owned(),
        attention: listener.attention(),
        heartbeat,
        first: Some(ready),
        _present: api.bus.presence().connected(user),
        listener,
        api,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        follower.next().await.map(|event| (Ok(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(STREAM_HEARTBEAT)))
}

/// Who follows a stream.
struct StreamFollower {
    api: ChatApi,
    token: String,
    listener: Listener,
    attention: Arc<Notify>,
    heartbeat: Interval,
    first: Option<Bytes>,
    _present: Present,
}

impl StreamFollower {
    /// The next event; `None` ends the stream, and the client comes back by itself.
    async fn next(&mut self) -> Option<Event> {
        if let Some(first) = self.first.take() {
            return self.event(&first);
        }
        let stop = self.api.hub.stop().clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                frame = self.listener.next(Form::Json) => return self.event(&frame?.ok()?),
                () = self.attention.notified() => {
                    self.look_again().await?;
                    self.heartbeat.reset_after(SECOND_LOOK);
                }
                _ = self.heartbeat.tick() => self.look_again().await?,
            }
        }
    }

    /// Goes on only with a session that is still valid.
    async fn look_again(&mut self) -> Option<()> {
        listening(&self.api, &self.token).await.ok()?;
        self.listener.look_again().await.ok()
    }

    fn event(&self, frame: &Bytes) -> Option<Event> {
        let data = str::from_utf8(frame).ok()?;
        Some(Event::default().id(self.listener.place().to_string()).data(data))
    }
}
