//! Which rooms a request is about, by its lists and subscriptions, and what it wants of each.

use std::collections::{BTreeMap, HashMap};

use hearth_base::RoomNid;
use ruma::{
    UInt, api::client::sync::sync_events::v5::response::List, events::room::member::MembershipState,
};

use super::{RoomConfig, SlidingRequest, connection::Told, filters::Facts};
use crate::{SyncError, answer::View, sessions::Session};

/// Most events of a timeline in one answer.
const TIMELINE_EVENTS_MAX: u32 = 200;

/// The lists and subscriptions that a room matches, by their order in the request: first lists,
/// then subscriptions.
type Rules = Vec<u16>;

/// The rooms that a request is about.
pub(crate) struct Selection<'a> {
    request: &'a SlidingRequest,
    /// How many rooms are in each list.
    pub(crate) counts: BTreeMap<String, List>,
    pub(crate) rooms: BTreeMap<RoomNid, Rules>,
    wanted: HashMap<Rules, Wanted>,
}

/// What a request wants of a room.
#[derive(Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) config: RoomConfig,
    /// Which of the sets of required state that the client has been told cover this one.
    covered: Vec<bool>,
}

impl Wanted {
    /// Whether the client has, or gets anyway, all state that is wanted.
    pub(crate) fn is_covered_by(&self, required: u16) -> bool {
        self.covered.get(usize::from(required)).copied().unwrap_or_default()
    }
}

impl Selection<'_> {
    /// What the request wants of a room that matches these rules.
    pub(crate) fn wanted(&mut self, rules: &Rules, told: &Told) -> &Wanted {
        let request = self.request;
        self.wanted.entry(rules.clone()).or_insert_with(|| {
            let mut config = RoomConfig::default();
            for rule in rules {
                let Some(more) = config_of(request, *rule) else { continue };
                config.timeline_limit = config.timeline_limit.max(more.timeline_limit);
                config.required_state.add(&more.required_state);
            }
            config.timeline_limit = config.timeline_limit.min(TIMELINE_EVENTS_MAX);
            let required = &config.required_state;
            let covered = told.required.iter().map(|known| known.covers(required)).collect();
            Wanted { config, covered }
        })
    }

    /// Whether a rule is a list and no subscription.
    pub(crate) fn is_list(&self, rule: u16) -> bool {
        usize::from(rule) < self.request.lists.len()
    }

    /// Whether a room matches one of these lists or subscriptions.
    pub(crate) fn matches(
        &self,
        room: RoomNid,
        lists: impl Fn(&str) -> bool,
        subscription: impl Fn(&ruma::RoomId) -> bool,
    ) -> bool {
        let rules = self.rooms.get(&room);
        rules.into_iter().flatten().any(|rule| {
            let rule = usize::from(*rule);
            match self.request.lists.keys().nth(rule) {
                Some(name) => lists(name),
                None => {
                    let at = rule - self.request.lists.len();
                    self.request.subscriptions.keys().nth(at).is_some_and(|id| subscription(id))
                }
            }
        })
    }
}

fn config_of(request: &SlidingRequest, rule: u16) -> Option<&RoomConfig> {
    let rule = usize::from(rule);
    match request.lists.values().nth(rule) {
        Some(list) => Some(&list.config),
        None => request.subscriptions.values().nth(rule - request.lists.len()),
    }
}

fn number(rule: usize) -> u16 {
    u16::try_from(rule).unwrap_or(u16::MAX)
}

impl View<'_> {
    /// The rooms that a request is about.
    pub(crate) async fn select<'a>(
        &self,
        request: &'a SlidingRequest,
        session: &Session,
    ) -> Result<(Selection<'a>, Facts), SyncError> {
        self.sync.update_list(self.snapshot, session, self.user_id()).await?;
        let nameable: Vec<_> = {
            let list = session.list().lock();
            let inside = list.by_recency().filter(|(_, listed)| {
                matches!(listed.membership, MembershipState::Join | MembershipState::Invite)
            });
            inside.map(|(room, _)| room).collect()
        };
        let facts = self.facts(request, &nameable).await?;
        let mut rooms = BTreeMap::<RoomNid, Rules>::new();
        let mut counts = BTreeMap::new();
        {
            let list = session.list().lock();
            for (rule, (name, wanted)) in request.lists.iter().enumerate() {
                let mut count = 0_u64;
                for (room, listed) in list.by_recency() {
                    if !facts.pass(&wanted.filters, room, listed) {
                        continue;
                    }
                    let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&count);
                    if wanted.ranges.as_ref().is_none_or(|ranges| ranges.iter().any(within)) {
                        rooms.entry(room).or_default().push(number(rule));
                    }
                    count += 1;
                }
                let mut result = List::default();
                result.count = UInt::new_saturating(count);
                counts.insert(name.clone(), result);
            }
        }
        for (at, room_id) in request.subscriptions.keys().enumerate() {
            if let Some(room) = self.sync.rooms().room(room_id).await? {
                rooms.entry(room.nid()).or_default().push(number(request.lists.len() + at));
            }
        }
        Ok((Selection { request, counts, rooms, wanted: HashMap::new() }, facts))
    }
}
