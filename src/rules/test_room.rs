//! A room in memory for the tests of this crate: builds, authorizes and keeps events.

use std::collections::HashMap;

use hearth_base::Random;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedEventId, OwnedRoomId, OwnedUserId, RoomVersionId, UInt,
    UserId,
    events::{StateEventType, TimelineEventType},
    owned_room_id,
    room_version_rules::RoomVersionRules,
    server_name,
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{Draft, NotAllowed, Pdu, SigningKey, StateMap, auth_types, authorize, build, rules_of};

pub(crate) const ALICE: &str = "@alice:hearth.test";
pub(crate) const BOB: &str = "@bob:hearth.test";
pub(crate) const CAROL: &str = "@carol:elsewhere.test";

/// A room that [`ALICE`] created.
pub(crate) struct TestRoom {
    pub(crate) rules: &'static RoomVersionRules,
    pub(crate) key: SigningKey,
    pub(crate) room_id: Option<OwnedRoomId>,
    pub(crate) state: StateMap,
    pub(crate) events: HashMap<OwnedEventId, Pdu>,
    last: Option<Pdu>,
}

impl TestRoom {
    /// Only the create event.
    pub(crate) fn created(version: &RoomVersionId, extra: Value) -> Self {
        let rules = rules_of(version).unwrap();
        let key = SigningKey::generate(&Random::seeded(7)).unwrap();
        let makes_room_id = !rules.event_format.require_room_create_room_id;
        let room_id = (!makes_room_id).then(|| owned_room_id!("!room:hearth.test"));
        let (state, events) = (StateMap::new(), HashMap::new());
        let mut room = Self { rules, key, room_id, state, events, last: None };
        let mut content = json!({ "room_version": version, "creator": ALICE });
        if rules.authorization.use_room_create_sender {
            content.as_object_mut().unwrap().remove("creator");
        }
        content.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let create = room.send(ALICE, "m.room.create", Some(""), content).unwrap();
        room.room_id = Some(create.room_id().to_owned());
        room
    }

    /// The create event, the creator's join, power levels of 100 for the creator where the room
    /// version allows that, and the join rule.
    pub(crate) fn new(version: &RoomVersionId, join_rule: &str) -> Self {
        let mut room = Self::created(version, json!({}));
        room.join(ALICE).unwrap();
        let users = if room.rules.authorization.explicitly_privilege_room_creators {
            json!({})
        } else {
            json!({ ALICE: 100 })
        };
        let levels = json!({ "users": users });
        room.send(ALICE, "m.room.power_levels", Some(""), levels).unwrap();
        let join_rule = json!({ "join_rule": join_rule });
        room.send(ALICE, "m.room.join_rules", Some(""), join_rule).unwrap();
        room
    }

    /// Builds an event upon the current state, without asking whether it is allowed.
    pub(crate) fn build(
        &self,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> Pdu {
        let draft = self.draft(sender, event_type, state_key, content);
        build(draft, self.rules, server_name!("hearth.test"), &self.key).unwrap()
    }

    pub(crate) fn draft(
        &self,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> Draft {
        let sender: OwnedUserId = UserId::parse(sender).unwrap();
        let content = to_raw_value(&content).unwrap();
        let event_type = TimelineEventType::from(event_type);
        let types = auth_types(&event_type, &sender, state_key, &content, self.rules).unwrap();
        let depth = self.last.as_ref().map_or(1, |last| last.depth() + 1);
        Draft {
            room_id: self.room_id.clone(),
            sender,
            event_type,
            state_key: state_key.map(str::to_owned),
            content,
            redacts: None,
            sticky_ms: None,
            unsigned: None,
            origin_server_ts: MilliSecondsSinceUnixEpoch(UInt::try_from(1_000 + depth).unwrap()),
            prev_events: self.last.iter().map(|last| last.event_id().to_owned()).collect(),
            auth_events: types.iter().filter_map(|key| self.state.get(key).cloned()).collect(),
            depth,
        }
    }

    /// Builds an event and keeps it if the room allows it.
    pub(crate) fn send(
        &mut self,
        sender: &str,
        event_type: &str,
        state_key: Option<&str>,
        content: Value,
    ) -> Result<Pdu, NotAllowed> {
        let pdu = self.build(sender, event_type, state_key, content);
        self.accept(pdu)
    }

    pub(crate) fn accept(&mut self, pdu: Pdu) -> Result<Pdu, NotAllowed> {
        authorize(&pdu, self.rules, |event_type, state_key| self.state(event_type, state_key))?;
        if let Some(state_key) = pdu.state_key() {
            let key = (StateEventType::from(pdu.type_name()), state_key.to_owned());
            self.state.insert(key, pdu.event_id().to_owned());
        }
        self.events.insert(pdu.event_id().to_owned(), pdu.clone());
        self.last = Some(pdu.clone());
        Ok(pdu)
    }

    /// Goes back to an earlier event and state, to fork the room.
    pub(crate) fn rewind(&mut self, state: StateMap, last: Pdu) {
        (self.state, self.last) = (state, Some(last));
    }

    pub(crate) fn member(
        &mut self,
        sender: &str,
        target: &str,
        membership: &str,
    ) -> Result<Pdu, NotAllowed> {
        let content = json!({ "membership": membership });
        self.send(sender, "m.room.member", Some(target), content)
    }

    pub(crate) fn join(&mut self, user: &str) -> Result<Pdu, NotAllowed> {
        self.member(user, user, "join")
    }

    pub(crate) fn message(&mut self, sender: &str) -> Result<Pdu, NotAllowed> {
        let content = json!({ "msgtype": "m.text", "body": "hello" });
        self.send(sender, "m.room.message", None, content)
    }

    pub(crate) fn state(&self, event_type: &StateEventType, state_key: &str) -> Option<Pdu> {
        let event_id = self.state.get(&(event_type.clone(), state_key.to_owned()))?;
        self.events.get(event_id).cloned()
    }

    pub(crate) fn power_levels(&self) -> crate::PowerLevels {
        let create = self.state(&StateEventType::RoomCreate, "");
        let levels = self.state(&StateEventType::RoomPowerLevels, "");
        crate::PowerLevels::new(create.as_ref(), levels.as_ref(), self.rules).unwrap()
    }
}
