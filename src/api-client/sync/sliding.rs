//! `POST …/org.matrix.simplified_msc3575/sync` (MSC4186): reading the request.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State};
use hearth_http::{ApiError, Extended};
use hearth_sync::{
    RequiredState, RoomConfig, RoomFilters, SlidingList, SlidingRequest, SlidingResponse, Sync,
};
use ruma::{
    OwnedRoomId, UInt, UserId,
    api::client::sync::sync_events::v5::{
        Request,
        request::{List, ListFilters},
    },
    directory::RoomTypeFilter,
    events::StateEventType,
};
use serde::Deserialize;
use serde_json::Value;

use super::known_presence;
use crate::error::Error;

/// Most lists of a request (MSC4186).
const LISTS_MAX: usize = 100;
/// Most subscriptions of a request.
const SUBSCRIPTIONS_MAX: usize = 1_000;
/// Most entries of `required_state` of a list or subscription.
const REQUIRED_STATE_MAX: usize = 500;
/// Longest name of a connection in bytes.
const CONNECTION_BYTES_MAX: usize = 255;

/// The filters that ruma does not know.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MoreFilters {
    spaces: Vec<OwnedRoomId>,
    tags: Vec<String>,
    not_tags: Vec<String>,
    room_name_like: Option<String>,
    /// What `is_invite` was called later.
    is_invited: Option<bool>,
}

pub(crate) async fn slide(
    State(sync): State<Sync>,
    Extended { request, caller, body }: Extended<Request>,
) -> Result<Json<SlidingResponse>, Error> {
    check(&request)?;
    let user_id = &caller.user;
    let mut lists = BTreeMap::new();
    for (name, list) in request.lists {
        let more = body.get("lists").and_then(|lists| lists.get(&name)?.get("filters"));
        lists.insert(name, read_list(list, more, user_id)?);
    }
    let mut subscriptions = BTreeMap::new();
    for (room_id, wanted) in request.room_subscriptions {
        let config = config(wanted.timeline_limit, wanted.required_state, user_id)?;
        subscriptions.insert(room_id, config);
    }
    let sliding = SlidingRequest {
        user_id: user_id.clone(),
        // Application services may sync without a device; nothing is sent to that one.
        device_id: caller.device.clone().unwrap_or_else(|| "".into()),
        connection: request.conn_id.unwrap_or_default(),
        pos: request.pos,
        timeout: request.timeout.unwrap_or(Duration::ZERO),
        set_presence: known_presence(request.set_presence)?,
        lists,
        subscriptions,
        extensions: request.extensions,
    };
    let mut response = sync.slide(&sliding).await?;
    response.txn_id = request.txn_id;
    Ok(Json(response))
}

fn check(request: &Request) -> Result<(), ApiError> {
    let connection = request.conn_id.as_deref().unwrap_or_default();
    if request.lists.len() > LISTS_MAX {
        return Err(ApiError::invalid_param("there are too many lists"));
    }
    if request.room_subscriptions.len() > SUBSCRIPTIONS_MAX {
        return Err(ApiError::invalid_param("there are too many subscriptions"));
    }
    if connection.len() > CONNECTION_BYTES_MAX {
        return Err(ApiError::invalid_param("the conn_id is too long"));
    }
    Ok(())
}

fn read_list(list: List, more: Option<&Value>, user_id: &UserId) -> Result<SlidingList, Error> {
    let ranges = list.ranges.into_iter().map(|(first, last)| (first.into(), last.into()));
    let details = list.room_details;
    Ok(SlidingList {
        ranges: Some(ranges.collect()),
        filters: filters(list.filters.unwrap_or_default(), more)?,
        config: config(details.timeline_limit, details.required_state, user_id)?,
    })
}

fn filters(known: ListFilters, more: Option<&Value>) -> Result<RoomFilters, Error> {
    let more = more.filter(|more| !more.is_null()).map(MoreFilters::deserialize).transpose();
    let more = more.map_err(|error| ApiError::bad_json(error.to_string()))?.unwrap_or_default();
    let types = |types: Vec<RoomTypeFilter>| {
        types.iter().map(|kind| kind.as_str().map(str::to_owned)).collect()
    };
    Ok(RoomFilters {
        is_dm: known.is_dm,
        is_encrypted: known.is_encrypted,
        is_invite: known.is_invite.or(more.is_invited),
        room_types: types(known.room_types),
        not_room_types: types(known.not_room_types),
        spaces: more.spaces,
        tags: more.tags,
        not_tags: more.not_tags,
        room_name_like: more.room_name_like,
    })
}

fn config(
    timeline_limit: UInt,
    required_state: Vec<(StateEventType, String)>,
    user_id: &UserId,
) -> Result<RoomConfig, Error> {
    if required_state.len() > REQUIRED_STATE_MAX {
        return Err(ApiError::invalid_param("there is too much required_state").into());
    }
    Ok(RoomConfig {
        timeline_limit: u32::try_from(u64::from(timeline_limit)).unwrap_or(u32::MAX),
        required_state: RequiredState::new(required_state, user_id),
    })
}
