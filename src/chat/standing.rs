//! A user's standing: timeouts lower it, time restores it, moderators see it.
//!
//! It is a number of points as of a moment, and what it is now follows from how long ago that was;
//! so there is nothing that has to go on for it to be restored.

use hearth_rooms::Room;
use hearth_rules::PowerLevels;
use hearth_store::{Batch, Snapshot};
use ruma::UserId;
use serde::{Deserialize, Serialize};

use crate::{Chat, ChatError, limits::DAY_MS, tables::STANDINGS};

/// The standing of who has done nothing wrong.
const POINTS_MAX: u32 = 100;
/// What a timeout costs.
const TIMEOUT_POINTS: u32 = 10;
/// In how long one point is restored, in milliseconds.
const POINT_MS: u64 = DAY_MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StandingRow {
    points: u32,
    at_ms: u64,
}

impl StandingRow {
    fn now(self, now_ms: u64) -> u32 {
        let restored = now_ms.saturating_sub(self.at_ms) / POINT_MS;
        let restored = u32::try_from(restored).unwrap_or(u32::MAX);
        self.points.saturating_add(restored).min(POINTS_MAX)
    }

    fn lowered(self, now_ms: u64) -> Self {
        Self { points: self.now(now_ms).saturating_sub(TIMEOUT_POINTS), at_ms: now_ms }
    }
}

const GOOD: StandingRow = StandingRow { points: POINTS_MAX, at_ms: 0 };

impl Chat {
    /// A user's standing, from 0 to 100.
    ///
    /// # Errors
    /// The store failed.
    pub async fn standing(&self, user_id: &UserId) -> Result<u32, ChatError> {
        let snapshot = self.snapshot().await?;
        Ok(standing_row(snapshot.as_ref(), user_id).await?.unwrap_or(GOOD).now(self.now_ms()))
    }

    /// The standing of a member of a room, for those who moderate it.
    ///
    /// # Errors
    /// The user does not moderate the room, the other is not in it, or the store failed.
    pub async fn standing_of_member(
        &self,
        room: &Room,
        user_id: &UserId,
        member: &UserId,
    ) -> Result<u32, ChatError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        self.check_level(snapshot, room, user_id, PowerLevels::kick).await?;
        if !self.rooms().is_joined(snapshot, room.nid(), member).await? {
            return Err(ChatError::NotFound("member"));
        }
        self.standing(member).await
    }

    /// A timeout lowers a standing.
    pub(crate) async fn lower_standing(&self, user_id: &UserId) -> Result<(), ChatError> {
        self.decide(|snapshot| async move {
            let before = standing_row(snapshot.as_ref(), user_id).await?;
            let after = before.unwrap_or(GOOD).lowered(self.now_ms());
            let mut batch = Batch::new();
            STANDINGS.replace(&mut batch, &(user_id,), before.as_ref(), Some(&after))?;
            Ok((batch, ()))
        })
        .await
    }
}

async fn standing_row(
    snapshot: &dyn Snapshot,
    user_id: &UserId,
) -> Result<Option<StandingRow>, ChatError> {
    Ok(STANDINGS.get(snapshot, &(user_id,)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_lower_it_and_time_restores_it() {
        let start_ms = 1_700_000_000_000;
        let once = GOOD.lowered(start_ms);
        assert_eq!(once.now(start_ms), 90);
        assert_eq!(once.now(start_ms + 3 * DAY_MS), 93);
        assert_eq!(once.lowered(start_ms + 3 * DAY_MS).now(start_ms + 3 * DAY_MS), 83);
        assert_eq!(once.now(start_ms + 400 * DAY_MS), 100);
        let mut low = GOOD;
        (0..20).for_each(|_| low = low.lowered(start_ms));
        assert_eq!(low.now(start_ms), 0);
    }
}
