//! Push rules: whether an event is worth telling one user about, and how loudly.
//!
//! A ruleset is compiled once and evaluated often: [`PushRules`] holds the enabled rules in the
//! order in which they are checked, with their patterns ready to match. What it holds depends on
//! its user only by name, so users with the same rules share one. An evaluation reads nothing but
//! its arguments, and a hostile pattern costs no more than [`MATCH_STEPS_MAX`].
//!
//! Deliberately absent: who is evaluated, and what is done about it.

mod condition;
mod glob;
mod property;

use ruma::{
    UserId,
    push::{Action, AnyPushRuleRef, Ruleset},
};
use serde_json::Value;

pub use self::property::PushEvent;
use self::{condition::Condition, glob::Steps};
use crate::PowerLevels;

/// How many steps of pattern matching one evaluation may take: about ten milliseconds of work. A
/// pattern beyond that does not match.
const MATCH_STEPS_MAX: u32 = 4_000_000;
/// Actions of old versions, which have no effect (specification, "Historical Actions").
const HISTORICAL_ACTIONS: [&str; 2] = ["dont_notify", "coalesce"];

/// What the rules ask of the room that an event is in.
#[derive(Clone, Copy, Debug)]
pub struct PushRoom<'a> {
    /// How many users have joined it.
    pub member_count: u64,
    /// The levels that hold there. Without them the conditions that need them do not match.
    pub levels: Option<&'a PowerLevels>,
}

/// What the rules ask of the user who may be notified.
#[derive(Clone, Copy, Debug)]
pub struct PushMember<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// What the user is called in the room.
    pub display_name: Option<&'a str>,
    /// Whether the user wants to hear of the thread that the event is in; `None` if it is in none
    /// or the user never said (MSC4306).
    pub subscribed: Option<bool>,
}

/// That a user is to be notified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// Whether the event is to be highlighted.
    pub highlight: bool,
    /// The actions of the rule, as JSON.
    pub actions: String,
}

/// The enabled rules of a user, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct PushRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    conditions: Vec<Condition>,
    /// `None` for a rule that silences.
    notify: Option<Notify>,
}

/// What all conditions of one evaluation look at.
struct Look<'a> {
    event: &'a PushEvent<'a>,
    room: PushRoom<'a>,
    member: PushMember<'a>,
    steps: Steps,
}

impl PushRules {
    /// Compiles the rules of a user.
    #[must_use]
    pub fn new(user_id: &UserId, ruleset: &Ruleset) -> Self {
        let enabled = ruleset.iter().filter(|rule| rule.enabled());
        Self { rules: enabled.map(|rule| Rule::new(user_id, rule)).collect() }
    }

    /// Whether and how an event notifies a user. What the user sent never does.
    #[must_use]
    pub fn evaluate(
        &self,
        event: &PushEvent<'_>,
        room: PushRoom<'_>,
        member: PushMember<'_>,
    ) -> Option<&Notify> {
        if event.sender() == member.user_id {
            return None;
        }
        let look = Look { event, room, member, steps: Steps::new(MATCH_STEPS_MAX) };
        let matches = |rule: &&Rule| rule.conditions.iter().all(|one| one.holds(&look));
        self.rules.iter().find(matches)?.notify.as_ref()
    }

    /// Whether a condition asks what the user is called in the room.
    #[must_use]
    pub fn need_display_name(&self) -> bool {
        let mut conditions = self.rules.iter().flat_map(|rule| &rule.conditions);
        conditions.any(|condition| matches!(condition, Condition::DisplayName))
    }
}

impl Rule {
    fn new(user_id: &UserId, rule: AnyPushRuleRef<'_>) -> Self {
        let conditions = match rule {
            AnyPushRuleRef::Override(rule)
            | AnyPushRuleRef::PostContent(rule)
            | AnyPushRuleRef::Underride(rule) => {
                rule.conditions.iter().map(|one| Condition::new(user_id, one)).collect()
            }
            AnyPushRuleRef::Content(rule) => vec![Condition::body(&rule.pattern)],
            AnyPushRuleRef::Room(rule) => vec![Condition::room(&rule.rule_id)],
            AnyPushRuleRef::Sender(rule) => vec![Condition::sender(&rule.rule_id)],
            _ => vec![Condition::Never],
        };
        Self { conditions, notify: Notify::new(rule.actions()) }
    }
}

impl Notify {
    fn new(actions: &[Action]) -> Option<Self> {
        if !actions.iter().any(Action::should_notify) {
            return None;
        }
        let highlight = actions.iter().any(Action::is_highlight);
        let json = actions.iter().filter_map(|action| serde_json::to_value(action).ok());
        let effective = json.filter(|action| {
            !action.as_str().is_some_and(|name| HISTORICAL_ACTIONS.contains(&name))
        });
        Some(Self { highlight, actions: effective.collect::<Value>().to_string() })
    }
}

#[cfg(test)]
mod tests;
