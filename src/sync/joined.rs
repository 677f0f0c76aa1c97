//! The rooms that the user is in, and the timeline and state that all sections share.

use std::collections::HashSet;

use hearth_base::StreamPosition;
use hearth_rooms::{Event, Membership, Room, Side};
use hearth_rules::{ClientEventFormat, event_filter};
use hearth_statemap::{Root, StateRoot};
use hearth_store::{Direction, Stamped};
use ruma::{
    OwnedUserId,
    api::client::{
        filter::LazyLoadOptions,
        sync::sync_events::v3::{JoinedRoom, State, StateEvents, Timeline},
    },
    events::StateEventType,
    serde::Raw,
};

use crate::{
    SyncError, account_data::RoomData, answer::View, device_lists::Encounters, lazy_members::Loader,
};

/// How many events of a room a client gets that does not say.
const TIMELINE_EVENTS_DEFAULT: usize = 10;

/// Part of a room's timeline, and the room's state around it.
pub(crate) struct Window {
    pub(crate) events: Vec<Event>,
    pub(crate) limited: bool,
    pub(crate) prev_batch: Side,
    /// The state that the client has; `None` if it has to get all of it.
    pub(crate) known: Option<StateRoot>,
    /// The state at the end of the timeline.
    pub(crate) end: StateRoot,
}

impl View<'_> {
    /// A joined room; `None` if there is nothing to say about it.
    pub(crate) async fn joined(
        &self,
        encounters: &mut Encounters,
        room: &Room,
        row: &Stamped<Membership>,
        data: RoomData,
    ) -> Result<Option<JoinedRoom>, SyncError> {
        let head = self.sync.rooms().head(self.snapshot, room.nid()).await?;
        let just_joined =
            row.value.last_joined(row.position).is_some_and(|joined| self.is_new(joined));
        let mut window = self.window(room, self.position, head.state, just_joined).await?;
        // The client may have the timeline of an earlier stay, which does not go on here.
        window.limited |= just_joined && self.since.is_some();
        encounters.note(self, room, window.known, window.end, just_joined).await?;

        let mut joined = JoinedRoom::new();
        joined.state = self.state(room, &window).await?;
        joined.timeline = self.timeline(&window).await?;
        joined.account_data.events = data.events;
        let is_whole = window.known.is_none();
        joined.ephemeral.events = self.ephemeral(room, is_whole || just_joined).await?;
        joined.sticky = self.sticky(room, &window, is_whole || just_joined).await?;
        if is_whole || window.known.is_some_and(|known| known.members != head.state.members) {
            joined.summary = self.summary(room, &head).await?;
        }
        let says_something = is_whole
            || !window.events.is_empty()
            || window.limited
            || !joined.state.is_empty()
            || !joined.account_data.is_empty()
            || !joined.ephemeral.is_empty()
            || !joined.sticky.is_empty();
        if !says_something {
            return Ok(None);
        }
        self.count_unread(room, &mut joined).await?;
        Ok(Some(joined))
    }

    /// What the client has not seen of a timeline up to `upto`, where the state is `end`.
    pub(crate) async fn window(
        &self,
        room: &Room,
        upto: StreamPosition,
        end: StateRoot,
        just_joined: bool,
    ) -> Result<Window, SyncError> {
        let rooms = self.sync.rooms();
        let filter = &self.filter().room.timeline;
        let limit = filter.limit.map_or(TIMELINE_EVENTS_DEFAULT, |limit| {
            usize::try_from(u64::from(limit)).unwrap_or(usize::MAX)
        });
        let after = match self.since {
            Some(since) if !just_joined => since.position,
            _ => StreamPosition::MIN,
        };
        let wanted = |event: &Event| {
            let ignored = !event.pdu().is_state() && self.ignored.contains(event.pdu().sender());
            !ignored && event_filter::passes_pdu(filter, event.pdu())
        };
        let (from, to, backward) = (Side(upto), Some(Side(after)), Direction::Backward);
        let user_id = self.user_id();
        let page = if limit == 0 {
            hearth_rooms::Page { events: Vec::new(), next: Some(from) }
        } else {
            rooms.page(self.snapshot, room, user_id, from, to, backward, limit, &wanted).await?
        };
        let mut events = page.events;
        events.reverse();
        let first = events.first().map(|event| Side(event.position().previous()));
        let known = match self.since {
            Some(since) if !just_joined && !self.request.full_state => {
                Some(rooms.state_at(self.snapshot, room.nid(), since.position).await?)
            }
            _ => None,
        };
        Ok(Window {
            limited: page.next.is_some() && limit > 0,
            prev_batch: first.or(page.next).unwrap_or(Side(after.max(StreamPosition::ZERO))),
            events,
            known,
            end,
        })
    }

    pub(crate) async fn timeline(&self, window: &Window) -> Result<Timeline, SyncError> {
        let rooms = self.sync.rooms();
        let format = ClientEventFormat::Sync;
        let rendered =
            rooms.render(self.snapshot, &window.events, &self.viewer(), format, true).await?;
        let mut timeline = Timeline::new();
        timeline.limited = window.limited;
        timeline.prev_batch = Some(window.prev_batch.to_string());
        timeline.events = rendered.into_iter().map(Raw::from_json).collect();
        Ok(timeline)
    }

    /// The state that the client lacks, at the start or the end of the timeline as it asked.
    pub(crate) async fn state(&self, room: &Room, window: &Window) -> Result<State, SyncError> {
        let after = self.request.use_state_after;
        let target = match window.events.first() {
            Some(first) if !after => first.state_before(),
            _ => window.end,
        };
        let filter = &self.filter().room.state;
        let mut events = match filter.lazy_load_options {
            LazyLoadOptions::Enabled { include_redundant_members } => {
                let mut events =
                    self.state_change(room, without_members(window.known), target, false).await?;
                let redundant = include_redundant_members;
                events.extend(self.lazy_members(room, window, target, redundant).await?);
                events
            }
            _ => self.state_change(room, window.known, target, true).await?,
        };
        events.retain(|event| event_filter::passes_pdu(filter, event.pdu()));
        let format = ClientEventFormat::Sync;
        let rooms = self.sync.rooms();
        let rendered = rooms.render(self.snapshot, &events, &self.viewer(), format, false).await?;
        let events: Vec<_> = rendered.into_iter().map(Raw::from_json).collect();
        let events = StateEvents::from(events);
        Ok(if after { State::After(events) } else { State::Before(events) })
    }

    async fn state_change(
        &self,
        room: &Room,
        known: Option<StateRoot>,
        target: StateRoot,
        with_members: bool,
    ) -> Result<Vec<Event>, SyncError> {
        let (rooms, nid) = (self.sync.rooms(), room.nid());
        let Some(known) = known else {
            let mut all = rooms.state_without_members(self.snapshot, nid, target).await?;
            if with_members {
                all.extend(rooms.state_members(self.snapshot, nid, target).await?);
            }
            return Ok(all);
        };
        let target =
            if with_members { target } else { StateRoot { members: Root::EMPTY, ..target } };
        Ok(rooms.state_delta(self.snapshot, nid, known, target).await?)
    }

    /// The members that a lazily loading client needs to show the timeline.
    async fn lazy_members(
        &self,
        room: &Room,
        window: &Window,
        target: StateRoot,
        include_redundant: bool,
    ) -> Result<Vec<Event>, SyncError> {
        let mut users: HashSet<OwnedUserId> =
            window.events.iter().map(|event| event.pdu().sender().to_owned()).collect();
        if window.known.is_none() {
            users.insert(self.user_id().to_owned());
        }
        let wanted: Vec<_> = users
            .into_iter()
            .map(|user_id| (StateEventType::RoomMember, user_id.to_string()))
            .collect();
        let rooms = self.sync.rooms();
        let events = rooms.state_events(self.snapshot, room.nid(), target, &wanted).await?;
        let mut events: Vec<_> = events.into_iter().flatten().collect();
        let loader = Loader {
            user_id: self.user_id(),
            device_id: &self.request.device_id,
            connection: "",
            since: self.since_position(),
            position: self.position,
        };
        let sent = self.sync.sent_members();
        if window.known.is_none() {
            sent.forget(loader, room.nid());
        }
        // The state after a timeline is complete without it.
        let timeline: HashSet<_> = match self.request.use_state_after {
            false => window.events.iter().map(Event::nid).collect(),
            true => HashSet::new(),
        };
        let mut news = sent.news(loader, room.nid(), &events, &timeline);
        if !include_redundant {
            events.retain(|event| news.remove(&event.nid()));
        }
        Ok(events)
    }
}

fn without_members(state: Option<StateRoot>) -> Option<StateRoot> {
    state.map(|state| StateRoot { members: Root::EMPTY, ..state })
}
