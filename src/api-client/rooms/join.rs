//! `POST /join/{roomIdOrAlias}` and `POST /rooms/{roomId}/join`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Caller, Extended, RumaResponse};
use hearth_outgoing::Outgoing;
use hearth_rooms::{Room, Rooms};
use ruma::{
    OwnedRoomId,
    api::client::membership::{ThirdPartySigned, join_room_by_id, join_room_by_id_or_alias},
};
use serde_json::{Map, Value};

use super::{
    access::{named_room, profile_of},
    third_party_signed::redeem,
    upgrade::follow_upgrade,
};
use crate::error::Error;

/// What a client cannot put into its member event by joining; the rest of the body it can.
const SERVERS_KEYS: [&str; 6] = [
    "membership",
    "displayname",
    "avatar_url",
    "join_authorised_via_users_server",
    "third_party_invite",
    "third_party_signed",
];

pub(crate) async fn join(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    Extended { request, caller, body }: Extended<join_room_by_id_or_alias::v3::Request>,
) -> Result<RumaResponse<join_room_by_id_or_alias::v3::Response>, Error> {
    let room = named_room(&rooms, &request.room_id_or_alias).await?;
    let door = Door { rooms: &rooms, accounts: &accounts, outgoing: &outgoing };
    let room_id = door.enter(&caller, &room, request.third_party_signed.as_ref(), body).await?;
    Ok(RumaResponse(join_room_by_id_or_alias::v3::Response::new(room_id)))
}

pub(crate) async fn join_by_id(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(outgoing): State<Outgoing>,
    Extended { request, caller, body }: Extended<join_room_by_id::v3::Request>,
) -> Result<RumaResponse<join_room_by_id::v3::Response>, Error> {
    let room = rooms.existing_room(&request.room_id).await?;
    let door = Door { rooms: &rooms, accounts: &accounts, outgoing: &outgoing };
    let room_id = door.enter(&caller, &room, request.third_party_signed.as_ref(), body).await?;
    Ok(RumaResponse(join_room_by_id::v3::Response::new(room_id)))
}

/// What it takes to let somebody in.
struct Door<'a> {
    rooms: &'a Rooms,
    accounts: &'a Accounts,
    outgoing: &'a Outgoing,
}

impl Door<'_> {
    async fn enter(
        &self,
        caller: &Caller,
        room: &Room,
        signed: Option<&ThirdPartySigned>,
        mut content: Map<String, Value>,
    ) -> Result<OwnedRoomId, Error> {
        let (rooms, user_id) = (self.rooms, &caller.user);
        if caller.is_guest {
            check_guest_access(rooms, room).await?;
        }
        let profile = profile_of(self.accounts, user_id).await?;
        if let Some(signed) = signed {
            redeem(rooms, self.outgoing, room, user_id, &profile, signed).await?;
        }
        content.retain(|key, value| !value.is_null() && !SERVERS_KEYS.contains(&&**key));
        let sent = rooms.join(room, user_id, &profile, content).await?;
        if sent.position.is_some() {
            follow_upgrade(rooms, self.accounts, room, user_id).await;
        }
        Ok(room.id().to_owned())
    }
}

/// Refuses guests where the room does not let them in (specification, "Guest access").
async fn check_guest_access(rooms: &Rooms, room: &Room) -> Result<(), Error> {
    let snapshot = rooms.snapshot().await?;
    let head = rooms.head(snapshot.as_ref(), room.nid()).await?;
    let room = rooms.public_room(snapshot.as_ref(), room, &head).await?;
    if room.look.guest_can_join { Ok(()) } else { Err(Error::guest_access_forbidden()) }
}
