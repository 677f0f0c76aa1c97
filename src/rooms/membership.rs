//! Joining, leaving, inviting, kicking, banning, knocking and forgetting.

use hearth_rules::PowerLevels;
use hearth_statemap::StateRoot;
use hearth_store::{Batch, Fact, Snapshot};
use ruma::{
    OwnedUserId, UserId,
    events::{StateEventType, room::member::MembershipState},
};
use serde_json::{Map, Value};

use crate::{
    Event, Room, RoomHead, Rooms, RoomsError, Sent, new_room::state_event, tables::FORGOTTEN,
};

/// How a user looks in a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The display name.
    pub display_name: Option<String>,
    /// The avatar, an `mxc:` URI.
    pub avatar_url: Option<String>,
}

impl Profile {
    /// The content of an `m.room.member` event with this profile.
    #[must_use]
    pub fn to_content(&self, membership: &str) -> Map<String, Value> {
        let mut content = Map::new();
        content.insert("membership".to_owned(), membership.into());
        if let Some(display_name) = &self.display_name {
            content.insert("displayname".to_owned(), display_name.as_str().into());
        }
        if let Some(avatar_url) = &self.avatar_url {
            content.insert("avatar_url".to_owned(), avatar_url.as_str().into());
        }
        content
    }
}

/// An invite of one user by another.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Who invites.
    pub sender: OwnedUserId,
    /// Who is invited.
    pub user_id: OwnedUserId,
    /// How the invited user looks.
    pub profile: Profile,
    /// Why.
    pub reason: Option<String>,
    /// Whether it is to a direct chat.
    pub is_direct: bool,
}

impl Rooms {
    /// Joins a room, or updates how the user looks in it.
    ///
    /// # Errors
    /// The room's rules refuse it, or the store failed.
    pub async fn join(
        &self,
        room: &Room,
        user_id: &UserId,
        profile: &Profile,
        extra: Map<String, Value>,
    ) -> Result<Sent, RoomsError> {
        let snapshot = self.snapshot().await?;
        let present = self.membership(snapshot.as_ref(), room.nid(), user_id).await?;
        let state = present.as_ref().map(|row| &row.value.state);
        if state == Some(&MembershipState::Join) && extra.is_empty() {
            let event = match &present {
                Some(row) => self.event(snapshot.as_ref(), row.value.event).await?,
                None => return Err(RoomsError::NotFound("membership")),
            };
            let event_id = event.pdu().event_id().to_owned();
            return Ok(Sent { event_id, nid: event.nid(), position: None });
        }
        let mut content = profile.to_content("join");
        content.extend(extra);
        if !matches!(state, Some(MembershipState::Join | MembershipState::Invite)) {
            let voucher = self.voucher(snapshot.as_ref(), room, user_id).await?;
            if let Some(voucher) = voucher {
                let key = "join_authorised_via_users_server".to_owned();
                content.insert(key, voucher.as_str().into());
            }
        }
        self.send_member(room, user_id, user_id, content).await
    }

    /// Updates how a member of the room looks in it.
    ///
    /// # Errors
    /// The room's rules refuse it, or the store failed.
    pub async fn update_profile(
        &self,
        room: &Room,
        user_id: &UserId,
        profile: &Profile,
    ) -> Result<Sent, RoomsError> {
        self.send_member(room, user_id, user_id, profile.to_content("join")).await
    }

    /// Invites a user of this server.
    ///
    /// # Errors
    /// The room's rules refuse it, or the store failed.
    pub async fn invite(&self, room: &Room, invite: Invitation) -> Result<Sent, RoomsError> {
        let content = invite.profile.to_content("invite");
        let mut content = with_reason(content, invite.reason.as_deref());
        if invite.is_direct {
            content.insert("is_direct".to_owned(), true.into());
        }
        self.send_member(room, &invite.sender, &invite.user_id, content).await
    }

    /// Asks to be invited.
    ///
    /// # Errors
    /// The room's rules refuse it, or the store failed.
    pub async fn knock(
        &self,
        room: &Room,
        user_id: &UserId,
        profile: &Profile,
        reason: Option<&str>,
    ) -> Result<Sent, RoomsError> {
        let content = with_reason(profile.to_content("knock"), reason);
        self.send_member(room, user_id, user_id, content).await
    }

    /// Leaves a room, or rejects its invite, or takes back a knock.
    ///
    /// # Errors
    /// [`RoomsError::ServerNotices`] if the invite is one that nobody may reject, the user is not
    /// in the room, or the store failed.
    pub async fn leave(
        &self,
        room: &Room,
        user_id: &UserId,
        reason: Option<&str>,
    ) -> Result<Sent, RoomsError> {
        self.check_leaving(room, user_id).await?;
        self.remove(room, user_id, user_id, "leave", reason).await
    }

    /// Removes another user from a room.
    ///
    /// # Errors
    /// The user is not there, the sender may not, or the store failed.
    pub async fn kick(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        reason: Option<&str>,
    ) -> Result<Sent, RoomsError> {
        let present = self.present_state(room, user_id).await?;
        let here = [MembershipState::Join, MembershipState::Invite, MembershipState::Knock];
        if !present.is_some_and(|state| here.contains(&state)) {
            return Err(RoomsError::Forbidden(format!("{user_id} is not in the room")));
        }
        self.remove(room, sender, user_id, "leave", reason).await
    }

    /// Bans a user from a room, whether they are there or not.
    ///
    /// # Errors
    /// The sender may not, or the store failed.
    pub async fn ban(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        reason: Option<&str>,
    ) -> Result<Sent, RoomsError> {
        self.remove(room, sender, user_id, "ban", reason).await
    }

    /// Lifts a ban.
    ///
    /// # Errors
    /// The user is not banned, the sender may not, or the store failed.
    pub async fn unban(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        reason: Option<&str>,
    ) -> Result<Sent, RoomsError> {
        if self.present_state(room, user_id).await? != Some(MembershipState::Ban) {
            return Err(RoomsError::Forbidden(format!("{user_id} is not banned")));
        }
        self.remove(room, sender, user_id, "leave", reason).await
    }

    /// Ends a membership, with nothing in the event but that and why.
    async fn remove(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        membership: &str,
        reason: Option<&str>,
    ) -> Result<Sent, RoomsError> {
        let content = with_reason(Profile::default().to_content(membership), reason);
        self.send_member(room, sender, user_id, content).await
    }

    /// Forgets a room that the user has left; an invite brings it back.
    ///
    /// # Errors
    /// [`RoomsError::BadRequest`] if the user is still in it.
    pub async fn forget(&self, room: &Room, user_id: &UserId) -> Result<(), RoomsError> {
        let snapshot = self.snapshot().await?;
        let row = self.membership(snapshot.as_ref(), room.nid(), user_id).await?;
        let row = row.ok_or(RoomsError::NotFound("membership"))?;
        if !matches!(row.value.state, MembershipState::Leave | MembershipState::Ban) {
            return Err(RoomsError::BadRequest("leave the room before you forget it".to_owned()));
        }
        let mut batch = Batch::new();
        FORGOTTEN.put(&mut batch, &(user_id, room.nid()), &row.position)?;
        batch.fact(Fact::Membership { user: user_id.to_owned(), room: room.nid() });
        match self.store().commit(batch).await {
            Ok(_) => Ok(()),
            Err(hearth_store::CommitError::Conflict { .. }) => Err(RoomsError::Busy),
            Err(hearth_store::CommitError::Store(error)) => Err(error.into()),
        }
    }

    async fn present_state(
        &self,
        room: &Room,
        user_id: &UserId,
    ) -> Result<Option<MembershipState>, RoomsError> {
        let snapshot = self.snapshot().await?;
        let row = self.membership(snapshot.as_ref(), room.nid(), user_id).await?;
        Ok(row.map(|row| row.value.state))
    }

    pub(crate) async fn send_member(
        &self,
        room: &Room,
        sender: &UserId,
        user_id: &UserId,
        content: Map<String, Value>,
    ) -> Result<Sent, RoomsError> {
        let content = Value::Object(content);
        let request = state_event(sender, "m.room.member", user_id.as_str(), &content)?;
        self.send(room, request).await
    }

    /// The power levels that hold at a room's head.
    ///
    /// # Errors
    /// The store failed, or the levels are malformed.
    pub async fn power_levels(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        head: &RoomHead,
    ) -> Result<PowerLevels, RoomsError> {
        self.power_levels_in(snapshot, room, head.state).await
    }

    /// The power levels that hold in a state of a room.
    ///
    /// # Errors
    /// The store failed, or the levels are malformed.
    pub async fn power_levels_in(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        state: StateRoot,
    ) -> Result<PowerLevels, RoomsError> {
        let wanted = [
            (StateEventType::RoomCreate, String::new()),
            (StateEventType::RoomPowerLevels, String::new()),
        ];
        let events = self.state_events(snapshot, room.nid(), state, &wanted).await?;
        let pdu = |at: usize| events.get(at).and_then(Option::as_ref).map(Event::pdu);
        Ok(PowerLevels::new(pdu(0), pdu(1), room.rules())?)
    }
}

fn with_reason(mut content: Map<String, Value>, reason: Option<&str>) -> Map<String, Value> {
    if let Some(reason) = reason {
        content.insert("reason".to_owned(), reason.into());
    }
    content
}
