//! Invites to an address, and their exchange for an invite of the user who owns it
//! (specification, "Third-party invites").
//!
//! That the user owns the address is what the identity server signed; the authorization rules
//! check the signature. Asking identity servers anything is for the caller.

use hearth_store::Snapshot;
use ruma::{
    OwnedUserId, UserId,
    api::client::membership::ThirdPartySigned,
    events::{StateEventType, room::member::MembershipState},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Profile, Room, Rooms, RoomsError, Sent, new_room::state_event};

/// An `m.room.third_party_invite` event.
#[derive(Clone, Debug)]
pub struct ThirdPartyInvite {
    /// Who invited the address.
    pub sender: OwnedUserId,
    /// What the room calls whoever is invited.
    pub display_name: String,
    /// The keys of which one has to sign.
    pub keys: Vec<InviteKey>,
}

/// A key of an identity server.
#[derive(Clone, Debug, Deserialize)]
pub struct InviteKey {
    /// The public key in base64.
    pub public_key: String,
    /// Where to ask whether the key still counts.
    pub key_validity_url: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    display_name: String,
    public_key: Option<String>,
    key_validity_url: Option<String>,
    #[serde(default)]
    public_keys: Vec<InviteKey>,
}

impl Rooms {
    /// Refuses who may not invite anybody, before an identity server is told about it.
    ///
    /// # Errors
    /// [`RoomsError::Forbidden`], or the store failed.
    pub async fn check_inviting(&self, room: &Room, user_id: &UserId) -> Result<(), RoomsError> {
        let snapshot = self.snapshot().await?;
        let row = self.membership(snapshot.as_ref(), room.nid(), user_id).await?;
        let head = self.head(snapshot.as_ref(), room.nid()).await?;
        let levels = self.power_levels(snapshot.as_ref(), room, &head).await?;
        let is_joined = row.is_some_and(|row| row.value.state == MembershipState::Join);
        if is_joined && levels.user(user_id) >= levels.invite() {
            return Ok(());
        }
        Err(RoomsError::Forbidden("you may not invite anybody to this room".to_owned()))
    }

    /// Invites whoever proves to own an address, as an identity server stored it: `content` is
    /// that of the `m.room.third_party_invite` event.
    ///
    /// # Errors
    /// The room's rules refuse it, or the store failed.
    pub async fn invite_address(
        &self,
        room: &Room,
        sender: &UserId,
        token: &str,
        content: &Value,
    ) -> Result<Sent, RoomsError> {
        self.send(room, state_event(sender, "m.room.third_party_invite", token, content)?).await
    }

    /// The invite to an address with this token.
    ///
    /// # Errors
    /// The store failed.
    pub async fn third_party_invite(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        token: &str,
    ) -> Result<Option<ThirdPartyInvite>, RoomsError> {
        let state = self.head(snapshot, room.nid()).await?.state;
        let key = StateEventType::RoomThirdPartyInvite;
        let event = self.state_event(snapshot, room.nid(), state, key, token).await?;
        Ok(event.and_then(|event| {
            let Content { display_name, public_key, key_validity_url, mut public_keys } =
                event.pdu().content_as()?;
            let first = public_key.map(|public_key| InviteKey { public_key, key_validity_url });
            public_keys.extend(first);
            let sender = event.pdu().sender().to_owned();
            Some(ThirdPartyInvite { sender, display_name, keys: public_keys })
        }))
    }

    /// Invites the user whom an identity server says to own an invited address, in the name of
    /// who invited the address.
    ///
    /// # Errors
    /// [`RoomsError::Forbidden`] if the inviter is not of this server, may not invite any more, or
    /// if the signature is not one of the invite's keys.
    pub async fn redeem_third_party_invite(
        &self,
        room: &Room,
        invite: &ThirdPartyInvite,
        profile: &Profile,
        signed: &ThirdPartySigned,
    ) -> Result<Sent, RoomsError> {
        if invite.sender.server_name() != self.server_name() {
            let reason = "only the server of the inviter can exchange this invite";
            return Err(RoomsError::Forbidden(reason.to_owned()));
        }
        let mut content = profile.to_content("invite");
        let proof = json!({ "display_name": invite.display_name, "signed": signed });
        content.insert("third_party_invite".to_owned(), proof);
        self.send_member(room, &invite.sender, &signed.mxid, content).await
    }
}
