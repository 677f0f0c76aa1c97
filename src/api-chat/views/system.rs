//! System messages: what happened in a room, from its state events.

use hearth_rooms::{Event, Room, Rooms, RoomsError, Snapshot};
use ruma::{OwnedUserId, events::StateEventType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SystemKind {
    /// Somebody joined.
    Joined,
    /// Somebody left.
    Left,
    /// Somebody was invited.
    Invited,
    /// Somebody declined an invite.
    Declined,
    /// An invite was taken back.
    Uninvited,
    /// Somebody asks to be let in.
    Knocked,
    /// Somebody was removed.
    Removed,
    /// Somebody was banned.
    Banned,
    /// A ban was lifted.
    Unbanned,
    /// The room has another name.
    Renamed,
    /// The room has another description.
    Described,
}

/// What happened, for clients that want to say it themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SystemEvent {
    /// What it was.
    pub kind: SystemKind,
    /// To whom it happened, if to somebody.
    #[schema(value_type = Option<String>)]
    pub user_id: Option<OwnedUserId>,
}

#[derive(Default, Deserialize)]
struct MemberContent {
    #[serde(default)]
    membership: String,
}

impl SystemEvent {
    /// What a state event made happen; `None` if nothing that is worth a message, such as a changed
    /// display name.
    pub(super) async fn of(
        rooms: &Rooms,
        snapshot: &dyn Snapshot,
        room: &Room,
        event: &Event,
    ) -> Result<Option<Self>, RoomsError> {
        let pdu = event.pdu();
        let state_key = pdu.state_key().unwrap_or_default();
        let key = StateEventType::from(pdu.type_name());
        let state = event.state_before();
        let before = rooms.state_event(snapshot, room.nid(), state, key, state_key).await?;
        if pdu.type_name() != "m.room.member" {
            // What a room is made with is no change.
            let kind = if pdu.type_name() == "m.room.name" {
                SystemKind::Renamed
            } else {
                SystemKind::Described
            };
            return Ok(before.map(|_| Self { kind, user_id: None }));
        }
        let membership = |event: &Event| event.pdu().content_as::<MemberContent>();
        let before = before.as_ref().and_then(membership).unwrap_or_default().membership;
        let after = membership(event).unwrap_or_default().membership;
        let kind = change(&before, &after, pdu.sender() == state_key);
        let user_id = OwnedUserId::try_from(state_key).ok();
        Ok(kind.map(|kind| Self { kind, user_id }))
    }

    /// The same in words.
    pub(super) fn words(&self, actor: &str, target: &str, room_name: &str) -> String {
        match self.kind {
            SystemKind::Joined => format!("{target} joined"),
            SystemKind::Left => format!("{target} left"),
            SystemKind::Invited => format!("{actor} invited {target}"),
            SystemKind::Declined => format!("{target} declined the invite"),
            SystemKind::Uninvited => format!("{actor} took back the invite of {target}"),
            SystemKind::Knocked => format!("{target} asks to be let in"),
            SystemKind::Removed => format!("{actor} removed {target}"),
            SystemKind::Banned => format!("{actor} banned {target}"),
            SystemKind::Unbanned => format!("{actor} lifted the ban of {target}"),
            SystemKind::Renamed => format!("{actor} named the room {room_name}"),
            SystemKind::Described => format!("{actor} changed the description"),
        }
    }
}

fn change(before: &str, after: &str, by_themselves: bool) -> Option<SystemKind> {
    match (before, after) {
        (before, after) if before == after => None,
        (_, "join") => Some(SystemKind::Joined),
        (_, "invite") => Some(SystemKind::Invited),
        (_, "knock") => Some(SystemKind::Knocked),
        (_, "ban") => Some(SystemKind::Banned),
        ("ban", "leave") => Some(SystemKind::Unbanned),
        ("invite", "leave") if by_themselves => Some(SystemKind::Declined),
        ("invite", "leave") => Some(SystemKind::Uninvited),
        ("join", "leave") if by_themselves => Some(SystemKind::Left),
        ("join", "leave") => Some(SystemKind::Removed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_membership_have_names() {
        for (before, after, own, kind) in [
            ("", "join", true, Some(SystemKind::Joined)),
            ("join", "join", true, None),
            ("join", "leave", true, Some(SystemKind::Left)),
            ("join", "leave", false, Some(SystemKind::Removed)),
            ("invite", "leave", true, Some(SystemKind::Declined)),
            ("ban", "leave", false, Some(SystemKind::Unbanned)),
            ("knock", "leave", true, None),
        ] {
            assert_eq!(change(before, after, own), kind, "{before} {after}");
        }
    }
}
