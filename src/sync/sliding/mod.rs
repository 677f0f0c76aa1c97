//! Simplified sliding sync (MSC4186): windows on the user's rooms instead of all of them.
//!
//! A request names lists and subscriptions; [`selection`] finds the rooms, by a list that follows
//! the session ([`room_list`]). [`connection`] knows what the client was told of each, so
//! [`answer`] looks only at rooms of which it may lack something, and [`room`] at one of them.
//!
//! What a user has left shows as it was when they left. Deliberately absent: state of rooms that
//! the user never was in, other than what invites say.

mod answer;
mod connection;
mod extensions;
mod filters;
mod pos;
mod request;
mod required_state;
mod response;
mod room;
mod room_list;
mod selection;
#[cfg(test)]
mod sliding_tests;
mod state;
mod timeline;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hearth_base::limits::SYNC_TIMEOUT_MS_MAX;
use hearth_bus::Version;
use ruma::api::client::sync::sync_events::v5::response::{Extensions, ToDevice};

use self::{
    answer::Answer,
    connection::{Connection, Settled, Told},
    extensions::to_device_since,
    pos::Pos,
};
pub(crate) use self::{connection::Connections, room_list::RoomList};
pub use self::{
    request::{RoomConfig, RoomFilters, SlidingList, SlidingRequest},
    required_state::RequiredState,
    response::{SlidingResponse, SlidingRoom},
};
use crate::{Request, Sync, SyncError, sessions::Session};

/// An answer that may be sent.
struct Looked {
    response: SlidingResponse,
    /// What it tells, unless it says nothing and has its token already.
    told: Option<(Arc<Told>, Settled, Version)>,
}

impl Sync {
    /// Answers as soon as there is something new, or after the timeout.
    ///
    /// # Errors
    /// [`SyncError::UnknownPos`] if the client has to start afresh, or the store failed.
    pub async fn slide(&self, request: &SlidingRequest) -> Result<SlidingResponse, SyncError> {
        let _present = self.bus().presence().syncing(&request.user_id, &request.set_presence);
        let session = self.sessions().open(&request.user_id).await?;
        let connection = self.connections().open(self.accounts(), request).await?;
        if let Some(pos) = &connection.pos {
            self.bus().deliveries().delivered(&request.user_id, pos.position);
        }
        let wanted = &request.extensions.to_device;
        if wanted.enabled == Some(true) && wanted.since.is_some() {
            self.acknowledge(&session, &request.device_id, to_device_since(wanted)?).await?;
        }
        let timeout = request.timeout.min(Duration::from_millis(SYNC_TIMEOUT_MS_MAX));
        let deadline = tokio::time::Instant::now() + timeout;
        let plain = plain(request, &connection);
        // First watch, then read: a change in between wakes the next wait.
        let mut wake = session.watch();
        loop {
            wake.mark_unchanged();
            let answer = self.look(request, &plain, &session, &connection).await?;
            let at_once = request.pos.is_none() || timeout.is_zero();
            if at_once || !answer.response.is_empty() || self.stop().is_cancelled() {
                return self.conclude(answer, &connection).await;
            }
            tokio::select! {
                changed = wake.changed() => if changed.is_err() {
                    return self.conclude(answer, &connection).await;
                },
                () = tokio::time::sleep_until(deadline) => {
                    return self.conclude(answer, &connection).await;
                }
                () = self.stop().cancelled() => return self.conclude(answer, &connection).await,
            }
        }
    }

    /// What the client has not seen by now.
    async fn look(
        &self,
        request: &SlidingRequest,
        plain: &Request,
        session: &Session,
        connection: &Connection,
    ) -> Result<Looked, SyncError> {
        let version = self.bus().version();
        let fingerprint = request.fingerprint();
        if let Some(response) =
            self.nothing_new(request, plain, session, connection, fingerprint).await?
        {
            return Ok(Looked { response, told: None });
        }
        let snapshot = self.store().snapshot().await?;
        let position = snapshot.position();
        if connection.pos.is_some_and(|pos| pos.position > position) {
            return Err(SyncError::UnknownPos);
        }
        let view = self.view(plain, snapshot.as_ref(), position).await?;
        let (response, told) = Answer::build(&view, request, connection, session).await?;
        let settled = Settled { position, fingerprint, lists: response.lists.clone() };
        Ok(Looked { response, told: Some((told, settled, version)) })
    }

    /// Remembers what an answer tells, and gives it its token.
    async fn conclude(
        &self,
        looked: Looked,
        connection: &Connection,
    ) -> Result<SlidingResponse, SyncError> {
        let Looked { mut response, told } = looked;
        if let Some((told, settled, version)) = told {
            let (position, now_ms) = (settled.position, self.clock().now_ms());
            let told = connection.tell(self.accounts(), told, settled, now_ms).await?;
            let epoch = self.bus().epoch();
            response.pos = Pos { position, epoch, version: version.0, told }.to_string();
        }
        Ok(response)
    }

    /// The answer to a client that asks the same again while nothing happened, which is the usual
    /// case.
    async fn nothing_new(
        &self,
        request: &SlidingRequest,
        plain: &Request,
        session: &Session,
        connection: &Connection,
        fingerprint: u64,
    ) -> Result<Option<SlidingResponse>, SyncError> {
        let (Some(pos), Some(lists)) = (connection.pos, connection.settled(fingerprint)) else {
            return Ok(None);
        };
        if !self.is_quiet(&pos.token(), session, self.bus().version()) {
            return Ok(None);
        }
        let mut extensions = Extensions::default();
        let wanted = &request.extensions;
        if wanted.to_device.enabled == Some(true) {
            if to_device_since(&wanted.to_device)? < pos.position {
                return Ok(None);
            }
            let mut to_device = ToDevice::default();
            to_device.next_batch = pos.position.0.to_string();
            extensions.to_device = Some(to_device);
        }
        if wanted.e2ee.enabled == Some(true) {
            extensions.e2ee = self.own_keys(plain).await?;
        }
        let (pos, rooms) = (pos.to_string(), BTreeMap::new());
        Ok(Some(SlidingResponse { txn_id: None, pos, lists, rooms, extensions }))
    }
}

/// The request as the parts that `/sync` is made of know it.
fn plain(request: &SlidingRequest, connection: &Connection) -> Request {
    Request {
        user_id: request.user_id.clone(),
        device_id: request.device_id.clone(),
        since: connection.pos.map(|pos| pos.token()),
        filter: Arc::default(),
        full_state: false,
        use_state_after: true,
        timeout: request.timeout,
        set_presence: request.set_presence.clone(),
    }
}
