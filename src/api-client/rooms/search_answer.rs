//! What a search tells of the events that it found: context, profiles, state and groups.

use std::collections::{BTreeMap, BTreeSet};

use hearth_rooms::{Direction, Event, Page, Room, Rooms, Side, Snapshot, Viewer};
use hearth_search::{Hit, Order, SearchPage};
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId,
    api::client::search::search_events::v3::EventContext,
    events::{AnyStateEvent, AnyTimelineEvent, StateEventType},
    serde::Raw,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    render,
    search_request::{Asked, Group},
};
use crate::error::Error;

/// Most events of a context, on either side.
const CONTEXT_EVENTS_MAX: usize = 100;

/// `room_events` of the answer. Clients rely on `results` and `highlights`, which ruma's type would
/// leave out when they are empty.
#[derive(Serialize)]
pub(super) struct Found {
    count: u64,
    results: Vec<FoundEvent>,
    highlights: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<BTreeMap<OwnedRoomId, Vec<Raw<AnyStateEvent>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<BTreeMap<&'static str, BTreeMap<String, FoundGroup>>>,
}

#[derive(Serialize)]
struct FoundEvent {
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<f32>,
    result: Raw<AnyTimelineEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
}

#[derive(Serialize)]
struct Context {
    start: String,
    end: String,
    events_before: Vec<Raw<AnyTimelineEvent>>,
    events_after: Vec<Raw<AnyTimelineEvent>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_info: Option<BTreeMap<OwnedUserId, Map<String, Value>>>,
}

#[derive(Serialize)]
struct FoundGroup {
    order: usize,
    results: Vec<OwnedEventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_batch: Option<String>,
}

/// One user who is answered.
pub(super) struct Answering<'a> {
    pub rooms: &'a Rooms,
    pub snapshot: &'a dyn Snapshot,
    pub viewer: Viewer<'a>,
}

impl Answering<'_> {
    /// The answer to a search.
    pub(super) async fn answer(&self, asked: &Asked, page: &SearchPage) -> Result<Found, Error> {
        let events: Vec<_> = page.hits.iter().map(|hit| hit.event.clone()).collect();
        let rendered = render::timeline(self.rooms, self.snapshot, &events, &self.viewer).await?;
        let mut results = Vec::with_capacity(rendered.len());
        for (result, hit) in rendered.into_iter().zip(&page.hits) {
            let context = match &asked.context {
                Some(wanted) => Some(self.context(&hit.event, wanted).await?),
                None => None,
            };
            let rank = (asked.order == Order::Rank).then_some(hit.rank);
            results.push(FoundEvent { rank, result, context });
        }
        let state = if asked.include_state { Some(self.states(&events).await?) } else { None };
        let grouped = asked.groups.iter().map(|group| (group.name(), groups(*group, page)));
        Ok(Found {
            count: page.count,
            results,
            highlights: page.highlights.clone(),
            next_batch: page.next.map(|next| next.to_string()),
            state,
            groups: (!asked.groups.is_empty()).then(|| grouped.collect()),
        })
    }

    async fn context(&self, event: &Event, wanted: &EventContext) -> Result<Context, Error> {
        let room = self.rooms.room_by_nid(self.snapshot, event.room()).await?;
        let limit = |limit| render::limit(limit).min(CONTEXT_EVENTS_MAX);
        let (before, after) = (limit(wanted.before_limit), limit(wanted.after_limit));
        let start = Side(event.position().previous());
        let before = self.page(&room, start, Direction::Backward, before).await?;
        let end = Side(event.position());
        let after = self.page(&room, end, Direction::Forward, after).await?;
        let profile_info = if wanted.include_profile {
            let shown = before.events.iter().chain(&after.events).chain([event]);
            Some(self.profiles(event, shown).await?)
        } else {
            None
        };
        let far = |page: &Page, none: Side, beyond: fn(&Event) -> Side| {
            page.next.or_else(|| page.events.last().map(beyond)).unwrap_or(none).to_string()
        };
        let (rooms, snapshot) = (self.rooms, self.snapshot);
        Ok(Context {
            start: far(&before, start, |event| Side(event.position().previous())),
            end: far(&after, end, |event| Side(event.position())),
            events_before: render::timeline(rooms, snapshot, &before.events, &self.viewer).await?,
            events_after: render::timeline(rooms, snapshot, &after.events, &self.viewer).await?,
            profile_info,
        })
    }

    async fn page(
        &self,
        room: &Room,
        from: Side,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, Error> {
        if limit == 0 {
            return Ok(Page { events: Vec::new(), next: Some(from) });
        }
        let (rooms, user_id) = (self.rooms, self.viewer.user_id);
        let everything = |_: &Event| true;
        let to = None;
        Ok(rooms
            .page(self.snapshot, room, user_id, from, to, direction, limit, &everything)
            .await?)
    }

    /// What those who sent `shown` were called at the time of `event`.
    async fn profiles(
        &self,
        event: &Event,
        shown: impl Iterator<Item = &Event>,
    ) -> Result<BTreeMap<OwnedUserId, Map<String, Value>>, Error> {
        let senders: BTreeSet<_> = shown.map(|event| event.pdu().sender().to_owned()).collect();
        let key = |user: &OwnedUserId| (StateEventType::RoomMember, user.to_string());
        let wanted: Vec<_> = senders.iter().map(key).collect();
        let state = event.state_after();
        let members = self.rooms.state_events(self.snapshot, event.room(), state, &wanted).await?;
        let profile = |member: Option<Event>| {
            let content = member.and_then(|member| member.pdu().content_as::<Map<String, Value>>());
            let mut profile = content.unwrap_or_default();
            profile.retain(|key, value| {
                ["displayname", "avatar_url"].contains(&key.as_str()) && value.is_string()
            });
            profile
        };
        Ok(senders.into_iter().zip(members.into_iter().map(profile)).collect())
    }

    /// The present state of the rooms of events, as far as the user may read it.
    async fn states(
        &self,
        events: &[Event],
    ) -> Result<BTreeMap<OwnedRoomId, Vec<Raw<AnyStateEvent>>>, Error> {
        let nids: BTreeSet<_> = events.iter().map(Event::room).collect();
        let mut states = BTreeMap::new();
        for nid in nids {
            let room = self.rooms.room_by_nid(self.snapshot, nid).await?;
            let (rooms, snapshot) = (self.rooms, self.snapshot);
            let state = rooms.readable_state(snapshot, &room, self.viewer.user_id).await?;
            let mut events = rooms.state_without_members(snapshot, nid, state).await?;
            events.extend(rooms.state_members(snapshot, nid, state).await?);
            let rendered = render::state(rooms, snapshot, &events, &self.viewer).await?;
            states.insert(room.id().to_owned(), rendered);
        }
        Ok(states)
    }
}

/// The results of a page by what they have in common.
fn groups(group: Group, page: &SearchPage) -> BTreeMap<String, FoundGroup> {
    let mut groups = BTreeMap::new();
    for hit in &page.hits {
        let name = name_of(group, hit);
        let order = groups.len();
        // The group may go on where the page ends.
        let next_batch = page.next.map(|_| format!("{}~{name}", hit.cursor));
        let of_group = groups.entry(name).or_insert_with(|| FoundGroup {
            order,
            results: Vec::new(),
            next_batch: None,
        });
        of_group.results.push(hit.event.pdu().event_id().to_owned());
        of_group.next_batch = next_batch;
    }
    groups
}

fn name_of(group: Group, hit: &Hit) -> String {
    let pdu = hit.event.pdu();
    match group {
        Group::Room => pdu.room_id().to_string(),
        Group::Sender => pdu.sender().to_string(),
    }
}
