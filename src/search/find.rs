//! Searching: what can be asked and what is answered.

use std::ops::RangeInclusive;

use hearth_rooms::{Event, Room, Snapshot};
use ruma::{OwnedRoomId, OwnedUserId, UserId};

use crate::{
    Cursor, Excerpt, Has, Progress, Search, SearchError, SearchKey,
    content::{links, present_content},
    finding::Finding,
    limits::{GROUPS_MAX, NAMED_MAX, PAGE_HITS_MAX, TERM_BYTES_MAX},
};

/// The order of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// The best match first, of equal ones the newest.
    Rank,
    /// The newest first.
    Recent,
}

/// What a user looks for.
#[derive(Clone, Debug)]
pub struct SearchQuery<'a> {
    /// The user.
    pub user_id: &'a UserId,
    /// What they typed. Without it everything is found that `has` or `senders` ask for.
    pub term: &'a str,
    /// Whether words like those in the term will do: one letter wrong of four, two of eight.
    pub with_typos: bool,
    /// Where to look for it.
    pub keys: &'a [SearchKey],
    /// In which rooms; the rooms that these replaced are searched too.
    pub rooms: Option<&'a [OwnedRoomId]>,
    /// In which rooms not.
    pub not_rooms: &'a [OwnedRoomId],
    /// Only in rooms that the user is in now.
    pub only_joined: bool,
    /// Of which senders.
    pub senders: Option<&'a [OwnedUserId]>,
    /// Sent when, in Unix milliseconds.
    pub sent_ms: RangeInclusive<u64>,
    /// What messages have to have, all of it.
    pub has: &'a [Has],
    /// The order of the results.
    pub order: Order,
    /// How many results at most.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Cursor>,
}

impl<'a> SearchQuery<'a> {
    /// A search for messages everywhere, the newest first.
    #[must_use]
    pub const fn new(user_id: &'a UserId, term: &'a str) -> Self {
        Self {
            user_id,
            term,
            with_typos: false,
            keys: &[SearchKey::Body],
            rooms: None,
            not_rooms: &[],
            only_joined: false,
            senders: None,
            sent_ms: 0..=u64::MAX,
            has: &[],
            order: Order::Recent,
            limit: PAGE_HITS_MAX,
            after: None,
        }
    }

    /// Whether it is within the limits.
    fn check(&self) -> Result<(), SearchError> {
        let rooms = self.rooms.map_or(0, <[_]>::len).max(self.not_rooms.len());
        let senders = self.senders.map_or(0, <[_]>::len);
        for (field, length, max) in [
            ("term", self.term.len(), TERM_BYTES_MAX),
            ("rooms", rooms, NAMED_MAX),
            ("senders", senders, NAMED_MAX),
        ] {
            if length > max {
                return Err(SearchError::OverLimit { field, max });
            }
        }
        if self.after.is_some_and(|after| after.order != self.order) {
            return Err(SearchError::BadCursor);
        }
        Ok(())
    }
}

/// A result.
#[derive(Clone)]
pub struct Hit {
    /// The event.
    pub event: Event,
    /// The edit that has the text that matches, if it was edited.
    pub edit: Option<Event>,
    /// How well it matches, if that was asked for; the larger, the better.
    pub rank: f32,
    /// Its place among the results.
    pub cursor: Cursor,
    /// The part of its text that matches first.
    pub excerpt: Excerpt,
}

impl Hit {
    /// The web addresses in the message, in their order.
    #[must_use]
    pub fn links(&self) -> Vec<String> {
        links(&present_content(&self.event, self.edit.as_ref()))
    }
}

/// A page of results.
#[derive(Clone)]
pub struct SearchPage {
    /// The results in the order that was asked for.
    pub hits: Vec<Hit>,
    /// How many results there are on all pages. Of what was said before the user came, or after
    /// they left, only some is counted.
    pub count: u64,
    /// The words that were looked for, and what was found instead of them.
    pub highlights: Vec<String>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
    /// How far the index was. While it is not complete, there may be more to find.
    pub progress: Progress,
}

/// The results in a room.
#[derive(Clone)]
pub struct RoomResults {
    /// The room.
    pub room: Room,
    /// The first results in it, how many there are, and where to go on in this room alone.
    pub page: SearchPage,
}

/// A page of results by room.
#[derive(Clone)]
pub struct RoomsPage {
    /// The rooms in the order of their first results.
    pub rooms: Vec<RoomResults>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
    /// How far the index was.
    pub progress: Progress,
}

/// Decides beyond the query what is a result.
pub type Wanted<'a> = &'a (dyn Fn(&Event) -> bool + Sync);

impl Search {
    /// What a user finds. Everything that was committed before `snapshot` is found.
    ///
    /// # Errors
    /// [`SearchError::BadCursor`] if the place is one of another order, [`SearchError::OverLimit`],
    /// or the index or the store failed.
    pub async fn find(
        &self,
        snapshot: &dyn Snapshot,
        query: &SearchQuery<'_>,
        wanted: Wanted<'_>,
    ) -> Result<SearchPage, SearchError> {
        query.check()?;
        let mut finding = Finding::begin(self, snapshot, query).await?;
        let scope = finding.scope().clone();
        let limit = query.limit.clamp(1, PAGE_HITS_MAX);
        finding.page(scope, query.after, limit, wanted).await
    }

    /// What a user finds by room, up to `of_each` results of each. `query.limit` and
    /// `query.after` are of rooms.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub async fn find_by_room(
        &self,
        snapshot: &dyn Snapshot,
        query: &SearchQuery<'_>,
        of_each: usize,
        wanted: Wanted<'_>,
    ) -> Result<RoomsPage, SearchError> {
        query.check()?;
        let mut finding = Finding::begin(self, snapshot, query).await?;
        let best = finding.best_of_rooms().await?;
        let limit = query.limit.clamp(1, GROUPS_MAX);
        let more = best.len() > limit;
        let (mut rooms, mut next) = (Vec::new(), None);
        for (nid, cursor) in best.into_iter().take(limit) {
            let scope = finding.scope_of(nid);
            let of_each = of_each.clamp(1, PAGE_HITS_MAX);
            let page = finding.page(scope, None, of_each, wanted).await?;
            if !page.hits.is_empty() {
                let room = self.0.rooms.room_by_nid(snapshot, nid).await?;
                rooms.push(RoomResults { room, page });
            }
            next = Some(cursor).filter(|_| more);
        }
        Ok(RoomsPage { rooms, next, progress: finding.progress() })
    }
}
