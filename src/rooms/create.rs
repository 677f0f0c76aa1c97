//! Creating rooms (specification, client-server API, "Creation").
//!
//! All events of a new room, its id, alias and directory entry are one batch: a room is there
//! whole or not at all.

use hearth_base::limits::ROOM_CONFLICT_RETRIES_MAX;
use hearth_rules::{Draft, build, rules_of};
use hearth_store::CommitError;
use ruma::{
    MilliSecondsSinceUnixEpoch, OwnedRoomAliasId, OwnedRoomId, OwnedUserId, RoomVersionId, UInt,
    UserId, api::client::room::create_room::v3::RoomPreset, events::TimelineEventType,
};
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::{
    Manner, Room, Rooms, RoomsError,
    decide::Group,
    membership::Profile,
    room::RoomRow,
    tables::{PUBLISHED, ROOM_NIDS, ROOMS},
    writer::EventRequest,
};

/// Length of the random part of room ids before room version 12.
const ROOM_ID_CHARACTERS: usize = 18;

/// What a new room should be like; the fields are those of `POST /createRoom`.
#[derive(Clone, Debug)]
pub struct CreateRoom {
    /// Who creates it.
    pub creator: OwnedUserId,
    /// How the creator looks in it.
    pub profile: Profile,
    /// Its version; the server's default if not given.
    pub version: Option<RoomVersionId>,
    /// Fields of the `m.room.create` event.
    pub creation_content: Map<String, Value>,
    /// A set of defaults; follows from `published` if not given.
    pub preset: Option<RoomPreset>,
    /// Whether it is listed in the directory.
    pub published: bool,
    /// Its alias on this server.
    pub alias: Option<OwnedRoomAliasId>,
    /// Its name.
    pub name: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// Who is invited, and how they look.
    pub invite: Vec<(OwnedUserId, Profile)>,
    /// Whether the invites are to a direct chat.
    pub is_direct: bool,
    /// State events that follow the preset's: type, state key, content.
    pub initial_state: Vec<(String, String, Value)>,
    /// Fields that replace those of the default power levels.
    pub power_levels: Map<String, Value>,
}

impl Rooms {
    /// Creates a room, and returns it.
    ///
    /// # Errors
    /// The version is unknown, the alias is in use, an event is refused by the room's own rules
    /// or too large, or the store failed: then there is no room.
    pub async fn create_room(&self, request: CreateRoom) -> Result<Room, RoomsError> {
        let version = request.version.clone().unwrap_or_else(|| self.default_version().clone());
        let mut plan = plan(&request, &version)?;
        for _ in 0..ROOM_CONFLICT_RETRIES_MAX {
            if let Some(create) = plan.first_mut() {
                let time = UInt::new_saturating(self.creation_time_ms());
                create.origin_server_ts = Some(MilliSecondsSinceUnixEpoch(time));
            }
            if let Some(room) = self.try_create(&request, &plan, version.clone()).await? {
                self.remember(&room);
                return Ok(room);
            }
            if let Some(alias) = &request.alias
                && self.resolve_alias(alias).await?.is_some()
            {
                return Err(RoomsError::InUse("alias"));
            }
        }
        Err(RoomsError::Busy)
    }

    /// Makes the room, unless its id or alias is taken.
    async fn try_create(
        &self,
        request: &CreateRoom,
        plan: &[EventRequest],
        version: RoomVersionId,
    ) -> Result<Option<Room>, RoomsError> {
        let room = self.new_room(plan, version).await?;
        let mut group = Group::create(self, &room).await?;
        group.decide_all(plan, &Manner::default()).await?;
        let row = RoomRow { room_id: room.id().to_owned(), version: room.version().to_string() };
        ROOM_NIDS.insert(group.batch(), &(room.id(),), &room.nid())?;
        ROOMS.insert(group.batch(), &(room.nid(),), &row)?;
        if request.published {
            PUBLISHED.put(group.batch(), &(room.nid(),), &())?;
        }
        if let Some(alias) = &request.alias {
            self.put_alias(group.batch(), alias, room.nid(), &request.creator)?;
        }
        match group.commit().await {
            Ok(_) => Ok(Some(room)),
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Names a new room: at random, or since room version 12 by its create event.
    async fn new_room(
        &self,
        plan: &[EventRequest],
        version: RoomVersionId,
    ) -> Result<Room, RoomsError> {
        let rules =
            rules_of(&version).ok_or_else(|| RoomsError::UnsupportedVersion(version.clone()))?;
        let room_id = match plan.first() {
            Some(create) if rules.authorization.room_create_event_id_as_room_id => {
                let draft = Draft {
                    room_id: None,
                    sender: create.sender.clone(),
                    event_type: create.event_type.clone(),
                    state_key: create.state_key.clone(),
                    content: create.content.clone(),
                    redacts: None,
                    sticky_ms: None,
                    unsigned: None,
                    origin_server_ts: create.origin_server_ts.unwrap_or_else(|| self.clock().now()),
                    prev_events: Vec::new(),
                    auth_events: Vec::new(),
                    depth: 1,
                };
                let pdu = build(draft, rules, self.server_name(), self.signing_key())?;
                pdu.room_id().to_owned()
            }
            _ => self.random_room_id()?,
        };
        Room::new(self.next_room_nid().await?, room_id, version)
    }

    fn random_room_id(&self) -> Result<OwnedRoomId, RoomsError> {
        let opaque = self.random().alphanumeric(ROOM_ID_CHARACTERS);
        let room_id = format!("!{opaque}:{}", self.server_name());
        OwnedRoomId::try_from(room_id).map_err(|error| RoomsError::BadRequest(error.to_string()))
    }
}

/// The events of a new room, in the order that the specification asks for.
fn plan(request: &CreateRoom, version: &RoomVersionId) -> Result<Vec<EventRequest>, RoomsError> {
    let rules = rules_of(version).ok_or_else(|| RoomsError::UnsupportedVersion(version.clone()))?;
    let creators_stand_above = rules.authorization.explicitly_privilege_room_creators;
    let preset = request.preset.clone().unwrap_or(if request.published {
        RoomPreset::PublicChat
    } else {
        RoomPreset::PrivateChat
    });
    let mut plan = Plan { request, events: Vec::new() };
    let create = create_content(request, version, &preset, creators_stand_above)?;
    plan.state("m.room.create", "", create)?;
    let mut join = request.profile.to_content("join");
    if request.is_direct {
        join.insert("is_direct".to_owned(), true.into());
    }
    plan.state("m.room.member", request.creator.as_str(), Value::Object(join))?;
    let levels = power_levels(request, &preset, creators_stand_above)?;
    plan.state("m.room.power_levels", "", Value::Object(levels))?;
    if let Some(alias) = &request.alias {
        plan.state("m.room.canonical_alias", "", json!({ "alias": alias }))?;
    }
    plan.preset(&preset)?;
    for (event_type, state_key, content) in &request.initial_state {
        plan.state(event_type, state_key, content.clone())?;
    }
    if let Some(name) = &request.name {
        plan.state("m.room.name", "", json!({ "name": name }))?;
    }
    if let Some(topic) = &request.topic {
        plan.state("m.room.topic", "", topic_content(topic))?;
    }
    for (user_id, profile) in &request.invite {
        plan.invite(user_id, profile)?;
    }
    Ok(plan.events)
}

struct Plan<'a> {
    request: &'a CreateRoom,
    events: Vec<EventRequest>,
}

impl Plan<'_> {
    fn state(
        &mut self,
        event_type: &str,
        state_key: &str,
        content: Value,
    ) -> Result<(), RoomsError> {
        let content =
            to_raw_value(&content).map_err(|error| RoomsError::BadJson(error.to_string()))?;
        self.events.push(EventRequest {
            sender: self.request.creator.clone(),
            event_type: TimelineEventType::from(event_type),
            state_key: Some(state_key.to_owned()),
            content,
            redacts: None,
            transaction: None,
            origin_server_ts: None,
        });
        Ok(())
    }

    /// What a preset says, except for what the request's initial state says instead.
    fn preset(&mut self, preset: &RoomPreset) -> Result<(), RoomsError> {
        let public = *preset == RoomPreset::PublicChat;
        let join_rule = if public { "public" } else { "invite" };
        let guests = if public { "forbidden" } else { "can_join" };
        let defaults = [
            ("m.room.join_rules", json!({ "join_rule": join_rule })),
            ("m.room.history_visibility", json!({ "history_visibility": "shared" })),
            ("m.room.guest_access", json!({ "guest_access": guests })),
        ];
        for (event_type, content) in defaults {
            if !self.request.initial_state.iter().any(|(initial, ..)| initial == event_type) {
                self.state(event_type, "", content)?;
            }
        }
        Ok(())
    }

    fn invite(&mut self, user_id: &UserId, profile: &Profile) -> Result<(), RoomsError> {
        let mut content = profile.to_content("invite");
        if self.request.is_direct {
            content.insert("is_direct".to_owned(), true.into());
        }
        self.state("m.room.member", user_id.as_str(), Value::Object(content))
    }
}

fn topic_content(topic: &str) -> Value {
    json!({ "topic": topic, "m.topic": { "m.text": [{ "body": topic }] } })
}

fn create_content(
    request: &CreateRoom,
    version: &RoomVersionId,
    preset: &RoomPreset,
    creators_stand_above: bool,
) -> Result<Value, RoomsError> {
    let mut content = request.creation_content.clone();
    content.insert("room_version".to_owned(), version.as_str().into());
    let rules = rules_of(version).ok_or_else(|| RoomsError::UnsupportedVersion(version.clone()))?;
    if rules.authorization.use_room_create_sender {
        content.remove("creator");
    } else {
        content.insert("creator".to_owned(), request.creator.as_str().into());
    }
    if creators_stand_above && *preset == RoomPreset::TrustedPrivateChat {
        let invited = request.invite.iter().map(|(user_id, _)| Value::from(user_id.as_str()));
        let creators = content
            .entry("additional_creators")
            .or_insert_with(|| Value::Array(Vec::new()))
            .as_array_mut()
            .ok_or_else(|| {
                RoomsError::InvalidParam("additional_creators is not a list".to_owned())
            })?;
        let new: Vec<_> = invited.filter(|user_id| !creators.contains(user_id)).collect();
        creators.extend(new);
    }
    Ok(Value::Object(content))
}

fn power_levels(
    request: &CreateRoom,
    preset: &RoomPreset,
    creators_stand_above: bool,
) -> Result<Map<String, Value>, RoomsError> {
    let mut users = Map::new();
    if !creators_stand_above {
        users.insert(request.creator.to_string(), 100.into());
        if *preset == RoomPreset::TrustedPrivateChat {
            let invited = request.invite.iter();
            users.extend(invited.map(|(user_id, _)| (user_id.to_string(), 100.into())));
        }
    }
    let tombstone = if creators_stand_above { 150 } else { 100 };
    let invite = if *preset == RoomPreset::PublicChat { 50 } else { 0 };
    let levels = json!({
        "users": users,
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50,
            "m.room.avatar": 50,
            "m.room.tombstone": tombstone,
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": invite,
        "historical": 100,
    });
    let Value::Object(mut levels) = levels else {
        return Ok(Map::new());
    };
    for (field, value) in &request.power_levels {
        levels.insert(field.clone(), value.clone());
    }
    let named = levels.get("users").and_then(Value::as_object);
    let names_creator = named.is_some_and(|users| users.contains_key(request.creator.as_str()));
    if creators_stand_above && names_creator {
        let reason = "the creator of this room has no power level: they stand above all";
        return Err(RoomsError::InvalidParam(reason.to_owned()));
    }
    Ok(levels)
}
