//! Leaving all rooms, for a user whose account is gone.

use ruma::{UserId, events::room::member::MembershipState};

use crate::{Rooms, RoomsError};

impl Rooms {
    /// Takes a user out of all rooms, and returns whether all let them go.
    ///
    /// # Errors
    /// The store failed.
    pub async fn leave_all(&self, user: &UserId) -> Result<bool, RoomsError> {
        use MembershipState::{Invite, Join, Knock};
        let snapshot = self.snapshot().await?;
        let mut all_left = true;
        for (nid, row) in self.memberships(snapshot.as_ref(), user).await? {
            if !matches!(row.value.state, Join | Invite | Knock) {
                continue;
            }
            let room = self.room_by_nid(snapshot.as_ref(), nid).await?;
            if let Err(error) = self.leave(&room, user, None).await {
                tracing::warn!(%user, room = %room.id(), %error, "a deactivated user stays");
                all_left = false;
            }
        }
        Ok(all_left)
    }
}
