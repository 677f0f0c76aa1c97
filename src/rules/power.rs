//! Who may do what in a room, as one view over its create and power levels events.
//!
//! Fields are read as leniently as the authorization rules read them. Since room version 12 the
//! creators stand above every level (MSC4289), and no level names them.

use std::collections::HashSet;

use ruma::{
    Int, OwnedUserId, UserId,
    events::{
        TimelineEventType,
        room::power_levels::{RoomPowerLevels, RoomPowerLevelsSource, UserPowerLevel},
    },
    power_levels::{NotificationPowerLevels, NotificationPowerLevelsKey},
    room_version_rules::{AuthorizationRules, RoomVersionRules},
    state_res::events::{RoomCreateEvent, RoomPowerLevelsEvent, RoomPowerLevelsIntField},
};

use crate::{Pdu, PduError};

/// The power levels that hold in a room.
#[derive(Clone, Debug)]
pub struct PowerLevels {
    levels: RoomPowerLevels,
    creators: HashSet<OwnedUserId>,
}

impl PowerLevels {
    /// Reads the levels from the room's state. Without a power levels event the defaults of the
    /// specification hold, and without a create event nobody is a creator.
    ///
    /// # Errors
    /// [`PduError::Malformed`] when a field is not what the authorization rules accept.
    pub fn new(
        create: Option<&Pdu>,
        power_levels: Option<&Pdu>,
        rules: &RoomVersionRules,
    ) -> Result<Self, PduError> {
        let rules = &rules.authorization;
        let creators = match create {
            Some(create) => RoomCreateEvent::new(create).creators(rules),
            None => Ok(HashSet::new()),
        }
        .map_err(PduError::Malformed)?;
        let mut levels =
            RoomPowerLevels::new(RoomPowerLevelsSource::None, rules, creators.iter().cloned());
        if let Some(event) = power_levels {
            let event = RoomPowerLevelsEvent::new(event);
            read(&mut levels, &event, rules).map_err(PduError::Malformed)?;
        }
        Ok(Self { levels, creators })
    }

    /// Whether a power levels event can be one of a room, whoever sends it.
    ///
    /// # Errors
    /// [`PduError::Malformed`] when a field is not what the authorization rules accept, or when
    /// it names a creator who stands above all levels.
    pub fn check_form(
        create: Option<&Pdu>,
        power_levels: &Pdu,
        rules: &RoomVersionRules,
    ) -> Result<(), PduError> {
        let Self { levels, creators } = Self::new(create, Some(power_levels), rules)?;
        let stand_above = rules.authorization.explicitly_privilege_room_creators;
        match creators.iter().find(|creator| levels.users.contains_key(*creator)) {
            Some(creator) if stand_above => {
                let reason = format!("{creator} created the room and stands above all levels");
                Err(PduError::Malformed(reason))
            }
            _ => Ok(()),
        }
    }

    /// A user's level; infinite for creators since room version 12.
    #[must_use]
    pub fn user(&self, user_id: &UserId) -> UserPowerLevel {
        self.levels.for_user(user_id)
    }

    /// The level that an event of this type needs, as a state event or as a message.
    #[must_use]
    pub fn event(&self, event_type: &TimelineEventType, is_state: bool) -> Int {
        let default = if is_state { self.levels.state_default } else { self.levels.events_default };
        self.levels.events.get(event_type).copied().unwrap_or(default)
    }

    /// Whether a user has the level that an event of this type needs.
    #[must_use]
    pub fn may_send(
        &self,
        user_id: &UserId,
        event_type: &TimelineEventType,
        is_state: bool,
    ) -> bool {
        self.user(user_id) >= self.event(event_type, is_state)
    }

    /// The level needed to invite.
    #[must_use]
    pub const fn invite(&self) -> Int {
        self.levels.invite
    }

    /// The level needed to kick somebody with a smaller level.
    #[must_use]
    pub const fn kick(&self) -> Int {
        self.levels.kick
    }

    /// The level needed to ban somebody with a smaller level.
    #[must_use]
    pub const fn ban(&self) -> Int {
        self.levels.ban
    }

    /// The level needed to redact the events of others.
    #[must_use]
    pub const fn redact(&self) -> Int {
        self.levels.redact
    }

    /// The level needed to notify everybody with `@room`.
    #[must_use]
    pub const fn notify_room(&self) -> Int {
        self.levels.notifications.room
    }

    /// Who created the room, additional creators included.
    #[must_use]
    pub const fn creators(&self) -> &HashSet<OwnedUserId> {
        &self.creators
    }

    /// The levels as ruma has them.
    #[must_use]
    pub const fn as_ruma(&self) -> &RoomPowerLevels {
        &self.levels
    }

    /// Whether a user has the level that a kind of notification needs.
    #[must_use]
    pub fn may_notify(&self, user_id: &UserId, key: &NotificationPowerLevelsKey) -> bool {
        self.levels.notifications.get(key).is_some_and(|level| self.user(user_id) >= *level)
    }
}

fn read(
    levels: &mut RoomPowerLevels,
    event: &RoomPowerLevelsEvent<&Pdu>,
    rules: &AuthorizationRules,
) -> Result<(), String> {
    let level = |field| event.get_as_int_or_default(field, rules);
    levels.ban = level(RoomPowerLevelsIntField::Ban)?;
    levels.events_default = level(RoomPowerLevelsIntField::EventsDefault)?;
    levels.invite = level(RoomPowerLevelsIntField::Invite)?;
    levels.kick = level(RoomPowerLevelsIntField::Kick)?;
    levels.redact = level(RoomPowerLevelsIntField::Redact)?;
    levels.state_default = level(RoomPowerLevelsIntField::StateDefault)?;
    levels.users_default = level(RoomPowerLevelsIntField::UsersDefault)?;
    levels.events = event.events(rules)?.unwrap_or_default();
    levels.users = event.users(rules)?.cloned().unwrap_or_default();
    let notifications = event.notifications(rules)?.unwrap_or_default();
    levels.notifications = NotificationPowerLevels::new();
    if let Some(room) = notifications.get("room") {
        levels.notifications.room = *room;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::{RoomVersionId, int, user_id};
    use serde_json::json;

    use super::*;
    use crate::test_room::{ALICE, BOB, TestRoom};

    #[test]
    fn without_levels_the_creator_has_100_and_all_others_0() {
        let room = TestRoom::created(&RoomVersionId::V11, json!({}));
        let levels = room.power_levels();
        assert_eq!(levels.user(<&UserId>::try_from(ALICE).unwrap()), int!(100));
        assert_eq!(levels.user(<&UserId>::try_from(BOB).unwrap()), int!(0));
        assert_eq!(levels.event(&TimelineEventType::RoomName, true), int!(50));
        assert_eq!(levels.event(&TimelineEventType::RoomMessage, false), int!(0));
        assert_eq!((levels.invite(), levels.kick(), levels.ban()), (int!(0), int!(50), int!(50)));
        assert_eq!((levels.redact(), levels.notify_room()), (int!(50), int!(50)));
    }

    #[test]
    fn creators_of_version_12_are_above_every_level() {
        let extra = json!({ "additional_creators": [BOB] });
        let mut room = TestRoom::created(&RoomVersionId::V12, extra);
        room.join(ALICE).unwrap();
        let content = json!({
            "users": { "@dave:hearth.test": 100 },
            "users_default": 5,
            "events": { "m.room.name": 70 },
            "notifications": { "room": 20 },
        });
        room.send(ALICE, "m.room.power_levels", Some(""), content).unwrap();
        let levels = room.power_levels();
        for creator in [ALICE, BOB] {
            let creator = <&UserId>::try_from(creator).unwrap();
            assert_eq!(levels.user(creator), UserPowerLevel::Infinite);
            assert!(levels.creators().contains(creator));
        }
        assert_eq!(levels.user(user_id!("@dave:hearth.test")), int!(100));
        assert_eq!(levels.user(user_id!("@eve:hearth.test")), int!(5));
        assert!(!levels.may_send(user_id!("@eve:hearth.test"), &TimelineEventType::RoomName, true));
        assert_eq!(levels.event(&TimelineEventType::RoomName, true), int!(70));
        assert_eq!(levels.notify_room(), int!(20));
        let may_notify = |user| levels.may_notify(user, &NotificationPowerLevelsKey::Room);
        assert!(may_notify(user_id!("@dave:hearth.test")));
        assert!(!may_notify(user_id!("@eve:hearth.test")));
    }

    #[test]
    fn levels_that_are_strings_count_before_version_10() {
        let content = json!({ "ban": "77", "users": { ALICE: 100 } });
        let room = TestRoom::new(&RoomVersionId::V6, "public");
        let event = room.build(ALICE, "m.room.power_levels", Some(""), content.clone());
        assert_eq!(PowerLevels::new(None, Some(&event), room.rules).unwrap().ban(), int!(77));
        let room = TestRoom::new(&RoomVersionId::V10, "public");
        let event = room.build(ALICE, "m.room.power_levels", Some(""), content);
        PowerLevels::new(None, Some(&event), room.rules).unwrap_err();
    }
}
