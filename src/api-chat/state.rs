//! What handlers work with.

use std::{sync::Arc, time::Duration};

use hearth_accounts::Accounts;
use hearth_bus::Bus;
use hearth_chat::Chat;
use hearth_media::Media;
use hearth_rooms::Rooms;
use hearth_search::Search;
use hearth_sync::Sync;
use ruma::OwnedServerName;
use tokio_util::task::TaskTracker;

use crate::{DirectRooms, Hub, Pace, Tokens};

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Who knows a registration token.
    Token,
    /// Nobody, or only who proves an e-mail address, which this API cannot ask for.
    Closed,
}

/// Terms of service that whoever registers has to accept.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Where to read them.
    pub url: String,
    /// Which ones they are.
    pub version: String,
}

/// What an administrator decides about the chat API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this server.
    pub server_name: OwnedServerName,
    /// What all paths begin with: empty, or a slash and words.
    pub base_path: String,
    /// The origins of pages that may use the API; all if there are none.
    pub allowed_origins: Vec<String>,
    /// Who may register.
    pub registration: Registration,
    /// Shortest password that a user may choose, in characters.
    pub password_characters_min: usize,
    /// What whoever registers has to accept.
    pub terms: Option<Terms>,
    /// After how long an absence the accounts of guests end; without it there are none.
    pub guest_absence: Option<Duration>,
}

impl Settings {
    /// The defaults: below `/api`, pages of any origin, registration closed, passwords of 8
    /// characters, no terms, no guests.
    #[must_use]
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            base_path: "/api".to_owned(),
            allowed_origins: Vec::new(),
            registration: Registration::Closed,
            password_characters_min: 8,
            terms: None,
            guest_absence: None,
        }
    }
}

/// Everything that the chat API is made of. Cheap to clone.
#[derive(Clone)]
pub struct ChatApi {
    /// Users.
    pub accounts: Accounts,
    /// Rooms.
    pub rooms: Rooms,
    /// What Matrix has no place for.
    pub chat: Chat,
    /// Files.
    pub media: Media,
    /// What was said.
    pub search: Search,
    /// What clients have not seen yet.
    pub sync: Sync,
    /// Those who are told what happens.
    pub hub: Hub,
    /// What expires.
    pub bus: Bus,
    /// The tokens of this API.
    pub tokens: Tokens,
    /// Who is making direct rooms.
    pub direct_rooms: DirectRooms,
    /// How fast people may write.
    pub pace: Pace,
    /// What the administrator decided.
    pub settings: Arc<Settings>,
    /// Work that goes on after a request was answered; the server waits for it at its end.
    pub tasks: TaskTracker,
}
