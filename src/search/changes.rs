//! From facts of the log to changes of the index.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hearth_base::{EventNid, StreamPosition};
use hearth_rooms::{Event, Rooms, RoomsError, Snapshot};
use hearth_store::Fact;
use ruma::room::JoinRuleKind;
use tantivy::{query::TermQuery, schema::IndexRecordOption};

use crate::{
    SearchError,
    entry::{changed_by, entry_of},
    index::{Change, Index},
    limits::LOOKED_AT_MAX,
    top::{Sieve, Top},
};

/// Reads what facts change, all as of one snapshot.
///
/// The snapshot has to stay the same from one commit of the index to the next: an entry that was
/// made and is not committed yet is then none of a redacted edit.
pub(crate) struct Reading<'a> {
    pub rooms: &'a Rooms,
    pub index: &'a Arc<Index>,
    pub snapshot: &'a dyn Snapshot,
}

impl Reading<'_> {
    /// What the facts after `after` change.
    pub(crate) async fn changes(
        &self,
        after: StreamPosition,
        facts: &[(StreamPosition, Fact)],
    ) -> Result<Vec<Change>, SearchError> {
        let new = self.new_events(facts).await?;
        let (mut touched, mut changes) = (BTreeSet::new(), Vec::new());
        for (_, fact) in facts {
            match fact {
                Fact::Event { event, .. } => {
                    if let Some(event) = new.get(event) {
                        touched.extend(changed_by(self.rooms, self.snapshot, event).await?);
                    }
                }
                Fact::Redacted { event, .. } => {
                    touched.insert(*event);
                    touched.extend(self.shown_by(*event).await?);
                }
                Fact::Erased { user } => changes.push(Change::RemoveSender(user.to_string())),
                _ => {}
            }
        }
        let mut events = Vec::with_capacity(touched.len());
        for nid in touched {
            match new.get(&nid) {
                Some(event) => events.push(event.clone()),
                None => match self.event(nid).await? {
                    Some(event) => events.push(event),
                    None => changes.push(Change::Remove(nid)),
                },
            }
        }
        self.compare(after, &events, &mut changes).await?;
        changes.extend(self.ended_rooms(facts).await?);
        Ok(changes)
    }

    /// The rooms that somebody left and that are over: nobody is in them, and nobody can come.
    async fn ended_rooms(
        &self,
        facts: &[(StreamPosition, Fact)],
    ) -> Result<Vec<Change>, SearchError> {
        let left: BTreeSet<_> = facts
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::Event { room, member: Some(_), .. } => Some(*room),
                _ => None,
            })
            .collect();
        let mut ended = Vec::new();
        for nid in left {
            let head = self.rooms.head(self.snapshot, nid).await?;
            if head.joined_members > 0 || head.invited_members > 0 {
                continue;
            }
            let room = self.rooms.room_by_nid(self.snapshot, nid).await?;
            let look = self.rooms.look(self.snapshot, &room, &head).await?;
            if look.join_rule == Some(JoinRuleKind::Invite) {
                ended.push(Change::RemoveRoom(nid));
            }
        }
        Ok(ended)
    }

    /// What the present entries of events change; those after `after` have none yet.
    async fn compare(
        &self,
        after: StreamPosition,
        events: &[Event],
        changes: &mut Vec<Change>,
    ) -> Result<(), SearchError> {
        let parents = self.rooms.parents_among(self.snapshot, events).await?;
        let senders = events.iter().map(|event| event.pdu().sender()).collect();
        let erased = self.rooms.erased_among(self.snapshot, &senders).await?;
        for event in events {
            let entry = match erased.contains(event.pdu().sender()) {
                true => None,
                false => {
                    let may_have_edits = parents.contains(&event.nid());
                    entry_of(self.rooms, self.snapshot, event, may_have_edits).await?
                }
            };
            let is_new = event.position() > after;
            changes.extend(match entry {
                Some(entry) if is_new => Some(Change::Add(entry)),
                Some(entry) => Some(Change::Put(entry)),
                None if is_new => None,
                None => Some(Change::Remove(event.nid())),
            });
        }
        Ok(())
    }

    /// The events that came with the facts and are not gone for good.
    async fn new_events(
        &self,
        facts: &[(StreamPosition, Fact)],
    ) -> Result<HashMap<EventNid, Event>, SearchError> {
        let nids: Vec<_> = facts
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::Event { event, .. } => Some(*event),
                _ => None,
            })
            .collect();
        let events = match self.rooms.events(self.snapshot, &nids).await {
            Ok(events) => events,
            Err(RoomsError::Corrupt(_)) => {
                let mut events = Vec::with_capacity(nids.len());
                for nid in nids {
                    events.extend(self.event(nid).await?);
                }
                events
            }
            Err(error) => return Err(error.into()),
        };
        Ok(events.into_iter().map(|event| (event.nid(), event)).collect())
    }

    /// The event, unless it is gone for good.
    async fn event(&self, nid: EventNid) -> Result<Option<Event>, SearchError> {
        match self.rooms.event(self.snapshot, nid).await {
            Ok(event) => Ok(Some(event)),
            Err(RoomsError::Corrupt(reason)) => {
                tracing::warn!(%reason, "an event is not indexed");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The events whose committed entries have the text of `edit`.
    async fn shown_by(&self, edit: EventNid) -> Result<Vec<EventNid>, SearchError> {
        let term = self.index.fields().edit_term(edit.0);
        let index = Arc::clone(self.index);
        let found = tokio::task::spawn_blocking(move || {
            let query = TermQuery::new(term, IndexRecordOption::Basic);
            let top = Top::newest(Arc::new(Sieve::everything()), LOOKED_AT_MAX);
            index.searcher().search(&query, &top)
        });
        let found = found.await.map_err(|error| SearchError::Index(error.to_string()))??;
        Ok(found.matches.into_iter().map(|one| one.event).collect())
    }
}
