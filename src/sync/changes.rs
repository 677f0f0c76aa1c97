//! Which rooms may have something new: the smaller of what changed and what the user is in.

use std::collections::HashSet;

use hearth_base::{RoomNid, StreamPosition};
use hearth_store::{Fact, Log, Snapshot};
use ruma::UserId;

use crate::{Sync, SyncError, sessions::Session};

/// Up to how many facts after the token are read from the log rather than asking every room.
const LOG_FACTS_MAX: usize = 1_000;

impl Sync {
    /// The rooms of a user in which something may have changed after `since`; others have not.
    pub(crate) async fn changed_rooms(
        &self,
        snapshot: &dyn Snapshot,
        session: &Session,
        user_id: &UserId,
        since: StreamPosition,
    ) -> Result<Vec<RoomNid>, SyncError> {
        let followed = self.followed() >= snapshot.position();
        if let (true, Some(rooms)) = (followed, session.rooms_changed_since(since)) {
            return Ok(rooms);
        }
        let distance = snapshot.position().0.saturating_sub(since.0);
        if usize::try_from(distance).is_ok_and(|distance| distance <= LOG_FACTS_MAX) {
            return self.rooms_in_log(snapshot, user_id, since).await;
        }
        let memberships = self.rooms().memberships(snapshot, user_id).await?;
        Ok(memberships.into_iter().map(|(room, _)| room).collect())
    }

    async fn rooms_in_log(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
        since: StreamPosition,
    ) -> Result<Vec<RoomNid>, SyncError> {
        let mut rooms = HashSet::new();
        for (_, fact) in Log::read(snapshot, since, LOG_FACTS_MAX).await? {
            match fact {
                Fact::Event { room, .. } | Fact::Receipt { room, private: false, .. } => {
                    rooms.insert(room);
                }
                Fact::Receipt { room, user, .. } | Fact::Membership { room, user }
                    if user == user_id =>
                {
                    rooms.insert(room);
                }
                Fact::AccountData { user, room: Some(room_id) } if user == user_id => {
                    rooms.extend(self.rooms().room(&room_id).await?.map(|room| room.nid()));
                }
                _ => {}
            }
        }
        Ok(rooms.into_iter().collect())
    }
}
