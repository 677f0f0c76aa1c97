//! Events that relate to another event of their room (specification, "Forming relationships
//! between events"): reactions, edits, references, thread replies.
//!
//! The index has exactly the children that are not redacted. A bare `m.in_reply_to` is no
//! relation. What is told of children with their parent is in [`crate::aggregation`].

use hearth_base::{EventNid, StreamPosition, limits::STORE_PAGE_ROWS_MAX};
use hearth_rules::Pdu;
use hearth_store::{Batch, Direction, Fact, Pending, Snapshot};
use ruma::{EventId, OwnedEventId, OwnedUserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Event, Rooms, RoomsError,
    decide::Group,
    tables::{RELATED, RELATIONS},
};

/// How many relations lie between an event and the one that says which thread it is in.
pub(crate) const RELATION_DEPTH_MAX: usize = 3;
/// Most annotations of an event that are looked through for a repeated one.
const ANNOTATIONS_COMPARED_MAX: usize = 5 * STORE_PAGE_ROWS_MAX;

/// The relation types that this server knows; the numbers are part of the stored format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum RelationKind {
    /// `m.annotation`: a reaction.
    Annotation = 1,
    /// `m.reference`.
    Reference = 2,
    /// `m.replace`: an edit.
    Replacement = 3,
    /// `m.thread`: a reply in a thread.
    Thread = 4,
    /// Anything else.
    Other = 255,
}

impl RelationKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 5] =
        [Self::Annotation, Self::Reference, Self::Replacement, Self::Thread, Self::Other];

    /// The kind of a relation type.
    pub(crate) fn of(rel_type: &str) -> Self {
        match rel_type {
            "m.annotation" => Self::Annotation,
            "m.reference" => Self::Reference,
            "m.replace" => Self::Replacement,
            "m.thread" => Self::Thread,
            _ => Self::Other,
        }
    }

    /// The kind as part of a key.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// Whether a parent is told with its children of this kind.
    const fn is_aggregated(self) -> bool {
        matches!(self, Self::Reference | Self::Replacement | Self::Thread)
    }
}

/// A child of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// The child.
    pub child: EventNid,
    /// How it relates to its parent.
    pub rel_type: String,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// Its event type.
    pub event_type: String,
    /// What an annotation says.
    pub key: Option<String>,
}

/// What an event says of its parent; encrypted events say it in clear, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelatesTo {
    /// How it relates to it.
    pub(crate) rel_type: String,
    /// The parent.
    pub(crate) event_id: OwnedEventId,
    /// What an annotation says.
    pub(crate) key: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "m.relates_to")]
    relates_to: ContentRelatesTo,
}

#[derive(Deserialize)]
struct ContentRelatesTo {
    rel_type: String,
    event_id: OwnedEventId,
    key: Option<Value>,
}

impl RelatesTo {
    /// The relation of an event; `None` if it has none, or a malformed one.
    pub(crate) fn of(pdu: &Pdu) -> Option<Self> {
        // Canonical JSON spells a field in one way only, so most contents are not parsed.
        if !pdu.content().get().contains("\"m.relates_to\":") {
            return None;
        }
        let ContentRelatesTo { rel_type, event_id, key } = pdu.content_as::<Content>()?.relates_to;
        let key = key.and_then(|key| key.as_str().map(str::to_owned));
        Some(Self { rel_type, event_id, key })
    }

    /// The kind of relation.
    pub(crate) fn kind(&self) -> RelationKind {
        RelationKind::of(&self.rel_type)
    }

    /// Whether this is a reply in the thread of `root`.
    pub(crate) fn is_in_thread(&self, root: &EventId) -> bool {
        self.kind() == RelationKind::Thread && self.event_id == root
    }

    /// Whether this is the annotation `key` of `parent`.
    fn annotates(&self, parent: &EventId, key: Option<&str>) -> bool {
        self.kind() == RelationKind::Annotation
            && self.event_id == parent
            && self.key.as_deref() == key
    }
}

impl Group<'_> {
    /// Refuses what a user of this server must not relate to: an event that the room does not
    /// have, and as the root of a thread one that relates to another itself.
    ///
    /// # Errors
    /// [`RoomsError::BadRequest`] says why, or the store failed.
    pub(crate) async fn check_relation(&self, pdu: &Pdu) -> Result<(), RoomsError> {
        let Some(relates) = RelatesTo::of(pdu) else {
            return Ok(());
        };
        let parent = self.related_event(&relates).await?;
        let parent = parent.ok_or_else(|| {
            RoomsError::BadRequest("the room has no event that this one could relate to".to_owned())
        })?;
        let is_thread = relates.kind() == RelationKind::Thread;
        if is_thread && RelatesTo::of(parent.pdu()).is_some() {
            let reason = "a thread cannot begin at an event that relates to another one";
            return Err(RoomsError::BadRequest(reason.to_owned()));
        }
        Ok(())
    }

    /// Whether the sender has annotated the same event with the same key before: that is refused
    /// with `M_DUPLICATE_ANNOTATION`.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn repeats_annotation(&self, pdu: &Pdu) -> Result<bool, RoomsError> {
        let Some(relates) = RelatesTo::of(pdu) else {
            return Ok(false);
        };
        if relates.kind() != RelationKind::Annotation {
            return Ok(false);
        }
        let (parent, key) = (&*relates.event_id, relates.key.as_deref());
        let is_same = |new: &Event| {
            new.pdu().sender() == pdu.sender()
                && new.pdu().type_name() == pdu.type_name()
                && RelatesTo::of(new.pdu()).is_some_and(|other| other.annotates(parent, key))
        };
        let mut new = self.tentative.events.values();
        if new.any(|new| !self.tentative.redacted.contains(&new.event.nid()) && is_same(&new.event))
        {
            return Ok(true);
        }
        self.has_annotated(pdu, parent, key).await
    }

    async fn has_annotated(
        &self,
        pdu: &Pdu,
        parent: &EventId,
        key: Option<&str>,
    ) -> Result<bool, RoomsError> {
        let kind = RelationKind::Annotation.number();
        let mut range = RELATIONS.prefix(&(parent, kind));
        let mut compared = 0;
        while compared < ANNOTATIONS_COMPARED_MAX {
            let (snapshot, limit) = (self.snapshot.as_ref(), STORE_PAGE_ROWS_MAX);
            let rows = RELATIONS.scan(snapshot, &range, Direction::Forward, limit).await?;
            compared += rows.len();
            let is_same = |row: &Relation| {
                row.sender == pdu.sender()
                    && row.event_type == pdu.type_name()
                    && row.key.as_deref() == key
                    && !self.tentative.redacted.contains(&row.child)
            };
            if rows.iter().any(|(_, row)| is_same(row)) {
                return Ok(true);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == limit => {
                    range = RELATIONS.after(&(parent, kind), last);
                }
                _ => return Ok(false),
            }
        }
        Ok(false)
    }

    /// Adds an event to its parent's children, if it has a parent.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn index_relation(
        &mut self,
        batch: &mut Batch,
        pending: Pending,
        event: &Event,
    ) -> Result<(), RoomsError> {
        let Some(relates) = RelatesTo::of(event.pdu()) else {
            return Ok(());
        };
        self.index_content_warning(batch, pending, event, &relates).await?;
        let kind = relates.kind();
        let row = Relation {
            child: event.nid(),
            sender: event.pdu().sender().to_owned(),
            event_type: event.pdu().type_name().to_owned(),
            key: relates.key.filter(|_| kind == RelationKind::Annotation),
            rel_type: relates.rel_type,
        };
        let parent = relates.event_id;
        RELATIONS.put(batch, &(&*parent, kind.number(), pending), &row)?;
        if kind.is_aggregated() {
            RELATED.put(batch, &(&*parent,), &())?;
        }
        if kind == RelationKind::Thread {
            self.join_thread(batch, pending, event, parent).await?;
        }
        Ok(())
    }

    /// Takes an event that is about to lose its content from its parent's children.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn unindex_relation(
        &mut self,
        batch: &mut Batch,
        target: &Event,
    ) -> Result<(), RoomsError> {
        let Some(relates) = RelatesTo::of(target.pdu()) else {
            return Ok(());
        };
        let (parent, kind) = (&*relates.event_id, relates.kind());
        match self.tentative.events.get(&target.nid()) {
            Some(new) => RELATIONS.delete(batch, &(parent, kind.number(), new.pending)),
            None => RELATIONS.delete(batch, &(parent, kind.number(), target.position())),
        }
        let warned = self.unindex_content_warning(batch, target, &relates).await?;
        if warned || matches!(kind, RelationKind::Annotation | RelationKind::Replacement) {
            batch.fact(Fact::RelationRemoved {
                room: self.room.nid(),
                parent: relates.event_id.clone(),
                rel_type: relates.rel_type.clone(),
                key: relates.key.clone(),
                sender: target.pdu().sender().to_owned(),
            });
        }
        if kind == RelationKind::Thread {
            self.leave_thread(batch, target, relates.event_id).await?;
        }
        Ok(())
    }

    /// The parent, if the room has it.
    pub(crate) async fn related_event(
        &self,
        relates: &RelatesTo,
    ) -> Result<Option<Event>, RoomsError> {
        let parent = match self.tentative.event_nids.get(&relates.event_id) {
            Some(nid) => Some(self.event(*nid).await?),
            None => {
                let snapshot = self.snapshot.as_ref();
                self.rooms.event_by_id(snapshot, &relates.event_id).await?
            }
        };
        Ok(parent.filter(|parent| parent.room() == self.room.nid()))
    }
}

impl Rooms {
    /// The root of the thread that an event is in, itself or through the event that it relates
    /// to; `None` for events of the main timeline, roots included (specification, "Threading").
    ///
    /// # Errors
    /// The store failed.
    pub async fn thread_of(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
    ) -> Result<Option<OwnedEventId>, RoomsError> {
        let mut event = event.clone();
        for _ in 0..RELATION_DEPTH_MAX {
            let Some(relates) = RelatesTo::of(event.pdu()) else {
                return Ok(None);
            };
            if relates.kind() == RelationKind::Thread {
                return Ok(Some(relates.event_id));
            }
            match self.event_by_id(snapshot, &relates.event_id).await? {
                Some(parent) if parent.room() == event.room() => event = parent,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Children of one kind between `after` (excluded) and `upto` (included), from either end.
    pub(crate) async fn children(
        &self,
        snapshot: &dyn Snapshot,
        parent: &EventId,
        kind: RelationKind,
        (after, upto): (StreamPosition, StreamPosition),
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(StreamPosition, Relation)>, RoomsError> {
        let kind = kind.number();
        let range = RELATIONS.between(&(parent, kind, after.next()), &(parent, kind, upto.next()));
        let rows = RELATIONS.scan(snapshot, &range, direction, limit).await?;
        Ok(rows.into_iter().map(|((_, _, position), row)| (position, row)).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{event, message, public_room, redaction, relating, rooms, user};

    #[tokio::test]
    async fn a_reaction_counts_once_until_it_is_redacted() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        crate::testing::join(&rooms, &room, &bob).await.unwrap();
        let parent = rooms.send(&room, message(&alice, "1")).await.unwrap().event_id;
        let reaction = |sender, key| {
            let relates = json!({ "rel_type": "m.annotation", "event_id": parent, "key": key });
            event(sender, "m.reaction", None, json!({ "m.relates_to": relates }))
        };
        let repeats = async |nid| {
            let group = Group::open(&rooms, &room).await.unwrap();
            let event = group.event(nid).await.unwrap();
            group.repeats_annotation(event.pdu()).await.unwrap()
        };
        let first = rooms.send(&room, reaction(&alice, "a")).await.unwrap();
        assert!(repeats(first.nid).await);
        rooms.send(&room, redaction(&alice, &first.event_id)).await.unwrap();
        let other = rooms.send(&room, reaction(&alice, "b")).await.unwrap();
        let of_bob = rooms.send(&room, reaction(&bob, "a")).await.unwrap();
        assert!(repeats(other.nid).await && repeats(of_bob.nid).await);
        let snapshot = rooms.snapshot().await.unwrap();
        let kind = RelationKind::Annotation;
        let span = (StreamPosition::MIN, snapshot.position());
        let left = rooms.children(snapshot.as_ref(), &parent, kind, span, Direction::Forward, 9);
        let left: Vec<_> = left.await.unwrap().into_iter().map(|(_, row)| row.child).collect();
        assert_eq!(left, [other.nid, of_bob.nid]);
    }

    #[tokio::test]
    async fn what_the_room_does_not_have_has_no_children() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let other = public_room(&rooms, &user("bob")).await;
        let root = rooms.send(&room, message(&alice, "root")).await.unwrap().event_id;
        let reply = rooms.send(&room, relating(&alice, "m.thread", &root)).await.unwrap();
        let snapshot = rooms.snapshot().await.unwrap();
        let reply = rooms.event(snapshot.as_ref(), reply.nid).await.unwrap();
        let here = Group::open(&rooms, &room).await.unwrap();
        here.check_relation(reply.pdu()).await.unwrap();
        let there = Group::open(&rooms, &other).await.unwrap();
        let refused = there.check_relation(reply.pdu()).await.unwrap_err();
        assert!(matches!(refused, RoomsError::BadRequest(_)));
    }
}
