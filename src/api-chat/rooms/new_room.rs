//! What a new room needs, for the document: it depends on its type.
#![allow(dead_code, reason = "only the schema is used; what is read is in `create`")]

use serde::Serialize;
use utoipa::ToSchema;

use crate::views::ids;

/// A new room.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum NewRoom {
    /// Everybody may come in.
    Public(Open),
    /// Who is invited may come in.
    Private(Open),
    /// It is of two people, or of one with themselves.
    Direct(Direct),
}

/// A new room of many.
#[derive(Serialize, ToSchema)]
#[schema(as = NewOpenRoom)]
pub(crate) struct Open {
    /// The name.
    #[schema(min_length = 1, max_length = 100, pattern = "[^ \\t\\r\\n]")]
    name: String,
    /// What it is about.
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Who is invited.
    #[schema(value_type = Vec<ids::UserId>, max_items = 100, required = false)]
    invite: Vec<String>,
}

/// A new direct room.
#[derive(Serialize, ToSchema)]
#[schema(as = NewDirectRoom)]
pub(crate) struct Direct {
    /// With whom it is, perhaps oneself.
    #[schema(value_type = ids::UserId)]
    user_id: String,
}
