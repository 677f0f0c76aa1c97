//! One user on one device.

use anyhow::{Context, Result};
use matrix_sdk::{
    Client, Room, RoomState,
    encryption::EncryptionSettings,
    ruma::{
        OwnedEventId, OwnedRoomId, RoomId, UserId,
        api::client::{
            account::register::v3::Request as Register,
            room::create_room::v3::Request as CreateRoom,
            uiaa::{AuthData, Dummy},
        },
        events::{
            InitialStateEvent,
            room::{
                encryption::RoomEncryptionEventContent,
                message::{MessageType, RoomMessageEventContent},
            },
        },
    },
    sliding_sync::VersionBuilder,
};
use matrix_sdk_ui::sync_service::SyncService;

use crate::until;

const PASSWORD: &str = "correct horse battery staple";

/// One user on one device, whose client syncs.
pub struct Person {
    pub client: Client,
    pub service: SyncService,
}

impl Person {
    /// A new account.
    pub async fn register(localpart: &str) -> Result<Self> {
        let client = client().await?;
        let mut request = Register::new();
        request.username = Some(localpart.to_owned());
        request.password = Some(PASSWORD.to_owned());
        request.auth = Some(AuthData::Dummy(Dummy::new()));
        client.matrix_auth().register(request).await.context("register")?;
        Self::start(client).await
    }

    /// Another device of the same user.
    pub async fn another_device(&self) -> Result<Self> {
        let client = client().await?;
        let user_id = self.user_id().to_string();
        client.matrix_auth().login_username(user_id, PASSWORD).send().await.context("login")?;
        Self::start(client).await
    }

    async fn start(client: Client) -> Result<Self> {
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        let service = SyncService::builder(client.clone()).build().await?;
        service.start().await;
        Ok(Self { client, service })
    }

    pub fn user_id(&self) -> &UserId {
        self.client.user_id().expect("a session")
    }

    /// A room with these people, encrypted or not.
    pub async fn create_room(
        &self,
        name: &str,
        people: &[&Person],
        encrypted: bool,
    ) -> Result<OwnedRoomId> {
        let mut request = CreateRoom::new();
        request.name = Some(name.to_owned());
        request.invite = people.iter().map(|person| person.user_id().to_owned()).collect();
        if encrypted {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            request.initial_state =
                vec![InitialStateEvent::with_empty_state_key(content).to_raw_any()];
        }
        let room_id = self.client.create_room(request).await?.room_id().to_owned();
        for person in people {
            person.room_in(&room_id, RoomState::Invited).await?.join().await?;
            person.room_in(&room_id, RoomState::Joined).await?;
        }
        let room = self.room_in(&room_id, RoomState::Joined).await?;
        let count = people.len() as u64 + 1;
        until("everybody to be there", || async {
            (room.joined_members_count() == count).then_some(())
        })
        .await?;
        Ok(room_id)
    }

    /// A room, once the client knows that the user is in it like that.
    pub async fn room_in(&self, room_id: &RoomId, state: RoomState) -> Result<Room> {
        let what = format!("{} in {room_id} as {state:?}", self.user_id());
        until(&what, || async {
            self.client.get_room(room_id).filter(|room| room.state() == state)
        })
        .await
    }

    /// Says something.
    pub async fn say(&self, room_id: &RoomId, text: &str) -> Result<OwnedEventId> {
        let room = self.room_in(room_id, RoomState::Joined).await?;
        let sent = room.send(RoomMessageEventContent::text_plain(text)).await?;
        Ok(sent.response.event_id)
    }

    /// The text of a message, once the client can read it, and whether it came encrypted.
    pub async fn reads(&self, room_id: &RoomId, event_id: &OwnedEventId) -> Result<(String, bool)> {
        let room = self.room_in(room_id, RoomState::Joined).await?;
        until(&format!("{} to read {event_id}", self.user_id()), || async {
            let event = room.event(event_id, None).await.ok()?;
            let encrypted = event.encryption_info().is_some();
            let content: RoomMessageEventContent = event.raw().get_field("content").ok()??;
            match content.msgtype {
                MessageType::Text(text) => Some((text.body, encrypted)),
                _ => None,
            }
        })
        .await
    }
}

async fn client() -> Result<Client> {
    let url = std::env::var("HEARTH_URL").context("HEARTH_URL names the server")?;
    let settings =
        EncryptionSettings { auto_enable_cross_signing: true, ..EncryptionSettings::default() };
    Ok(Client::builder()
        .homeserver_url(url)
        .sliding_sync_version_builder(VersionBuilder::DiscoverNative)
        .with_encryption_settings(settings)
        .build()
        .await?)
}
