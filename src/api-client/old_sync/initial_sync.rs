//! `GET /initialSync` and `GET /rooms/{roomId}/initialSync`.

use axum::{Json, extract::State};
use hearth_accounts::Accounts;
use hearth_bus::{Bus, Version};
use hearth_http::Ruma;
use hearth_rooms::{Room, Rooms, Side};
use hearth_sync::Sync;
use ruma::{
    UInt, api::client::peeking::get_current_state::v3::Request,
    events::room::member::MembershipState,
};
use serde_json::{Value, json};

use super::{requests::InitialSync, room_info::Reader};
use crate::{
    error::Error,
    rooms::{known_room, render},
};

/// Messages of each room, for a client that does not say how many.
const MESSAGES_DEFAULT: usize = 20;
/// Most messages of each room.
const MESSAGES_MAX: usize = 100;

pub(crate) async fn room_initial_sync(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<Json<Value>, Error> {
    let room = known_room(&rooms, &request.room_id).await?;
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let row = rooms.membership(snapshot, room.nid(), &caller.user).await?;
    let state = row.as_ref().map(|row| &row.value.state);
    let upto = match &row {
        Some(row) if has_left(&row.value.state) => Side(row.position),
        _ => rooms.end(snapshot, room.nid()).await?,
    };
    let (rooms, accounts, caller) = (&rooms, &accounts, &caller);
    let reader = Reader { rooms, accounts, snapshot, caller, limit: MESSAGES_DEFAULT };
    Ok(Json(reader.room(&room, state, upto).await?))
}

fn has_left(state: &MembershipState) -> bool {
    matches!(state, MembershipState::Leave | MembershipState::Ban)
}

pub(crate) async fn initial_sync(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(sync): State<Sync>,
    State(bus): State<Bus>,
    Ruma { request, caller }: Ruma<InitialSync>,
) -> Result<Json<Value>, Error> {
    let snapshot = rooms.snapshot().await?;
    let snapshot = snapshot.as_ref();
    let reader = Reader {
        rooms: &rooms,
        accounts: &accounts,
        snapshot,
        caller: &caller,
        limit: limit(request.limit),
    };
    let mut infos = Vec::new();
    for (nid, row) in rooms.memberships(snapshot, &caller.user).await? {
        let room: Room = rooms.room_by_nid(snapshot, nid).await?;
        let state = &row.value.state;
        match state {
            MembershipState::Join => {
                let end = rooms.end(snapshot, nid).await?;
                infos.push(reader.room(&room, Some(state), end).await?);
            }
            MembershipState::Invite => infos.push(reader.invite(&room, &row.value).await?),
            MembershipState::Leave | MembershipState::Ban
                if request.archived
                    && !row.value.forgotten
                    && row.value.last_joined(row.position).is_some() =>
            {
                infos.push(reader.room(&room, Some(state), Side(row.position)).await?);
            }
            _ => {}
        }
    }
    let mut presence = Vec::new();
    for user_id in bus.presence().changed_since(Version(0)) {
        if user_id == caller.user || rooms.share_a_room(snapshot, &caller.user, &user_id).await? {
            presence.extend(sync.presence_event(&user_id)?);
        }
    }
    let data = accounts.all_account_data(&caller.user).await?.global;
    let data = data.iter().map(|(kind, content)| json!({ "type": kind, "content": content }));
    Ok(Json(json!({
        "end": Side(snapshot.position()).to_string(),
        "rooms": infos,
        "presence": presence,
        "account_data": data.collect::<Vec<_>>(),
    })))
}

fn limit(limit: Option<UInt>) -> usize {
    limit.map_or(MESSAGES_DEFAULT, render::limit).min(MESSAGES_MAX)
}
