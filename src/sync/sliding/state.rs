//! The state of a room that the client of a connection wants and lacks.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hearth_base::{EventNid, StreamPosition};
use hearth_rooms::{Event, Room};
use hearth_statemap::{Root, StateRoot};
use ruma::events::StateEventType;

use super::{RequiredState, timeline::Ending};
use crate::{SyncError, answer::View, lazy_members::Loader};

/// A room's state between what the client knows and what it is to know.
pub(crate) struct Span<'a> {
    pub(crate) room: &'a Room,
    /// The position up to which the client has the room, and the state there; `None` if it has
    /// nothing.
    pub(crate) known: Option<(StreamPosition, StateRoot)>,
    /// The state that it is to know.
    pub(crate) end: StateRoot,
    /// Which state it had of what it knows.
    pub(crate) had: &'a RequiredState,
    /// Which state it wants.
    pub(crate) wants: &'a RequiredState,
    /// Which connection it is.
    pub(crate) connection: &'a str,
}

/// What the client lacks.
#[derive(Default)]
pub(crate) struct StateNews {
    pub(crate) events: Vec<Event>,
    /// Whether the name, and whether the avatar changed.
    pub(crate) name_changed: bool,
    pub(crate) avatar_changed: bool,
    /// Whether something changed that the client had and does not want now.
    pub(crate) missed: bool,
}

impl View<'_> {
    /// The state that a client lacks which gets a timeline too.
    pub(crate) async fn state_news(
        &self,
        span: &Span<'_>,
        ending: &Ending,
    ) -> Result<StateNews, SyncError> {
        let mut news = StateNews::default();
        let mut events = BTreeMap::<EventNid, Event>::new();
        let mut add = |more: Vec<Event>| events.extend(more.into_iter().map(|e| (e.nid(), e)));
        match span.known {
            None => add(self.others(span).await?),
            Some((_, known)) => {
                let delta = self.delta(span, others(known), others(span.end)).await?;
                for event in &delta {
                    news.name_changed |= event.pdu().type_name() == "m.room.name";
                    news.avatar_changed |= event.pdu().type_name() == "m.room.avatar";
                    news.missed |= matches(span.had, event) && !matches(span.wants, event);
                }
                add(delta.into_iter().filter(|event| matches(span.wants, event)).collect());
                if !span.had.covers(span.wants) {
                    let all = self.others(span).await?;
                    add(all.into_iter().filter(|event| !matches(span.had, event)).collect());
                }
            }
        }
        add(self.members(span, ending).await?);
        news.events = events.into_values().collect();
        Ok(news)
    }

    /// All state besides members that the client wants.
    async fn others(&self, span: &Span<'_>) -> Result<Vec<Event>, SyncError> {
        let (rooms, nid) = (self.sync.rooms(), span.room.nid());
        if let Some(keys) = span.wants.exact_others() {
            let events = rooms.state_events(self.snapshot, nid, span.end, &keys).await?;
            return Ok(events.into_iter().flatten().collect());
        }
        let mut events = rooms.state_without_members(self.snapshot, nid, span.end).await?;
        events.retain(|event| matches(span.wants, event));
        Ok(events)
    }

    /// The members that the client wants and lacks.
    async fn members(&self, span: &Span<'_>, ending: &Ending) -> Result<Vec<Event>, SyncError> {
        let (rooms, nid) = (self.sync.rooms(), span.room.nid());
        if span.wants.all_members() {
            return match span.known {
                Some((_, known)) if span.had.all_members() => {
                    self.delta(span, members(known), members(span.end)).await
                }
                _ => Ok(rooms.state_members(self.snapshot, nid, span.end).await?),
            };
        }
        let mut events = self.named_members(span).await?;
        if !span.wants.lazy_members() {
            return Ok(events);
        }
        if let Some((from, known)) = span.known
            && !ending.has_gap_after(from)
        {
            events.extend(self.delta(span, members(known), members(span.end)).await?);
        }
        events.extend(self.lazily_loaded(span, ending).await?);
        Ok(events)
    }

    /// The members that the client wants by name, if they changed or it did not want them before.
    async fn named_members(&self, span: &Span<'_>) -> Result<Vec<Event>, SyncError> {
        let (rooms, nid) = (self.sync.rooms(), span.room.nid());
        let key = |user: &str| (StateEventType::RoomMember, user.to_owned());
        let keys: Vec<_> = span.wants.named_members().map(key).collect();
        let now = rooms.state_events(self.snapshot, nid, span.end, &keys).await?;
        let Some((_, known)) = span.known else {
            return Ok(now.into_iter().flatten().collect());
        };
        let before = rooms.state_events(self.snapshot, nid, known, &keys).await?;
        let news = now.into_iter().zip(before).filter_map(|(now, before)| {
            let same = before.map(|before| before.nid()) == now.as_ref().map(Event::nid);
            now.filter(|now| !same || !matches(span.had, now))
        });
        Ok(news.collect())
    }

    /// The members without whom the timeline cannot be shown, as far as the client lacks them.
    async fn lazily_loaded(
        &self,
        span: &Span<'_>,
        ending: &Ending,
    ) -> Result<Vec<Event>, SyncError> {
        let mut users = BTreeSet::new();
        for event in &ending.events {
            users.insert(event.pdu().sender().as_str());
            users.extend(event.pdu().state_key().filter(|_| is_member(event)));
        }
        let keys: Vec<_> =
            users.into_iter().map(|user| (StateEventType::RoomMember, user.to_owned())).collect();
        let nid = span.room.nid();
        let events = self.sync.rooms().state_events(self.snapshot, nid, span.end, &keys).await?;
        let mut events: Vec<_> = events.into_iter().flatten().collect();
        let loader = Loader {
            user_id: self.user_id(),
            device_id: &self.request.device_id,
            connection: span.connection,
            since: self.since_position(),
            position: self.position,
        };
        let sent = self.sync.sent_members();
        if span.known.is_none() {
            sent.forget(loader, nid);
        }
        let mut news = sent.news(loader, nid, &events, &HashSet::new());
        events.retain(|event| news.remove(&event.nid()));
        Ok(events)
    }

    async fn delta(
        &self,
        span: &Span<'_>,
        before: StateRoot,
        after: StateRoot,
    ) -> Result<Vec<Event>, SyncError> {
        let rooms = self.sync.rooms();
        Ok(rooms.state_delta(self.snapshot, span.room.nid(), before, after).await?)
    }
}

fn is_member(event: &Event) -> bool {
    event.pdu().type_name() == "m.room.member"
}

fn matches(required: &RequiredState, event: &Event) -> bool {
    let state_key = event.pdu().state_key();
    state_key.is_some_and(|state_key| required.matches(event.pdu().type_name(), state_key))
}

fn others(state: StateRoot) -> StateRoot {
    StateRoot { members: Root::EMPTY, ..state }
}

fn members(state: StateRoot) -> StateRoot {
    StateRoot { others: Root::EMPTY, ..state }
}
