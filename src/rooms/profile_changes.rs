//! A changed name or avatar, brought into the memberships of a user's rooms.
//!
//! A room that refuses keeps the old name; the next change tries again.

use std::fmt::Display;

use futures::{StreamExt, stream};
use ruma::{UserId, events::room::member::MembershipState};

use crate::{Profile, Room, Rooms, RoomsError};

/// Most rooms of one user that are changed at once.
const CONCURRENT_ROOMS_MAX: usize = 16;

impl Rooms {
    /// Updates how a user looks in all rooms that the user is in. `profile` is asked again for each
    /// room, as late as possible: of two changes at once the later one wins in every room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn update_profile_everywhere<F, P, E>(
        &self,
        user_id: &UserId,
        profile: F,
    ) -> Result<(), RoomsError>
    where
        F: Fn() -> P + Sync,
        P: Future<Output = Result<Profile, E>> + Send,
        E: Display,
    {
        let snapshot = self.snapshot().await?;
        let mut joined: Vec<Room> = Vec::new();
        for (nid, row) in self.memberships(snapshot.as_ref(), user_id).await? {
            if row.value.state == MembershipState::Join {
                joined.push(self.room_by_nid(snapshot.as_ref(), nid).await?);
            }
        }
        drop(snapshot);
        let profile = &profile;
        let updates = stream::iter(joined).map(|room| async move {
            let refused = match profile().await {
                Ok(profile) => match self.update_profile(&room, user_id, &profile).await {
                    Ok(_) => return,
                    Err(error) => error.to_string(),
                },
                Err(error) => error.to_string(),
            };
            tracing::warn!(%user_id, room = %room.id(), refused, "a profile was not changed");
        });
        updates.buffer_unordered(CONCURRENT_ROOMS_MAX).collect::<()>().await;
        Ok(())
    }
}
