//! `POST /rooms/{roomId}/invite`: a user, or whoever owns an address.

use axum::extract::{FromRef, FromRequestParts};
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma, RumaResponse};
use hearth_identity::{Access, Address, Identity, Invite};
use hearth_rooms::{Invitation, Room, Rooms, RoomsError};
use ruma::{
    UserId,
    api::client::membership::{
        Invite3pid,
        invite_user::v3::{InvitationRecipient, InviteUserId, Request, Response},
    },
};

use super::access::{check_invitee, known_room, profile_of};
use crate::{ClientApi, error::Error};

/// Most addresses that one request invites: each takes requests to an identity server.
const ADDRESSES_MAX: usize = 10;

pub(crate) async fn invite(
    host: Host,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let room = known_room(&host.rooms, &request.room_id).await?;
    match request.recipient {
        InvitationRecipient::UserId(guest) => host.invite(&room, &caller.user, guest).await?,
        InvitationRecipient::ThirdPartyId(guest) => {
            host.invite_address(&room, &caller.user, guest).await?;
        }
        _ => return Err(RoomsError::BadRequest("nobody is invited".to_owned()).into()),
    }
    Ok(RumaResponse(Response::new()))
}

/// What it takes to invite somebody.
pub(crate) struct Host {
    rooms: Rooms,
    accounts: Accounts,
    identity: Identity,
}

impl FromRequestParts<ClientApi> for Host {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        _: &mut http::request::Parts,
        api: &ClientApi,
    ) -> Result<Self, Self::Rejection> {
        let (rooms, accounts) = (Rooms::from_ref(api), Accounts::from_ref(api));
        Ok(Self { rooms, accounts, identity: Identity::from_ref(api) })
    }
}

impl Host {
    async fn invite(&self, room: &Room, sender: &UserId, guest: InviteUserId) -> Result<(), Error> {
        check_invitee(&self.accounts, sender, &guest.user_id).await?;
        let invitation = Invitation {
            sender: sender.to_owned(),
            profile: profile_of(&self.accounts, &guest.user_id).await?,
            user_id: guest.user_id,
            reason: guest.reason,
            is_direct: false,
        };
        self.rooms.invite(room, invitation).await?;
        Ok(())
    }

    /// Refuses addresses that no invite can reach, before there is a room to invite to.
    pub(super) fn check_addresses(&self, guests: &[Invite3pid]) -> Result<(), Error> {
        if guests.len() > ADDRESSES_MAX {
            let reason = format!("at most {ADDRESSES_MAX} addresses can be invited at once");
            return Err(RoomsError::InvalidParam(reason).into());
        }
        for guest in guests {
            self.identity.check_trusted(&guest.id_server)?;
        }
        Ok(())
    }

    /// Invites the user who owns an address; if the identity server knows none, it stores the
    /// invite for whoever proves to own it, and writes to them.
    pub(super) async fn invite_address(
        &self,
        room: &Room,
        sender: &UserId,
        guest: Invite3pid,
    ) -> Result<(), Error> {
        self.rooms.check_inviting(room, sender).await?;
        let access = Access { server: &guest.id_server, token: &guest.id_access_token };
        let address = Address { medium: guest.medium, address: guest.address };
        if let Some(owner) = self.identity.owner(access, &address).await? {
            return self.invite(room, sender, InviteUserId::new(owner)).await;
        }
        let invite = self.letter(room, sender, address).await?;
        let (token, content) = self.identity.store_invite(access, invite).await?;
        let content = serde_json::to_value(content).map_err(ApiError::internal)?;
        self.rooms.invite_address(room, sender, &token, &content).await?;
        Ok(())
    }

    /// What the identity server may tell the invited.
    async fn letter(
        &self,
        room: &Room,
        sender: &UserId,
        address: Address,
    ) -> Result<Invite, Error> {
        let snapshot = self.rooms.snapshot().await?;
        let head = self.rooms.head(snapshot.as_ref(), room.nid()).await?;
        let look = self.rooms.look(snapshot.as_ref(), room, &head).await?;
        Ok(Invite {
            address,
            room_id: room.id().to_owned(),
            sender: sender.to_owned(),
            sender_display_name: profile_of(&self.accounts, sender).await?.display_name,
            room_name: look.name.clone(),
            join_rule: look.join_rule.as_ref().map(ToString::to_string),
        })
    }
}
