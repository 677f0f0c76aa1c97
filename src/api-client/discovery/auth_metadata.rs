//! `GET /auth_metadata`: this server has no OAuth 2.0 API, and says so as the specification wants.

use hearth_http::{ApiError, Ruma};
use ruma::api::client::discovery::get_authorization_server_metadata::v1::Request;

pub(crate) async fn auth_metadata(_: Ruma<Request>) -> ApiError {
    ApiError::unrecognized()
}
