//! The one writer of rooms: timelines, state, membership, receipts, relations and aliases.
//!
//! A request becomes an event in its room's writer ([`writer`]), which decides waiting events one
//! after another against the tentative head and commits them as one atomic batch. Reads take a
//! snapshot and touch indexes only. Whoever may see an event is decided in [`visibility`], and
//! nowhere else.
//!
//! Deliberately absent: users' passwords and devices (`hearth-accounts`), Matrix error codes (the
//! API crates), and fetching anything from another server.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod aggregation;
mod alias;
mod change_state;
mod content_warning;
mod create;
mod decide;
mod delayed_event;
mod delayed_sender;
mod directory;
mod erasure;
mod error;
mod event;
mod event_cache;
mod form;
mod head;
mod index;
mod kind;
mod leave_all;
mod look;
mod member;
mod membership;
mod new_room;
mod profile_changes;
mod purge;
mod reactions;
mod receipt;
mod recency;
mod redaction;
mod relation;
mod relations;
mod render;
mod report;
mod restricted;
mod retention;
mod room;
mod rooms;
mod roster;
mod server_notices;
mod spaces;
mod state;
mod sticky;
mod summary;
mod tables;
#[cfg(test)]
mod testing;
mod third_party_invites;
mod thread;
mod thread_subscription;
mod timeline;
mod transaction;
mod unread;
mod upgrade;
mod visibility;
mod writer;
#[cfg(test)]
mod writer_tests;

pub use aggregation::{AggregatedThread, Aggregation};
pub use alias::Alias;
pub use content_warning::content_warning;
pub use create::CreateRoom;
pub use delayed_event::{DelayedAction, DelayedEvent, DelayedOutcome, Finished};
pub use directory::{DirectoryPage, PublicRoom};
pub use error::RoomsError;
pub use event::{Event, Origin};
pub use head::RoomHead;
pub use hearth_store::{Direction, Snapshot};
pub use kind::RoomKind;
pub use look::RoomLook;
pub use member::{Member, Membership};
pub use membership::{Invitation, Profile};
pub use new_room::state_event;
pub use reactions::Reaction;
pub use receipt::{ReadPositions, Receipt, ReceiptChange, ReceiptKind, ReceiptThread};
pub use recency::LastSaid;
pub use relations::{RelationPage, RelationQuery};
pub use render::Viewer;
pub use report::{Report, Reported};
pub use retention::Retention;
pub use room::Room;
pub use rooms::{Rooms, Settings};
pub use spaces::{SpacePage, SpaceQuery, SpaceRoom};
pub use third_party_invites::{InviteKey, ThirdPartyInvite};
pub use thread::{ThreadPage, ThreadSummary};
pub use thread_subscription::{
    ThreadSubscription, ThreadSubscriptionChange, ThreadSubscriptionPage, ThreadWishes,
};
pub use timeline::{Page, Side};
pub use transaction::Transaction;
pub use unread::{Reader, Unread, UnreadCounts};
pub use upgrade::UpgradeRoom;
pub use visibility::Visibility;
pub use writer::{EventRequest, Manner, Sent};
