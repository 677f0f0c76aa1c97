//! Who may do what in a room, and who does it in whose stead.
//!
//! Roles are power levels: an owner has 100, an administrator 50, a member 0. What a moderator may
//! decide and not send, because the room reserves the event to its owners, is sent by a member of
//! this server who may: the decision stands in the audit log with who made it.

use hearth_rooms::Room;
use hearth_rules::PowerLevels;
use hearth_store::Snapshot;
use ruma::{Int, OwnedUserId, UserId, int};

use crate::{Chat, ChatError};

/// The power level of an administrator of a room.
pub(crate) fn admin_level() -> Int {
    int!(50)
}

/// The power level of an owner of a room.
pub(crate) fn owner_level() -> Int {
    int!(100)
}

impl Chat {
    /// The levels that hold in a room.
    pub(crate) async fn levels(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
    ) -> Result<PowerLevels, ChatError> {
        let head = self.rooms().head(snapshot, room.nid()).await?;
        Ok(self.rooms().power_levels(snapshot, room, &head).await?)
    }

    /// Refuses whoever is not in the room.
    pub(crate) async fn check_member(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<(), ChatError> {
        match self.rooms().is_joined(snapshot, room.nid(), user_id).await? {
            true => Ok(()),
            false => Err(ChatError::NotAMember),
        }
    }

    /// The levels of a room, in which the user has at least the level that `needed` picks.
    pub(crate) async fn check_level(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
        needed: impl Fn(&PowerLevels) -> Int,
    ) -> Result<PowerLevels, ChatError> {
        self.check_member(snapshot, room, user_id).await?;
        let levels = self.levels(snapshot, room).await?;
        if levels.user(user_id) >= needed(&levels) {
            Ok(levels)
        } else {
            Err(ChatError::forbidden("you may not do this in this room"))
        }
    }

    /// The levels of a room, in which the user is an administrator.
    pub(crate) async fn check_admin(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<PowerLevels, ChatError> {
        self.check_level(snapshot, room, user_id, |_| admin_level()).await
    }

    /// The levels of a room, in which the user may moderate `other`.
    pub(crate) async fn check_above(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
        other: &UserId,
    ) -> Result<PowerLevels, ChatError> {
        let levels = self.check_level(snapshot, room, user_id, PowerLevels::kick).await?;
        if levels.user(user_id) > levels.user(other) {
            Ok(levels)
        } else {
            Err(ChatError::forbidden("they have as much power here as you"))
        }
    }

    /// Who sends an event that needs a level: who decided it if they can, otherwise a member of
    /// this server who can.
    pub(crate) async fn sender_with_level(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        levels: &PowerLevels,
        level: Int,
        preferred: &UserId,
    ) -> Result<OwnedUserId, ChatError> {
        if levels.user(preferred) >= level
            && self.rooms().is_joined(snapshot, room.nid(), preferred).await?
        {
            return Ok(preferred.to_owned());
        }
        let found = self.rooms().member_with_level(snapshot, room, levels, level).await?;
        found.ok_or_else(|| ChatError::forbidden("nobody in this room may do this"))
    }
}
