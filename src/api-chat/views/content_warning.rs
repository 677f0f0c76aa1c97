//! Warnings of what a message shows.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Person, Timestamp};

/// What a message should be covered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentWarningKind {
    /// It is not for every place and everybody.
    NotSafeForWork,
}

/// What a message should be covered for, and who says so: who sent it, or a moderator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContentWarning {
    /// What it is.
    pub kind: ContentWarningKind,
    /// Who says so.
    pub by: Person,
    /// Since when.
    pub at: Timestamp,
}
