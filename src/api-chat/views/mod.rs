//! What chat clients are shown of users, rooms and events.
//!
//! A view is made for one user: what they must not see is not in it. The same views answer requests
//! and go through sockets.

mod attachment;
mod content_warning;
mod html;
pub(crate) mod ids;
mod markdown;
mod member;
mod message;
mod message_views;
mod notification_level;
mod reaction;
mod readers;
mod role;
mod room;
mod system;
mod timestamp;
mod user;

pub use attachment::Attachment;
pub use content_warning::{ContentWarning, ContentWarningKind};
pub use markdown::{from_markdown, without_code};
pub use member::Member;
pub(crate) use member::person;
pub(crate) use message::is_further_file;
pub use message::{DELETED, DeliveryStatus, Message, MessageType, may_be_message};
pub use message_views::MessageViews;
pub use notification_level::NotificationLevel;
pub use reaction::{ReactionGroup, Reactor, spelled};
pub use readers::Readers;
pub use role::Role;
pub use room::{OwnMembership, Room, RoomType, RoomViews};
pub use system::{SystemEvent, SystemKind};
pub use timestamp::Timestamp;
pub use user::{
    DISPLAY_NAME_CHARACTERS, OwnUser, Person, STATUS_MESSAGE, Status, USERNAME_CHARACTERS, User,
    avatar_url,
};
