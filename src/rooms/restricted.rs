//! Restricted rooms: who may join because of another room, and who vouches for it (specification,
//! server-server API, "Restricted rooms").
//!
//! Deliberately absent: asking other servers whether they can vouch.

use std::cmp::Reverse;

use hearth_rules::PowerLevels;
use hearth_store::Snapshot;
use ruma::{
    Int, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::{StateEventType, room::member::MembershipState},
    room_version_rules::RoomVersionRules,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{Event, Room, RoomHead, Rooms, RoomsError};

/// Most rooms that a restricted room may name in its join rule and have looked at.
const ALLOWED_ROOMS_MAX: usize = 100;

/// What an `m.room.join_rules` event says, read as leniently as the rules do.
#[derive(Deserialize)]
struct JoinRules {
    join_rule: String,
    #[serde(default)]
    allow: Vec<Value>,
}

impl JoinRules {
    /// The rooms whose members may join; `None` where the rule or the room version knows no such.
    fn allowed_rooms(&self, rules: &RoomVersionRules) -> Option<Vec<OwnedRoomId>> {
        let rules = &rules.authorization;
        let is_restricted = match self.join_rule.as_str() {
            "restricted" => rules.restricted_join_rule,
            "knock_restricted" => rules.knock_restricted_join_rule,
            _ => false,
        };
        is_restricted.then(|| {
            self.allow.iter().filter_map(membership_condition).take(ALLOWED_ROOMS_MAX).collect()
        })
    }
}

/// The room that a condition of type `m.room_membership` names.
fn membership_condition(condition: &Value) -> Option<OwnedRoomId> {
    let is_membership = condition.get("type")?.as_str()? == "m.room_membership";
    let room_id = condition.get("room_id")?.as_str()?;
    is_membership.then(|| RoomId::parse(room_id).ok()).flatten()
}

impl Rooms {
    /// The rooms whose members may join a room; `None` unless it is restricted.
    pub(crate) async fn allowed_rooms(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        head: &RoomHead,
    ) -> Result<Option<Vec<OwnedRoomId>>, RoomsError> {
        let key = StateEventType::RoomJoinRules;
        let event = self.state_event(snapshot, room.nid(), head.state, key, "").await?;
        let content = event.as_ref().map(Event::pdu).and_then(|pdu| pdu.content_as::<JoinRules>());
        Ok(content.and_then(|content| content.allowed_rooms(room.rules())))
    }

    /// Whether a user has joined one of these rooms, as far as this server knows them.
    pub(crate) async fn is_in_any(
        &self,
        snapshot: &dyn Snapshot,
        room_ids: &[OwnedRoomId],
        user_id: &UserId,
    ) -> Result<bool, RoomsError> {
        for room_id in room_ids {
            if let Some(room) = self.room(room_id).await?
                && self.is_joined(snapshot, room.nid(), user_id).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// For a restricted room whose conditions the user meets: a member of this server who may
    /// invite, and so vouches for the join (MSC3083). `None` if the room is not restricted.
    pub(crate) async fn voucher(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<Option<OwnedUserId>, RoomsError> {
        let head = self.head(snapshot, room.nid()).await?;
        let Some(allowed) = self.allowed_rooms(snapshot, room, &head).await? else {
            return Ok(None);
        };
        if self.is_in_any(snapshot, &allowed, user_id).await? {
            return self.member_who_may_invite(snapshot, room, &head).await.map(Some);
        }
        Err(RoomsError::Forbidden("you are in none of the rooms that let you in".to_owned()))
    }

    async fn member_who_may_invite(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        head: &RoomHead,
    ) -> Result<OwnedUserId, RoomsError> {
        let levels = self.power_levels(snapshot, room, head).await?;
        let found = self.member_with_level(snapshot, room, &levels, levels.invite()).await?;
        found.ok_or_else(|| RoomsError::Forbidden("nobody here may let you in".to_owned()))
    }

    /// A member of this server with at least this level. Looks among those who have a level of
    /// their own first, from the top: they are few.
    ///
    /// # Errors
    /// The store failed.
    pub async fn member_with_level(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        levels: &PowerLevels,
        level: Int,
    ) -> Result<Option<OwnedUserId>, RoomsError> {
        let has_level = |user_id: &UserId| {
            user_id.server_name() == self.server_name() && levels.user(user_id) >= level
        };
        let named = levels.as_ruma().users.keys().chain(levels.creators());
        let mut named: Vec<_> = named.filter(|user_id| has_level(user_id)).collect();
        named.sort_by_key(|user_id| Reverse(levels.user(user_id)));
        for user_id in named {
            if self.is_joined(snapshot, room.nid(), user_id).await? {
                return Ok(Some(user_id.clone()));
            }
        }
        if levels.as_ruma().users_default < level {
            return Ok(None);
        }
        let members = self.members(snapshot, room.nid()).await?.into_iter();
        let mut joined = members.filter(|(_, member)| member.state == MembershipState::Join);
        Ok(joined.find(|(user_id, _)| has_level(user_id)).map(|(user_id, _)| user_id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allowed(join_rule: &str, allow: Value, rules: &RoomVersionRules) -> Option<usize> {
        let content = json!({ "join_rule": join_rule, "allow": allow });
        let content: JoinRules = serde_json::from_value(content).unwrap();
        content.allowed_rooms(rules).map(|rooms| rooms.len())
    }

    #[test]
    fn only_memberships_of_rooms_are_conditions() {
        let allow = json!([
            { "type": "m.room_membership", "room_id": "!a:example.org" },
            { "type": "m.room_membership", "room_id": 5 },
            { "type": "m.room_membership" },
            { "type": "org.example", "room_id": "!b:example.org" },
            "nonsense",
        ]);
        assert_eq!(allowed("restricted", allow.clone(), &RoomVersionRules::V12), Some(1));
        assert_eq!(allowed("knock_restricted", allow.clone(), &RoomVersionRules::V10), Some(1));
        assert_eq!(allowed("public", allow, &RoomVersionRules::V12), None);
    }

    #[test]
    fn older_rooms_do_not_know_the_rule() {
        assert_eq!(allowed("restricted", json!([]), &RoomVersionRules::V7), None);
        assert_eq!(allowed("restricted", json!([]), &RoomVersionRules::V8), Some(0));
        assert_eq!(allowed("knock_restricted", json!([]), &RoomVersionRules::V9), None);
    }
}
