//! How much a connection may cost.

use std::time::Duration;

/// How long somebody writes after they said so, in milliseconds.
pub(crate) const TYPING_MS: u64 = 5_000;
/// What waits for a connection at most; who lets more gather is disconnected.
pub(crate) const OUTBOX_MAX: usize = 512;
/// How much of it may be taken by what is gone when it is missed: typing and presence.
pub(crate) const OUTBOX_FLEETING_MAX: usize = OUTBOX_MAX / 2;
/// Longest that a connection takes to accept one frame.
pub(crate) const WRITE_TIME_MAX: Duration = Duration::from_secs(20);
/// Largest frame of a client, in bytes: the longest message with every character escaped.
pub(crate) const FRAME_BYTES_MAX: usize = 128 * 1024;
/// Largest frame that is read to be refused, in bytes; what is larger ends the connection at once.
pub(crate) const FRAME_BYTES_READ_MAX: usize = 1024 * 1024;
/// What each connection has at hand to read into, in bytes. Larger frames are read in pieces.
pub(crate) const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Deepest nesting of a frame in MessagePack.
pub(crate) const FRAME_DEPTH_MAX: usize = 16;
/// Longest id that a client gives a command, in characters.
pub(crate) const COMMAND_ID_CHARACTERS: std::ops::RangeInclusive<usize> = 1..=128;
/// Most connections of one user.
pub(crate) const CONNECTIONS_OF_USER_MAX: usize = 200;
/// Most rooms that a connection subscribes to.
pub(crate) const ROOMS_MAX: usize = 1_000;
/// Longest wait for the token of who sent none with the handshake.
pub(crate) const HELLO_TIME_MAX: Duration = Duration::from_secs(15);
/// How often a connection that is silent is asked whether it is still there, and its session
/// looked at.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(25);
/// When a connection looks again at a session that may have changed: the change is in the log
/// before it is everywhere in memory.
pub(crate) const SECOND_LOOK: Duration = Duration::from_secs(1);
/// How long a connection may be silent.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(70);
/// How often a stream of events says that it is still there.
pub(crate) const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);
/// Most changes between a place and now that are told to who resumes; who is further behind has
/// to load afresh.
pub(crate) const RESUMED_CHANGES_MAX: i64 = 20_000;
/// How many changes are read at once.
pub(crate) const CHANGES_READ: usize = 500;
/// How much of what was told is kept to be told again, in bytes.
pub(crate) const TOLD_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// For how long it is kept.
pub(crate) const TOLD_KEPT: Duration = Duration::from_secs(5 * 60);
