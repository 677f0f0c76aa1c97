//! The audit log.

use axum::extract::State;
use hearth_chat::{AuditAction, AuditEntry};
use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::check_admin;
use crate::{Caller, ChatApi, Faults, Json, Problem, Query, Validate, views::Timestamp};

/// Entries of a page if nobody says.
const LIMIT_DEFAULT: usize = 20;
/// Most entries of a page.
const LIMIT_MAX: usize = 100;

/// What part of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only entries before this one.
    #[serde(default)]
    before: Option<u64>,
    /// How many at most.
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

impl Validate for AuditQuery {
    fn validate(&self, faults: &mut Faults) {
        let is_bounded = self.limit.is_none_or(|limit| (1..=LIMIT_MAX).contains(&limit));
        faults.check("limit", is_bounded, "it must be 1 to 100");
    }
}

/// What somebody did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entry {
    /// Its number.
    id: u64,
    /// When.
    at: Timestamp,
    /// Who.
    #[schema(value_type = String)]
    actor: OwnedUserId,
    /// What.
    #[schema(value_type = String, example = "mute")]
    action: AuditAction,
    /// In which room.
    #[schema(value_type = Option<String>)]
    room_id: Option<OwnedRoomId>,
    /// To whom.
    #[schema(value_type = Option<String>)]
    user_id: Option<OwnedUserId>,
    /// To which message.
    #[schema(value_type = Option<String>)]
    message_id: Option<OwnedEventId>,
    /// Why.
    reason: Option<String>,
}

impl Entry {
    fn new((id, entry): (u64, AuditEntry)) -> Self {
        let AuditEntry { at_ms, actor, action, room_id, user_id, event_id, reason } = entry;
        let (at, message_id) = (Timestamp::from_ms(at_ms), event_id);
        Self { id, at, actor, action, room_id, user_id, message_id, reason }
    }
}

/// Part of the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditLog {
    /// The entries, the newest first.
    entries: Vec<Entry>,
    /// What to ask for as `before` to go on; absent at the end.
    next: Option<u64>,
}

/// Lists what moderators and administrators did.
#[utoipa::path(
    get, path = "/admin/audit", tag = "admin", params(AuditQuery),
    responses((status = 200, description = "The log", body = AuditLog)),
)]
pub(crate) async fn get_audit_log(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditLog>, Problem> {
    check_admin(&caller)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let entries = api.chat.audit_log(query.before, limit).await?;
    let next = (entries.len() == limit).then(|| entries.last().map(|(id, _)| *id)).flatten();
    Ok(Json(AuditLog { entries: entries.into_iter().map(Entry::new).collect(), next }))
}
