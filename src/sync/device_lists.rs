//! Whose devices changed, whom the user met in rooms since the token, and whom they left.

use std::collections::BTreeSet;

use hearth_base::RoomNid;
use hearth_rooms::Room;
use hearth_statemap::StateRoot;
use ruma::{
    OwnedUserId, UserId,
    api::client::sync::sync_events::{DeviceLists, v3::Response},
    events::room::member::MembershipState,
};
use serde::Deserialize;

use crate::{Request, Sync, SyncError, SyncToken, answer::View};

/// Users whose membership of the user's rooms changed.
#[derive(Default)]
pub(crate) struct Encounters {
    met: BTreeSet<OwnedUserId>,
    parted: BTreeSet<OwnedUserId>,
}

#[derive(Deserialize)]
struct MemberContent {
    membership: MembershipState,
}

impl Encounters {
    /// The users who came into rooms with the user.
    pub(crate) fn met(&self) -> impl Iterator<Item = &OwnedUserId> {
        self.met.iter()
    }

    /// Notes who came to and left a joined room; all members of a room that was just joined.
    pub(crate) async fn note(
        &mut self,
        view: &View<'_>,
        room: &Room,
        known: Option<StateRoot>,
        end: StateRoot,
        just_joined: bool,
    ) -> Result<(), SyncError> {
        let Some(since) = view.since else {
            return Ok(());
        };
        let rooms = view.sync.rooms();
        if just_joined {
            for (user_id, member) in rooms.members(view.snapshot, room.nid()).await? {
                if member.state == MembershipState::Join {
                    self.met.insert(user_id);
                }
            }
            return Ok(());
        }
        let known = match known {
            Some(known) => known,
            None => rooms.state_at(view.snapshot, room.nid(), since.position).await?,
        };
        if known.members == end.members {
            return Ok(());
        }
        let changes = rooms.member_changes(view.snapshot, room.nid(), known, end).await?;
        for (before, after) in changes {
            let joined = |event: &Option<hearth_rooms::Event>| {
                event
                    .as_ref()
                    .and_then(|event| event.pdu().content_as::<MemberContent>())
                    .is_some_and(|content| content.membership == MembershipState::Join)
            };
            let state_key = after.as_ref().or(before.as_ref()).and_then(|e| e.pdu().state_key());
            let Some(user_id) = state_key.and_then(|id| OwnedUserId::try_from(id).ok()) else {
                continue;
            };
            match (joined(&before), joined(&after)) {
                (false, true) => drop(self.met.insert(user_id)),
                (true, false) => drop(self.parted.insert(user_id)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes that the user left a room and everybody in it.
    pub(crate) async fn leave(&mut self, view: &View<'_>, room: &Room) -> Result<(), SyncError> {
        if view.since.is_none() {
            return Ok(());
        }
        for (user_id, member) in view.sync.rooms().members(view.snapshot, room.nid()).await? {
            if member.state == MembershipState::Join {
                self.parted.insert(user_id);
            }
        }
        Ok(())
    }
}

impl Sync {
    /// Whose devices changed between two syncs, and whom the user left, as those syncs told it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn device_changes(
        &self,
        user_id: &UserId,
        from: SyncToken,
        to: SyncToken,
    ) -> Result<DeviceLists, SyncError> {
        let request = Request::device_lists(user_id, from);
        let snapshot = self.store().snapshot().await?;
        let position = to.position.min(snapshot.position());
        let view = self.view(&request, snapshot.as_ref(), position).await?;
        let rooms = self.rooms().memberships(view.snapshot, user_id).await?;
        view.device_changes_in(rooms.into_iter().map(|(room, _)| room)).await
    }
}

impl View<'_> {
    /// Whose devices changed since the token, and whom the user left, if nobody came or went in
    /// other rooms than these.
    pub(crate) async fn device_changes_in(
        &self,
        changed: impl Iterator<Item = RoomNid>,
    ) -> Result<DeviceLists, SyncError> {
        let (rooms, since) = (self.sync.rooms(), self.since_position());
        let mut encounters = Encounters::default();
        for nid in changed {
            let Some(row) = rooms.membership(self.snapshot, nid, self.user_id()).await? else {
                continue;
            };
            let room = rooms.room_by_nid(self.snapshot, nid).await?;
            let joined = row.value.last_joined(row.position);
            if row.value.state == MembershipState::Join {
                let just_joined = joined.is_some_and(|joined| self.is_new(joined));
                let known = rooms.state_at(self.snapshot, nid, since).await?;
                let end = rooms.state_at(self.snapshot, nid, self.position).await?;
                encounters.note(self, &room, Some(known), end, just_joined).await?;
            } else if joined.is_some() && self.is_new(row.position) {
                encounters.leave(self, &room).await?;
            }
        }
        let mut response = Response::new(String::new());
        self.device_lists(&mut response, encounters).await?;
        Ok(response.device_lists)
    }

    /// Whether the user is in a room with somebody.
    pub(crate) async fn shares_a_room(&self, other: &UserId) -> Result<bool, SyncError> {
        if other == self.user_id() {
            return Ok(true);
        }
        Ok(self.sync.rooms().share_a_room(self.snapshot, self.user_id(), other).await?)
    }

    /// Puts the users into the answer whose devices the client has to ask for, and those whom it
    /// may forget; only in incremental syncs.
    pub(crate) async fn device_lists(
        &self,
        response: &mut Response,
        encounters: Encounters,
    ) -> Result<(), SyncError> {
        let Some(since) = &self.since else {
            return Ok(());
        };
        let accounts = self.sync.accounts();
        let changed =
            accounts.device_list_changes(self.user_id(), since.position, self.position).await?;
        let mut news = encounters.met;
        news.remove(self.user_id());
        for user_id in changed {
            if self.shares_a_room(&user_id).await? {
                news.insert(user_id);
            }
        }
        for user_id in encounters.parted {
            if !self.shares_a_room(&user_id).await? {
                news.remove(&user_id);
                response.device_lists.left.push(user_id);
            }
        }
        response.device_lists.changed = news.into_iter().collect();
        Ok(())
    }
}
