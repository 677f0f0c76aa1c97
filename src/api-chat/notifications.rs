//! Notifications of the user who asks.

use axum::extract::State;
use hearth_base::StreamPosition;
use hearth_chat::NotificationKind;
use http::StatusCode;
use ruma::{OwnedEventId, OwnedRoomId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate,
    views::{Person, Timestamp},
};

/// Notifications of a page if nobody says.
const LIMIT_DEFAULT: usize = 20;
/// Most notifications of a page.
const LIMIT_MAX: usize = 100;
/// Longest excerpt of a message, in characters.
const EXCERPT_CHARACTERS_MAX: usize = 200;

/// Why somebody is notified.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotificationType {
    /// Somebody named them.
    Mention,
    /// Somebody answered a message of theirs.
    Reply,
    /// Somebody invited them to a room.
    RoomInvite,
    /// Somebody wrote to them alone.
    DirectMessage,
}

impl From<NotificationKind> for NotificationType {
    fn from(kind: NotificationKind) -> Self {
        match kind {
            NotificationKind::Mention => Self::Mention,
            NotificationKind::Reply => Self::Reply,
            NotificationKind::RoomInvite => Self::RoomInvite,
            NotificationKind::DirectMessage => Self::DirectMessage,
        }
    }
}

/// Something that a user should know of.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notification {
    /// The id.
    id: String,
    /// Why.
    #[serde(rename = "type")]
    kind: NotificationType,
    /// The room.
    #[schema(value_type = String)]
    room_id: OwnedRoomId,
    /// The message; absent for an invite.
    #[schema(value_type = Option<String>)]
    message_id: Option<OwnedEventId>,
    /// Who did it.
    sender: Person,
    /// What it says now: the beginning of the message; empty for an invite.
    content: String,
    /// When.
    created_at: Timestamp,
    /// Whether the user has read it.
    is_read: bool,
}

/// The text of a message.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    body: String,
}

impl Notification {
    /// As its user sees it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn new(
        api: &ChatApi,
        notification: hearth_chat::Notification,
    ) -> Result<Self, Problem> {
        let hearth_chat::Notification { position, kind, room_id, event, at_ms, is_read } =
            notification;
        let is_invite = kind == NotificationKind::RoomInvite;
        let content = match event.redacted_by() {
            Some(_) => "[deleted]".to_owned(),
            None => event.pdu().content_as::<Body>().unwrap_or_default().body,
        };
        Ok(Self {
            id: position.0.to_string(),
            kind: kind.into(),
            room_id,
            message_id: (!is_invite).then(|| event.pdu().event_id().to_owned()),
            sender: Person::load(api, event.pdu().sender()).await?,
            content: content.chars().take(EXCERPT_CHARACTERS_MAX).collect(),
            created_at: Timestamp::from_ms(at_ms),
            is_read,
        })
    }
}

/// What part of the notifications.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct NotificationsQuery {
    /// Only notifications before this one.
    #[serde(default)]
    before: Option<i64>,
    /// How many at most.
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// Only those that were not read.
    #[serde(default)]
    unread: bool,
}

impl Validate for NotificationsQuery {
    fn validate(&self, faults: &mut Faults) {
        let is_bounded = self.limit.is_none_or(|limit| (1..=LIMIT_MAX).contains(&limit));
        faults.check("limit", is_bounded, "it must be 1 to 100");
    }
}

/// Part of the notifications.
#[derive(Serialize, ToSchema)]
pub(crate) struct Notifications {
    /// The notifications, the newest first.
    notifications: Vec<Notification>,
    /// How many of all were not read, up to a thousand.
    unread_count: usize,
    /// What to ask for as `before` to go on; absent at the end.
    next: Option<String>,
}

/// How many.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnreadCount {
    /// How many notifications were not read, up to a thousand.
    unread_count: usize,
}

/// Lists notifications.
#[utoipa::path(
    get, path = "/notifications", tag = "notifications", params(NotificationsQuery),
    responses((status = 200, description = "The notifications", body = Notifications)),
)]
pub(crate) async fn list_notifications(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(query): Query<NotificationsQuery>,
) -> Result<Json<Notifications>, Problem> {
    let (user_id, before) = (caller.user_id(), query.before.map(StreamPosition));
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let page = api.chat.notifications(user_id, before, limit, query.unread).await?;
    let mut notifications = Vec::with_capacity(page.notifications.len());
    for notification in page.notifications {
        notifications.push(Notification::new(&api, notification).await?);
    }
    let unread_count = api.chat.unread_notifications(user_id).await?;
    let next = page.next.map(|position| position.0.to_string());
    Ok(Json(Notifications { notifications, unread_count, next }))
}

/// Counts notifications that were not read.
#[utoipa::path(
    get, path = "/notifications/unread-count", tag = "notifications",
    responses((status = 200, description = "The count", body = UnreadCount)),
)]
pub(crate) async fn count_notifications(
    State(api): State<ChatApi>,
    caller: Caller,
) -> Result<Json<UnreadCount>, Problem> {
    let unread_count = api.chat.unread_notifications(caller.user_id()).await?;
    Ok(Json(UnreadCount { unread_count }))
}

/// Marks a notification as read.
#[utoipa::path(
    patch, path = "/notifications/{id}/read", tag = "notifications",
    params(("id" = String, Path, description = "The notification")),
    responses((status = 204, description = "Read")),
)]
pub(crate) async fn read_notification(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let unknown = |_| Problem::not_found("notification not found");
    let position = StreamPosition(id.parse().map_err(unknown)?);
    api.chat.read_notification(caller.user_id(), position).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Marks all notifications as read.
#[utoipa::path(
    patch, path = "/notifications/read-all", tag = "notifications",
    responses((status = 204, description = "Read")),
)]
pub(crate) async fn read_all_notifications(
    State(api): State<ChatApi>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    api.chat.read_all_notifications(caller.user_id()).await?;
    Ok(StatusCode::NO_CONTENT)
}
