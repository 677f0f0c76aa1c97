//! What handlers work with, each taking the part that it uses.

use std::sync::Arc;

use axum::extract::FromRef;
use hearth_accounts::Accounts;
use hearth_bus::Bus;
use hearth_identity::Identity;
use hearth_media::{Media, Previews};
use hearth_outgoing::Outgoing;
use hearth_push::Push;
use hearth_rooms::{Retention, Rooms};
use hearth_search::Search;
use hearth_sso::Sso;
use hearth_sync::Sync;
use ruma::{
    OwnedServerName, OwnedUserId, RoomVersionId, api::client::discovery::discover_support::Contact,
};
use tokio_util::task::TaskTracker;

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Who knows a registration token.
    Token,
    /// Nobody.
    Closed,
}

/// Terms of service (specification, terms of service at registration).
#[derive(Clone, Debug)]
pub struct Terms {
    /// Where to read them.
    pub url: String,
    /// Which ones they are.
    pub version: String,
}

/// Whom to ask for help (specification, server administrator contact).
#[derive(Clone, Debug, Default)]
pub struct Support {
    /// A page with help.
    pub page: Option<String>,
    /// Whom to write to.
    pub contacts: Vec<Contact>,
}

/// How the server speaks to its users (specification, server notices).
#[derive(Clone, Debug)]
pub struct ServerNotices {
    /// The user as whom it does so.
    pub user_id: OwnedUserId,
    /// The name of the rooms where it does.
    pub room_name: String,
}

/// What an administrator decides about the client-server API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this server.
    pub server_name: OwnedServerName,
    /// Who may register.
    pub registration: Registration,
    /// Whether guests may register themselves.
    pub guests: bool,
    /// Whether whoever registers has to prove an e-mail address.
    pub require_email: bool,
    /// Shortest password that a user may choose, in characters.
    pub password_characters_min: usize,
    /// What whoever registers has to accept.
    pub terms: Option<Terms>,
    /// The version of rooms whose creator asks for none.
    pub default_room_version: RoomVersionId,
    /// Where clients find the client-server API, for those who ask under the server name.
    pub client_base_url: Option<String>,
    /// Host and port at which other servers find this one.
    pub server_address: Option<String>,
    /// Whom to ask for help.
    pub support: Support,
    /// The Ed25519 key of the policy server under the server name, in unpadded base64.
    pub policy_server_key: Option<String>,
    /// How long messages are kept, if rooms can say so.
    pub retention: Option<Retention>,
    /// How the server speaks to its users; `None` if it does not.
    pub server_notices: Option<ServerNotices>,
}

impl Settings {
    /// The defaults: registration closed, no guests, no terms, passwords of 8
    /// characters, rooms of version 12.
    #[must_use]
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            registration: Registration::Closed,
            guests: false,
            require_email: false,
            password_characters_min: 8,
            terms: None,
            default_room_version: RoomVersionId::V12,
            client_base_url: None,
            server_address: None,
            policy_server_key: None,
            retention: None,
            support: Support { page: None, contacts: Vec::new() },
            server_notices: None,
        }
    }
}

/// Everything that the client-server API is made of. Cheap to clone.
#[derive(Clone)]
pub struct ClientApi {
    /// Users.
    pub accounts: Accounts,
    /// Rooms.
    pub rooms: Rooms,
    /// Files.
    pub media: Media,
    /// Previews of URLs, if the administrator wants them.
    pub previews: Option<Previews>,
    /// What can be searched.
    pub search: Search,
    /// What a client has not seen yet.
    pub sync: Sync,
    /// Telling people what concerns them.
    pub push: Push,
    /// What expires.
    pub bus: Bus,
    /// Login through other providers.
    pub sso: Sso,
    /// Requests to elsewhere.
    pub outgoing: Outgoing,
    /// Who owns an address.
    pub identity: Identity,
    /// What the administrator decided.
    pub settings: Arc<Settings>,
    /// Work that goes on after a request was answered; the server waits for it at its end.
    pub tasks: TaskTracker,
}

impl FromRef<ClientApi> for Accounts {
    fn from_ref(api: &ClientApi) -> Self {
        api.accounts.clone()
    }
}

impl FromRef<ClientApi> for Rooms {
    fn from_ref(api: &ClientApi) -> Self {
        api.rooms.clone()
    }
}

impl FromRef<ClientApi> for Media {
    fn from_ref(api: &ClientApi) -> Self {
        api.media.clone()
    }
}

impl FromRef<ClientApi> for Option<Previews> {
    fn from_ref(api: &ClientApi) -> Self {
        api.previews.clone()
    }
}

impl FromRef<ClientApi> for Search {
    fn from_ref(api: &ClientApi) -> Self {
        api.search.clone()
    }
}

impl FromRef<ClientApi> for Sync {
    fn from_ref(api: &ClientApi) -> Self {
        api.sync.clone()
    }
}

impl FromRef<ClientApi> for Push {
    fn from_ref(api: &ClientApi) -> Self {
        api.push.clone()
    }
}

impl FromRef<ClientApi> for Bus {
    fn from_ref(api: &ClientApi) -> Self {
        api.bus.clone()
    }
}

impl FromRef<ClientApi> for Sso {
    fn from_ref(api: &ClientApi) -> Self {
        api.sso.clone()
    }
}

impl FromRef<ClientApi> for Outgoing {
    fn from_ref(api: &ClientApi) -> Self {
        api.outgoing.clone()
    }
}

impl FromRef<ClientApi> for Identity {
    fn from_ref(api: &ClientApi) -> Self {
        api.identity.clone()
    }
}

impl FromRef<ClientApi> for Arc<Settings> {
    fn from_ref(api: &ClientApi) -> Self {
        Self::clone(&api.settings)
    }
}

impl FromRef<ClientApi> for TaskTracker {
    fn from_ref(api: &ClientApi) -> Self {
        api.tasks.clone()
    }
}
