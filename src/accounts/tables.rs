//! Every table of this crate: keyspace, tag, key layout and what a row means.
//!
//! JSON that clients sent is kept as text: it comes back byte for byte, and signatures still
//! verify. A table that `/sync` reads by position has its index beside it.

use hearth_base::StreamPosition;
use hearth_store::{Keyspace, StampedTable, Table};
use ruma::{OwnedDeviceId, OwnedRoomId, OwnedUserId};

use crate::{
    backup_keys::BackupKeyRow,
    dehydrated_devices::DehydratedDeviceRow,
    devices::DeviceRow,
    email_addresses::EmailAddressRow,
    expired_rows::Perishable,
    external_ids::{ExternalId, ExternalIdRow},
    key_backups::BackupRow,
    last_seen::LastSeenRow,
    one_time_keys::{FallbackKeyRow, KeyCountsRow},
    openid_tokens::OpenIdTokenRow,
    pushers::PusherRow,
    registration_tokens::RegistrationTokenRow,
    to_device::ToDeviceRow,
    tokens::{AccessTokenRow, RefreshTokenRow, TokenHash, TokenKind},
    users::User,
};

type User1 = (OwnedUserId,);
type UserDevice = (OwnedUserId, OwnedDeviceId);

// Keyspace::Accounts

/// user → the account.
pub(crate) const USERS: Table<User1, User> = Table::new(Keyspace::Accounts, 1, 1);
/// user → PHC string of the password's hash.
pub(crate) const PASSWORDS: Table<User1, String> = Table::new(Keyspace::Accounts, 2, 1);
/// user, field → JSON value.
pub(crate) const PROFILES: Table<(OwnedUserId, String), String> =
    Table::new(Keyspace::Accounts, 3, 1);
/// word, user → nothing. Words of display name and localpart in lower case.
pub(crate) const DIRECTORY: Table<(String, OwnedUserId), ()> = Table::new(Keyspace::Accounts, 4, 1);
/// user, device → the device.
pub(crate) const DEVICES: Table<UserDevice, DeviceRow> = Table::new(Keyspace::Accounts, 5, 1);
/// user, device → when and from where it was used last. Apart from the device, so that it never
/// conflicts with a change of it.
pub(crate) const LAST_SEEN: Table<UserDevice, LastSeenRow> = Table::new(Keyspace::Accounts, 6, 1);
/// user, filter id → JSON.
pub(crate) const FILTERS: Table<(OwnedUserId, String), String> =
    Table::new(Keyspace::Accounts, 7, 1);
/// token → its uses and expiry.
pub(crate) const REGISTRATION_TOKENS: Table<(String,), RegistrationTokenRow> =
    Table::new(Keyspace::Accounts, 8, 1);
/// user, hash of app id and push key → pusher.
pub(crate) const PUSHERS: Table<(OwnedUserId, [u8; 32]), PusherRow> =
    Table::new(Keyspace::Accounts, 9, 2);
/// hash of app id and push key, user → nothing. One row for each row of the above.
pub(crate) const PUSHER_OWNERS: Table<([u8; 32], OwnedUserId), ()> =
    Table::new(Keyspace::Accounts, 40, 1);
/// hash of issuer and subject → who is linked to it.
pub(crate) const EXTERNAL_IDS: Table<([u8; 32],), ExternalIdRow> =
    Table::new(Keyspace::Accounts, 20, 1);
/// user, hash of issuer and subject → the two. One row for each row of the above.
pub(crate) const USER_EXTERNAL_IDS: Table<(OwnedUserId, [u8; 32]), ExternalId> =
    Table::new(Keyspace::Accounts, 21, 1);
/// user, address → when it was proven and added.
pub(crate) const EMAIL_ADDRESSES: Table<(OwnedUserId, String), EmailAddressRow> =
    Table::new(Keyspace::Accounts, 30, 1);
/// address → whose it is. One row for each row of the above.
pub(crate) const EMAIL_OWNERS: Table<(String,), OwnedUserId> =
    Table::new(Keyspace::Accounts, 31, 1);
/// user → nothing. Deactivated users who may still be in rooms.
pub(crate) const DEPARTING: Table<User1, ()> = Table::new(Keyspace::Accounts, 32, 1);

// Keyspace::Tokens

/// hash → whose access token it is.
pub(crate) const ACCESS_TOKENS: Table<(TokenHash,), AccessTokenRow> =
    Table::new(Keyspace::Tokens, 1, 1);
/// hash → whose refresh token it is.
pub(crate) const REFRESH_TOKENS: Table<(TokenHash,), RefreshTokenRow> =
    Table::new(Keyspace::Tokens, 2, 1);
/// user, device, hash → which table the token is in.
pub(crate) const DEVICE_TOKENS: Table<(OwnedUserId, OwnedDeviceId, TokenHash), TokenKind> =
    Table::new(Keyspace::Tokens, 3, 1);
/// hash → whose OpenID token it is.
pub(crate) const OPENID_TOKENS: Table<(TokenHash,), OpenIdTokenRow> =
    Table::new(Keyspace::Tokens, 10, 1);
/// time in Unix milliseconds, random bytes → a row that may be deleted then.
pub(crate) const EXPIRIES: Table<(u64, [u8; 32]), Perishable> = Table::new(Keyspace::Tokens, 11, 1);

/// time in Unix milliseconds → the seed of an Ed25519 key that was made then.
pub(crate) const TOKEN_KEYS: Table<(u64,), [u8; 32]> = Table::new(Keyspace::Tokens, 12, 1);

// Keyspace::AccountData

/// user, room (empty: global), type → JSON content, with the position of its last change.
pub(crate) const ACCOUNT_DATA: StampedTable<(OwnedUserId, String, String), String> =
    StampedTable::new(Keyspace::AccountData, 1, 1);
/// user, position, room (empty: global), type → nothing. One row for each row of the above.
pub(crate) const ACCOUNT_DATA_CHANGES: Table<(OwnedUserId, StreamPosition, String, String), ()> =
    Table::new(Keyspace::AccountData, 2, 1);

// Keyspace::Encryption

/// user, device → JSON of the device keys.
pub(crate) const DEVICE_KEYS: Table<UserDevice, String> = Table::new(Keyspace::Encryption, 1, 1);
/// user, device, algorithm, order of upload, key id → JSON of the key.
pub(crate) const ONE_TIME_KEYS: Table<(OwnedUserId, OwnedDeviceId, String, u64, String), String> =
    Table::new(Keyspace::Encryption, 2, 1);
/// user, device, algorithm, key id → its order of upload.
pub(crate) const ONE_TIME_KEY_IDS: Table<(OwnedUserId, OwnedDeviceId, String, String), u64> =
    Table::new(Keyspace::Encryption, 3, 1);
/// user, device, algorithm → the fallback key.
pub(crate) const FALLBACK_KEYS: Table<(OwnedUserId, OwnedDeviceId, String), FallbackKeyRow> =
    Table::new(Keyspace::Encryption, 4, 1);
/// user, device → counts of the three tables above; every change of them checks this row.
pub(crate) const KEY_COUNTS: Table<UserDevice, KeyCountsRow> =
    Table::new(Keyspace::Encryption, 5, 1);
/// user, usage → JSON of the cross-signing key.
pub(crate) const CROSS_SIGNING_KEYS: Table<(OwnedUserId, String), String> =
    Table::new(Keyspace::Encryption, 6, 1);
/// signer, signed user, device id or public key, signing key id → signature.
pub(crate) const SIGNATURES: Table<(OwnedUserId, OwnedUserId, String, String), String> =
    Table::new(Keyspace::Encryption, 7, 1);
/// user → nothing, with the position of the last change of the user's devices or identity.
pub(crate) const DEVICE_LISTS: StampedTable<User1, ()> =
    StampedTable::new(Keyspace::Encryption, 8, 1);
/// position, user → nothing. One row for each row of the above.
pub(crate) const DEVICE_LIST_CHANGES: Table<(StreamPosition, OwnedUserId), ()> =
    Table::new(Keyspace::Encryption, 9, 1);
/// signer, position, signed user → nothing: signatures that only the signer sees. One row for each
/// row of [`OWN_SIGNATURES`].
pub(crate) const OWN_SIGNATURE_CHANGES: Table<(OwnedUserId, StreamPosition, OwnedUserId), ()> =
    Table::new(Keyspace::Encryption, 10, 1);
/// signer, signed user → nothing, with the position of the last signature.
pub(crate) const OWN_SIGNATURES: StampedTable<(OwnedUserId, OwnedUserId), ()> =
    StampedTable::new(Keyspace::Encryption, 13, 1);
/// user, version → the backup; deleted ones stay as a mark, so that no version comes twice.
pub(crate) const BACKUPS: Table<(OwnedUserId, u64), BackupRow> =
    Table::new(Keyspace::Encryption, 11, 1);
/// user, version, room, session → the backed-up key.
pub(crate) const BACKUP_KEYS: Table<(OwnedUserId, u64, OwnedRoomId, String), BackupKeyRow> =
    Table::new(Keyspace::Encryption, 12, 1);
/// user → the dehydrated device, which is among the devices too.
pub(crate) const DEHYDRATED_DEVICES: Table<User1, DehydratedDeviceRow> =
    Table::new(Keyspace::Encryption, 14, 1);

// Keyspace::ToDevice

/// user, device, position → message.
pub(crate) const TO_DEVICE: Table<(OwnedUserId, OwnedDeviceId, StreamPosition), ToDeviceRow> =
    Table::new(Keyspace::ToDevice, 1, 1);
/// sender, sender's device, transaction id → when it was sent, in Unix milliseconds.
pub(crate) const TO_DEVICE_TRANSACTIONS: Table<(OwnedUserId, OwnedDeviceId, String), u64> =
    Table::new(Keyspace::ToDevice, 2, 1);
/// user, device, connection, version → what a connection of sliding sync was told.
pub(crate) const SYNC_CONNECTIONS: Table<(OwnedUserId, OwnedDeviceId, String, u64), Vec<u8>> =
    Table::new(Keyspace::ToDevice, 3, 1);
