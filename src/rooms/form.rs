//! Events that no room takes, whoever sends them.
//!
//! The authorization rules refuse them too; but there the sender lacks the right, and here the
//! request makes no sense.

use std::collections::HashMap;

use hearth_rules::{Pdu, PowerLevels};
use ruma::events::{StateEventType, TimelineEventType};

use crate::{Event, RoomsError, decide::Group};

impl Group<'_> {
    /// Refuses a second creation, and power levels that are malformed or name a creator who stands
    /// above all levels.
    pub(crate) fn check_form(
        &self,
        pdu: &Pdu,
        auth: &HashMap<(StateEventType, String), Event>,
    ) -> Result<(), RoomsError> {
        match (pdu.event_type(), pdu.state_key()) {
            (TimelineEventType::RoomCreate, _) if self.tentative.head.depth > 0 => {
                Err(RoomsError::BadRequest("a room is created only once".to_owned()))
            }
            (TimelineEventType::RoomPowerLevels, Some("")) => {
                let create = auth.get(&(StateEventType::RoomCreate, String::new()));
                PowerLevels::check_form(create.map(Event::pdu), pdu, self.room.rules())
                    .map_err(|error| RoomsError::BadJson(error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{event, public_room, rooms, user};

    #[tokio::test]
    async fn a_room_is_created_once_and_its_creator_has_no_level() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let create = event(&alice, "m.room.create", Some(""), json!({ "room_version": "12" }));
        let refused = rooms.send(&room, create).await.unwrap_err();
        assert!(matches!(refused, RoomsError::BadRequest(_)), "{refused}");
        for content in [json!({ "users": { &*alice: 100 } }), json!({ "ban": "fifty" })] {
            let levels = event(&alice, "m.room.power_levels", Some(""), content);
            let refused = rooms.send(&room, levels).await.unwrap_err();
            assert!(matches!(refused, RoomsError::BadJson(_)), "{refused}");
        }
    }
}
