//! Which state a client wants of a room: pairs of event type and state key, either of them `*`.

use std::collections::BTreeSet;

use ruma::{UserId, events::StateEventType};
use serde::{Deserialize, Serialize};

const ANY: &str = "*";
const LAZY: &str = "$LAZY";
const ME: &str = "$ME";
const MEMBER: &str = "m.room.member";

/// Which state a client wants of a room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequiredState {
    entries: BTreeSet<(String, String)>,
    /// Whether members come with the events that need them.
    lazy_members: bool,
}

impl RequiredState {
    /// What `pairs` mean for a user: `$ME` is the user, `$LAZY` are the members that the timeline
    /// needs.
    #[must_use]
    pub fn new(pairs: Vec<(StateEventType, String)>, user_id: &UserId) -> Self {
        let mut required = Self::default();
        for (event_type, state_key) in pairs {
            let event_type = event_type.to_string();
            match state_key.as_str() {
                LAZY if event_type == MEMBER => required.lazy_members = true,
                ME => drop(required.entries.insert((event_type, user_id.to_string()))),
                _ => drop(required.entries.insert((event_type, state_key))),
            }
        }
        required
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.lazy_members
    }

    /// Adds what another wants.
    pub(crate) fn add(&mut self, other: &Self) {
        self.entries.extend(other.entries.iter().cloned());
        self.lazy_members |= other.lazy_members;
    }

    /// Whether members come with the events that need them.
    pub(crate) fn lazy_members(&self) -> bool {
        self.lazy_members
    }

    /// Whether a state event is wanted; what lazy loading brings is not considered.
    pub(crate) fn matches(&self, event_type: &str, state_key: &str) -> bool {
        let has = |one: &str, other: &str| self.entries.contains(&(one.into(), other.into()));
        has(event_type, state_key)
            || has(event_type, ANY)
            || (state_key != ANY && has(ANY, state_key))
            || (has(ANY, ANY) && !(self.lazy_members && event_type == MEMBER))
    }

    /// Whether everything that `other` wants is wanted here too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        (self.lazy_members || !other.lazy_members)
            && other.entries.iter().all(|(event_type, state_key)| {
                let every_member = event_type == ANY && self.lazy_members && !other.lazy_members;
                self.matches(event_type, state_key) && !every_member
            })
    }

    /// Whether all members are wanted.
    pub(crate) fn all_members(&self) -> bool {
        self.matches(MEMBER, ANY)
    }

    /// The users whose member events are wanted by name.
    pub(crate) fn named_members(&self) -> impl Iterator<Item = &str> {
        let of_members = |event_type: &str| event_type == MEMBER || event_type == ANY;
        let named = self.entries.iter().filter(move |(event_type, state_key)| {
            of_members(event_type) && state_key != ANY && state_key.starts_with('@')
        });
        named.map(|(_, state_key)| state_key.as_str())
    }

    /// The state besides members, if it is wanted by type and state key only.
    pub(crate) fn exact_others(&self) -> Option<Vec<(StateEventType, String)>> {
        let others = self.entries.iter().filter(|(event_type, _)| event_type != MEMBER);
        others
            .map(|(event_type, state_key)| {
                let exact = event_type != ANY && state_key != ANY;
                exact.then(|| (StateEventType::from(event_type.as_str()), state_key.clone()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;

    use super::*;

    fn required(pairs: &[(&str, &str)]) -> RequiredState {
        let pairs = pairs.iter().map(|(kind, key)| ((*kind).into(), (*key).to_owned())).collect();
        RequiredState::new(pairs, user_id!("@me:x"))
    }

    #[test]
    fn wildcards_match_and_lazy_loading_takes_members_out() {
        let all = required(&[("*", "*")]);
        assert!(all.matches("m.room.member", "@a:x") && all.all_members());
        let lazy = required(&[("*", "*"), ("m.room.member", "$LAZY")]);
        assert!(lazy.matches("m.room.name", "") && !lazy.matches("m.room.member", "@a:x"));
        assert!(!lazy.all_members() && lazy.lazy_members());
        let me = required(&[("m.room.member", "$ME"), ("m.space.child", "*")]);
        assert!(me.matches("m.room.member", "@me:x") && !me.matches("m.room.member", "@a:x"));
        assert_eq!(me.named_members().collect::<Vec<_>>(), ["@me:x"]);
        assert_eq!(me.exact_others(), None);
        assert!(me.matches("m.space.child", "!a:x"));
    }

    #[test]
    fn more_covers_less() {
        let few = required(&[("m.room.name", ""), ("m.room.member", "$LAZY")]);
        let mut more = required(&[("m.room.topic", "")]);
        assert!(!more.covers(&few));
        more.add(&few);
        assert!(more.covers(&few) && !few.covers(&more));
        assert!(required(&[("*", "*")]).covers(&required(&[("m.room.name", "")])));
        let lazily = required(&[("*", "*"), ("m.room.member", "$LAZY")]);
        assert!(!lazily.covers(&required(&[("*", "*")])));
    }
}
