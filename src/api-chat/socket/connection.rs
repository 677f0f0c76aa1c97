//! One socket: frames of the client in, frames of the server out, one task for both.
//!
//! While a frame cannot be written, none is read. Who does not take what is written in time is
//! disconnected, as is who is silent for too long; both come back with `hello` and miss nothing.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, timeout, timeout_at},
};

use super::{
    command::{Command, Hello, Request},
    form::Form,
    frame::{Frame, Reply, Says},
    limits::{
        FRAME_BYTES_MAX, HEARTBEAT, HELLO_TIME_MAX, SECOND_LOOK, SILENCE_MAX, WRITE_TIME_MAX,
    },
    listener::Listener,
    listening,
    perform::{Done, perform},
};
use crate::{Caller, ChatApi, Problem, validate::check};

/// How long a closing handshake may take: a slow client first has to read what comes before.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long it may take when the server ends.
const LAST_CLOSE_TIME_MAX: Duration = Duration::from_secs(2);

/// Why the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The client closed it, or is gone.
    Gone,
    /// The server ends.
    Shutdown,
    /// A frame was none.
    BadFrame,
    /// A frame was larger than [`FRAME_BYTES_MAX`].
    TooLarge,
    /// There was no valid token, or it is not valid any more.
    Unauthorized,
    /// The user has too many connections.
    TooMany,
    /// The client did not take what it was told fast enough.
    TooSlow,
    /// The client was silent for too long.
    Silent,
    /// The server could not go on.
    Failed,
}

impl Ending {
    /// The status code and the reason (RFC 6455, 7.4; from 4000 on they are ours).
    const fn code(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Gone => None,
            Self::Shutdown => Some((1001, "the server ends: come back")),
            Self::TooLarge => Some((1009, "the frame is too large")),
            Self::BadFrame => Some((4400, "the frame was not understood")),
            Self::Unauthorized => Some((4401, "the token is missing or not valid any more")),
            Self::TooMany => Some((4429, "the user has too many connections")),
            Self::TooSlow => Some((4408, "too slow: come back with the last pos")),
            Self::Failed => Some((1011, "the server failed: come back with the last pos")),
            Self::Silent => Some((4409, "silent for too long: come back with the last pos")),
        }
    }
}

/// One socket.
pub(super) struct Connection {
    api: ChatApi,
    socket: WebSocket,
    form: Form,
}

/// Who is at the other end.
struct Session {
    token: String,
    caller: Caller,
    listener: Listener,
}

impl Connection {
    pub const fn new(api: ChatApi, socket: WebSocket, form: Form) -> Self {
        Self { api, socket, form }
    }

    /// Serves the client until one of both ends it.
    pub async fn serve(mut self, hello: Option<Hello>) {
        let Err(ending) = self.run(hello).await;
        let Some((code, reason)) = ending.code() else {
            return;
        };
        let close = CloseFrame { code, reason: reason.into() };
        let closing = async {
            // The client may be gone by now; if not, it says goodbye too.
            if self.socket.send(Message::Close(Some(close))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let time_max = match ending {
            Ending::Shutdown => LAST_CLOSE_TIME_MAX,
            _ => CLOSE_TIME_MAX,
        };
        let _ = timeout(time_max, closing).await;
    }

    async fn run(&mut self, hello: Option<Hello>) -> Result<Infallible, Ending> {
        let mut session = self.greet(hello).await?;
        let user = session.caller.user_id().to_owned();
        let _present = self.api.bus.presence().connected(&user);
        let attention: Arc<Notify> = session.listener.attention();
        let stop = self.api.hub.stop().clone();
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        loop {
            tokio::select! {
                // What is known of the user comes before what they are told.
                biased;
                () = stop.cancelled() => return Err(Ending::Shutdown),
                () = attention.notified() => {
                    self.look_again(&mut session).await?;
                    heartbeat.reset_after(SECOND_LOOK);
                }
                _ = heartbeat.tick() => {
                    if heard_at.elapsed() > SILENCE_MAX {
                        return Err(Ending::Silent);
                    }
                    self.look_again(&mut session).await?;
                    self.send(Message::Ping(Bytes::new())).await?;
                }
                turn = turn(&mut session.listener, &mut self.socket, self.form) => match turn {
                    Turn::Server(frame) => self.write(frame?).await?,
                    Turn::Client(message) => {
                        heard_at = Instant::now();
                        if let Some(bytes) = payload(message, self.form)? {
                            self.obey(&mut session, &bytes).await?;
                        }
                    }
                },
            }
        }
    }

    /// Learns who it is, and what they want to be told.
    async fn greet(&mut self, hello: Option<Hello>) -> Result<Session, Ending> {
        let hello = match hello {
            Some(hello) => hello,
            None => self.first_frame().await?,
        };
        let caller = caller_of(&self.api, &hello.token).await?;
        let listener = Listener::open(&self.api, caller.user_id(), &hello.wish).await;
        let (listener, resumed) = listener.map_err(|problem| match problem.status() {
            StatusCode::TOO_MANY_REQUESTS => Ending::TooMany,
            _ => Ending::Failed,
        })?;
        let session = Session { token: hello.token, caller, listener };
        let ready = Reply::Ready {
            user_id: session.caller.user_id().to_owned(),
            resumed,
            rooms: session.listener.rooms(),
            heartbeat_ms: u64::try_from(SILENCE_MAX.as_millis()).unwrap_or(u64::MAX),
        };
        self.reply(&session, ready).await?;
        Ok(session)
    }

    async fn first_frame(&mut self) -> Result<Hello, Ending> {
        let deadline = Instant::now() + HELLO_TIME_MAX;
        loop {
            let message = timeout_at(deadline, self.socket.recv()).await;
            let message = message.map_err(|_| Ending::Unauthorized)?;
            let Some(bytes) = payload(message, self.form)? else {
                continue;
            };
            let request: Request = self.form.read(&bytes).map_err(|_| Ending::BadFrame)?;
            check(&request).map_err(|_| Ending::BadFrame)?;
            return match request.command {
                Command::Hello(hello) => Ok(hello),
                _ => Err(Ending::Unauthorized),
            };
        }
    }

    /// Carries a command out and says what became of it.
    async fn obey(&mut self, session: &mut Session, bytes: &Bytes) -> Result<(), Ending> {
        let request: Request = match self.form.read(bytes) {
            Ok(request) => request,
            Err(error) => {
                let problem = Problem::invalid_field("", error.to_string());
                let named: Option<Named> = self.form.read(bytes).ok();
                let id = named.and_then(|named| named.id);
                return self.refuse(session, id.as_deref(), problem).await;
            }
        };
        // Whoever was locked or suspended meanwhile is it here, too.
        session.caller = caller_of(&self.api, &session.token).await?;
        let checked = check(&request);
        let Request { id, command } = request;
        let id = id.as_deref();
        let done = match checked {
            Ok(()) => {
                let Session { caller, listener, .. } = &mut *session;
                perform(&self.api, caller, listener, id, command).await
            }
            Err(problem) => Err(problem),
        };
        match (done, id) {
            (Ok(Done::Pong), id) => self.reply(session, Reply::Pong { id }).await,
            (Ok(Done::Ack { message, notice }), Some(id)) => {
                self.reply(session, Reply::Ack { id, message, notice }).await
            }
            // Who names no id wants no answer, unless something is wrong.
            (Ok(Done::Ack { .. }), None) => Ok(()),
            (Err(problem), id) => self.refuse(session, id, problem).await,
        }
    }

    async fn refuse(
        &mut self,
        session: &Session,
        id: Option<&str>,
        problem: Problem,
    ) -> Result<(), Ending> {
        let problem = problem.into_document();
        self.reply(session, Reply::Error { id, problem }).await
    }

    async fn reply(&mut self, session: &Session, reply: Reply<'_>) -> Result<(), Ending> {
        let frame = Frame { pos: session.listener.place(), says: Says::Reply(reply) };
        let bytes = self.form.write(&frame).map_err(|_| Ending::Failed)?;
        self.write(bytes).await
    }

    /// Ends the connection with the session, and learns whom the user ignores.
    async fn look_again(&mut self, session: &mut Session) -> Result<(), Ending> {
        session.caller = caller_of(&self.api, &session.token).await?;
        session.listener.look_again().await.map_err(|_| Ending::Failed)
    }

    async fn write(&mut self, frame: Bytes) -> Result<(), Ending> {
        let message = match self.form {
            Form::Json => Message::Text(Utf8Bytes::try_from(frame).map_err(|_| Ending::Failed)?),
            Form::Compact => Message::Binary(frame),
        };
        self.send(message).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Ending> {
        match timeout(WRITE_TIME_MAX, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ending::Gone),
            Err(_) => Err(Ending::TooSlow),
        }
    }
}

/// What is understood of a command that is none: how the client calls it.
#[derive(Deserialize)]
struct Named {
    id: Option<String>,
}

/// Who has a token.
async fn caller_of(api: &ChatApi, token: &str) -> Result<Caller, Ending> {
    let caller = listening(api, token).await;
    caller.map_err(|problem| match problem.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ending::Unauthorized,
        _ => Ending::Failed,
    })
}

/// Whose turn it is to say something.
enum Turn {
    Server(Result<Bytes, Ending>),
    Client(Option<Result<Message, axum::Error>>),
}

/// Waits for whoever says something first. Nothing is lost by not waiting for it.
async fn turn(listener: &mut Listener, socket: &mut WebSocket, form: Form) -> Turn {
    tokio::select! {
        frame = listener.next(form) => {
            // What cannot be written is a mistake of ours: the client comes back, or loads afresh.
            let frame = frame.and_then(Result::ok);
            Turn::Server(frame.ok_or(Ending::TooSlow))
        }
        message = socket.recv() => Turn::Client(message),
    }
}

/// The frame in a message; `None` for what is the protocol's own.
fn payload(
    message: Option<Result<Message, axum::Error>>,
    form: Form,
) -> Result<Option<Bytes>, Ending> {
    let length = match &message {
        Some(Ok(Message::Text(text))) => text.len(),
        Some(Ok(Message::Binary(bytes))) => bytes.len(),
        _ => 0,
    };
    if length > FRAME_BYTES_MAX {
        return Err(Ending::TooLarge);
    }
    match (message, form) {
        (Some(Ok(Message::Text(text))), Form::Json) => Ok(Some(text.into())),
        (Some(Ok(Message::Binary(bytes))), Form::Compact) => Ok(Some(bytes)),
        (Some(Ok(Message::Ping(_) | Message::Pong(_))), _) => Ok(None),
        (Some(Ok(Message::Text(_) | Message::Binary(_))), _) => Err(Ending::BadFrame),
        (Some(Ok(Message::Close(_)) | Err(_)) | None, _) => Err(Ending::Gone),
    }
}
