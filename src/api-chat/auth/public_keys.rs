//! `GET /auth/jwks`: the public keys of tokens (RFC 7517).

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::tokens::PublicKey;
use crate::{Anybody, ChatApi, Json, Problem};

/// The public keys of tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublicKeys {
    /// The keys, the one that signs now first.
    keys: Vec<PublicKey>,
}

/// The public keys with which tokens can be verified, as a JWK set.
#[utoipa::path(
    get, path = "/auth/jwks", tag = "auth", security(()),
    responses((status = 200, description = "The keys", body = PublicKeys)),
)]
pub(crate) async fn get_public_keys(
    State(api): State<ChatApi>,
    _: Anybody,
) -> Result<Json<PublicKeys>, Problem> {
    Ok(Json(PublicKeys { keys: api.tokens.public_keys().await? }))
}
