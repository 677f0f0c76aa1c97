//! Creating rooms (specification, client-server API, "Creation").
//!
//! What a room begins with follows from the request here; [`crate::new_room`] makes it.

use hearth_rules::rules_of;
use ruma::{
    OwnedRoomAliasId, OwnedUserId, RoomVersionId, UserId,
    api::client::room::create_room::v3::RoomPreset,
};
use serde_json::{Map, Value, json};

use crate::{
    Room, Rooms, RoomsError,
    membership::Profile,
    new_room::{NewRoom, state_event},
    writer::EventRequest,
};

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

impl CreateRoom {
    /// A private room of the default version with nothing special.
    #[must_use]
    pub fn new(creator: OwnedUserId) -> Self {
        Self {
            creator,
            profile: Profile::default(),
            version: None,
            creation_content: Map::new(),
            preset: None,
            published: false,
            alias: None,
            name: None,
            topic: None,
            invite: Vec::new(),
            is_direct: false,
            initial_state: Vec::new(),
            power_levels: Map::new(),
        }
    }
}

impl Rooms {
    /// Creates a room, and returns it.
    ///
    /// # Errors
    /// The version is unknown, the alias is in use, an event is refused by the room's own rules
    /// or too large, or the store failed: then there is no room.
    pub async fn create_room(&self, request: CreateRoom) -> Result<Room, RoomsError> {
        self.make_room(self.new_room_of(request)?).await
    }

    /// The room that a request asks for.
    pub(crate) fn new_room_of(&self, request: CreateRoom) -> Result<NewRoom, RoomsError> {
        let version = request.version.clone().unwrap_or_else(|| self.default_version().clone());
        let events = plan(&request, &version)?;
        let CreateRoom { creator, published, alias, .. } = request;
        Ok(NewRoom { creator, version, events, published, alias, notices_for: None })
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
    let join = request.profile.to_content("join");
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
        self.events.push(state_event(&self.request.creator, event_type, state_key, &content)?);
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
