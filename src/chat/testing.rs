//! A server without HTTP for the tests of this crate.

use std::ops::Deref;

use hearth_base::Random;
use hearth_bus::Bus;
use hearth_fixtures::Setup;
use hearth_rooms::{CreateRoom, Profile, Room};
use ruma::{
    OwnedUserId, UserId, api::client::room::create_room::v3::RoomPreset, events::StateEventType,
};
use serde_json::{Map, Value};

use crate::{Chat, Lower};

pub(crate) struct Fixture {
    pub(crate) chat: Chat,
    server: hearth_fixtures::Fixture,
}

/// A server whose clock stands still and whose tasks do nothing by themselves.
pub(crate) fn fixture() -> Fixture {
    let server = Setup::with_levels_for_all().build();
    Fixture { chat: chat(&server, server.bus.clone()), server }
}

fn chat(server: &hearth_fixtures::Fixture, bus: Bus) -> Chat {
    Chat::idle(Lower {
        store: server.store.clone(),
        accounts: server.accounts.clone(),
        rooms: server.rooms.clone(),
        bus,
        clock: server.clock.clone(),
        random: server.random.clone(),
    })
}

impl Deref for Fixture {
    type Target = hearth_fixtures::Fixture;

    fn deref(&self) -> &hearth_fixtures::Fixture {
        &self.server
    }
}

impl Fixture {
    /// Another process on the same store.
    pub(crate) fn restarted(&self) -> Chat {
        chat(&self.server, Bus::new(self.clock.clone(), &Random::seeded(1), None))
    }

    pub(crate) fn id(&self, localpart: &str) -> OwnedUserId {
        hearth_fixtures::id(localpart)
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

    /// Gives somebody a level, as the first user of a room.
    pub(crate) async fn set_level(&self, room: &Room, user_id: &UserId, level: i64) {
        let (alice, kind) = (self.id("alice"), StateEventType::RoomPowerLevels);
        let set = |content: &mut Map<String, Value>| {
            content["users"][user_id.as_str()] = level.into();
            Ok(())
        };
        self.rooms.change_state(room, &alice, kind, "", set).await.unwrap();
    }
}
