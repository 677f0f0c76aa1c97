//! One answer: what goes into it, read from one snapshot.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hearth_base::{RoomNid, StreamPosition};
use hearth_bus::Version;
use hearth_rooms::{Membership, Room, Viewer};
use hearth_rules::{PushRules, event_filter};
use hearth_store::{Snapshot, Stamped};
use ruma::{
    OwnedUserId, UserId,
    api::client::{filter::FilterDefinition, sync::sync_events::v3::Response},
    events::room::member::MembershipState,
};
use tokio::sync::OnceCell;

use crate::{
    Sync, SyncError, SyncToken, account_data::RoomData, device_lists::Encounters,
    sessions::Session, sync::Request,
};

/// An answer, and whether it says nothing but its token.
pub(crate) struct Answer {
    pub(crate) response: Response,
    pub(crate) is_empty: bool,
}

/// What one answer is made from.
pub(crate) struct View<'a> {
    pub(crate) sync: &'a Sync,
    pub(crate) request: &'a Request,
    pub(crate) snapshot: &'a dyn Snapshot,
    /// Everything up to here is in the answer.
    pub(crate) position: StreamPosition,
    /// What the client has already; nothing in an initial sync.
    pub(crate) since: Option<SyncToken>,
    /// What the client has of typing and presence.
    pub(crate) since_version: Version,
    /// Whose messages and invites the user does not want.
    pub(crate) ignored: BTreeSet<OwnedUserId>,
    /// The user's push rules, once they were read.
    pub(crate) push_rules: OnceCell<PushRules>,
}

impl Sync {
    /// What a client has not seen by now.
    pub(crate) async fn answer(
        &self,
        request: &Request,
        session: &Session,
    ) -> Result<Answer, SyncError> {
        let version = self.bus().version();
        if let Some(since) = &request.since
            && !request.full_state
            && self.is_quiet(since, session, version)
        {
            let mut response = Response::new(since.to_string());
            self.key_counts(request, &mut response).await?;
            return Ok(Answer { response, is_empty: true });
        }
        let snapshot = self.store().snapshot().await?;
        let view = self.view(request, snapshot.as_ref(), snapshot.position()).await?;
        let (response, is_empty) = view.build(session, version).await?;
        Ok(Answer { response, is_empty })
    }

    /// What an answer to `request` with everything up to `position` is made from.
    pub(crate) async fn view<'a>(
        &'a self,
        request: &'a Request,
        snapshot: &'a dyn Snapshot,
        position: StreamPosition,
    ) -> Result<View<'a>, SyncError> {
        Ok(View {
            sync: self,
            request,
            snapshot,
            position,
            since: request.since,
            since_version: request
                .since
                .filter(|since| since.epoch == self.bus().epoch())
                .map_or(Version(0), |since| Version(since.version)),
            ignored: self.accounts().ignored_users(&request.user_id).await?,
            push_rules: OnceCell::new(),
        })
    }
}

impl<'a> View<'a> {
    async fn build(
        &self,
        session: &Session,
        version: Version,
    ) -> Result<(Response, bool), SyncError> {
        let mut response = Response::new(String::new());
        let mut encounters = Encounters::default();
        let mut data = self.account_data(&mut response).await?;
        for (nid, row) in self.candidates(session, &data).await? {
            let room = self.sync.rooms().room_by_nid(self.snapshot, nid).await?;
            if event_filter::includes_room(&self.filter().room, room.id()) {
                self.room(&mut response, &mut encounters, &room, &row, &mut data).await?;
            }
        }
        self.presence(&mut response, &encounters).await?;
        let to_device = self.to_device(&mut response).await?;
        self.device_lists(&mut response, encounters).await?;
        let is_empty = response.rooms.is_empty()
            && response.presence.is_empty()
            && response.account_data.is_empty()
            && response.to_device.is_empty()
            && response.device_lists.is_empty();
        self.sync.key_counts(self.request, &mut response).await?;
        response.next_batch = self.sync.token(self.position, version, to_device).to_string();
        Ok((response, is_empty))
    }

    async fn room(
        &self,
        response: &mut Response,
        encounters: &mut Encounters,
        room: &Room,
        row: &Stamped<Membership>,
        data: &mut BTreeMap<RoomNid, RoomData>,
    ) -> Result<(), SyncError> {
        let data = data.remove(&room.nid()).unwrap_or_default();
        let room_id = room.id().to_owned();
        match row.value.state {
            MembershipState::Join => {
                if let Some(joined) = self.joined(encounters, room, row, data).await? {
                    response.rooms.join.insert(room_id, joined);
                }
            }
            MembershipState::Invite if self.is_new(row.position) => {
                if let Some(invited) = self.invited(room, row).await? {
                    response.rooms.invite.insert(room_id, invited);
                }
            }
            MembershipState::Knock if self.is_new(row.position) => {
                response.rooms.knock.insert(room_id, self.knocked(room, row).await?);
            }
            MembershipState::Leave | MembershipState::Ban => {
                if let Some(left) = self.left(encounters, room, row, data).await? {
                    response.rooms.leave.insert(room_id, left);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The rooms that may be in the answer, with the user's membership of each.
    async fn candidates(
        &self,
        session: &Session,
        data: &BTreeMap<RoomNid, RoomData>,
    ) -> Result<Vec<(RoomNid, Stamped<Membership>)>, SyncError> {
        let (rooms, user_id) = (self.sync.rooms(), &self.request.user_id);
        let Some(since) = self.since.filter(|_| !self.request.full_state) else {
            return Ok(rooms.memberships(self.snapshot, user_id).await?);
        };
        let changed =
            self.sync.changed_rooms(self.snapshot, session, user_id, since.position).await?;
        let mut nids: HashSet<_> = changed.into_iter().collect();
        nids.extend(data.keys());
        for room_id in self.sync.bus().typing().changed_since(self.since_version) {
            nids.extend(rooms.room(&room_id).await?.map(|room| room.nid()));
        }
        let mut candidates = Vec::with_capacity(nids.len());
        for nid in nids {
            if let Some(row) = rooms.membership(self.snapshot, nid, user_id).await? {
                candidates.push((nid, row));
            }
        }
        Ok(candidates)
    }

    /// Whether the client has not seen what came at `position`.
    pub(crate) fn is_new(&self, position: StreamPosition) -> bool {
        position > self.since_position()
    }

    /// What the client has seen of the stream.
    pub(crate) fn since_position(&self) -> StreamPosition {
        self.since.map_or(StreamPosition::ZERO, |since| since.position)
    }

    pub(crate) fn filter(&self) -> &'a FilterDefinition {
        &self.request.filter
    }

    pub(crate) fn user_id(&self) -> &'a UserId {
        &self.request.user_id
    }

    pub(crate) fn viewer(&self) -> Viewer<'a> {
        Viewer {
            user_id: &self.request.user_id,
            device_id: Some(&self.request.device_id),
            now: self.sync.clock().now(),
        }
    }
}
