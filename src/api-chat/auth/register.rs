//! `POST /auth/register`.

use axum::extract::State;
use hearth_accounts::{AccountsError, NewUser};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::login::{LoggedIn, PASSWORD_CHARACTERS_MAX, check_device_name, open_session};
use crate::{
    Anybody, ChatApi, Faults, Json, Problem, Registration, Validate, views::USERNAME_CHARACTERS,
};

/// A new account.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Register {
    /// The user name: letters, digits and underscores. Case does not count.
    #[schema(min_length = 3, max_length = 20, pattern = "^[A-Za-z0-9_]+$")]
    username: String,
    /// The password. How long it has to be at least the server says; 8 characters mostly.
    #[schema(min_length = 8, max_length = 512)]
    password: String,
    /// What others see; the user name if it is left out.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 50,
        pattern = "^ *[^ \\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
    )]
    display_name: Option<String>,
    /// A token from an administrator, where the server wants one.
    #[serde(default)]
    registration_token: Option<String>,
    /// The version of the terms of service that were accepted, where the server has any.
    #[serde(default)]
    accepted_terms: Option<String>,
    /// What the new session is called in the list of the user's devices.
    #[serde(default)]
    #[schema(max_length = 64)]
    device_name: Option<String>,
}

impl Validate for Register {
    fn validate(&self, faults: &mut Faults) {
        faults.characters("username", &self.username, USERNAME_CHARACTERS);
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let only = "it must have only letters from a to z, digits and underscores";
        faults.check("username", self.username.bytes().all(is_allowed), only);
        faults.characters("password", &self.password, 1..=PASSWORD_CHARACTERS_MAX);
        if let Some(name) = &self.display_name {
            faults.display_name("display_name", name);
        }
        check_device_name(faults, self.device_name.as_deref());
    }
}

/// Makes an account and logs it in.
#[utoipa::path(
    post, path = "/auth/register", tag = "auth", security(()), request_body = Register,
    responses((status = 201, description = "Registered and logged in", body = LoggedIn)),
)]
pub(crate) async fn register(
    State(api): State<ChatApi>,
    _: Anybody,
    Json(new): Json<Register>,
) -> Result<(StatusCode, Json<LoggedIn>), Problem> {
    check_settings(&api, &new)?;
    let user = api.accounts.new_user_id(&new.username)?;
    api.accounts.check_not_exclusive(&user, None)?;
    if api.accounts.user(&user).await?.is_some() {
        return Err(taken());
    }
    use_registration_token(&api, &new).await?;
    let account = NewUser { password: Some(&new.password), ..NewUser::default() };
    match api.accounts.create_user(&user, account).await {
        Err(AccountsError::UserInUse) => return Err(taken()),
        created => created?,
    }
    if let Some(name) = &new.display_name {
        api.accounts.set_profile_field(&user, "displayname", Some(&json!(name))).await?;
    }
    let session = open_session(&api, &user, new.device_name.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// Refuses who may not register here, or did not do what the settings want.
fn check_settings(api: &ChatApi, new: &Register) -> Result<(), Problem> {
    let settings = &api.settings;
    if settings.registration == Registration::Closed {
        return Err(Problem::forbidden("registration is closed"));
    }
    let shortest = settings.password_characters_min.max(1);
    if new.password.chars().count() < shortest {
        let detail = format!("it must have at least {shortest} characters");
        return Err(Problem::invalid_field("password", detail));
    }
    if let Some(terms) = &settings.terms
        && new.accepted_terms.as_ref() != Some(&terms.version)
    {
        let detail = format!("it must be {:?}: accept {}", terms.version, terms.url);
        return Err(Problem::invalid_field("accepted_terms", detail));
    }
    Ok(())
}

async fn use_registration_token(api: &ChatApi, new: &Register) -> Result<(), Problem> {
    if api.settings.registration != Registration::Token {
        return Ok(());
    }
    let token = new.registration_token.as_deref();
    let token =
        token.ok_or_else(|| Problem::invalid_field("registration_token", "it is needed"))?;
    if api.accounts.use_registration_token(token).await? {
        return Ok(());
    }
    Err(Problem::forbidden("the registration token is not valid"))
}

fn taken() -> Problem {
    Problem::new(StatusCode::CONFLICT, "user-in-use", "somebody has this user name already")
}
