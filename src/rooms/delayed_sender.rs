//! The one task that sends delayed events when they are due, and forgets what came of old ones.
//!
//! It sleeps until the next row is due, or until a request changed something. After a start it
//! first sends what became due while the server was down. Deadlines are of the
//! [`hearth_base::Clock`]; the runtime only does the sleeping.

use std::{collections::BTreeMap, time::Duration};

use hearth_rules::DELAY_ID;
use hearth_store::{Batch, Direction};
use ruma::events::TimelineEventType;
use serde_json::value::{RawValue, to_raw_value};
use tokio_util::sync::CancellationToken;

use crate::{
    DelayedEvent, DelayedOutcome, EventRequest, Manner, Rooms, RoomsError, Transaction,
    decide::Group,
    delayed_event::write,
    tables::{DELAYED_EVENTS, DELAYED_STATE, DELAYED_TIMES},
    writer::Decided,
};

/// Longest sleep: after it, a clock that was set is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How long to wait after a failure that may pass.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How many rows are read at once.
const DUE_ROWS: usize = 64;
/// Most delayed state events that one state event of somebody else cancels.
const CANCELLED_MAX: usize = 1_000;

impl Rooms {
    /// Sends delayed events when they are due, until `stop` fires.
    pub async fn send_delayed_events(self, stop: CancellationToken) {
        loop {
            let wait = match self.deal_with_due().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "delayed events have to wait");
                    RETRY_AFTER
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.delayed_changed().notified() => {}
                () = tokio::time::sleep(wait.min(SLEEP_MAX)) => {}
            }
        }
    }

    /// Does everything that is due, in the order of the times, and says how long nothing else is.
    pub(crate) async fn deal_with_due(&self) -> Result<Duration, RoomsError> {
        loop {
            let snapshot = self.snapshot().await?;
            let (all, forward) = (DELAYED_TIMES.all(), Direction::Forward);
            let rows = DELAYED_TIMES.scan(snapshot.as_ref(), &all, forward, DUE_ROWS).await?;
            if rows.is_empty() {
                return Ok(SLEEP_MAX);
            }
            for ((due_ms, id), ()) in rows {
                let now_ms = self.clock().now_ms();
                if due_ms > now_ms {
                    return Ok(Duration::from_millis(due_ms - now_ms));
                }
                self.deal_with(&id).await?;
            }
        }
    }

    async fn deal_with(&self, id: &str) -> Result<(), RoomsError> {
        let Some(event) = self.delayed_event(id).await? else {
            return Ok(());
        };
        if event.due_ms() > self.clock().now_ms() {
            return Ok(());
        }
        if event.finished.is_some() {
            self.replace_delayed(id, &event, None).await?;
            return Ok(());
        }
        match self.send_delayed(id, &event).await {
            // The time will come again.
            Err(error @ (RoomsError::Store(_) | RoomsError::Busy)) => Err(error),
            Ok(()) | Err(RoomsError::DelayedFinished) => Ok(()),
            Err(error) => {
                let outcome = DelayedOutcome::Refused { reason: error.to_string() };
                let after = event.finished(self.clock().now_ms(), outcome);
                self.replace_delayed(id, &event, Some(&after)).await.map(|_| ())
            }
        }
    }

    /// Sends a delayed event that waits; the batch of the event is the end of its row.
    pub(crate) async fn send_delayed(
        &self,
        id: &str,
        event: &DelayedEvent,
    ) -> Result<(), RoomsError> {
        let room = self.existing_room(&event.room_id).await?;
        let delay_id = Some(id.to_owned());
        let manner = Manner { sticky_ms: event.sticky_ms, delay_id, ..Manner::default() };
        let sent = self.send_in(&room, event.request(id)?, manner).await?;
        if sent.position.is_none() {
            // Such state was there already: no event was written, and so no end of the row.
            let outcome = DelayedOutcome::Sent(sent.event_id);
            let after = event.finished(self.clock().now_ms(), outcome);
            self.replace_delayed(id, event, Some(&after)).await?;
        }
        self.delayed_changed().notify_one();
        Ok(())
    }
}

impl DelayedEvent {
    fn request(&self, id: &str) -> Result<EventRequest, RoomsError> {
        let content = RawValue::from_string(self.content.clone());
        Ok(EventRequest {
            sender: self.sender.clone(),
            event_type: TimelineEventType::from(self.event_type.as_str()),
            state_key: self.state_key.clone(),
            content: content.map_err(|error| RoomsError::BadJson(error.to_string()))?,
            redacts: self.redacts.clone(),
            transaction: self.origin.clone().map(|origin| Transaction {
                device_id: origin.device_id,
                transaction_id: origin.transaction_id,
                scope: format!("delayed/{id}"),
            }),
            origin_server_ts: None,
        })
    }
}

impl Manner {
    /// What is stored beside the event: the id under which its sender knows it.
    pub(crate) fn unsigned(&self) -> Option<Box<RawValue>> {
        let id = self.delay_id.as_deref()?;
        to_raw_value(&BTreeMap::from([(DELAY_ID, id)])).ok()
    }
}

impl Group<'_> {
    /// The delayed event that the manner of sending names; it must wait still.
    pub(crate) async fn waiting_delayed(
        &self,
        manner: &Manner,
    ) -> Result<Option<(String, DelayedEvent)>, RoomsError> {
        let Some(id) = &manner.delay_id else {
            return Ok(None);
        };
        let event = DELAYED_EVENTS.get(self.snapshot.as_ref(), &(id.as_str(),)).await?;
        match event.filter(|event| event.finished.is_none()) {
            Some(event) => Ok(Some((id.clone(), event))),
            None => Err(RoomsError::DelayedFinished),
        }
    }

    /// Ends the delayed event that became an event of the group.
    pub(crate) fn finish_delayed(
        &mut self,
        id: &str,
        waiting: &DelayedEvent,
        decided: &Decided,
    ) -> Result<(), RoomsError> {
        let Decided::New { event, .. } = decided else {
            return Ok(());
        };
        let outcome = DelayedOutcome::Sent(event.pdu().event_id().to_owned());
        let after = waiting.finished(self.rooms.clock().now_ms(), outcome);
        Ok(write(self.batch(), id, Some(waiting), Some(&after))?)
    }

    /// Cancels the delayed events of others that would replace a new state event.
    pub(crate) async fn cancel_delayed(
        &self,
        batch: &mut Batch,
        new: &crate::Event,
    ) -> Result<(), RoomsError> {
        let pdu = new.pdu();
        let Some(state_key) = pdu.state_key() else {
            return Ok(());
        };
        let (snapshot, forward) = (self.snapshot.as_ref(), Direction::Forward);
        let range = DELAYED_STATE.prefix(&(self.room.nid(), pdu.type_name(), state_key));
        let rows = DELAYED_STATE.scan(snapshot, &range, forward, CANCELLED_MAX).await?;
        let now_ms = self.rooms.clock().now_ms();
        for ((_, _, _, id), sender) in rows {
            if sender == pdu.sender() {
                continue;
            }
            if let Some(event) = DELAYED_EVENTS.get(snapshot, &(id.as_str(),)).await? {
                let after = event.finished(now_ms, DelayedOutcome::Cancelled);
                write(batch, &id, Some(&event), Some(&after))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        DelayedAction,
        testing::{event, join, message, public_room, rooms, user},
    };

    const SECOND: Duration = Duration::from_secs(1);

    async fn outcome(rooms: &Rooms, id: &str) -> Option<DelayedOutcome> {
        let event = rooms.delayed_event(id).await.unwrap();
        event.and_then(|event| event.finished).map(|finished| finished.outcome)
    }

    #[tokio::test]
    async fn what_is_due_is_sent_once_and_forgotten_in_the_end() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let (later, plain) = (message(&alice, "later"), Manner::default());
        let id = rooms.delay(&room, later, &plain, SECOND).await.unwrap();
        assert_eq!(rooms.deal_with_due().await.unwrap(), SECOND);
        assert_eq!(outcome(&rooms, &id).await, None);
        rooms.clock().advance(SECOND);
        rooms.deal_with_due().await.unwrap();
        let Some(DelayedOutcome::Sent(event_id)) = outcome(&rooms, &id).await else {
            panic!("it was not sent");
        };
        rooms.change_delayed(&id, DelayedAction::Send).await.unwrap();
        assert!(rooms.change_delayed(&id, DelayedAction::Cancel).await.is_err());
        let snapshot = rooms.snapshot().await.unwrap();
        let end = rooms.end(snapshot.as_ref(), room.nid()).await.unwrap();
        let sent = rooms.event_by_id(snapshot.as_ref(), &event_id).await.unwrap().unwrap();
        assert_eq!(sent.position(), end.0);
        rooms.clock().advance(Duration::from_secs(7 * 24 * 60 * 60));
        rooms.deal_with_due().await.unwrap();
        assert!(rooms.delayed_event(&id).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_the_room_refuses_ends_too() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let name = event(&bob, "m.room.name", Some(""), serde_json::json!({ "name": "mine" }));
        let id = rooms.delay(&room, name, &Manner::default(), SECOND).await.unwrap();
        rooms.change_delayed(&id, DelayedAction::Send).await.unwrap_err();
        assert_eq!(outcome(&rooms, &id).await, None);
        rooms.clock().advance(SECOND);
        rooms.deal_with_due().await.unwrap();
        let refused = outcome(&rooms, &id).await;
        assert!(matches!(refused, Some(DelayedOutcome::Refused { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn state_that_is_there_already_ends_it() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let name = event(&alice, "m.room.name", Some(""), serde_json::json!({ "name": "1" }));
        let sent = rooms.send(&room, name.clone()).await.unwrap();
        let id = rooms.delay(&room, name, &Manner::default(), SECOND).await.unwrap();
        rooms.change_delayed(&id, DelayedAction::Send).await.unwrap();
        assert_eq!(outcome(&rooms, &id).await, Some(DelayedOutcome::Sent(sent.event_id)));
    }
}
