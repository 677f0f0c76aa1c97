//! `POST /auth/guest`.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::login::{LoggedIn, open_session};
use crate::{Anybody, ChatApi, Faults, Json, Problem, Validate};

/// A guest.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Guest {
    /// What others see.
    #[schema(
        min_length = 1,
        max_length = 50,
        pattern = "^ *[^ \\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    name: String,
}

impl Validate for Guest {
    fn validate(&self, faults: &mut Faults) {
        faults.display_name("name", &self.name);
    }
}

/// Logs a guest in, by name only. The account ends when nobody was there for a while.
#[utoipa::path(
    post, path = "/auth/guest", tag = "auth", security(()), request_body = Guest,
    responses((status = 201, description = "Logged in", body = LoggedIn)),
)]
pub(crate) async fn enter_as_guest(
    State(api): State<ChatApi>,
    _: Anybody,
    Json(Guest { name }): Json<Guest>,
) -> Result<(StatusCode, Json<LoggedIn>), Problem> {
    let absence = api.settings.guest_absence;
    let absence = absence.ok_or_else(|| Problem::forbidden("there are no guests here"))?;
    let user_id = api.chat.add_guest(name.trim(), absence).await?;
    Ok((StatusCode::CREATED, Json(open_session(&api, &user_id, None).await?)))
}
