//! Every limit of the server that is not configured, in one place, the unit last in each name.

/// Largest PDU in bytes (specification, client-server API, size limits).
pub const PDU_BYTES_MAX: usize = 65_536;
/// Longest user id, room id, alias, event type, state key or event id, in bytes.
pub const IDENTIFIER_BYTES_MAX: usize = 255;
/// Largest JSON request body in bytes; media is limited by configuration.
pub const REQUEST_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deepest nesting of a JSON request body.
pub const JSON_DEPTH_MAX: usize = 100;

/// Largest key of the store in bytes.
pub const STORE_KEY_BYTES_MAX: usize = 1024;
/// Largest value of the store in bytes.
pub const STORE_VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Largest batch of the store in bytes.
pub const STORE_BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most writes of one batch.
pub const STORE_BATCH_WRITES_MAX: usize = 10_000;
/// Most rows of one page of a scan.
pub const STORE_PAGE_ROWS_MAX: usize = 1_000;
/// Most batches that wait for the committer before writers have to wait too.
pub const COMMIT_QUEUE_BATCHES_MAX: usize = 4_096;
/// Most batches that one durable write takes.
pub const COMMIT_GROUP_BATCHES_MAX: usize = 512;

/// Most events that wait for one room's writer before senders have to wait too.
pub const ROOM_QUEUE_EVENTS_MAX: usize = 512;
/// Most events that a room's writer decides in one group.
pub const ROOM_GROUP_EVENTS_MAX: usize = 64;
/// How often a room's writer decides again when somebody else changed the room's head.
pub const ROOM_CONFLICT_RETRIES_MAX: usize = 8;
/// Most `prev_events` of a PDU (specification, room event format).
pub const PREV_EVENTS_MAX: usize = 20;
/// Most `auth_events` of a PDU (specification, room event format).
pub const AUTH_EVENTS_MAX: usize = 10;

/// Most events of one page of `/messages`, `/relations` and the like.
pub const PAGE_EVENTS_MAX: usize = 1_000;
/// Most delayed events of a user that wait.
pub const DELAYED_EVENTS_MAX: usize = 100;
/// Most delayed events of a user of which it is remembered what came of them.
pub const DELAYED_EVENTS_FINISHED_MAX: usize = 100;
/// Longest delay of a delayed event, in milliseconds: 30 days.
pub const DELAYED_EVENT_DELAY_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Most sticky events of a room in one answer.
pub const STICKY_EVENTS_MAX: usize = 1_000;
/// Most events that one batch purges.
pub const PURGE_EVENTS_MAX: usize = 200;
/// Most reports that are kept; the oldest go first.
pub const REPORTS_MAX: u64 = 10_000;
/// Longest reason of a report in bytes; the rest is cut off.
pub const REPORT_REASON_BYTES_MAX: usize = 8_192;
/// Most changed thread subscriptions of one page.
pub const THREAD_SUBSCRIPTION_CHANGES_MAX: usize = 1_000;
/// Most events of a room in one answer of `/sync`.
pub const SYNC_TIMELINE_EVENTS_MAX: usize = 1_000;
/// Longest long-poll in milliseconds.
pub const SYNC_TIMEOUT_MS_MAX: u64 = 120_000;

/// Largest to-device message in bytes (MSC4163 discussions; half an event more than a PDU).
pub const TO_DEVICE_BYTES_MAX: usize = 65_536;
/// Most to-device messages in one answer of `/sync`.
pub const TO_DEVICE_MESSAGES_MAX: usize = 100;
/// Most one-time keys of a device.
pub const ONE_TIME_KEYS_MAX: usize = 1_000;
/// Most devices of a user.
pub const DEVICES_MAX: usize = 1_000;
/// Longest display name in bytes.
pub const DISPLAY_NAME_BYTES_MAX: usize = 256;
/// Longest password in bytes; more would only be work for the hash.
pub const PASSWORD_BYTES_MAX: usize = 512;
/// Most user-interactive authentication sessions kept at once.
pub const UIAA_SESSIONS_MAX: u64 = 10_000;
/// Most e-mail addresses of a user.
pub const EMAIL_ADDRESSES_MAX: usize = 20;
/// Most sessions kept at once in which e-mail addresses are proven.
pub const EMAIL_SESSIONS_MAX: usize = 10_000;
/// Most letters of one such session.
pub const EMAILS_PER_SESSION_MAX: u32 = 5;
/// Most wrong tokens of one such session.
pub const EMAIL_TOKEN_ATTEMPTS_MAX: u32 = 10;

/// How often a change of an account is decided again when somebody else was faster.
pub const ACCOUNT_CONFLICT_RETRIES_MAX: usize = 64;
/// Most access tokens whose session is kept in memory.
pub const SESSION_CACHE_ENTRIES_MAX: u64 = 100_000;
/// Most login tokens that wait for their use.
pub const LOGIN_TOKENS_MAX: usize = 10_000;
/// Most nonces of the shared-secret registration that wait for their use.
pub const REGISTRATION_NONCES_MAX: usize = 1_000;
/// Longest display name of a device in bytes.
pub const DEVICE_DISPLAY_NAME_BYTES_MAX: usize = 256;
/// Largest profile in bytes, names of fields included (specification, profiles).
pub const PROFILE_BYTES_MAX: usize = 65_536;
/// Longest name of a profile field in bytes (specification, profiles).
pub const PROFILE_KEY_BYTES_MAX: usize = 255;
/// Most index rows that one search of the user directory reads for one word.
pub const USER_DIRECTORY_ROWS_MAX: usize = 1_000;
/// Largest content of one type of account data in bytes.
pub const ACCOUNT_DATA_BYTES_MAX: usize = 512 * 1024;
/// Most push rules that a user may add.
pub const PUSH_RULES_MAX: usize = 1_000;
/// Largest stored filter in bytes.
pub const FILTER_BYTES_MAX: usize = 65_536;
/// Most pushers of a user.
pub const PUSHERS_MAX: usize = 100;
/// Largest dehydrated device in bytes: its encrypted private keys.
pub const DEHYDRATED_DEVICE_BYTES_MAX: usize = 512 * 1024;
/// Most devices that one to-device request reaches.
pub const TO_DEVICE_RECIPIENTS_MAX: usize = 5_000;
/// Most sessions in one write of a key backup.
pub const BACKUP_SESSIONS_MAX: usize = 5_000;
/// Largest device keys, one-time key or cross-signing key in bytes.
pub const ENCRYPTION_KEY_BYTES_MAX: usize = 32_768;
