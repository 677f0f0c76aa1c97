//! A server without HTTP for the tests of this crate.

use hearth_accounts::{Accounts, NewUser, PasswordCost};
use hearth_base::{Clock, Random};
use hearth_bus::Bus;
use hearth_rooms::{CreateRoom, EventRequest, Profile, Room, Rooms, RoomsError};
use hearth_rules::SigningKey;
use hearth_statemap::StateHasher;
use hearth_store::{MemoryEngine, Store};
use ruma::{
    OwnedEventId, OwnedUserId, RoomVersionId, UserId,
    api::client::room::create_room::v3::RoomPreset,
    events::{StateEventType, TimelineEventType},
    server_name,
};
use serde_json::{Map, Value, json, value::to_raw_value};
use tokio_util::task::TaskTracker;

use crate::{Chat, Lower};

pub(crate) struct Fixture {
    pub(crate) chat: Chat,
    pub(crate) rooms: Rooms,
    pub(crate) clock: Clock,
    lower: Lower,
}

/// A server whose clock stands still and whose tasks do nothing by themselves.
pub(crate) fn fixture() -> Fixture {
    let store = Store::new(MemoryEngine::new());
    let (clock, random) = (Clock::manual(1_700_000_000_000), Random::seeded(1));
    let name = server_name!("example.org").to_owned();
    let mut settings = hearth_accounts::Settings::new(name.clone());
    settings.password_cost = PasswordCost { memory_kib: 64, iterations: 1 };
    let accounts = Accounts::new(store.clone(), clock.clone(), random.clone(), settings).unwrap();
    let settings = hearth_rooms::Settings {
        server_name: name,
        default_version: RoomVersionId::V11,
        event_cache_bytes: 1 << 20,
        state_cache_nodes: 1_000,
    };
    let key = SigningKey::generate(&random).unwrap();
    let rooms = Rooms::new(
        store.clone(),
        settings,
        clock.clone(),
        random.clone(),
        key,
        StateHasher::new([7; 32]),
        TaskTracker::new(),
    );
    let bus = Bus::new(clock.clone(), &random, None);
    let lower = Lower { store, accounts, rooms: rooms.clone(), bus, clock: clock.clone(), random };
    Fixture { chat: Chat::idle(lower.clone()), rooms, clock, lower }
}

impl Fixture {
    /// Another process on the same store.
    pub(crate) fn restarted(&self) -> Chat {
        let bus = Bus::new(self.clock.clone(), &Random::seeded(1), None);
        Chat::idle(Lower { bus, ..self.lower.clone() })
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.lower.accounts
    }

    pub(crate) fn id(&self, localpart: &str) -> OwnedUserId {
        UserId::parse(format!("@{localpart}:example.org")).unwrap()
    }

    pub(crate) async fn user(&self, localpart: &str) -> OwnedUserId {
        let user_id = self.id(localpart);
        self.accounts().create_user(&user_id, NewUser::default()).await.unwrap();
        user_id
    }

    /// A room of a new user into which nobody comes without an invite.
    pub(crate) async fn private_room(&self, creator: &str) -> Room {
        let creator = self.user(creator).await;
        let preset = Some(RoomPreset::PrivateChat);
        let request = CreateRoom { preset, ..CreateRoom::new(creator) };
        self.rooms.create_room(request).await.unwrap()
    }

    /// A room of a new user that everybody may join.
    pub(crate) async fn public_room(&self, creator: &str) -> Room {
        let creator = self.user(creator).await;
        let preset = Some(RoomPreset::PublicChat);
        let request = CreateRoom { preset, ..CreateRoom::new(creator) };
        self.rooms.create_room(request).await.unwrap()
    }

    /// A new user who is in a room, invited by its first user.
    pub(crate) async fn member(&self, room: &Room, localpart: &str) -> OwnedUserId {
        let user_id = self.user(localpart).await;
        self.invite(room, &user_id).await;
        self.try_join(room, &user_id).await.unwrap();
        user_id
    }

    pub(crate) async fn invite(&self, room: &Room, user_id: &UserId) {
        let invite = hearth_rooms::Invitation {
            sender: self.id("alice"),
            user_id: user_id.to_owned(),
            profile: Profile::default(),
            reason: None,
            is_direct: false,
        };
        self.rooms.invite(room, invite).await.unwrap();
    }

    pub(crate) async fn try_join(&self, room: &Room, user_id: &UserId) -> Result<(), RoomsError> {
        self.rooms.join(room, user_id, &Profile::default(), Map::new()).await.map(drop)
    }

    /// Gives somebody a level, as the first user of a room.
    pub(crate) async fn set_level(&self, room: &Room, user_id: &UserId, level: i64) {
        let (alice, kind) = (self.id("alice"), StateEventType::RoomPowerLevels);
        let set = |content: &mut Map<String, Value>| {
            content["users"][user_id.as_str()] = level.into();
            Ok(())
        };
        self.rooms.change_state(room, &alice, kind, "", set).await.unwrap();
    }

    pub(crate) async fn say(
        &self,
        room: &Room,
        sender: &UserId,
        body: &str,
    ) -> Result<OwnedEventId, RoomsError> {
        self.send(room, sender, json!({ "msgtype": "m.text", "body": body })).await
    }

    pub(crate) async fn send(
        &self,
        room: &Room,
        sender: &UserId,
        content: Value,
    ) -> Result<OwnedEventId, RoomsError> {
        let request = EventRequest {
            sender: sender.to_owned(),
            event_type: TimelineEventType::RoomMessage,
            state_key: None,
            content: to_raw_value(&content).unwrap(),
            redacts: None,
            transaction: None,
            origin_server_ts: None,
        };
        Ok(self.rooms.send(room, request).await?.event_id)
    }
}
