//! `GET /users/search`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Caller, ChatApi, Faults, Json, Problem, Query, Validate, rooms::check_limit, views::Person,
};

/// How many users an answer has if the client does not say.
const USERS_DEFAULT: usize = 20;
/// Most users of one answer.
const USERS_MAX: usize = 50;
/// Longest search, in characters.
const SEARCH_CHARACTERS_MAX: usize = 100;

/// Which users.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchUsers {
    /// The beginning of words of the user name or the display name.
    #[param(min_length = 1, max_length = 100)]
    q: String,
    /// How many at most.
    #[param(minimum = 1, maximum = 50, default = 20)]
    limit: Option<usize>,
}

impl Validate for SearchUsers {
    fn validate(&self, faults: &mut Faults) {
        faults.characters("q", &self.q, 1..=SEARCH_CHARACTERS_MAX);
        check_limit(faults, self.limit, USERS_MAX);
    }
}

/// Users that were found.
#[derive(Serialize, ToSchema)]
pub(crate) struct FoundUsers {
    /// The users by id.
    users: Vec<Person>,
}

/// Finds users of this server by user name or display name.
#[utoipa::path(
    get, path = "/users/search", tag = "users", params(SearchUsers),
    responses((status = 200, description = "The users", body = FoundUsers)),
)]
pub(crate) async fn search_users(
    State(api): State<ChatApi>,
    caller: Caller,
    Query(query): Query<SearchUsers>,
) -> Result<Json<FoundUsers>, Problem> {
    let limit = query.limit.unwrap_or(USERS_DEFAULT);
    let found = api.accounts.search_users(&query.q, limit + 1).await?;
    let others = found.into_iter().filter(|entry| entry.user != caller.user_id());
    let users = others.take(limit).map(|entry| {
        let avatar = entry.avatar_url.as_deref();
        Person::new(&api.settings, &entry.user, entry.displayname, avatar)
    });
    Ok(Json(FoundUsers { users: users.collect() }))
}
