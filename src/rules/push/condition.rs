//! The conditions of push rules (specification, push rules, "Conditions").

use std::ops::RangeBounds;

use ruma::{
    RoomId, UInt, UserId,
    power_levels::NotificationPowerLevelsKey,
    push::{PushCondition, RoomMemberCountIs, ScalarJsonValue},
};

use super::{
    Look,
    glob::{Extent, Glob},
    property::Path,
};

/// A condition, ready to be looked at. The user whose rule it is in appears only by name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// A property matches a pattern.
    Match(Path, Glob),
    /// A property is a text without wildcards, whatever its case.
    Equals(Path, String),
    /// A property is the user's id.
    IsUser(Path),
    /// A property is a value.
    Is(Path, ScalarJsonValue),
    /// A property is a list with a value in it.
    Contains(Path, ScalarJsonValue),
    /// A property is a list with the user's id in it.
    ContainsUser(Path),
    /// The body names the user as the room does.
    DisplayName,
    /// The room has so many members.
    MemberCount(RoomMemberCountIs),
    /// The sender may notify the whole room.
    SenderMayNotify(NotificationPowerLevelsKey),
    /// The user has subscribed to the event's thread, or has not (MSC4306).
    Subscribed(bool),
    /// Not known, or too long to match.
    Never,
}

impl Condition {
    pub(super) fn new(user_id: &UserId, condition: &PushCondition) -> Self {
        match condition {
            PushCondition::EventMatch(data) => {
                Self::matching(user_id, Path::new(&data.key), &data.pattern)
            }
            #[allow(deprecated, reason = "rules that users made long ago still hold")]
            PushCondition::ContainsDisplayName => Self::DisplayName,
            PushCondition::RoomMemberCount(data) => Self::MemberCount(data.is),
            PushCondition::SenderNotificationPermission(data) => {
                Self::SenderMayNotify(data.key.clone())
            }
            PushCondition::EventPropertyIs(data) => {
                let path = Path::new(&data.key);
                match data.value.as_str() == Some(user_id.as_str()) {
                    true => Self::IsUser(path),
                    false => Self::Is(path, data.value.clone()),
                }
            }
            PushCondition::EventPropertyContains(data) => {
                let path = Path::new(&data.key);
                match data.value.as_str() == Some(user_id.as_str()) {
                    true => Self::ContainsUser(path),
                    false => Self::Contains(path, data.value.clone()),
                }
            }
            PushCondition::ThreadSubscription(data) => Self::Subscribed(data.subscribed),
            _ => Self::Never,
        }
    }

    fn matching(user_id: &UserId, path: Path, pattern: &str) -> Self {
        if path.is_body() {
            return Self::body(pattern);
        }
        if pattern == user_id.as_str() {
            return Self::IsUser(path);
        }
        if pattern.contains(['*', '?']) {
            let glob = Glob::new(pattern, Extent::Whole);
            return glob.map_or(Self::Never, |glob| Self::Match(path, glob));
        }
        Self::Equals(path, pattern.to_lowercase())
    }

    /// The body has the pattern between word boundaries.
    pub(super) fn body(pattern: &str) -> Self {
        if pattern.is_empty() {
            return Self::Equals(Path::new("content.body"), String::new());
        }
        let glob = Glob::new(pattern, Extent::Words);
        glob.map_or(Self::Never, |glob| Self::Match(Path::new("content.body"), glob))
    }

    /// The event is in the room.
    pub(super) fn room(room_id: &RoomId) -> Self {
        Self::Is(Path::new("room_id"), room_id.as_str().into())
    }

    /// The event is the sender's.
    pub(super) fn sender(sender: &UserId) -> Self {
        Self::Is(Path::new("sender"), sender.as_str().into())
    }

    pub(super) fn holds(&self, look: &Look<'_>) -> bool {
        let property = |path| look.event.get(path);
        let text = |path| property(path).and_then(|property| property.as_str());
        let user_id = look.member.user_id.as_str();
        match self {
            Self::Match(path, glob) => {
                text(path).is_some_and(|text| glob.matches(text, &look.steps))
            }
            Self::Equals(path, wanted) => text(path).is_some_and(|text| {
                text == wanted || text.chars().flat_map(char::to_lowercase).eq(wanted.chars())
            }),
            Self::IsUser(path) => text(path) == Some(user_id),
            Self::Is(path, wanted) => property(path).is_some_and(|found| found.is(wanted)),
            Self::Contains(path, wanted) => {
                property(path).is_some_and(|found| found.contains(wanted))
            }
            Self::ContainsUser(path) => {
                property(path).is_some_and(|found| found.contains(&user_id.into()))
            }
            Self::DisplayName => names_user(look),
            Self::MemberCount(is) => is.contains(&UInt::new_saturating(look.room.member_count)),
            Self::SenderMayNotify(key) => {
                let levels = look.room.levels;
                levels.is_some_and(|levels| levels.may_notify(look.event.sender(), key))
            }
            Self::Subscribed(wanted) => look.member.subscribed == Some(*wanted),
            Self::Never => false,
        }
    }
}

/// Whether the body has the user's display name between word boundaries.
fn names_user(look: &Look<'_>) -> bool {
    let name = look.member.display_name.filter(|name| !name.is_empty());
    let glob = name.and_then(|name| Glob::literal(name, Extent::Words));
    let body = look.event.get(&Path::new("content.body"));
    let body = body.and_then(|body| body.as_str());
    glob.zip(body).is_some_and(|(glob, body)| glob.matches(body, &look.steps))
}
