//! What is told of an event's children with the event (specification, "Aggregations of child
//! events"): the latest edit, the references, the thread, and that it is not safe for work.
//!
//! Reactions are not aggregated by servers, and an edit does not replace the content of its
//! original: both are left to clients. Events without such children cost one look at a marker.

use std::collections::{HashMap, HashSet};

use hearth_base::{EventNid, StreamPosition};
use hearth_store::{Direction, Snapshot};
use ruma::{OwnedEventId, UserId};

use crate::{
    Event, Rooms, RoomsError, ThreadSummary, Visibility,
    relation::{RelatesTo, Relation, RelationKind},
    tables::RELATED,
};

/// Most edits of an event that are looked through for valid ones.
const EDITS_SEARCHED_MAX: usize = 1_000;
/// How many of the latest edits by position are compared by their time.
const EDITS_COMPARED_MAX: usize = 8;
/// Most references that are told with an event.
const REFERENCES_MAX: usize = 100;

/// What is told of the children of an event.
#[derive(Clone, Default)]
pub struct Aggregation {
    /// `m.replace`: the latest valid edit.
    pub edit: Option<Event>,
    /// `m.reference`: the events that refer to it.
    pub references: Vec<OwnedEventId>,
    /// `org.hearth.content_warning`: the latest mark that it is not safe for work.
    pub warning: Option<Event>,
    /// `m.thread`: the thread that begins here.
    pub thread: Option<AggregatedThread>,
}

/// What is told of the thread that begins at an event.
#[derive(Clone)]
pub struct AggregatedThread {
    /// The thread.
    pub summary: ThreadSummary,
    /// The latest valid edit of its latest reply.
    pub edit: Option<Event>,
    /// The latest mark that its latest reply is not safe for work.
    pub warning: Option<Event>,
}

impl Aggregation {
    fn is_empty(&self) -> bool {
        let Self { edit, references, warning, thread } = self;
        edit.is_none() && references.is_empty() && warning.is_none() && thread.is_none()
    }
}

impl Rooms {
    /// The aggregations of those of the events that have any, as far as the user may see them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn aggregations(
        &self,
        snapshot: &dyn Snapshot,
        events: &[Event],
        user_id: &UserId,
    ) -> Result<HashMap<EventNid, Aggregation>, RoomsError> {
        let parents = self.parents_among(snapshot, events).await?;
        let mut marked: Vec<_> =
            events.iter().filter(|event| parents.contains(&event.nid())).collect();
        marked.sort_by_key(|event| event.room());
        let mut aggregations = HashMap::with_capacity(marked.len());
        for of_room in marked.chunk_by(|a, b| a.room() == b.room()) {
            let Some(first) = of_room.first() else {
                continue;
            };
            let room = self.room_by_nid(snapshot, first.room()).await?;
            let mut visibility = self.visibility(snapshot, &room, user_id).await?;
            for event in of_room {
                let of_event = self.aggregation(snapshot, event, &mut visibility, user_id).await?;
                if !of_event.is_empty() {
                    aggregations.insert(event.nid(), of_event);
                }
            }
        }
        Ok(aggregations)
    }

    /// Those of the events that have, or had, edits, references or a thread.
    ///
    /// # Errors
    /// The store failed.
    pub async fn parents_among(
        &self,
        snapshot: &dyn Snapshot,
        events: &[Event],
    ) -> Result<HashSet<EventNid>, RoomsError> {
        let keys = events.iter().map(|event| (event.pdu().event_id(),));
        let marks = RELATED.get_many(snapshot, keys).await?;
        let marked = events.iter().zip(marks).filter(|(_, mark)| mark.is_some());
        Ok(marked.map(|(event, _)| event.nid()).collect())
    }

    async fn aggregation(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        visibility: &mut Visibility<'_>,
        user_id: &UserId,
    ) -> Result<Aggregation, RoomsError> {
        let thread = match self.thread_summary(snapshot, event, visibility, user_id).await? {
            Some(summary) => {
                let latest = &summary.latest;
                let edit = self.latest_edit(snapshot, latest, visibility).await?;
                let warning = self.latest_content_warning(snapshot, latest, visibility).await?;
                Some(AggregatedThread { summary, edit, warning })
            }
            None => None,
        };
        let references = self.references(snapshot, event, visibility).await?;
        // Marks are references, too.
        let warning = match references.is_empty() {
            true => None,
            false => self.latest_content_warning(snapshot, event, visibility).await?,
        };
        Ok(Aggregation {
            edit: self.latest_edit(snapshot, event, visibility).await?,
            references,
            warning,
            thread,
        })
    }

    /// The valid edit with the latest time, of two alike the one with the larger id
    /// (specification, "Validity of replacement events" and "Server-side aggregation of
    /// `m.replace` relationships").
    ///
    /// # Errors
    /// The store failed.
    pub async fn latest_edit(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        visibility: &mut Visibility<'_>,
    ) -> Result<Option<Event>, RoomsError> {
        if !may_be_edited(event) {
            return Ok(None);
        }
        let edits =
            self.latest_children(snapshot, event, RelationKind::Replacement, EDITS_SEARCHED_MAX);
        let by_sender = |edit: &Relation| {
            edit.sender == event.pdu().sender() && edit.event_type == event.pdu().type_name()
        };
        let mut valid = Vec::new();
        for (_, edit) in edits.await?.into_iter().filter(|(_, edit)| by_sender(edit)) {
            let edit = self.event(snapshot, edit.child).await?;
            if is_edit_of(&edit, event) && visibility.may_see(&edit).await? {
                valid.push(edit);
            }
            if valid.len() == EDITS_COMPARED_MAX {
                break;
            }
        }
        let key = |edit: &Event| (edit.pdu().origin_server_ts(), edit.pdu().event_id().to_owned());
        Ok(valid.into_iter().max_by_key(key))
    }

    /// The event of the same room that an edit wants to replace; `None` if `edit` is none.
    ///
    /// # Errors
    /// The store failed.
    pub async fn edited_by(
        &self,
        snapshot: &dyn Snapshot,
        edit: &Event,
    ) -> Result<Option<Event>, RoomsError> {
        let relates = RelatesTo::of(edit.pdu());
        let Some(relates) = relates.filter(|it| it.kind() == RelationKind::Replacement) else {
            return Ok(None);
        };
        let original = self.event_by_id(snapshot, &relates.event_id).await?;
        Ok(original.filter(|original| original.room() == edit.room()))
    }

    async fn references(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        visibility: &mut Visibility<'_>,
    ) -> Result<Vec<OwnedEventId>, RoomsError> {
        let kind = RelationKind::Reference;
        let rows = self.latest_children(snapshot, event, kind, REFERENCES_MAX).await?;
        let nids: Vec<_> = rows.into_iter().rev().map(|(_, row)| row.child).collect();
        let mut children = self.events(snapshot, &nids).await?;
        children.retain(|child| child.room() == event.room());
        let visible = visibility.filter(children).await?;
        Ok(visible.iter().map(|child| child.pdu().event_id().to_owned()).collect())
    }

    /// The latest children of one kind, the latest first.
    async fn latest_children(
        &self,
        snapshot: &dyn Snapshot,
        event: &Event,
        kind: RelationKind,
        limit: usize,
    ) -> Result<Vec<(StreamPosition, Relation)>, RoomsError> {
        let (parent, backward) = (event.pdu().event_id(), Direction::Backward);
        let span = (StreamPosition::MIN, snapshot.position());
        self.children(snapshot, parent, kind, span, backward, limit).await
    }
}

/// State events, edits and redacted events have no edits.
fn may_be_edited(event: &Event) -> bool {
    let is_edit = || {
        let relates = RelatesTo::of(event.pdu());
        relates.is_some_and(|relates| relates.kind() == RelationKind::Replacement)
    };
    !event.pdu().is_state() && event.redacted_by().is_none() && !is_edit()
}

/// Whether `edit`, a replacement of `event` with its sender and type, replaces anything. What an
/// encrypted event replaces is not for this server to know.
fn is_edit_of(edit: &Event, event: &Event) -> bool {
    #[derive(serde::Deserialize)]
    struct Content {
        #[serde(rename = "m.new_content")]
        _new_content: serde_json::Map<String, serde_json::Value>,
    }
    edit.room() == event.room()
        && !edit.pdu().is_state()
        && edit.redacted_by().is_none()
        && (edit.pdu().type_name() == "m.room.encrypted"
            || edit.pdu().content_as::<Content>().is_some())
}
