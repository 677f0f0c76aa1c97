//! Invites that wait at an identity server until somebody proves to own the address.

use ruma::{
    OwnedRoomId, OwnedUserId, events::room::third_party_invite::RoomThirdPartyInviteEventContent,
};
use ruma_identity_service_api::invitation::store_invitation::v2::Request;

use crate::{Access, Address, Identity, IdentityError};

/// What the letter to the invited says about the invite.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Whom it is for.
    pub address: Address,
    /// Where to.
    pub room_id: OwnedRoomId,
    /// Who invites.
    pub sender: OwnedUserId,
    /// What they are called.
    pub sender_display_name: Option<String>,
    /// What the room is called.
    pub room_name: Option<String>,
    /// Who may join the room, as in its `m.room.join_rules`.
    pub join_rule: Option<String>,
}

impl Identity {
    /// Leaves an invite at the server, which writes to the address. The answer is the token and
    /// the content of the `m.room.third_party_invite` event that goes with it.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub async fn store_invite(
        &self,
        access: Access<'_>,
        invite: Invite,
    ) -> Result<(String, RoomThirdPartyInviteEventContent), IdentityError> {
        let Address { medium, address } = invite.address;
        let mut request = Request::new(medium, address, invite.room_id, invite.sender);
        request.room_name = invite.room_name;
        request.room_join_rules = invite.join_rule;
        request.sender_display_name = invite.sender_display_name;
        let answer = self.call(access, request).await?;
        Ok((answer.token.clone(), answer.into()))
    }
}
