//! The review queue: what users reported, and what became of it.

use axum::extract::State;
use hearth_chat::{Review, ReviewAction};
use hearth_rooms::Reported;
use ruma::{OwnedEventId, OwnedRoomId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::check_admin;
use crate::{
    Caller, ChatApi, Faults, Json, Path, Problem, Query, Validate,
    problem::ProblemDocument,
    views::{Person, Timestamp},
};

/// Longest note of an administrator, in characters.
const NOTE_CHARACTERS_MAX: usize = 500;
/// Reports of a page if nobody says.
const LIMIT_DEFAULT: usize = 20;
/// Most reports of a page.
const LIMIT_MAX: usize = 100;

/// Which reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReportStatus {
    /// Those that wait.
    #[default]
    Open,
    /// All.
    All,
}

/// What part of the queue.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportsQuery {
    /// Which reports.
    #[serde(default)]
    #[param(inline)]
    status: ReportStatus,
    /// Only reports before this one.
    #[serde(default)]
    before: Option<u64>,
    /// How many at most.
    #[serde(default)]
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
}

impl Validate for ReportsQuery {
    fn validate(&self, faults: &mut Faults) {
        let is_bounded = self.limit.is_none_or(|limit| (1..=LIMIT_MAX).contains(&limit));
        faults.check("limit", is_bounded, "it must be 1 to 100");
    }
}

/// What kind of thing was reported.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReportedKind {
    /// A message.
    Message,
    /// A room.
    Room,
    /// A user.
    User,
}

/// What became of a report.
#[derive(Serialize, ToSchema)]
pub(crate) struct Resolution {
    /// Who dealt with it.
    by: Person,
    /// When.
    at: Timestamp,
    /// What was done.
    action: Action,
    /// Why.
    note: Option<String>,
}

/// What is done about a report.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// Nothing.
    Dismiss,
    /// The reported message is deleted.
    DeleteMessage,
    /// Who sent the reported message is removed from the room.
    Kick,
    /// Who sent the reported message is banned from the room.
    Ban,
    /// The reported user, or who sent the reported message, can only read from now on.
    Suspend,
}

impl From<Action> for ReviewAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Dismiss => Self::Dismiss,
            Action::DeleteMessage => Self::DeleteMessage,
            Action::Kick => Self::Kick,
            Action::Ban => Self::Ban,
            Action::Suspend => Self::Suspend,
        }
    }
}

impl From<ReviewAction> for Action {
    fn from(action: ReviewAction) -> Self {
        match action {
            ReviewAction::Dismiss => Self::Dismiss,
            ReviewAction::DeleteMessage => Self::DeleteMessage,
            ReviewAction::Kick => Self::Kick,
            ReviewAction::Ban => Self::Ban,
            ReviewAction::Suspend => Self::Suspend,
        }
    }
}

/// What somebody reported.
#[derive(Serialize, ToSchema)]
pub(crate) struct Report {
    /// Its number.
    id: u64,
    /// What kind of thing was reported.
    kind: ReportedKind,
    /// Who reported it.
    reporter: Person,
    /// Why.
    reason: String,
    /// When.
    reported_at: Timestamp,
    /// The room, or the room of the message.
    #[schema(value_type = Option<String>)]
    room_id: Option<OwnedRoomId>,
    /// The message.
    #[schema(value_type = Option<String>)]
    message_id: Option<OwnedEventId>,
    /// The user, or who sent the message.
    user: Option<Person>,
    /// What became of it; nothing yet without it.
    resolution: Option<Resolution>,
}

impl Report {
    async fn new(api: &ChatApi, review: Review) -> Result<Self, Problem> {
        let Review { number, report, resolution } = review;
        let (kind, room_id, message_id, user_id) = match report.reported {
            Reported::Event { room_id, event_id, sender } => {
                (ReportedKind::Message, Some(room_id), Some(event_id), Some(sender))
            }
            Reported::Room(room_id) => (ReportedKind::Room, Some(room_id), None, None),
            Reported::User(user_id) => (ReportedKind::User, None, None, Some(user_id)),
        };
        let user = match user_id {
            Some(user_id) => Some(Person::load(api, &user_id).await?),
            None => None,
        };
        let resolution = match resolution {
            Some(resolution) => Some(Resolution {
                by: Person::load(api, &resolution.by).await?,
                at: Timestamp::from_ms(resolution.at_ms),
                action: resolution.action.into(),
                note: resolution.note,
            }),
            None => None,
        };
        Ok(Self {
            id: number,
            kind,
            reporter: Person::load(api, &report.reporter).await?,
            reason: report.reason,
            reported_at: Timestamp::from_ms(report.at_ms),
            room_id,
            message_id,
            user,
            resolution,
        })
    }
}

/// Part of the queue.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reports {
    /// The reports, the newest first.
    reports: Vec<Report>,
    /// What to ask for as `before` to go on; absent at the end.
    next: Option<u64>,
}

/// What is to be done about a report.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Decision {
    /// What is to be done.
    action: Action,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 500)]
    note: Option<String>,
}

impl Validate for Decision {
    fn validate(&self, faults: &mut Faults) {
        faults.optional_characters("note", self.note.as_deref(), 0..=NOTE_CHARACTERS_MAX);
    }
}

/// Lists what users reported.
#[utoipa::path(
    get, path = "/admin/reports", tag = "admin", params(ReportsQuery),
    responses((status = 200, description = "The reports", body = Reports)),
)]
pub(crate) async fn list_reports(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(query): Query<ReportsQuery>,
) -> Result<Json<Reports>, Problem> {
    check_admin(&caller)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let open = query.status == ReportStatus::Open;
    let reviews = api.chat.reviews(open, query.before, limit).await?;
    let next = (reviews.len() == limit).then(|| reviews.last().map(|last| last.number)).flatten();
    let mut reports = Vec::with_capacity(reviews.len());
    for review in reviews {
        reports.push(Report::new(&api, review).await?);
    }
    Ok(Json(Reports { reports, next }))
}

/// Shows a report.
#[utoipa::path(
    get, path = "/admin/reports/{id}", tag = "admin",
    params(("id" = u64, Path, description = "The report")),
    responses((status = 200, description = "The report", body = Report)),
)]
pub(crate) async fn get_report(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(number): Path<u64>,
) -> Result<Json<Report>, Problem> {
    check_admin(&caller)?;
    Ok(Json(Report::new(&api, api.chat.review(number).await?).await?))
}

/// Deals with a report.
#[utoipa::path(
    post, path = "/admin/reports/{id}/resolve", tag = "admin", request_body = Decision,
    params(("id" = u64, Path, description = "The report")),
    responses(
        (status = 200, description = "The report", body = Report),
        (status = 410, description = "Somebody dealt with it before", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn resolve_report(
    State(api): State<ChatApi>,
    caller: Caller,
    Path(number): Path<u64>,
    Json(Decision { action, note }): Json<Decision>,
) -> Result<Json<Report>, Problem> {
    check_admin(&caller)?;
    let note = note.as_deref();
    api.chat.resolve_report(number, caller.user_id(), action.into(), note).await?;
    Ok(Json(Report::new(&api, api.chat.review(number).await?).await?))
}
