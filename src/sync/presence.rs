//! Who is there, of the people that the user shares a room with.

use std::collections::BTreeSet;

use hearth_rules::event_filter;
use ruma::{
    OwnedUserId, UserId, api::client::sync::sync_events::v3::Response,
    events::presence::PresenceEvent, presence::PresenceState, serde::Raw,
};
use serde_json::json;

use crate::{Sync, SyncError, answer::View, device_lists::Encounters};

impl View<'_> {
    /// Puts the presence that changed into the answer, and that of people whom the user just met.
    pub(crate) async fn presence(
        &self,
        response: &mut Response,
        encounters: &Encounters,
    ) -> Result<(), SyncError> {
        let presence = self.sync.bus().presence();
        let mut users: BTreeSet<OwnedUserId> =
            presence.changed_since(self.since_version).into_iter().collect();
        users.extend(encounters.met().cloned());
        for user_id in users {
            let filter = &self.filter().presence;
            if event_filter::passes(filter, "m.presence", Some(&user_id))
                && !self.ignored.contains(&user_id)
                && self.shares_a_room(&user_id).await?
            {
                response.presence.events.extend(self.sync.presence_event(&user_id)?);
            }
        }
        Ok(())
    }
}

impl Sync {
    /// The presence of a user as an event; `None` of somebody who was never there. Whether it may
    /// be shown is for the caller.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn presence_event(
        &self,
        user_id: &UserId,
    ) -> Result<Option<Raw<PresenceEvent>>, SyncError> {
        let presence = self.bus().presence().get(user_id);
        if presence.state == PresenceState::Offline && presence.last_active_ms.is_none() {
            return Ok(None);
        }
        let mut content = json!({
            "presence": presence.state,
            "currently_active": presence.currently_active,
        });
        if let Some(last_active_ms) = presence.last_active_ms {
            let ago = self.clock().now_ms().saturating_sub(last_active_ms);
            content["last_active_ago"] = ago.into();
        }
        if let Some(status) = presence.status_msg {
            content["status_msg"] = status.into();
        }
        let event = json!({ "type": "m.presence", "sender": user_id, "content": content });
        Ok(Some(Raw::from_json(serde_json::value::to_raw_value(&event)?)))
    }
}
