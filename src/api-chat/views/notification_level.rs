//! How much somebody wants to hear of a room, as push rules say it.

use ruma::{
    RoomId,
    push::{Action, AnyPushRuleRef, RuleKind, Ruleset},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much somebody wants to hear of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationLevel {
    /// Every message.
    All,
    /// Messages that mention them.
    Mentions,
    /// Nothing.
    Muted,
}

impl NotificationLevel {
    /// What the push rules of a user say of a room.
    #[must_use]
    pub fn of(rules: &Ruleset, room_id: &RoomId) -> Self {
        let is_silent = |kind| {
            let rule = rules.get(kind, room_id.as_str());
            let counts = |rule: &AnyPushRuleRef<'_>| {
                rule.enabled() && !rule.actions().iter().any(|it| matches!(it, Action::Notify))
            };
            rule.as_ref().is_some_and(counts)
        };
        if is_silent(RuleKind::Override) {
            Self::Muted
        } else if is_silent(RuleKind::Room) {
            Self::Mentions
        } else {
            Self::All
        }
    }
}
