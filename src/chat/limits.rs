//! How much there may be of everything, and for how long, the unit last in each name.

/// How often a change of a row is decided again when somebody else was faster. Of many at once one
/// gets on in each round, so it is as many as may come at once.
pub(crate) const CONFLICT_RETRIES_MAX: usize = 1_000;

/// How long an invite code is good for when nobody says, in milliseconds: 7 days.
pub(crate) const INVITE_LIFETIME_MS_DEFAULT: u64 = 7 * DAY_MS;
/// Shortest lifetime of an invite code, in milliseconds: a minute.
pub(crate) const INVITE_LIFETIME_MS_MIN: u64 = 60_000;
/// Longest lifetime of an invite code, in milliseconds: a year.
pub(crate) const INVITE_LIFETIME_MS_MAX: u64 = 365 * DAY_MS;
/// How long a code that is over is still known as such, in milliseconds.
pub(crate) const INVITE_AFTERLIFE_MS: u64 = 7 * DAY_MS;
/// Highest limit of the uses of an invite code.
pub(crate) const INVITE_USES_MAX: u32 = 100_000;
/// Most invite codes of a room.
pub(crate) const ROOM_INVITES_MAX: usize = 500;
/// Length of an invite code: 59 bits.
pub(crate) const INVITE_CODE_CHARACTERS: usize = 10;
/// How long a use of a code is held for somebody who is being let in, in milliseconds.
pub(crate) const RESERVATION_MS: u64 = 60_000;

/// Longest mute with an end, in milliseconds: a year.
pub(crate) const MUTE_MS_MAX: u64 = 365 * DAY_MS;
/// Shortest timeout in minutes.
pub(crate) const TIMEOUT_MINUTES_MIN: u64 = 2;
/// Longest timeout in minutes.
pub(crate) const TIMEOUT_MINUTES_MAX: u64 = 10;
/// When ending a mute is tried again that nobody in the room can end, in milliseconds.
pub(crate) const END_MUTE_RETRY_MS: u64 = 3_600_000;
/// Longest reason in bytes.
pub(crate) const REASON_BYTES_MAX: usize = 2_000;
/// Most pinned messages of a room.
pub(crate) const PINS_MAX: usize = 100;

/// How long a notification is kept, in milliseconds: 30 days.
pub(crate) const NOTIFICATION_LIFETIME_MS: u64 = 30 * DAY_MS;
/// Most notifications of a page.
pub(crate) const NOTIFICATIONS_PAGE_MAX: usize = 100;
/// Most unread notifications that are counted or read together.
pub(crate) const UNREAD_MAX: usize = 1_000;
/// Most users that one message notifies.
pub(crate) const NOTIFIED_MAX: usize = 1_000;
/// Most mentions in a text that are looked at.
pub(crate) const MENTIONS_MAX: usize = 50;

/// Most webhooks of a room.
pub(crate) const ROOM_WEBHOOKS_MAX: usize = 20;
/// Longest name of a webhook in bytes.
pub(crate) const WEBHOOK_NAME_BYTES_MAX: usize = 200;
/// Length of the secret of a webhook: 190 bits.
pub(crate) const WEBHOOK_SECRET_CHARACTERS: usize = 32;
/// Longest text of a message in characters.
pub(crate) const MESSAGE_CHARACTERS_MAX: usize = 10_000;
/// Deepest nesting of blocks in the message of a webhook.
pub(crate) const BLOCK_DEPTH_MAX: usize = 10;

/// Most entries of a page of the audit log or of the review queue.
pub(crate) const PAGE_ENTRIES_MAX: usize = 100;

/// A day in milliseconds.
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
