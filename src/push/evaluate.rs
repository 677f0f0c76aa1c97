//! One event and all who may want to hear of it.

use std::sync::Arc;

use hearth_rooms::{Event, Room};
use hearth_rules::{Notify, PushEvent, PushMember, PushRoom};
use hearth_store::{Batch, Snapshot};
use ruma::{OwnedUserId, UserId, events::room::member::MembershipState};
use serde::Deserialize;

use crate::{
    PushError,
    audience::{Audience, Audiences},
    people::{People, Person},
};

/// A user who is notified of an event.
pub(crate) struct Heard {
    pub(crate) user_id: OwnedUserId,
    pub(crate) person: Arc<Person>,
    pub(crate) notify: Notify,
}

/// Evaluates events.
pub(crate) struct Evaluator {
    pub(crate) audiences: Audiences,
    pub(crate) people: People,
}

#[derive(Deserialize)]
struct MemberContent {
    membership: MembershipState,
}

impl Evaluator {
    /// The local users whom an event notifies: of those who were in the room before it, and of
    /// whom it invites. What is learned of new users is written with `batch`.
    pub(crate) async fn hear(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        room: &Room,
        event: &Event,
    ) -> Result<Vec<Heard>, PushError> {
        let audience = self.audiences.of(snapshot, room, event.state_before()).await?;
        let invited = invited(event);
        let invited = invited.filter(|user_id| self.audiences.is_local(user_id));
        let users = audience.local.keys().map(|user_id| &**user_id).chain(invited);
        let sender = event.pdu().sender();
        let users = users.filter(|user_id| *user_id != sender);
        let people = self.people.of(snapshot, batch, users).await?;
        let push_event = PushEvent::new(event.pdu());
        let root = self.audiences.rooms().thread_of(snapshot, event).await?;
        let thread = root.map(|root| (room.nid(), root));
        let heard = people.into_iter().filter_map(|(user_id, person)| {
            if !person.is_reachable || person.ignored.contains(sender) {
                return None;
            }
            let subscribed = thread.as_ref().and_then(|thread| person.threads.get(thread)).copied();
            let notify = ask(&audience, &push_event, user_id, &person, subscribed)?.clone();
            Some(Heard { user_id: user_id.to_owned(), person, notify })
        });
        Ok(heard.collect())
    }
}

fn ask<'a>(
    audience: &Audience,
    event: &PushEvent<'_>,
    user_id: &UserId,
    person: &'a Person,
    subscribed: Option<bool>,
) -> Option<&'a Notify> {
    let room = PushRoom { member_count: audience.joined, levels: audience.levels.as_deref() };
    let display_name = match audience.local.get(user_id) {
        Some(Some(name)) => name,
        _ => user_id.localpart(),
    };
    let member = PushMember { user_id, display_name: Some(display_name), subscribed };
    person.rules.evaluate(event, room, member)
}

/// Whom an event invites.
fn invited(event: &Event) -> Option<&UserId> {
    let pdu = event.pdu();
    if pdu.type_name() != "m.room.member" {
        return None;
    }
    let content: MemberContent = pdu.content_as()?;
    let user_id = <&UserId>::try_from(pdu.state_key()?).ok()?;
    (content.membership == MembershipState::Invite).then_some(user_id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Counting, Fixture, fixture};

    async fn hear(
        fixture: &Fixture,
        evaluator: &Evaluator,
        room: &Room,
        event: &Event,
    ) -> (Vec<Heard>, usize) {
        let snapshot = Counting::new(fixture.store.snapshot().await.unwrap());
        let mut batch = Batch::new();
        let heard = evaluator.hear(&snapshot, &mut batch, room, event).await.unwrap();
        if !batch.is_empty() {
            fixture.store.commit(batch).await.unwrap();
        }
        (heard, snapshot.reads())
    }

    #[tokio::test]
    async fn a_message_to_a_thousand_members_costs_no_read() {
        let fixture = fixture();
        let evaluator = fixture.evaluator();
        let alice = fixture.user("alice").await;
        let room = fixture.room(&alice).await;
        for number in 0..1_000 {
            let user_id = fixture.user(&format!("user{number}")).await;
            fixture.join(&room, &user_id).await;
        }
        let first = fixture.say(&room, &alice, json!({ "body": "1" })).await;
        let (heard, reads) = hear(&fixture, &evaluator, &room, &first).await;
        assert_eq!(heard.len(), 1_000);
        assert!(reads > 0, "the first message reads who is there");
        let second = fixture.say(&room, &alice, json!({ "body": "2" })).await;
        let (heard, reads) = hear(&fixture, &evaluator, &room, &second).await;
        assert_eq!((heard.len(), reads), (1_000, 0));
        let late = fixture.user("late").await;
        fixture.join(&room, &late).await;
        let third = fixture.say(&room, &alice, json!({ "body": "3" })).await;
        let (heard, reads) = hear(&fixture, &evaluator, &room, &third).await;
        assert_eq!(heard.len(), 1_001);
        assert!(reads < 20, "a join reads what it changed: {reads}");
    }

    #[tokio::test]
    async fn who_hears_is_decided_by_the_state_at_the_event() {
        let fixture = fixture();
        let evaluator = fixture.evaluator();
        let (alice, bob) = (fixture.user("alice").await, fixture.user("bob").await);
        let room = fixture.room(&alice).await;
        let before = fixture.say(&room, &alice, json!({ "body": "before" })).await;
        fixture.join(&room, &bob).await;
        let after = fixture.say(&room, &alice, json!({ "body": "after" })).await;
        for (event, expected) in [(&before, 0), (&after, 1), (&before, 0), (&after, 1)] {
            let (heard, _) = hear(&fixture, &evaluator, &room, event).await;
            assert_eq!(heard.len(), expected);
        }
        let (heard, _) = hear(&fixture, &evaluator, &room, &after).await;
        assert_eq!(heard[0].user_id, bob);
        assert!(!heard[0].notify.highlight);
    }
}
