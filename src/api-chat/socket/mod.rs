//! What happens, told to those who listen: over a WebSocket, or as server-sent events.
//!
//! One follower of the log ([`hub`]) makes of each change the events that clients are told
//! ([`witness`]), once, and puts them into the outboxes of those whom they concern ([`registry`]).
//! A connection ([`listener`]) begins at a place in the log: what is between there and now it reads
//! itself, and then it hears the follower.
//!
//! Invariants: what is in the log is told in its order, each event once to a connection, and also
//! to one that comes back, from the place of its last frame; who falls behind is disconnected and
//! not left out. Nobody is told of a room that they may not see.
//!
//! Deliberately absent: a queue that outlives its connection. The log is that queue.

mod command;
mod connection;
mod cursor;
mod form;
mod frame;
mod handshake;
mod hub;
mod limits;
mod listener;
mod perform;
mod registry;
mod stream;
mod told;
mod witness;

use hearth_http::Access;
use http::Method;

use crate::{Caller, ChatApi, Problem};

pub use hub::Hub;
pub(crate) use {
    command::Request,
    frame::{Frame, Happening},
    handshake::{__path_open_socket, open_socket},
    hub::follow,
    stream::{__path_stream_events, stream_events},
};

/// Who listens: whoever may use this API at all.
async fn listening(api: &ChatApi, token: &str) -> Result<Caller, Problem> {
    let caller = Caller::of_token(api, token).await?;
    caller.admit(api, Access::GUESTS, &Method::GET)?;
    Ok(caller)
}

/// The short keys of the compact form, by the long ones.
pub(crate) fn compact_keys() -> serde_json::Map<String, serde_json::Value> {
    form::KEYS.iter().map(|(long, short)| ((*long).to_owned(), (*short).into())).collect()
}
