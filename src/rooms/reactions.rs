//! Reactions: the annotations of an event, all of them. The Matrix API leaves putting them together
//! to clients; others want them with the event.

use std::collections::HashMap;

use hearth_base::{EventNid, StreamPosition};
use hearth_store::{Direction, Snapshot};
use ruma::UserId;

use crate::{
    Event, Rooms, RoomsError, Visibility,
    relation::{Relation, RelationKind},
};

/// Most reactions to one event that are looked at.
const REACTIONS_MAX: usize = 1_000;

/// A reaction to an event.
#[derive(Clone)]
pub struct Reaction {
    /// What it says, mostly an emoji.
    pub key: String,
    /// The event that says so.
    pub event: Event,
}

impl Rooms {
    /// The reactions to events of one room as a user sees them, in the order in which they came.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reactions(
        &self,
        snapshot: &dyn Snapshot,
        events: &[Event],
        visibility: &mut Visibility<'_>,
    ) -> Result<HashMap<EventNid, Vec<Reaction>>, RoomsError> {
        let mut found = Vec::new();
        for event in events.iter().filter(|event| event.redacted_by().is_none()) {
            let rows = self.annotations(snapshot, event).await?;
            found.extend(rows.into_iter().map(|row| (event, row)));
        }
        let nids: Vec<_> = found.iter().map(|(_, row)| row.child).collect();
        let children = self.events(snapshot, &nids).await?;
        let mut reactions: HashMap<EventNid, Vec<Reaction>> = HashMap::new();
        for ((parent, row), event) in found.into_iter().zip(children) {
            let Some(key) = row.key else {
                continue;
            };
            if event.room() == parent.room() && visibility.may_see(&event).await? {
                reactions.entry(parent.nid()).or_default().push(Reaction { key, event });
            }
        }
        Ok(reactions)
    }

    /// A user's own reaction to an event.
    ///
    /// # Errors
    /// The store failed.
    pub async fn own_reaction(
        &self,
        snapshot: &dyn Snapshot,
        parent: &Event,
        user_id: &UserId,
        key: &str,
    ) -> Result<Option<Event>, RoomsError> {
        let rows = self.annotations(snapshot, parent).await?;
        let own = |row: &Relation| row.sender == user_id && row.key.as_deref() == Some(key);
        match rows.into_iter().find(own) {
            Some(row) => self.event(snapshot, row.child).await.map(Some),
            None => Ok(None),
        }
    }

    async fn annotations(
        &self,
        snapshot: &dyn Snapshot,
        parent: &Event,
    ) -> Result<Vec<Relation>, RoomsError> {
        let (kind, all) = (RelationKind::Annotation, (StreamPosition::MIN, snapshot.position()));
        let (event_id, forward) = (parent.pdu().event_id(), Direction::Forward);
        let rows = self.children(snapshot, event_id, kind, all, forward, REACTIONS_MAX).await?;
        let reactions = rows.into_iter().map(|(_, row)| row);
        Ok(reactions.filter(|row| row.event_type == "m.reaction").collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{event, join, message, public_room, redaction, rooms, user};

    #[tokio::test]
    async fn reactions_are_told_until_they_are_redacted() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let parent = rooms.send(&room, message(&alice, "1")).await.unwrap();
        let react = async |sender, key: &str| {
            let event_id = &parent.event_id;
            let relates = json!({ "rel_type": "m.annotation", "event_id": event_id, "key": key });
            let content = json!({ "m.relates_to": relates });
            rooms.send(&room, event(sender, "m.reaction", None, content)).await.unwrap().event_id
        };
        let told = async || {
            let snapshot = rooms.snapshot().await.unwrap();
            let event = rooms.event(snapshot.as_ref(), parent.nid).await.unwrap();
            let mut eyes = rooms.visibility(snapshot.as_ref(), &room, &bob).await.unwrap();
            let found = rooms.reactions(snapshot.as_ref(), &[event], &mut eyes).await.unwrap();
            let of_parent = found.get(&parent.nid).map(Vec::as_slice).unwrap_or_default();
            of_parent.iter().map(|reaction| reaction.key.clone()).collect::<Vec<_>>()
        };
        assert!(told().await.is_empty());
        react(&alice, "👍").await;
        let heart = react(&bob, "❤️").await;
        assert_eq!(told().await, ["👍", "❤️"]);
        let snapshot = rooms.snapshot().await.unwrap();
        let event = rooms.event(snapshot.as_ref(), parent.nid).await.unwrap();
        let own = rooms.own_reaction(snapshot.as_ref(), &event, &bob, "❤️").await.unwrap();
        assert_eq!(own.unwrap().pdu().event_id(), heart);
        let none = rooms.own_reaction(snapshot.as_ref(), &event, &bob, "👍").await.unwrap();
        assert!(none.is_none());
        rooms.send(&room, redaction(&bob, &heart)).await.unwrap();
        assert_eq!(told().await, ["👍"]);
    }
}
