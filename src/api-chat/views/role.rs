//! What somebody may do in a room, in three words: names for ranges of power levels.

use hearth_rules::PowerLevels;
use ruma::{UserId, events::room::power_levels::UserPowerLevel, int};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do in a room. Later ones may do what earlier ones may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Send messages, react, upload: a power level below 50.
    Member,
    /// Manage members and settings: a power level of 50 or more.
    Admin,
    /// Everything: a power level of 100 or more, or the creator where no level names them.
    Owner,
}

impl Role {
    /// The role of a user by the levels of a room.
    #[must_use]
    pub fn of(levels: &PowerLevels, user_id: &UserId) -> Self {
        match levels.user(user_id) {
            UserPowerLevel::Int(level) if level < int!(50) => Self::Member,
            UserPowerLevel::Int(level) if level < int!(100) => Self::Admin,
            _ => Self::Owner,
        }
    }

    /// The power level that the role stands for.
    #[must_use]
    pub const fn level(self) -> i32 {
        match self {
            Self::Member => 0,
            Self::Admin => 50,
            Self::Owner => 100,
        }
    }
}
