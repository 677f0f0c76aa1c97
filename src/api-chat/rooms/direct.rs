//! Direct rooms: of two people, or of one with themselves.
//!
//! Which rooms are direct stands in the account data of each of the two (`m.direct`), where Matrix
//! clients look for it too.

use std::{collections::HashMap, sync::Arc};

use hearth_rooms::{CreateRoom, Invitation, Room};
use parking_lot::Mutex;
use ruma::{
    OwnedRoomId, OwnedUserId, UserId, api::client::room::create_room::v3::RoomPreset,
    events::room::member::MembershipState,
};
use serde_json::Map;

use super::settings::{ROOM_VERSION, direct_levels, levels_of_equals};
use crate::{
    ChatApi, Problem,
    invitees::{check_may_write_to, profile_of},
    place::state_event,
};

/// Who is making direct rooms at present: of two who write to each other at the same time, one
/// makes the room and the other gets it.
#[derive(Clone, Default)]
pub struct DirectRooms(Arc<Mutex<HashMap<Pair, Arc<Turn>>>>);

/// The two of a room, in the order of their ids.
type Pair = (OwnedUserId, OwnedUserId);

/// Whose turn it is, of those who make the same room.
type Turn = tokio::sync::Mutex<()>;

impl DirectRooms {
    fn turn(&self, user_id: &UserId, other: &UserId) -> Arc<Turn> {
        let mut pair = (user_id.to_owned(), other.to_owned());
        if pair.0 > pair.1 {
            pair = (pair.1, pair.0);
        }
        let mut making = self.0.lock();
        making.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(making.entry(pair).or_default())
    }
}

/// The direct room of two people, and whether it is new.
pub(super) async fn open_direct_room(
    api: &ChatApi,
    user_id: &UserId,
    other: &UserId,
) -> Result<(bool, OwnedRoomId), Problem> {
    let turn = api.direct_rooms.turn(user_id, other);
    // Held while the room is made, as that is what the others wait for.
    let _turn = turn.lock().await;
    if let Some(room) = present(api, user_id, other).await? {
        return Ok((false, room.id().to_owned()));
    }
    if user_id != other {
        check_may_write_to(api, user_id, other).await?;
    }
    let room = make(api, user_id, other).await?;
    api.accounts.add_direct_room(user_id, other, room.id()).await?;
    if user_id != other {
        api.accounts.add_direct_room(other, user_id, room.id()).await?;
    }
    Ok((true, room.id().to_owned()))
}

/// The direct room in which both are already, by what either of them says.
async fn present(api: &ChatApi, user_id: &UserId, other: &UserId) -> Result<Option<Room>, Problem> {
    let snapshot = api.rooms.snapshot().await?;
    for (one, with) in [(user_id, other), (other, user_id)] {
        let rooms = api.accounts.direct_rooms(one).await?;
        for (room_id, _) in rooms.into_iter().filter(|(_, of)| of == with) {
            let Some(room) = api.rooms.room(&room_id).await? else {
                continue;
            };
            let head = api.rooms.head(snapshot.as_ref(), room.nid()).await?;
            let expected = if user_id == other { 1 } else { 2 };
            if head.joined_members + head.invited_members != expected {
                continue;
            }
            let mut both_here = true;
            for user in [user_id, other] {
                let row = api.rooms.membership(snapshot.as_ref(), room.nid(), user).await?;
                both_here &= row.is_some_and(|row| row.value.state == MembershipState::Join);
            }
            if both_here {
                api.accounts.add_direct_room(user_id, other, &room_id).await?;
                return Ok(Some(room));
            }
        }
    }
    Ok(None)
}

async fn make(api: &ChatApi, user_id: &UserId, other: &UserId) -> Result<Room, Problem> {
    let creator = profile_of(api, user_id).await?;
    let profile = profile_of(api, other).await?;
    let room = CreateRoom {
        profile: creator,
        version: Some(ROOM_VERSION),
        preset: Some(RoomPreset::PrivateChat),
        is_direct: true,
        power_levels: direct_levels(),
        ..CreateRoom::new(user_id.to_owned())
    };
    let room = api.rooms.create_room(room).await?;
    if user_id != other {
        let invitation = Invitation {
            sender: user_id.to_owned(),
            user_id: other.to_owned(),
            profile: profile.clone(),
            reason: None,
            is_direct: true,
        };
        api.rooms.invite(&room, invitation).await?;
        api.rooms.join(&room, other, &profile, Map::new()).await?;
    }
    // From now on nobody else comes in, whatever the two agree on.
    let levels = levels_of_equals([user_id.as_str(), other.as_str()]);
    api.rooms.send(&room, state_event(user_id, "m.room.power_levels", &levels)?).await?;
    Ok(room)
}
