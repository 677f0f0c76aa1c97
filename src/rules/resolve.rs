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
            named_by.entry(auth_event.clone()).or_default().push(event_id.clone());
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

#[cfg(test)]
mod tests {
    use ruma::{RoomVersionId, events::StateEventType};
    use serde_json::json;

    use super::*;
    use crate::{
        Pdu,
        test_room::{ALICE, BOB, TestRoom},
    };

    fn chain_of(room: &TestRoom, state: &StateMap) -> AuthChain {
        auth_chain(state.values().cloned(), |id| room.events.get(id).cloned())
    }

    fn resolved(room: &TestRoom, states: &[StateMap]) -> StateMap {
        let chains = states.iter().map(|state| chain_of(room, state)).collect();
        resolve(room.rules, states, chains, |id| room.events.get(id).cloned()).unwrap()
    }

    /// One side bans Bob; on the other, Bob (who may) changes the topic meanwhile.
    fn ban_against_topic(version: &RoomVersionId) -> (TestRoom, StateMap, StateMap, Pdu) {
        let mut room = TestRoom::new(version, "public");
        let levels = json!({ "users": { BOB: 50 } });
        let users = if *version == RoomVersionId::V12 {
            levels
        } else {
            json!({ "users": { ALICE: 100, BOB: 50 } })
        };
        room.send(ALICE, "m.room.power_levels", Some(""), users).unwrap();
        let fork = room.join(BOB).unwrap();
        let before = room.state.clone();
        let ban = room.member(ALICE, BOB, "ban").unwrap();
        let banned = room.state.clone();
        room.rewind(before, fork);
        room.send(BOB, "m.room.topic", Some(""), json!({ "topic": "mine" })).unwrap();
        let topic = room.state.clone();
        (room, banned, topic, ban)
    }

    #[test]
    fn a_ban_wins_over_what_the_banned_did_meanwhile() {
        for version in [RoomVersionId::V6, RoomVersionId::V11, RoomVersionId::V12] {
            let (room, banned, topic, ban) = ban_against_topic(&version);
            let state = resolved(&room, &[banned.clone(), topic.clone()]);
            assert_eq!(state, resolved(&room, &[topic, banned]), "order does not matter");
            let member = (StateEventType::RoomMember, BOB.to_owned());
            assert_eq!(state.get(&member).unwrap(), ban.event_id());
            assert!(!state.contains_key(&(StateEventType::RoomTopic, String::new())));
        }
    }

    #[test]
    fn equal_states_are_themselves() {
        let room = TestRoom::new(&RoomVersionId::V12, "public");
        assert_eq!(resolved(&room, &[room.state.clone(), room.state.clone()]), room.state);
    }

    #[test]
    fn version_1_of_the_algorithm_is_refused() {
        let none = |_: &EventId| None::<Pdu>;
        let rules = &RoomVersionRules::V1;
        let refused = resolve(rules, &[StateMap::new()], vec![AuthChain::new()], none);
        assert!(matches!(refused, Err(ResolveError::Malformed(_))));
    }

    #[test]
    fn the_subgraph_is_what_lies_between_conflicted_events() {
        let (room, _, _, ban) = ban_against_topic(&RoomVersionId::V12);
        let fetch = |id: &EventId| room.events.get(id).cloned();
        let alices_join = room.state(&StateEventType::RoomMember, ALICE).unwrap();
        let bobs_join = room.state(&StateEventType::RoomMember, BOB).unwrap();
        let ends = [ban.event_id().to_owned(), alices_join.event_id().to_owned()];
        let subgraph = conflicted_subgraph(AuthChain::from(ends), fetch);
        assert!(subgraph.contains(bobs_join.event_id()), "ban → Bob's join → … → Alice's join");
        let alone = conflicted_subgraph(AuthChain::from([ban.event_id().to_owned()]), fetch);
        assert_eq!(alone.len(), 1);
    }

    #[test]
    fn a_wide_and_deep_auth_graph_is_walked_once() {
        let mut room = TestRoom::new(&RoomVersionId::V11, "public");
        for _ in 0..300 {
            room.send(ALICE, "m.room.power_levels", Some(""), json!({ "users": { ALICE: 100 } }))
                .unwrap();
        }
        let fetched = std::cell::Cell::new(0);
        let chain = auth_chain(room.state.values().cloned(), |id| {
            fetched.set(fetched.get() + 1);
            room.events.get(id).cloned()
        });
        assert!(chain.len() >= 300);
        assert!(fetched.get() <= room.events.len());
    }
}
