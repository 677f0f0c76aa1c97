//! Which state holds after a fork (specification, room versions 2 and 12, "State resolution").
//!
//! The algorithm is ruma's; this module feeds it. Every walk here is iterative and visits an event
//! once, so that an auth chain made to be deep or wide costs no more than its size.

use std::collections::{HashMap, HashSet};

use ruma::{
    EventId, OwnedEventId,
    room_version_rules::RoomVersionRules,
    state_res::{self, Event, utils::event_id_set::EventIdSet},
};

/// `(type, state_key)` → event id.
pub type StateMap = state_res::StateMap<OwnedEventId>;
/// All events that authorize some events, directly or not.
pub type AuthChain = EventIdSet<OwnedEventId>;

/// Why a fork cannot be resolved now.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The algorithm needs an event that `fetch_event` does not have: get it and try again.
    #[error("missing event {0}")]
    Missing(OwnedEventId),
    /// The room version has another algorithm, or a state event does not look like one.
    #[error("cannot resolve: {0}")]
    Malformed(String),
}

/// Resolves the states of a fork: version 2 of the algorithm, 2.1 since room version 12.
///
/// `auth_chains` has one set for each of `states`: the [`auth_chain`] of all its events.
/// `fetch_event` finds any event of the room; all events must be of one room.
///
/// # Errors
/// See [`ResolveError`].
pub fn resolve<E: Event<Id = OwnedEventId> + Clone>(
    rules: &RoomVersionRules,
    states: &[StateMap],
    auth_chains: Vec<AuthChain>,
    fetch_event: impl Fn(&EventId) -> Option<E>,
) -> Result<StateMap, ResolveError> {
    let unsupported = || ResolveError::Malformed("state resolution version 1".to_owned());
    let state_res_rules = rules.state_res.v2_rules().ok_or_else(unsupported)?;
    state_res::resolve(
        &rules.authorization,
        state_res_rules,
        states,
        auth_chains,
        &fetch_event,
        |conflicted| {
            let ids: AuthChain = conflicted.values().flatten().cloned().collect();
            Some(conflicted_subgraph(ids, &fetch_event))
        },
    )
    .map_err(|error| match error {
        state_res::Error::NotFound(event_id) => ResolveError::Missing(event_id),
        other => ResolveError::Malformed(other.to_string()),
    })
}

/// The auth chain of `events`: what they name in `auth_events`, what those name, and so on.
/// Without `events` themselves, unless another names them. Events that `fetch_event` does not have
/// are in the chain, but end it.
pub fn auth_chain<E: Event<Id = OwnedEventId>>(
    events: impl IntoIterator<Item = OwnedEventId>,
    fetch_event: impl Fn(&EventId) -> Option<E>,
) -> AuthChain {
    let mut chain = AuthChain::new();
    let mut started = HashSet::new();
    let mut waiting: Vec<OwnedEventId> = events.into_iter().collect();
    while let Some(event_id) = waiting.pop() {
        if !started.insert(event_id.clone()) {
            continue;
        }
        let Some(event) = fetch_event(&event_id) else {
            continue;
        };
        for auth_event in event.auth_events() {
            if chain.insert(auth_event.clone()) {
                waiting.push(auth_event.clone());
            }
        }
    }
    chain
}

/// Every event on a path of `auth_events` between two conflicted events, both ends included
/// (MSC4297).
///
/// Those are the events of the conflicted events' auth chain from which a conflicted event can be
/// reached, so the graph is walked down once and up once.
fn conflicted_subgraph<E: Event<Id = OwnedEventId>>(
    conflicted: AuthChain,
    fetch_event: impl Fn(&EventId) -> Option<E>,
) -> AuthChain {
    let mut named_by: HashMap<OwnedEventId, Vec<OwnedEventId>> = HashMap::new();
    let mut seen = conflicted.clone();
    let mut waiting: Vec<OwnedEventId> = conflicted.iter().cloned().collect();
    while let Some(event_id) = waiting.pop() {
        let Some(event) = fetch_event(&event_id) else {
            continue;
        };
        for auth_event in event.auth_events() {
            named_by
                .entry(auth_event.clone())
                .or_default()
                .push(event_id.clone());
            if seen.insert(auth_event.clone()) {
                waiting.push(auth_event.clone());
            }
        }
    }

    let mut waiting: Vec<OwnedEventId> = conflicted.iter().cloned().collect();
    let mut subgraph = conflicted;
    while let Some(event_id) = waiting.pop() {
        for namer in named_by.get(&event_id).into_iter().flatten() {
            if subgraph.insert(namer.clone()) {
                waiting.push(namer.clone());
            }
        }
    }
    subgraph
}
