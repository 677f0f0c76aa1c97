//! The rooms that the user has left or was banned from: their timeline up to that.

use hearth_rooms::{Membership, Room};
use hearth_store::Stamped;
use ruma::api::client::sync::sync_events::v3::LeftRoom;

use crate::{SyncError, account_data::RoomData, answer::View, device_lists::Encounters};

impl View<'_> {
    /// A left room; `None` if the client knows, or neither asked nor saw the leave.
    pub(crate) async fn left(
        &self,
        encounters: &mut Encounters,
        room: &Room,
        row: &Stamped<Membership>,
        data: RoomData,
    ) -> Result<Option<LeftRoom>, SyncError> {
        let asked = self.since.is_none() && self.filter().room.include_leave;
        let is_news = self.since.is_some() && self.is_new(row.position);
        // That the room was left is news to the client also when another one has forgotten it.
        if !(is_news || asked && !row.value.forgotten) {
            return Ok(None);
        }
        let leaving = self.sync.rooms().event(self.snapshot, row.value.event).await?;
        let last_joined = row.value.last_joined(row.position);
        let just_joined = last_joined.is_none_or(|joined| self.is_new(joined));
        let end = leaving.state_after();
        let window = self.window(room, row.position, end, just_joined).await?;
        let mut left = LeftRoom::new();
        left.timeline = self.timeline(&window).await?;
        if last_joined.is_some() {
            encounters.leave(self, room).await?;
            left.state = self.state(room, &window).await?;
        }
        left.account_data.events = data.events;
        Ok(Some(left))
    }
}
