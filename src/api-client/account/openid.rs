//! `POST /user/{userId}/openid/request_token`.

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::{
    api::client::account::request_openid_token::v3::{Request, Response},
    authentication::TokenType,
};

use super::own::check_own;
use crate::error::Error;

pub(crate) async fn request_openid_token(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<RumaResponse<Response>, Error> {
    check_own(&caller, &request.user_id)?;
    let (token, lifetime) = accounts.create_openid_token(&caller.user).await?;
    let server = accounts.server_name().to_owned();
    Ok(RumaResponse(Response::new(token, TokenType::Bearer, server, lifetime)))
}
