//! How much is kept, and for how long.

/// How long somebody types when the client does not say, in milliseconds.
pub const TYPING_TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// Longest that one request can make somebody type, in milliseconds.
pub const TYPING_TIMEOUT_MS_MAX: u64 = 120_000;
/// Most users who type in a room at once; more are not shown.
pub(crate) const TYPING_USERS_MAX: usize = 1_000;
/// Most rooms whose last change of typing is remembered; quiet rooms are forgotten first.
pub(crate) const TYPING_ROOMS_MAX: usize = 100_000;

/// Without a pro-active event for this long, somebody online is unavailable, in milliseconds.
pub(crate) const IDLE_AFTER_MS: u64 = 5 * 60 * 1_000;
/// Without a sync or a request for this long, somebody is offline, in milliseconds.
pub(crate) const OFFLINE_AFTER_MS: u64 = 30 * 1_000;
/// So long after their last connection closed, somebody is offline, in milliseconds.
pub(crate) const OFFLINE_AFTER_CONNECTION_MS: u64 = 15 * 1_000;
/// Longest status message in bytes; the rest is cut off.
pub(crate) const STATUS_MSG_BYTES_MAX: usize = 1_024;
/// Most users whose presence is remembered; those that changed longest ago are forgotten first.
pub(crate) const PRESENCE_USERS_MAX: usize = 200_000;

/// Most users, and rooms of users, of which it is remembered what reached them.
pub(crate) const DELIVERIES_MAX: usize = 200_000;

/// Most keys of all rate limits together.
pub(crate) const RATE_LIMIT_KEYS_MAX: usize = 100_000;
/// Longest key of a rate limit that counts, in bytes; of longer ones the beginning counts.
pub(crate) const RATE_LIMIT_KEY_BYTES_MAX: usize = 512;

/// Largest payload of a rendezvous session in bytes (MSC4108).
pub const RENDEZVOUS_PAYLOAD_BYTES_MAX: usize = 4_096;
/// Most rendezvous sessions at once; the oldest make room.
pub(crate) const RENDEZVOUS_SESSIONS_MAX: usize = 1_000;
/// How long a rendezvous session lasts, in milliseconds.
pub(crate) const RENDEZVOUS_LIFETIME_MS: u64 = 10 * 60 * 1_000;

/// How many hints a slow subscriber may miss before it has to look for itself.
pub(crate) const HINTS_MAX: usize = 4_096;
/// Longest sleep of the timer, in milliseconds: after it, a clock that was set is noticed.
pub(crate) const TIMER_SLEEP_MS_MAX: u64 = 60_000;
