//! The settings as types. Their meaning, units and defaults are in `config.example.toml`.
#![allow(missing_docs, reason = "config.example.toml describes every field, once")]

use std::{net::SocketAddr, path::PathBuf};

use hearth_base::Secret;
use ruma::{OwnedMxcUri, OwnedServerName, OwnedUserId, RoomVersionId};
use serde::Deserialize;
use url::Url;

use super::values::{self, Network, Rate};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub server_name: OwnedServerName,
    pub data_dir: PathBuf,
    #[serde(default)]
    pub oidc: Vec<Oidc>,
    #[serde(default)]
    pub identity_server: Vec<IdentityServer>,
    pub listen: Listen,
    pub well_known: WellKnown,
    pub voip: Voip,
    pub sso: Sso,
    pub registration: Registration,
    pub rate_limit: RateLimit,
    pub media: Media,
    pub previews: Previews,
    pub rooms: Rooms,
    pub retention: Retention,
    pub server_notices: ServerNotices,
    pub store: Store,
    pub push: Push,
    pub mail: Mail,
    pub federation: Federation,
    pub outgoing: Outgoing,
    pub appservice: Appservice,
    pub chat: Chat,
    pub log: Log,
    pub testing: Testing,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    pub id: String,
    pub name: String,
    pub icon: Option<OwnedMxcUri>,
    pub brand: Option<String>,
    pub issuer: String,
    pub client_id: String,
    #[serde(default, deserialize_with = "values::secret")]
    pub client_secret: Option<Secret>,
    #[serde(default = "values::default_scopes")]
    pub scopes: Vec<String>,
    #[serde(default = "values::default_localpart")]
    pub localpart: String,
    pub display_name: Option<String>,
    #[serde(default = "values::yes")]
    pub allow_registration: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityServer {
    pub name: String,
    #[serde(default, deserialize_with = "values::web_address")]
    pub url: Option<Url>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sso {
    #[serde(default, deserialize_with = "values::addresses")]
    pub trusted_redirects: Vec<Url>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    pub client: SocketAddr,
    pub metrics: Option<SocketAddr>,
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    pub federation: Option<FederationListen>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederationListen {
    pub address: SocketAddr,
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WellKnown {
    #[serde(default, deserialize_with = "values::web_address")]
    pub client_base_url: Option<Url>,
    pub server: Option<OwnedServerName>,
    pub policy_server_key: Option<String>,
    #[serde(default, deserialize_with = "values::web_address")]
    pub support_page: Option<Url>,
    #[serde(default)]
    pub support_contacts: Vec<SupportContact>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupportContact {
    pub role: SupportRole,
    pub email: Option<String>,
    pub matrix_id: Option<OwnedUserId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupportRole {
    Admin,
    Security,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voip {
    #[serde(default)]
    pub turn_uris: Vec<String>,
    #[serde(default, deserialize_with = "values::secret")]
    pub turn_shared_secret: Option<Secret>,
    pub turn_lifetime_seconds: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    pub mode: RegistrationMode,
    #[serde(default, deserialize_with = "values::secrets")]
    pub tokens: Vec<Secret>,
    #[serde(default, deserialize_with = "values::secret")]
    pub shared_secret: Option<Secret>,
    pub guests: bool,
    pub require_email: bool,
    pub min_password_characters: usize,
    #[serde(default, deserialize_with = "values::web_address")]
    pub terms_url: Option<Url>,
    pub terms_version: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationMode {
    Open,
    Token,
    Closed,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    pub enabled: bool,
    pub messages: Rate,
    pub joins: Rate,
    pub invites: Rate,
    pub media: Rate,
    pub logins: Rate,
    pub failed_logins: Rate,
    pub registrations: Rate,
    pub letters: Rate,
    pub reports: Rate,
    pub account_changes: Rate,
    pub searches: Rate,
    pub ephemeral: Rate,
    pub requests: Rate,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    pub max_upload_bytes: u64,
    pub max_bytes_per_user: u64,
    pub freeze_unauthenticated_at: Option<u64>,
    pub storage: MediaStorage,
    pub scanner: MediaScanner,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaStorage {
    pub bucket: Option<String>,
    #[serde(default, deserialize_with = "values::web_address")]
    pub endpoint: Option<Url>,
    pub region: String,
    pub path_style: bool,
    pub access_key_id: Option<String>,
    #[serde(default, deserialize_with = "values::secret")]
    pub secret_access_key: Option<Secret>,
    pub timeout_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaScanner {
    pub clamd: Option<String>,
    pub timeout_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previews {
    pub enabled: bool,
    #[serde(default)]
    pub allow: Vec<String>,
    #[serde(default)]
    pub deny: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    #[serde(deserialize_with = "values::room_version")]
    pub default_version: RoomVersionId,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub enabled: bool,
    pub interval_ms: u64,
    pub default_max_lifetime_ms: Option<u64>,
    pub lowest_max_lifetime_ms: Option<u64>,
    pub highest_max_lifetime_ms: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerNotices {
    #[serde(default, deserialize_with = "values::localpart")]
    pub localpart: Option<String>,
    pub display_name: String,
    pub avatar_url: Option<OwnedMxcUri>,
    pub room_name: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    pub cache_bytes: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    pub server: Option<String>,
    pub port: Option<u16>,
    pub tls: MailTls,
    pub username: Option<String>,
    #[serde(default, deserialize_with = "values::secret")]
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub from: Option<String>,
    pub timeout_seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    None,
    Starttls,
    Implicit,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    pub include_content: bool,
    pub email_delay_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    #[serde(default)]
    pub trusted_ca_files: Vec<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    #[serde(default)]
    pub allow: Vec<Network>,
    #[serde(default)]
    pub deny: Vec<Network>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appservice {
    #[serde(default)]
    pub registration_files: Vec<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    pub enabled: bool,
    #[serde(deserialize_with = "values::base_path")]
    pub base_path: String,
    #[serde(default, deserialize_with = "values::addresses")]
    pub allowed_origins: Vec<Url>,
    pub token_lifetime_seconds: u64,
    pub guest_absence_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    #[serde(deserialize_with = "values::log_level")]
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Testing {
    pub allow_private_addresses: bool,
}
