//! `/_synapse/admin/v1/register`: registration by whoever knows the shared secret, in every
//! registration mode. Scripts and test suites written for Synapse rely on it.

use axum::{Json, body::Bytes, extract::State};
use hearth_accounts::{Accounts, NewSession, NewUser, SharedSecretRegistration};
use hearth_http::ApiError;
use ruma::api::error::ErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;

#[derive(Deserialize)]
struct Request {
    nonce: String,
    username: String,
    password: String,
    #[serde(default)]
    admin: bool,
    user_type: Option<String>,
    displayname: Option<String>,
    #[serde(default)]
    inhibit_login: bool,
    mac: String,
}

/// A nonce for one registration.
pub(crate) async fn get_nonce(State(accounts): State<Accounts>) -> Result<Json<Value>, Error> {
    let nonce = accounts.registration_nonce().ok_or_else(ApiError::unrecognized)?;
    Ok(Json(json!({ "nonce": nonce })))
}

/// Registers a user and logs them in.
pub(crate) async fn register_with_shared_secret(
    State(accounts): State<Accounts>,
    body: Bytes,
) -> Result<Json<Value>, Error> {
    let request: Request = serde_json::from_slice(&body).map_err(malformed)?;
    accounts.verify_shared_secret(&SharedSecretRegistration {
        nonce: &request.nonce,
        username: &request.username,
        password: &request.password,
        admin: request.admin,
        user_type: request.user_type.as_deref(),
        mac: &request.mac,
    })?;
    let user = accounts.new_user_id(&request.username)?;
    let password = Some(request.password.as_str());
    let new = NewUser { password, is_admin: request.admin, ..NewUser::default() };
    accounts.create_user(&user, new).await?;
    if let Some(name) = request.displayname {
        accounts.set_profile_field(&user, "displayname", Some(&name.into())).await?;
    }
    let mut answer = json!({ "user_id": user, "home_server": accounts.server_name() });
    if !request.inhibit_login {
        let session = accounts.open_session(NewSession::new(&user)).await?;
        answer["access_token"] = session.access_token.into();
        answer["device_id"] = session.device.as_str().into();
    }
    Ok(Json(answer))
}

fn malformed(error: serde_json::Error) -> ApiError {
    if error.is_data() {
        ApiError::bad_json(error.to_string())
    } else {
        ApiError::bad_request(ErrorCode::NotJson, error.to_string())
    }
}
