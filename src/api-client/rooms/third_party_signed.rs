//! Joining with the proof that one owns an invited address.

use hearth_outgoing::{Limits, Outgoing};
use hearth_rooms::{InviteKey, Profile, Room, Rooms, RoomsError};
use http::{HeaderMap, StatusCode};
use ruma::{
    UserId, api::client::membership::ThirdPartySigned, events::room::member::MembershipState,
};
use serde::Deserialize;
use url::Url;

use crate::error::Error;

/// Most keys of an invite that are asked about.
const KEYS_MAX: usize = 10;

/// Exchanges the invite of an address for one of the user, unless there is one.
pub(super) async fn redeem(
    rooms: &Rooms,
    outgoing: &Outgoing,
    room: &Room,
    user_id: &UserId,
    profile: &Profile,
    signed: &ThirdPartySigned,
) -> Result<(), Error> {
    let refuse = |reason: &str| Err(RoomsError::Forbidden(reason.to_owned()).into());
    if signed.mxid != *user_id {
        return refuse("the address belongs to somebody else");
    }
    let snapshot = rooms.snapshot().await?;
    let row = rooms.membership(snapshot.as_ref(), room.nid(), user_id).await?;
    let is_there = |state| matches!(state, MembershipState::Join | MembershipState::Invite);
    if row.is_some_and(|row| is_there(row.value.state)) {
        return Ok(());
    }
    let invite = rooms.third_party_invite(snapshot.as_ref(), room, &signed.token).await?;
    let Some(invite) = invite else {
        return refuse("there is no invite with this token");
    };
    if invite.keys.len() > KEYS_MAX {
        return refuse("the invite has too many keys");
    }
    for key in &invite.keys {
        if !is_valid(outgoing, key).await {
            return refuse("the identity server does not stand by its key");
        }
    }
    rooms.redeem_third_party_invite(room, &invite, profile, signed).await?;
    Ok(())
}

/// Whether a key counts: always, or as the address that it names says.
async fn is_valid(outgoing: &Outgoing, key: &InviteKey) -> bool {
    #[derive(Deserialize)]
    struct Validity {
        valid: bool,
    }
    let Some(address) = &key.key_validity_url else {
        return true;
    };
    let Ok(mut url) = Url::parse(address) else {
        return false;
    };
    url.query_pairs_mut().append_pair("public_key", &key.public_key);
    match outgoing.get(&url, HeaderMap::new(), Limits::default()).await {
        Ok(answer) if answer.status == StatusCode::OK => {
            serde_json::from_slice::<Validity>(&answer.body).is_ok_and(|answer| answer.valid)
        }
        _ => false,
    }
}
