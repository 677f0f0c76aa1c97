//! Searching: from matches of the index to events that the user may see.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use hearth_base::{EventNid, RoomNid};
use hearth_rooms::{Event, RoomsError, Snapshot, Visibility};
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId, events::StateEventType};
use serde::Deserialize;
use tantivy::query::{Occur, Query};

use crate::{
    Cursor, Search, SearchError, SearchKey,
    limits::{LOOKED_AT_MAX, PAGE_HITS_MAX, PREDECESSORS_MAX},
    query::{Phrases, Restriction, restricted},
    top::{Found, Match, Top},
};

/// The order of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// The best match first.
    Rank,
    /// The newest first.
    Recent,
}

/// What a user looks for.
#[derive(Clone, Debug)]
pub struct SearchQuery<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// What they typed.
    pub term: &'a str,
    /// Where to look for it.
    pub keys: &'a [SearchKey],
    /// In which rooms; the rooms that these replaced are searched too.
    pub rooms: Option<&'a [OwnedRoomId]>,
    /// In which rooms not.
    pub not_rooms: &'a [OwnedRoomId],
    /// Of which senders.
    pub senders: Option<&'a [OwnedUserId]>,
    /// The order of the results.
    pub order: Order,
    /// How many results at most.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

/// A result.
#[derive(Clone)]
pub struct Hit {
    /// The event.
    pub event: Event,
    /// How well it matches, if that was asked for; the larger, the better.
    pub rank: f32,
    /// Its place among the results.
    pub cursor: Cursor,
}

/// A page of results.
#[derive(Clone, Default)]
pub struct SearchPage {
    /// The results in the order that was asked for.
    pub hits: Vec<Hit>,
    /// About how many results there are on all pages.
    pub count: u64,
    /// The words that were looked for.
    pub highlights: Vec<String>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

#[derive(Deserialize)]
struct CreateContent {
    predecessor: Predecessor,
}

#[derive(Deserialize)]
struct Predecessor {
    room_id: OwnedRoomId,
}

impl Search {
    /// What a user finds. Everything that was committed before `snapshot` is found.
    ///
    /// # Errors
    /// [`SearchError::BadCursor`] if the place is one of another order, or the index or the store
    /// failed.
    pub async fn find(
        &self,
        snapshot: &dyn Snapshot,
        query: &SearchQuery<'_>,
        wanted: &(dyn Fn(&Event) -> bool + Sync),
    ) -> Result<SearchPage, SearchError> {
        if query.after.is_some_and(|after| after.order != query.order) {
            return Err(SearchError::BadCursor);
        }
        let phrases = Phrases::parse(query.term);
        let rooms = self.rooms_of(snapshot, query).await?;
        if phrases.is_empty() || rooms.is_empty() {
            return Ok(SearchPage { highlights: phrases.highlights(), ..SearchPage::default() });
        }
        self.0.follower.reach(snapshot.position()).await;

        let index_query = self.index_query(query, &phrases, &rooms);
        let limit = query.limit.clamp(1, PAGE_HITS_MAX);
        let mut eyes = Eyes { search: self, snapshot, user_id: query.user_id, of: HashMap::new() };
        let mut page = SearchPage { highlights: phrases.highlights(), ..SearchPage::default() };
        let (mut looked_at, mut after) = (0, query.after);
        loop {
            let top =
                Top { order: query.order, before: after, limit: limit.max(LOOKED_AT_MAX / 8) };
            let Found { matches, count } = self.matches(index_query.box_clone(), top).await?;
            page.count = count;
            let exhausted = matches.len() < top.limit;
            for one in matches {
                if page.hits.len() == limit || looked_at == LOOKED_AT_MAX {
                    page.next = after;
                    return Ok(page);
                }
                (looked_at, after) = (looked_at + 1, Some(one.cursor));
                if let Some(event) = eyes.see(&one).await?.filter(wanted) {
                    page.hits.push(Hit { event, rank: one.rank, cursor: one.cursor });
                }
            }
            if exhausted {
                page.next = after.filter(|_| page.hits.len() == limit);
                return Ok(page);
            }
        }
    }

    fn index_query(
        &self,
        query: &SearchQuery<'_>,
        phrases: &Phrases,
        rooms: &BTreeSet<RoomNid>,
    ) -> Box<dyn Query> {
        let fields = self.0.index.fields();
        let texts: Vec<_> = query.keys.iter().map(|key| fields.text(*key)).collect();
        let terms = rooms.iter().map(|room| fields.room_term(room.0)).collect();
        let mut restrictions = vec![Restriction { occur: Occur::Must, terms }];
        if let Some(senders) = query.senders {
            let terms = senders.iter().map(|user| fields.sender_term(user.as_str())).collect();
            restrictions.push(Restriction { occur: Occur::Must, terms });
        }
        restricted(phrases.query(&texts), restrictions)
    }

    async fn matches(&self, query: Box<dyn Query>, top: Top) -> Result<Found, SearchError> {
        let searcher = self.0.index.searcher();
        let found = tokio::task::spawn_blocking(move || searcher.search(&*query, &top));
        Ok(found.await.map_err(|error| SearchError::Index(error.to_string()))??)
    }

    /// The rooms whose history the user may read some of, as far as they are asked for.
    async fn rooms_of(
        &self,
        snapshot: &dyn Snapshot,
        query: &SearchQuery<'_>,
    ) -> Result<BTreeSet<RoomNid>, SearchError> {
        let memberships = self.0.rooms.memberships(snapshot, query.user_id).await?;
        let was_there = memberships.into_iter().filter(|(_, row)| {
            row.value.last_joined(row.position).is_some() && !row.value.forgotten
        });
        let mut rooms: BTreeSet<_> = was_there.map(|(room, _)| room).collect();
        if let Some(wanted) = query.rooms {
            let mut listed = BTreeSet::new();
            for room_id in wanted {
                self.add_with_predecessors(snapshot, room_id, &mut listed).await?;
            }
            rooms.retain(|room| listed.contains(room));
        }
        for room_id in query.not_rooms {
            if let Some(room) = self.0.rooms.room(room_id).await? {
                rooms.remove(&room.nid());
            }
        }
        Ok(rooms)
    }

    async fn add_with_predecessors(
        &self,
        snapshot: &dyn Snapshot,
        room_id: &RoomId,
        listed: &mut BTreeSet<RoomNid>,
    ) -> Result<(), SearchError> {
        let rooms = &self.0.rooms;
        let mut next = Some(room_id.to_owned());
        for _ in 0..=PREDECESSORS_MAX {
            let Some(room_id) = next else { break };
            let Some(room) = rooms.room(&room_id).await? else { break };
            if !listed.insert(room.nid()) {
                break;
            }
            let head = rooms.head(snapshot, room.nid()).await?;
            let (nid, key) = (room.nid(), StateEventType::RoomCreate);
            let create = rooms.state_event(snapshot, nid, head.state, key, "").await?;
            let content = create.and_then(|event| event.pdu().content_as::<CreateContent>());
            next = content.map(|content| content.predecessor.room_id);
        }
        Ok(())
    }
}

/// One user's eyes on all rooms.
struct Eyes<'a> {
    search: &'a Search,
    snapshot: &'a dyn Snapshot,
    user_id: &'a UserId,
    of: HashMap<RoomNid, Visibility<'a>>,
}

impl Eyes<'_> {
    /// The event of a match, if the user may see it, and the edit that matches.
    async fn see(&mut self, one: &Match) -> Result<Option<Event>, SearchError> {
        let Some(event) = self.visible(one.event).await? else {
            return Ok(None);
        };
        match one.edit {
            Some(edit) if self.visible(edit).await?.is_none() => Ok(None),
            _ => Ok(Some(event)),
        }
    }

    async fn visible(&mut self, nid: EventNid) -> Result<Option<Event>, SearchError> {
        let rooms = &self.search.0.rooms;
        let event = match rooms.event(self.snapshot, nid).await {
            Ok(event) => event,
            // It is gone for good, and the index has not heard of it yet.
            Err(RoomsError::Corrupt(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if event.redacted_by().is_some() {
            return Ok(None);
        }
        let visibility = match self.of.entry(event.room()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let room = rooms.room_by_nid(self.snapshot, event.room()).await?;
                unknown.insert(rooms.visibility(self.snapshot, &room, self.user_id).await?)
            }
        };
        Ok(visibility.may_see(&event).await?.then_some(event))
    }
}
