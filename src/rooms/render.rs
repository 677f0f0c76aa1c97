//! Events as one user gets them: the JSON of [`hearth_rules::client_event`] with everything that
//! the store knows about the event and the user.
//!
//! Whether the user may see the event was decided before. This runs for each event of each
//! answer, so what several events of one call share is looked up once.

use std::collections::HashMap;

use hearth_base::RoomNid;
use hearth_rules::{ClientEvent, ClientEventFormat, PduError, Unsigned};
use hearth_statemap::Root;
use hearth_store::Snapshot;
use ruma::{
    DeviceId, EventId, MilliSecondsSinceUnixEpoch, TransactionId, UserId,
    events::{StateEventType, room::member::MembershipState},
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Event, Rooms, RoomsError, ThreadSummary,
    aggregation::{AggregatedThread, Aggregation},
    content_warning::Told,
};

/// Who gets events, and when.
#[derive(Clone, Copy, Debug)]
pub struct Viewer<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// The device of the user that asks: it is told the transaction ids of its own requests.
    pub device_id: Option<&'a DeviceId>,
    /// The time, from which the age of events follows.
    pub now: MilliSecondsSinceUnixEpoch,
}

/// The value of `unsigned.m.relations`.
#[derive(Serialize)]
struct Relations<'a> {
    #[serde(rename = "m.replace", skip_serializing_if = "Option::is_none")]
    edit: Option<Box<RawValue>>,
    #[serde(rename = "m.reference", skip_serializing_if = "Option::is_none")]
    references: Option<References<'a>>,
    #[serde(rename = "m.thread", skip_serializing_if = "Option::is_none")]
    thread: Option<Thread>,
}

#[derive(Serialize)]
struct References<'a> {
    chunk: Vec<Reference<'a>>,
}

#[derive(Serialize)]
struct Reference<'a> {
    event_id: &'a EventId,
}

#[derive(Serialize)]
struct Thread {
    latest_event: Box<RawValue>,
    count: u64,
    current_user_participated: bool,
}

#[derive(Deserialize)]
struct MemberContent {
    membership: MembershipState,
}

impl Rooms {
    /// Events in a client's format, in their order.
    ///
    /// In a timeline events also say what children they have, what state they replaced and which
    /// membership the user had; a list of a room's state (`in_timeline` false) goes without, since
    /// each of its events would need a look at another old state.
    ///
    /// # Errors
    /// The store failed, or an event is damaged.
    pub async fn render(
        &self,
        snapshot: &dyn Snapshot,
        events: &[Event],
        viewer: &Viewer<'_>,
        format: ClientEventFormat,
        in_timeline: bool,
    ) -> Result<Vec<Box<RawValue>>, RoomsError> {
        if !in_timeline || format == ClientEventFormat::Stripped {
            let plain = events.iter().map(|event| viewer.to_raw(event, format));
            return Ok(plain.collect::<Result<_, _>>()?);
        }
        let aggregations = self.aggregations(snapshot, events, viewer.user_id).await?;
        let erased = self.erased_users(snapshot).await?;
        let mut past = Past { rooms: self, snapshot, viewer, memberships: HashMap::new() };
        let mut rendered = Vec::with_capacity(events.len());
        for event in events {
            let before = past.of(event).await?;
            if erased.contains(event.pdu().sender())
                && let Some(copy) = self.erased_copy(snapshot, event, &before.membership).await?
            {
                let unsigned = Unsigned {
                    membership: Some(&before.membership),
                    ..viewer.unsigned(event, None)
                };
                rendered.push(ClientEvent::new(&copy, format, unsigned).to_raw()?);
                continue;
            }
            let aggregation = aggregations.get(&event.nid());
            let relations = aggregation.map(|known| viewer.to_relations(known, format));
            let relations = relations.transpose()?;
            let warning = warning(aggregation.and_then(|known| known.warning.as_ref()))?;
            let replaced = before.replaced.as_ref().map(Event::pdu);
            let unsigned = Unsigned {
                prev_content: replaced.map(|pdu| pdu.content()),
                prev_sender: replaced.map(|pdu| pdu.sender()),
                replaces_state: replaced.map(|pdu| pdu.event_id()),
                membership: Some(&before.membership),
                content_warning: warning.as_deref(),
                ..viewer.unsigned(event, relations.as_deref())
            };
            rendered.push(ClientEvent::new(event.pdu(), format, unsigned).to_raw()?);
        }
        Ok(rendered)
    }
}

impl<'a> Viewer<'a> {
    /// What an event says by itself.
    fn unsigned<'b>(&self, event: &'b Event, relations: Option<&'b RawValue>) -> Unsigned<'b> {
        Unsigned {
            now: Some(self.now),
            to_sender: event.pdu().sender() == self.user_id,
            transaction_id: self.own_transaction(event),
            relations,
            ..Unsigned::default()
        }
    }

    /// What this device called the request that made the event.
    fn own_transaction<'b>(&self, event: &'b Event) -> Option<&'b TransactionId> {
        let origin = event.origin()?;
        let is_own =
            event.pdu().sender() == self.user_id && self.device_id == Some(&*origin.device_id);
        is_own.then_some(&*origin.transaction_id)
    }

    fn to_raw(self, event: &Event, format: ClientEventFormat) -> Result<Box<RawValue>, PduError> {
        ClientEvent::new(event.pdu(), format, self.unsigned(event, None)).to_raw()
    }

    fn to_relations(
        self,
        aggregation: &Aggregation,
        format: ClientEventFormat,
    ) -> Result<Box<RawValue>, RoomsError> {
        let Aggregation { edit, references, thread, .. } = aggregation;
        let thread = thread.as_ref().map(|thread| self.to_thread(thread, format)).transpose()?;
        let chunk = references.iter().map(|event_id| Reference { event_id }).collect();
        raw(&Relations {
            edit: self.to_edit(edit.as_ref(), format)?,
            references: (!references.is_empty()).then_some(References { chunk }),
            thread,
        })
    }

    fn to_thread(
        self,
        thread: &AggregatedThread,
        format: ClientEventFormat,
    ) -> Result<Thread, RoomsError> {
        let ThreadSummary { latest, count, current_user_participated } = &thread.summary;
        let edit = self.to_edit(thread.edit.as_ref(), format)?;
        let relations = Relations { edit, references: None, thread: None };
        let relations = relations.edit.is_some().then(|| raw(&relations)).transpose()?;
        let warning = warning(thread.warning.as_ref())?;
        let unsigned = Unsigned {
            content_warning: warning.as_deref(),
            ..self.unsigned(latest, relations.as_deref())
        };
        Ok(Thread {
            latest_event: ClientEvent::new(latest.pdu(), format, unsigned).to_raw()?,
            count: *count,
            current_user_participated: *current_user_participated,
        })
    }

    fn to_edit(
        self,
        edit: Option<&Event>,
        format: ClientEventFormat,
    ) -> Result<Option<Box<RawValue>>, PduError> {
        edit.map(|edit| self.to_raw(edit, format)).transpose()
    }
}

fn warning(mark: Option<&Event>) -> Result<Option<Box<RawValue>>, RoomsError> {
    mark.map(|mark| raw(&Told::of(mark))).transpose()
}

fn raw(told: &impl Serialize) -> Result<Box<RawValue>, RoomsError> {
    to_raw_value(told).map_err(|error| RoomsError::Corrupt(error.to_string()))
}

/// The states before events, of which one user is told something.
struct Past<'a> {
    rooms: &'a Rooms,
    snapshot: &'a dyn Snapshot,
    viewer: &'a Viewer<'a>,
    /// The user's membership by room and members: most events of a page have the same.
    memberships: HashMap<(RoomNid, Root), MembershipState>,
}

/// What a user is told of the state before an event.
struct Before {
    /// The user's membership at the event (MSC4115).
    membership: MembershipState,
    /// The event that a state event replaced.
    replaced: Option<Event>,
}

impl Past<'_> {
    async fn of(&mut self, event: &Event) -> Result<Before, RoomsError> {
        let pdu = event.pdu();
        let is_own_member = pdu.type_name() == "m.room.member"
            && pdu.state_key() == Some(self.viewer.user_id.as_str());
        let membership = match is_own_member {
            true => membership_of(Some(event)),
            false => self.membership(event).await?,
        };
        let replaced = match pdu.state_key() {
            Some(state_key) => {
                let key = StateEventType::from(pdu.type_name());
                let (room, state) = (event.room(), event.state_before());
                self.rooms.state_event(self.snapshot, room, state, key, state_key).await?
            }
            None => None,
        };
        Ok(Before { membership, replaced })
    }

    async fn membership(&mut self, event: &Event) -> Result<MembershipState, RoomsError> {
        let (room, state) = (event.room(), event.state_before());
        if let Some(known) = self.memberships.get(&(room, state.members)) {
            return Ok(known.clone());
        }
        let (key, user_id) = (StateEventType::RoomMember, self.viewer.user_id.as_str());
        let member = self.rooms.state_event(self.snapshot, room, state, key, user_id).await?;
        let membership = membership_of(member.as_ref());
        self.memberships.insert((room, state.members), membership.clone());
        Ok(membership)
    }
}

/// What an `m.room.member` event says; `leave` if there is none.
fn membership_of(event: Option<&Event>) -> MembershipState {
    event
        .and_then(|event| event.pdu().content_as::<MemberContent>())
        .map_or(MembershipState::Leave, |content| content.membership)
}

#[cfg(test)]
mod tests {
    use ruma::OwnedEventId;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        EventRequest, Room, Sent, Transaction,
        testing::{event, join, message, public_room, redaction, relating, render, rooms, user},
    };

    async fn send(rooms: &Rooms, room: &Room, request: EventRequest) -> OwnedEventId {
        rooms.send(room, request).await.unwrap().event_id
    }

    #[tokio::test]
    async fn only_the_sending_device_is_told_its_transaction_id() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let transaction = |device: &str| Transaction {
            device_id: device.into(),
            transaction_id: "txn".into(),
            scope: "test".to_owned(),
        };
        let with = |device| EventRequest {
            transaction: Some(transaction(device)),
            ..message(&alice, "1")
        };
        let sent =
            [send(&rooms, &room, with("DEVICE")).await, send(&rooms, &room, with("OTHER")).await];
        let told = |events: &[Value]| -> Vec<Value> {
            events.iter().map(|event| event["unsigned"]["transaction_id"].clone()).collect()
        };
        assert_eq!(told(&render(&rooms, &alice, &sent).await), [json!("txn"), Value::Null]);
        assert_eq!(told(&render(&rooms, &bob, &sent).await), [Value::Null, Value::Null]);
    }

    #[tokio::test]
    async fn state_events_tell_what_they_replaced_and_all_tell_the_membership() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        let name = |name| event(&alice, "m.room.name", Some(""), json!({ "name": name }));
        let first = send(&rooms, &room, name("1")).await;
        let second = send(&rooms, &room, name("2")).await;
        let Sent { event_id: joined, .. } = join(&rooms, &room, &bob).await.unwrap();
        let after = send(&rooms, &room, message(&alice, "hello")).await;
        let events = [first.clone(), second, joined, after];
        let [first_name, second_name, joined, after] =
            render(&rooms, &bob, &events).await.try_into().unwrap();
        assert!(first_name["unsigned"].get("prev_content").is_none());
        assert_eq!(second_name["unsigned"]["prev_content"], json!({ "name": "1" }));
        assert_eq!(second_name["unsigned"]["replaces_state"], json!(first));
        assert_eq!(second_name["unsigned"]["prev_sender"], json!(alice));
        assert_eq!(second_name["unsigned"]["membership"], "leave");
        assert_eq!(joined["unsigned"]["membership"], "join");
        assert_eq!(after["unsigned"]["membership"], "join");
    }

    #[tokio::test]
    async fn the_latest_valid_edit_is_told_until_it_is_redacted() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let parent = send(&rooms, &room, message(&alice, "1")).await;
        let edit = |sender| relating(sender, "m.replace", &parent);
        let first = send(&rooms, &room, edit(&alice)).await;
        rooms.clock().advance(std::time::Duration::from_secs(1));
        let second = send(&rooms, &room, edit(&alice)).await;
        send(&rooms, &room, edit(&bob)).await;
        let without = json!({ "m.relates_to": { "rel_type": "m.replace", "event_id": parent } });
        send(&rooms, &room, event(&alice, "m.room.message", None, without)).await;
        let told = async || {
            let parents = render(&rooms, &bob, std::slice::from_ref(&parent)).await;
            parents[0]["unsigned"]["m.relations"]["m.replace"]["event_id"].clone()
        };
        assert_eq!(told().await, json!(second));
        send(&rooms, &room, redaction(&alice, &second)).await;
        assert_eq!(told().await, json!(first));
        send(&rooms, &room, redaction(&alice, &parent)).await;
        assert_eq!(told().await, Value::Null);
    }

    #[tokio::test]
    async fn references_and_the_thread_are_told_with_their_root() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let root = send(&rooms, &room, message(&alice, "root")).await;
        let reference = send(&rooms, &room, relating(&bob, "m.reference", &root)).await;
        let reply = send(&rooms, &room, relating(&alice, "m.thread", &root)).await;
        let edit = send(&rooms, &room, relating(&alice, "m.replace", &reply)).await;
        let rendered = render(&rooms, &bob, std::slice::from_ref(&root)).await;
        let relations = &rendered[0]["unsigned"]["m.relations"];
        assert_eq!(relations["m.reference"], json!({ "chunk": [{ "event_id": reference }] }));
        let thread = &relations["m.thread"];
        assert_eq!(
            (&thread["count"], &thread["current_user_participated"]),
            (&json!(1), &json!(false))
        );
        let latest = &thread["latest_event"];
        assert_eq!(latest["event_id"], json!(reply));
        let told = &latest["unsigned"]["m.relations"]["m.replace"]["event_id"];
        assert_eq!(*told, json!(edit));
        assert!(relations.get("m.replace").is_none());
    }
}
