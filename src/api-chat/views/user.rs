//! Users.

use std::ops::RangeInclusive;

use hearth_bus::Presence;
use ruma::{MxcUri, OwnedRoomId, OwnedUserId, UserId, presence::PresenceState};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Timestamp;
use crate::{ChatApi, Problem, Settings};

/// How many characters a user name has.
pub const USERNAME_CHARACTERS: RangeInclusive<usize> = 3..=20;
/// The profile field that keeps what users say about being there.
pub const STATUS_MESSAGE: &str = "org.hearth.status_message";
/// How many characters a display name has.
pub const DISPLAY_NAME_CHARACTERS: RangeInclusive<usize> = 1..=50;

/// Whether somebody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// They are.
    Online,
    /// They are connected, but did nothing for a while.
    Away,
    /// They are, and do not want to be disturbed.
    Busy,
    /// They are not.
    Offline,
}

impl Status {
    /// What a presence is for chat clients.
    #[must_use]
    pub fn of(presence: &Presence) -> Self {
        match presence.state {
            _ if presence.busy => Self::Busy,
            PresenceState::Online => Self::Online,
            PresenceState::Unavailable => Self::Away,
            _ => Self::Offline,
        }
    }
}

/// A user as the sender of a message or the member of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Person {
    /// The id.
    #[schema(value_type = String, example = "@alice:example.org")]
    pub id: OwnedUserId,
    /// The user name.
    #[schema(example = "alice")]
    pub username: String,
    /// The display name; the user name of who has none.
    pub display_name: String,
    /// Where the avatar is.
    pub avatar_url: Option<String>,
}

impl Person {
    /// A user with the name and avatar that they have in a room or altogether.
    #[must_use]
    pub fn new(
        settings: &Settings,
        id: &UserId,
        display_name: Option<String>,
        avatar: Option<&MxcUri>,
    ) -> Self {
        let username = id.localpart().to_owned();
        Self {
            display_name: display_name.unwrap_or_else(|| username.clone()),
            avatar_url: avatar.and_then(|avatar| avatar_url(settings, avatar)),
            id: id.to_owned(),
            username,
        }
    }

    /// A user of this server.
    ///
    /// # Errors
    /// The store failed.
    pub async fn load(api: &ChatApi, id: &UserId) -> Result<Self, Problem> {
        let profile = api.accounts.member_profile(id).await?;
        Ok(Self::new(&api.settings, id, profile.displayname, profile.avatar_url.as_deref()))
    }
}

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    /// Who they are.
    #[serde(flatten)]
    pub person: Person,
    /// Whether they are there.
    pub status: Status,
    /// What they say about it.
    pub status_message: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When they were there last, as far as it is known.
    pub last_seen: Option<Timestamp>,
    /// The room that they look at, if the one who asks is in it too.
    #[schema(value_type = Option<String>)]
    pub current_room_id: Option<OwnedRoomId>,
}

impl User {
    /// A user of this server; `None` if there is no such account.
    ///
    /// # Errors
    /// The store failed.
    pub async fn load(api: &ChatApi, id: &UserId) -> Result<Option<Self>, Problem> {
        let account = api.accounts.user(id).await?;
        let Some(account) = account.filter(|account| !account.is_deactivated) else {
            return Ok(None);
        };
        let presence = api.bus.presence().get(id);
        let devices = api.accounts.devices(id).await?;
        let profile = api.accounts.profile(id).await?.unwrap_or_default();
        let stored = profile.get(STATUS_MESSAGE).and_then(Value::as_str).map(str::to_owned);
        let seen = devices.iter().filter_map(|device| device.last_seen_ms);
        let last_seen = seen.chain(presence.last_active_ms).max();
        Ok(Some(Self {
            person: Person::load(api, id).await?,
            status: Status::of(&presence),
            status_message: presence.status_msg.or(stored),
            current_room_id: presence.room,
            created_at: Timestamp::from_ms(account.created_ms),
            last_seen: last_seen.map(Timestamp::from_ms),
        }))
    }
}

impl User {
    /// The user for somebody who must not know whether they are there.
    #[must_use]
    pub fn without_presence(self) -> Self {
        Self { status: Status::Offline, last_seen: None, current_room_id: None, ..self }
    }
}

/// A user as they see themselves.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnUser {
    /// What others see too.
    #[serde(flatten)]
    pub user: User,
    /// Whether the user administrates this server.
    pub is_admin: bool,
    /// Whether the account is suspended: it may read, and nothing else.
    pub is_suspended: bool,
    /// Whether nobody may send the user invites and direct messages.
    pub do_not_disturb: bool,
}

impl OwnUser {
    /// The user who asks.
    ///
    /// # Errors
    /// The store failed.
    pub async fn load(api: &ChatApi, id: &UserId) -> Result<Self, Problem> {
        let gone = || Problem::unauthorized("this account is deactivated");
        let account = api.accounts.user(id).await?.ok_or_else(gone)?;
        Ok(Self {
            user: User::load(api, id).await?.ok_or_else(gone)?,
            is_admin: account.is_admin,
            is_suspended: account.is_suspended,
            do_not_disturb: api.accounts.do_not_disturb(id).await?,
        })
    }
}

/// Where this API has a file that Matrix calls by an `mxc:` URI: as an attachment. Files of other
/// servers it does not have.
#[must_use]
pub fn avatar_url(settings: &Settings, avatar: &MxcUri) -> Option<String> {
    let (server, media) = avatar.parts().ok()?;
    let is_ours = server == settings.server_name;
    is_ours.then(|| format!("{}/attachments/{media}", settings.base_path))
}
