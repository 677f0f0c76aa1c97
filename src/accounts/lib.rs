//! Users and everything that belongs to one: devices, tokens, profiles, account data, push rules,
//! encryption keys, key backups and to-device messages.
//!
//! One handle, [`Accounts`], with one file a subject. Everything that `/sync` shows goes into the
//! store together with its fact in one batch; what two requests may change at once is written
//! under a check and decided again on conflict.
//!
//! Deliberately absent: rooms (a change of profile does not touch memberships), sending pushes,
//! other servers, and Matrix error codes.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod account_data;
mod accounts;
mod application_services;
mod backup_keys;
mod contacts;
mod cross_signing;
mod deactivation;
mod default_push_rules;
mod dehydrated_devices;
mod device_keys;
mod device_lists;
mod devices;
mod email_addresses;
mod email_letters;
mod email_sessions;
mod error;
mod expired_rows;
mod external_ids;
mod filters;
mod invite_permissions;
mod key_backups;
mod key_query;
mod last_seen;
mod local_notifications;
mod login_tokens;
mod one_time_keys;
mod openid_tokens;
mod passwords;
mod profiles;
mod push_accounts;
mod push_rules;
mod pushers;
mod registration_tokens;
mod sessions;
mod shared_secret;
mod signatures;
mod signed_json;
mod sync_connections;
mod tables;
mod tags;
#[cfg(test)]
mod testing;
mod to_device;
mod token_keys;
mod tokens;
mod turn;
mod uiaa;
mod upgraded_rooms;
mod user_directory;
mod user_ids;
mod users;

pub use account_data::{AccountDataChanges, DataByType};
pub use accounts::{Accounts, Settings};
pub use application_services::ApplicationService;
pub use backup_keys::BackupState;
pub use cross_signing::{CrossSigningKeys, CrossSigningUpload};
pub use dehydrated_devices::NewDehydratedDevice;
pub use devices::Device;
pub use email_addresses::AccountEmail;
pub use email_letters::AccountMail;
pub use email_sessions::{EmailPurpose, EmailTokenOutcome, EmailTokenRequest, ProvenEmail};
pub use error::AccountsError;
pub use external_ids::ExternalId;
pub use hearth_mail::escape as escape_html;
pub use invite_permissions::InvitePermission;
pub use key_backups::BackupVersion;
pub use key_query::QueriedKeys;
pub use one_time_keys::{ClaimedKeys, KeyCounts};
pub use passwords::PasswordCost;
pub use profiles::{MemberProfile, Profile};
pub use push_accounts::PushAccount;
pub use pushers::{PusherKey, StoredPusher};
pub use registration_tokens::{NewRegistrationToken, RegistrationToken};
pub use sessions::{NewSession, Session, SessionId};
pub use shared_secret::SharedSecretRegistration;
pub use signatures::SignatureFailure;
pub use to_device::{ToDeviceMessage, ToDeviceSend};
pub use token_keys::{KeyRotation, TokenKey};
pub use tokens::{Authenticated, Authentication};
pub use turn::{TurnCredentials, TurnSettings};
pub use uiaa::{Challenge, InteractiveAuth, Operation, StageFailure};
pub use user_directory::DirectoryEntry;
pub use users::{NewUser, User};
