//! `POST /rooms/{roomId}/upgrade`, and what follows its users into the new room.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use hearth_rooms::{Room, Rooms, RoomsError, UpgradeRoom};
use ruma::{
    OwnedRoomId, UserId,
    api::client::room::upgrade_room::v3::{Request, Response},
};

use super::access::{known_room, profile_of};
use crate::error::Error;

/// Most additional creators of the new room.
const CREATORS_MAX: usize = 100;

pub(crate) async fn upgrade(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    let old = known_room(&rooms, &request.room_id).await?;
    if request.additional_creators.len() > CREATORS_MAX {
        let reason = format!("a room has at most {CREATORS_MAX} additional creators");
        return Err(RoomsError::InvalidParam(reason).into());
    }
    let plan = UpgradeRoom {
        sender: caller.user.clone(),
        profile: profile_of(&accounts, &caller.user).await?,
        version: request.new_version,
        additional_creators: request.additional_creators,
    };
    let new = rooms.upgrade_room(&old, plan).await?;
    follow_upgrade(&rooms, &accounts, &new, &caller.user).await;
    Ok(RumaResponse(Response::new(new.id().to_owned())))
}

/// Copies what a user keeps for a room to the one that they entered and that replaces it. They
/// are in the new room in any case, so a failure is told to the log only.
pub(super) async fn follow_upgrade(
    rooms: &Rooms,
    accounts: &Accounts,
    new: &Room,
    user_id: &UserId,
) {
    let done = async {
        match replaced_by(rooms, new, user_id).await? {
            Some(old) => Ok(accounts.follow_upgrade(user_id, &old, new.id()).await?),
            None => Ok::<(), Error>(()),
        }
    };
    if let Err(error) = done.await {
        tracing::warn!(%user_id, room = %new.id(), ?error, "nothing follows into the new room");
    }
}

/// The room that a new one replaces, as both say; a new room alone is believed only by whoever
/// created it, since anybody can claim a predecessor.
async fn replaced_by(
    rooms: &Rooms,
    new: &Room,
    user_id: &UserId,
) -> Result<Option<OwnedRoomId>, Error> {
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let Some(old_id) = rooms.predecessor(snapshot, new).await? else {
        return Ok(None);
    };
    let Some(old) = rooms.room(&old_id).await? else {
        return Ok(None);
    };
    let head = rooms.head(snapshot, new.nid()).await?;
    let levels = rooms.power_levels(snapshot, new, &head).await?;
    let is_replaced = levels.creators().contains(user_id)
        || rooms.replacement_of(snapshot, &old).await?.as_deref() == Some(new.id());
    Ok(is_replaced.then_some(old_id))
}
