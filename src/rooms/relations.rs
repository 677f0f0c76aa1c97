//! Pages of the events that relate to an event (specification, "Relationships API").

use hearth_base::{StreamPosition, limits::PAGE_EVENTS_MAX};
use hearth_store::{Direction, Snapshot};
use ruma::{EventId, OwnedEventId, UserId};

use crate::{
    Event, Room, Rooms, RoomsError, Side,
    relation::{RELATION_DEPTH_MAX, Relation, RelationKind},
};

/// How many children a page may pass over because the reader may not see or does not want them.
const SKIPPED_EVENTS_MAX: usize = 5_000;
/// Most events that are looked at when children of children are wanted, too.
const DESCENDANTS_MAX: usize = 1_000;

/// Which of the events that relate to an event are wanted.
#[derive(Clone, Debug)]
pub struct RelationQuery {
    /// Only those that relate in this way.
    pub rel_type: Option<String>,
    /// Only those of this event type.
    pub event_type: Option<String>,
    /// Where to begin; at the end that `direction` comes from if not given.
    pub from: Option<Side>,
    /// Where to stop.
    pub to: Option<Side>,
    /// Oldest first or newest first.
    pub direction: Direction,
    /// How many.
    pub limit: usize,
    /// Whether the children of children are wanted, too, down to
    /// [`RelationPage::recursion_depth`]; of very many descendants the newest ones.
    pub recurse: bool,
}

/// Some of the events that relate to an event.
#[derive(Clone)]
pub struct RelationPage {
    /// The events in the order of the reading.
    pub events: Vec<Event>,
    /// Where to go on; `None` at the end.
    pub next: Option<Side>,
    /// How deep children of children were looked for, if they were.
    pub recursion_depth: Option<usize>,
}

/// A child with its place in the order.
type Child = (StreamPosition, Relation);

impl RelationQuery {
    /// The positions in question: after the first, up to the second.
    fn span(&self, snapshot: &dyn Snapshot) -> (StreamPosition, StreamPosition) {
        let (older, newer) = match self.direction {
            Direction::Forward => (self.from, self.to),
            Direction::Backward => (self.to, self.from),
        };
        let newest = snapshot.position();
        (
            older.map_or(StreamPosition::MIN, |side| side.0),
            newer.map_or(newest, |side| side.0.min(newest)),
        )
    }

    fn wants(&self, child: &Relation) -> bool {
        self.rel_type.as_ref().is_none_or(|rel_type| *rel_type == child.rel_type)
            && self.event_type.as_ref().is_none_or(|event_type| *event_type == child.event_type)
    }

    fn sort(&self, children: &mut [Child]) {
        children.sort_by_key(|(position, _)| *position);
        if self.direction == Direction::Backward {
            children.reverse();
        }
    }

    /// What remains of a span on the far side of a child.
    fn rest(
        &self,
        (after, upto): (StreamPosition, StreamPosition),
        child: StreamPosition,
    ) -> (StreamPosition, StreamPosition) {
        match self.direction {
            Direction::Forward => (child, upto),
            Direction::Backward => (after, child.previous()),
        }
    }

    /// Where a page goes on that has this much left.
    fn next(&self, (after, upto): (StreamPosition, StreamPosition)) -> Side {
        match self.direction {
            Direction::Forward => Side(after),
            Direction::Backward => Side(upto),
        }
    }
}

impl Rooms {
    /// A page of the events that relate to `parent`, as far as the user may see them.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] if the user may not see the parent, or the store failed.
    pub async fn relations(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
        parent: &EventId,
        query: &RelationQuery,
    ) -> Result<RelationPage, RoomsError> {
        let parent = self.visible_event(snapshot, room, parent, user_id).await?;
        let parent = parent.pdu().event_id();
        let descendants = match query.recurse {
            true => Some(self.descendants(snapshot, parent, query).await?),
            false => None,
        };
        let limit = query.limit.clamp(1, PAGE_EVENTS_MAX);
        let recursion_depth = query.recurse.then_some(RELATION_DEPTH_MAX);
        let mut visibility = self.visibility(snapshot, room, user_id).await?;
        let (mut span, mut skipped, mut events) = (query.span(snapshot), 0, Vec::new());
        loop {
            let wish = limit + 1 - events.len();
            let found = match &descendants {
                Some(all) => within(all, span, wish),
                None => self.direct_children(snapshot, parent, query, span, wish).await?,
            };
            let exhausted = found.len() < wish;
            for (position, child) in found {
                if events.len() == limit || skipped == SKIPPED_EVENTS_MAX {
                    let next = Some(query.next(span));
                    return Ok(RelationPage { events, next, recursion_depth });
                }
                span = query.rest(span, position);
                let event = match query.wants(&child) {
                    true => Some(self.event(snapshot, child.child).await?),
                    false => None,
                };
                match event {
                    Some(event)
                        if event.room() == room.nid() && visibility.may_see(&event).await? =>
                    {
                        events.push(event);
                    }
                    _ => skipped += 1,
                }
            }
            if exhausted {
                return Ok(RelationPage { events, next: None, recursion_depth });
            }
        }
    }

    /// The first `limit` children of a span, of the kinds that are wanted.
    async fn direct_children(
        &self,
        snapshot: &dyn Snapshot,
        parent: &EventId,
        query: &RelationQuery,
        span: (StreamPosition, StreamPosition),
        limit: usize,
    ) -> Result<Vec<Child>, RoomsError> {
        let wanted = query.rel_type.as_deref().map(RelationKind::of);
        let mut children = Vec::new();
        for kind in RelationKind::ALL {
            if wanted.is_none_or(|wanted| wanted == kind) {
                let direction = query.direction;
                let found = self.children(snapshot, parent, kind, span, direction, limit);
                children.extend(found.await?);
            }
        }
        query.sort(&mut children);
        children.truncate(limit);
        Ok(children)
    }

    /// The children of an event and theirs, level by level, in the order of the query.
    async fn descendants(
        &self,
        snapshot: &dyn Snapshot,
        parent: &EventId,
        query: &RelationQuery,
    ) -> Result<Vec<Child>, RoomsError> {
        // A parent is older than its children, so nothing above the page leads to anything in it.
        let (_, upto) = query.span(snapshot);
        let everything = RelationQuery {
            rel_type: None,
            event_type: None,
            direction: Direction::Backward,
            ..query.clone()
        };
        let mut parents: Vec<OwnedEventId> = vec![parent.to_owned()];
        let mut all: Vec<Child> = Vec::new();
        for _ in 0..RELATION_DEPTH_MAX {
            let level = all.len();
            for parent in std::mem::take(&mut parents) {
                let span = (StreamPosition::MIN, upto);
                let room = DESCENDANTS_MAX.saturating_sub(all.len());
                if room == 0 {
                    break;
                }
                let found = self.direct_children(snapshot, &parent, &everything, span, room);
                all.extend(found.await?);
            }
            let nids: Vec<_> = all.iter().skip(level).map(|(_, child)| child.child).collect();
            let events = self.events(snapshot, &nids).await?;
            parents.extend(events.iter().map(|event| event.pdu().event_id().to_owned()));
        }
        query.sort(&mut all);
        Ok(all)
    }
}

/// The first `limit` of sorted children that are within a span.
fn within(
    children: &[Child],
    (after, upto): (StreamPosition, StreamPosition),
    limit: usize,
) -> Vec<Child> {
    let is_within = |(position, _): &&Child| *position > after && *position <= upto;
    children.iter().filter(is_within).take(limit).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{join, message, public_room, redaction, relating, rooms, user};

    fn query(rel_type: Option<&str>, direction: Direction, limit: usize) -> RelationQuery {
        RelationQuery {
            rel_type: rel_type.map(str::to_owned),
            event_type: None,
            from: None,
            to: None,
            direction,
            limit,
            recurse: false,
        }
    }

    struct Story {
        rooms: Rooms,
        room: Room,
        user_id: ruma::OwnedUserId,
        root: OwnedEventId,
    }

    impl Story {
        async fn new() -> Self {
            let (rooms, user_id) = (rooms(), user("alice"));
            let room = public_room(&rooms, &user_id).await;
            let root = rooms.send(&room, message(&user_id, "root")).await.unwrap().event_id;
            Self { rooms, room, user_id, root }
        }

        async fn relate(&self, rel_type: &str, parent: &EventId) -> OwnedEventId {
            let child = relating(&self.user_id, rel_type, parent);
            self.rooms.send(&self.room, child).await.unwrap().event_id
        }

        async fn page(&self, query: &RelationQuery) -> (Vec<OwnedEventId>, Option<Side>) {
            let Self { rooms, room, user_id, root } = self;
            let snapshot = rooms.snapshot().await.unwrap();
            let page = rooms.relations(snapshot.as_ref(), room, user_id, root, query);
            let page = page.await.unwrap();
            let ids = page.events.iter().map(|event| event.pdu().event_id().to_owned());
            (ids.collect(), page.next)
        }
    }

    #[tokio::test]
    async fn pages_meet_without_gap_or_overlap_in_both_directions() {
        let story = Story::new().await;
        let mut children = Vec::new();
        for rel_type in ["m.thread", "m.reference", "org.example", "m.thread", "m.replace"] {
            children.push(story.relate(rel_type, &story.root).await);
        }
        for direction in [Direction::Forward, Direction::Backward] {
            let mut query = query(None, direction, 2);
            let mut read = Vec::new();
            loop {
                let (ids, next) = story.page(&query).await;
                read.extend(ids);
                query.from = next;
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(read, children, "{direction:?}");
            children.reverse();
        }
    }

    #[tokio::test]
    async fn a_filter_and_a_redaction_leave_children_out() {
        let story = Story::new().await;
        let reply = story.relate("m.thread", &story.root).await;
        story.relate("org.example", &story.root).await;
        let gone = story.relate("m.thread", &story.root).await;
        let redaction = redaction(&story.user_id, &gone);
        story.rooms.send(&story.room, redaction).await.unwrap();
        let mut query = query(Some("m.thread"), Direction::Backward, 10);
        assert_eq!(story.page(&query).await, (vec![reply], None));
        query.event_type = Some("m.reaction".to_owned());
        assert_eq!(story.page(&query).await, (vec![], None));
    }

    #[tokio::test]
    async fn children_of_children_come_when_asked_for() {
        let story = Story::new().await;
        let reply = story.relate("m.thread", &story.root).await;
        let edit = story.relate("m.replace", &reply).await;
        let deeper = story.relate("m.reference", &edit).await;
        story.relate("m.reference", &deeper).await;
        let mut query = query(None, Direction::Forward, 10);
        assert_eq!(story.page(&query).await.0, std::slice::from_ref(&reply));
        query.recurse = true;
        assert_eq!(story.page(&query).await.0, [reply, edit.clone(), deeper]);
        query.rel_type = Some("m.replace".to_owned());
        assert_eq!(story.page(&query).await.0, [edit]);
    }

    #[tokio::test]
    async fn the_parent_must_be_visible() {
        let story = Story::new().await;
        let (bob, query) = (user("bob"), query(None, Direction::Forward, 10));
        let look = async || {
            let snapshot = story.rooms.snapshot().await.unwrap();
            let (room, root) = (&story.room, &story.root);
            let page = story.rooms.relations(snapshot.as_ref(), room, &bob, root, &query);
            page.await.map(|page| page.events.len())
        };
        assert!(matches!(look().await, Err(RoomsError::NotFound(_))));
        join(&story.rooms, &story.room, &bob).await.unwrap();
        assert_eq!(look().await.unwrap(), 0);
    }
}
