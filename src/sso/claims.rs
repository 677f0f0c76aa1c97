//! What a provider says about somebody, once it is verified.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    AdditionalClaims, UserInfoClaims,
    core::{CoreGenderClaim, CoreIdToken},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Claims that OpenID Connect does not define.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct OtherClaims(Map<String, Value>);

impl AdditionalClaims for OtherClaims {}

pub(crate) type UserInfo = UserInfoClaims<OtherClaims, CoreGenderClaim>;

/// Somebody at the provider.
pub(crate) struct Identity {
    /// The subject of the verified ID token.
    pub(crate) subject: String,
    /// All claims of the ID token, and those of the user info.
    pub(crate) claims: Map<String, Value>,
}

/// All claims of an ID token. Its signature has been verified by whoever calls this.
pub(crate) fn of_verified_token(token: &CoreIdToken) -> Map<String, Value> {
    let text = token.to_string();
    let payload = text.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default()
}

/// All claims of a user info answer.
pub(crate) fn of_user_info(info: &UserInfo) -> Map<String, Value> {
    match serde_json::to_value(info) {
        Ok(Value::Object(claims)) => claims,
        _ => Map::new(),
    }
}
