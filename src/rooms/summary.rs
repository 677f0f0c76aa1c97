//! What a room tells people who think of joining it, and whom it tells that (specification,
//! "Room summaries" and "Spaces").

use hearth_store::Snapshot;
use ruma::{
    UInt, UserId,
    events::{
        StateEventType,
        room::{
            encryption::RoomEncryptionEventContent, join_rules::RoomJoinRulesEventContent,
            member::MembershipState,
        },
    },
    room::{JoinRuleKind, JoinRuleSummary, RoomSummary},
};

use crate::{Room, RoomHead, Rooms, RoomsError};

impl Rooms {
    /// A short description of a room. Whether somebody may have it is for
    /// [`Rooms::may_know`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn summary(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<RoomSummary, RoomsError> {
        let head = self.head(snapshot, room.nid()).await?;
        let look = self.look(snapshot, room, &head).await?;
        let mut summary = RoomSummary::new(
            room.id().to_owned(),
            self.join_rule(snapshot, room, &head).await?,
            look.guest_can_join,
            UInt::new_saturating(head.joined_members),
            look.world_readable,
        );
        summary.canonical_alias = look.canonical_alias.clone();
        summary.name = look.name.clone();
        summary.topic = look.topic.clone();
        summary.avatar_url = look.avatar_url.clone();
        summary.room_type = look.room_type.clone();
        summary.room_version = Some(room.version().clone());
        if look.encrypted {
            let (nid, key) = (room.nid(), StateEventType::RoomEncryption);
            let event = self.state_event(snapshot, nid, head.state, key, "").await?;
            let content =
                event.and_then(|event| event.pdu().content_as::<RoomEncryptionEventContent>());
            summary.encryption = content.map(|content| content.algorithm);
        }
        Ok(summary)
    }

    async fn join_rule(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        head: &RoomHead,
    ) -> Result<JoinRuleSummary, RoomsError> {
        let key = StateEventType::RoomJoinRules;
        let event = self.state_event(snapshot, room.nid(), head.state, key, "").await?;
        let content = event.and_then(|event| event.pdu().content_as::<RoomJoinRulesEventContent>());
        Ok(content.map_or(JoinRuleSummary::Invite, |content| content.join_rule.into()))
    }

    /// Whether somebody may know about a room: members, invited users, and those who could join,
    /// knock or read it. `None` is a stranger.
    ///
    /// # Errors
    /// The store failed.
    pub async fn may_know(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: Option<&UserId>,
    ) -> Result<bool, RoomsError> {
        use JoinRuleKind::{Knock, KnockRestricted, Public, Restricted};
        let head = self.head(snapshot, room.nid()).await?;
        let look = self.look(snapshot, room, &head).await?;
        if look.world_readable {
            return Ok(true);
        }
        let membership = match user_id {
            Some(user_id) => self.membership(snapshot, room.nid(), user_id).await?,
            None => None,
        };
        match membership.map(|row| row.value.state) {
            Some(MembershipState::Join | MembershipState::Invite) => return Ok(true),
            Some(MembershipState::Ban) => return Ok(false),
            _ => {}
        }
        match (&look.join_rule, user_id) {
            (Some(Public | Knock | KnockRestricted), _) => Ok(true),
            (Some(Restricted), Some(user_id)) => {
                let allowed = self.allowed_rooms(snapshot, room, &head).await?;
                self.is_in_any(snapshot, &allowed.unwrap_or_default(), user_id).await
            }
            _ => Ok(false),
        }
    }
}
