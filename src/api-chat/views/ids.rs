//! How ids look, for the document: opaque to clients, but not any text.
#![allow(dead_code, reason = "only their schemas are used")]

use utoipa::ToSchema;

/// The id of a user.
#[derive(ToSchema)]
#[schema(
    as = UserId,
    pattern = "^@[a-z0-9._=/+-]{1,64}:[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$",
    example = "@alice:example.org"
)]
pub struct UserId(String);

/// The id of a message.
#[derive(ToSchema)]
#[schema(as = MessageId, pattern = "^[$][A-Za-z0-9_-]{1,64}$", example = "$abc")]
pub struct MessageId(String);
