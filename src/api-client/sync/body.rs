//! The answer of `/sync` as JSON.
//!
//! It differs from ruma's in three ways: `limited` is there when it is false too, so is the account
//! data of a joined room when there is none, and who asked for `state_after` by its old name
//! (MSC4222) gets it by its old name as well.

use std::collections::BTreeMap;

use ruma::{
    OneTimeKeyAlgorithm, OwnedEventId, OwnedRoomId, UInt,
    api::client::sync::sync_events::{
        DeviceLists, UnreadNotificationsCount,
        v3::{
            Ephemeral, GlobalAccountData, InvitedRoom, JoinedRoom, KnockedRoom, LeftRoom, Presence,
            Response, RoomAccountData, RoomSummary, State, StateEvents, Sticky, Timeline, ToDevice,
        },
    },
    events::{AnyRoomAccountDataEvent, AnySyncTimelineEvent},
    serde::Raw,
};
use serde::Serialize;

/// An answer as its client gets it.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    next_batch: &'a str,
    #[serde(skip_serializing_if = "Rooms::is_empty")]
    rooms: Rooms<'a>,
    #[serde(skip_serializing_if = "Presence::is_empty")]
    presence: &'a Presence,
    #[serde(skip_serializing_if = "GlobalAccountData::is_empty")]
    account_data: &'a GlobalAccountData,
    #[serde(skip_serializing_if = "ToDevice::is_empty")]
    to_device: &'a ToDevice,
    #[serde(skip_serializing_if = "DeviceLists::is_empty")]
    device_lists: &'a DeviceLists,
    device_one_time_keys_count: &'a BTreeMap<OneTimeKeyAlgorithm, UInt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_unused_fallback_key_types: Option<&'a [OneTimeKeyAlgorithm]>,
}

#[derive(Serialize)]
struct Rooms<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    leave: BTreeMap<&'a OwnedRoomId, Left<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    join: BTreeMap<&'a OwnedRoomId, Joined<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    invite: &'a BTreeMap<OwnedRoomId, InvitedRoom>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    knock: &'a BTreeMap<OwnedRoomId, KnockedRoom>,
}

#[derive(Serialize)]
struct Left<'a> {
    #[serde(skip_serializing_if = "Events::is_empty")]
    timeline: Events<'a>,
    #[serde(flatten)]
    state: Sides<'a>,
    #[serde(skip_serializing_if = "RoomAccountData::is_empty")]
    account_data: &'a RoomAccountData,
}

#[derive(Serialize)]
struct Joined<'a> {
    #[serde(skip_serializing_if = "RoomSummary::is_empty")]
    summary: &'a RoomSummary,
    #[serde(skip_serializing_if = "UnreadNotificationsCount::is_empty")]
    unread_notifications: &'a UnreadNotificationsCount,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unread_thread_notifications: &'a BTreeMap<OwnedEventId, UnreadNotificationsCount>,
    #[serde(skip_serializing_if = "Events::is_empty")]
    timeline: Events<'a>,
    #[serde(flatten)]
    state: Sides<'a>,
    account_data: AccountData<'a>,
    #[serde(skip_serializing_if = "Ephemeral::is_empty")]
    ephemeral: &'a Ephemeral,
    #[serde(rename = "msc4354_sticky", skip_serializing_if = "Sticky::is_empty")]
    sticky: &'a Sticky,
}

#[derive(Serialize)]
struct AccountData<'a> {
    events: &'a [Raw<AnyRoomAccountDataEvent>],
}

#[derive(Serialize)]
struct Events<'a> {
    limited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_batch: Option<&'a str>,
    events: &'a [Raw<AnySyncTimelineEvent>],
}

/// The state on one side of the timeline.
#[derive(Default, Serialize)]
struct Sides<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a StateEvents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_after: Option<&'a StateEvents>,
    #[serde(rename = "org.matrix.msc4222.state_after", skip_serializing_if = "Option::is_none")]
    old_state_after: Option<&'a StateEvents>,
}

impl<'a> Body<'a> {
    /// An answer; `old_names` if the request used them.
    pub(crate) fn new(response: &'a Response, old_names: bool) -> Self {
        let rooms = &response.rooms;
        Self {
            next_batch: &response.next_batch,
            rooms: Rooms {
                leave: rooms.leave.iter().map(|(id, room)| (id, left(room, old_names))).collect(),
                join: rooms.join.iter().map(|(id, room)| (id, joined(room, old_names))).collect(),
                invite: &rooms.invite,
                knock: &rooms.knock,
            },
            presence: &response.presence,
            account_data: &response.account_data,
            to_device: &response.to_device,
            device_lists: &response.device_lists,
            device_one_time_keys_count: &response.device_one_time_keys_count,
            device_unused_fallback_key_types: response.device_unused_fallback_key_types.as_deref(),
        }
    }
}

impl Rooms<'_> {
    fn is_empty(&self) -> bool {
        let Self { leave, join, invite, knock } = self;
        leave.is_empty() && join.is_empty() && invite.is_empty() && knock.is_empty()
    }
}

impl<'a> Events<'a> {
    fn new(timeline: &'a Timeline) -> Self {
        let Timeline { limited, prev_batch, events, .. } = timeline;
        Self { limited: *limited, prev_batch: prev_batch.as_deref(), events }
    }

    fn is_empty(&self) -> bool {
        !self.limited && self.prev_batch.is_none() && self.events.is_empty()
    }
}

impl<'a> Sides<'a> {
    fn new(state: &'a State, old_names: bool) -> Self {
        match state {
            State::After(events) => Self {
                state_after: Some(events),
                old_state_after: old_names.then_some(events),
                ..Self::default()
            },
            State::Before(events) if !events.is_empty() => {
                Self { state: Some(events), ..Self::default() }
            }
            _ => Self::default(),
        }
    }
}

fn left(room: &LeftRoom, old_names: bool) -> Left<'_> {
    Left {
        timeline: Events::new(&room.timeline),
        state: Sides::new(&room.state, old_names),
        account_data: &room.account_data,
    }
}

fn joined(room: &JoinedRoom, old_names: bool) -> Joined<'_> {
    Joined {
        summary: &room.summary,
        unread_notifications: &room.unread_notifications,
        unread_thread_notifications: &room.unread_thread_notifications,
        timeline: Events::new(&room.timeline),
        state: Sides::new(&room.state, old_names),
        account_data: AccountData { events: &room.account_data.events },
        ephemeral: &room.ephemeral,
        sticky: &room.sticky,
    }
}
