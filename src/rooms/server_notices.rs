//! The rooms in which the server speaks to its users (specification, "Server Notices").
//!
//! Each user has at most one. What is said there, and by whom, is for the caller.

use hearth_store::Snapshot;
use ruma::{UserId, events::room::member::MembershipState};

use crate::{CreateRoom, Room, Rooms, RoomsError, new_room::NewRoom, tables::NOTICE_ROOMS};

impl Rooms {
    /// The room in which the server speaks to a user, if it has done so.
    ///
    /// # Errors
    /// The store failed.
    pub async fn notice_room(
        &self,
        snapshot: &dyn Snapshot,
        user_id: &UserId,
    ) -> Result<Option<Room>, RoomsError> {
        match NOTICE_ROOMS.get(snapshot, &(user_id,)).await? {
            Some(nid) => self.room_by_nid(snapshot, nid).await.map(Some),
            None => Ok(None),
        }
    }

    /// Creates the room in which the server speaks to a user.
    ///
    /// # Errors
    /// [`RoomsError::InUse`] if there is one, and as [`Rooms::create_room`].
    pub async fn create_notice_room(
        &self,
        request: CreateRoom,
        user_id: &UserId,
    ) -> Result<Room, RoomsError> {
        let notices_for = Some(user_id.to_owned());
        self.make_room(NewRoom { notices_for, ..self.new_room_of(request)? }).await
    }

    /// Refuses to reject the invite to hear what the server has to say; who joined may leave.
    ///
    /// # Errors
    /// [`RoomsError::ServerNotices`], or the store failed.
    pub async fn check_leaving(&self, room: &Room, user_id: &UserId) -> Result<(), RoomsError> {
        let snapshot = self.snapshot().await?;
        let row = self.membership(snapshot.as_ref(), room.nid(), user_id).await?;
        if row.is_none_or(|row| row.value.state != MembershipState::Invite) {
            return Ok(());
        }
        let notices = NOTICE_ROOMS.get(snapshot.as_ref(), &(user_id,)).await?;
        if notices == Some(room.nid()) { Err(RoomsError::ServerNotices) } else { Ok(()) }
    }
}
