//! What people who are not in a room are told of it: invites and knocks.

use hearth_accounts::InvitePermission;
use hearth_rooms::{Event, Membership, Room};
use hearth_rules::{ClientEvent, ClientEventFormat, Unsigned};
use hearth_store::Stamped;
use ruma::{
    api::client::sync::sync_events::v3::{InvitedRoom, KnockState, KnockedRoom},
    events::{AnyStrippedStateEvent, StateEventType},
    serde::Raw,
};

use crate::{SyncError, answer::View};

/// The state that tells what room it is (specification, "Stripped state").
const TELLING: [StateEventType; 8] = [
    StateEventType::RoomCreate,
    StateEventType::RoomName,
    StateEventType::RoomAvatar,
    StateEventType::RoomTopic,
    StateEventType::RoomJoinRules,
    StateEventType::RoomCanonicalAlias,
    StateEventType::RoomEncryption,
    StateEventType::RoomHistoryVisibility,
];

impl View<'_> {
    /// An invite; `None` if it is from somebody whom the user ignores or wants none from.
    pub(crate) async fn invited(
        &self,
        room: &Room,
        row: &Stamped<Membership>,
    ) -> Result<Option<InvitedRoom>, SyncError> {
        let invite = self.sync.rooms().event(self.snapshot, row.value.event).await?;
        let (accounts, sender) = (self.sync.accounts(), invite.pdu().sender());
        let permission = accounts.invite_permission(self.user_id(), sender).await?;
        if self.ignored.contains(sender) || permission == InvitePermission::Ignore {
            return Ok(None);
        }
        let mut invited = InvitedRoom::new();
        invited.invite_state.events = self.stripped(room, &invite).await?;
        Ok(Some(invited))
    }

    /// A knock.
    pub(crate) async fn knocked(
        &self,
        room: &Room,
        row: &Stamped<Membership>,
    ) -> Result<KnockedRoom, SyncError> {
        let knock = self.sync.rooms().event(self.snapshot, row.value.event).await?;
        let mut state = KnockState::new();
        state.events = self.stripped(room, &knock).await?;
        Ok(KnockedRoom::from(state))
    }

    async fn stripped(
        &self,
        room: &Room,
        membership: &Event,
    ) -> Result<Vec<Raw<AnyStrippedStateEvent>>, SyncError> {
        let sender = membership.pdu().sender().to_string();
        let wanted: Vec<_> = TELLING
            .into_iter()
            .map(|event_type| (event_type, String::new()))
            .chain([(StateEventType::RoomMember, sender)])
            .collect();
        let rooms = self.sync.rooms();
        let state = membership.state_before();
        let events = rooms.state_events(self.snapshot, room.nid(), state, &wanted).await?;
        let mut events: Vec<_> = events.into_iter().flatten().collect();
        events.retain(|event| event.pdu().state_key() != membership.pdu().state_key());
        events.push(membership.clone());
        events
            .iter()
            .map(|event| {
                // The whole create event proves what room it is (MSC4311).
                let format = match event.pdu().type_name() {
                    "m.room.create" => ClientEventFormat::Full,
                    _ => ClientEventFormat::Stripped,
                };
                Ok(ClientEvent::new(event.pdu(), format, Unsigned::default()).to_typed()?)
            })
            .collect()
    }
}
