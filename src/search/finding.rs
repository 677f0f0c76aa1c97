//! One search: from matches of the index to events that the user may see.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hearth_base::{RoomNid, StreamPosition};
use hearth_rooms::Snapshot;
use tantivy::{collector::Collector, query::Query};

use crate::{
    Cursor, Hit, Progress, Search, SearchError, SearchPage, SearchQuery,
    best::BestOfRooms,
    content::{present_content, text_of},
    entry::key_of,
    excerpt::Excerpt,
    eyes::{Eyes, Seen},
    find::Wanted,
    limits::{HIGHLIGHTS_MAX, LOOKED_AT_MAX},
    query::{EqualWords, Phrases, restricted},
    scope::{Scope, scope_of},
    top::{Found, Match, Sieve, Top},
};

/// With more rooms than this, matches are judged by their room one after another: the index would
/// have to read all entries of the rooms.
const ROOM_TERMS_MAX: usize = 8;
/// How many matches are taken from the index at once.
const MATCHES_AT_ONCE: usize = LOOKED_AT_MAX / 8;

/// One search.
pub(crate) struct Finding<'a> {
    search: &'a Search,
    query: &'a SearchQuery<'a>,
    phrases: Phrases,
    scope: Scope,
    eyes: Eyes<'a>,
    progress: Progress,
    upto: StreamPosition,
}

impl<'a> Finding<'a> {
    /// Reads what is asked, and waits for the index to have what there is.
    pub(crate) async fn begin(
        search: &'a Search,
        snapshot: &'a dyn Snapshot,
        query: &'a SearchQuery<'a>,
    ) -> Result<Self, SearchError> {
        let phrases = Phrases::parse(query.term, query.with_typos);
        let names_something = !query.has.is_empty() || query.senders.is_some();
        let asks = !phrases.is_empty() || query.term.trim().is_empty() && names_something;
        let scope = if asks { scope_of(search, snapshot, query).await? } else { Scope::new() };
        let progress = search.0.follower.reach(snapshot.position()).await;
        let upto = query.after.map_or(snapshot.position(), |after| after.upto);
        let eyes = Eyes::new(&search.0.rooms, snapshot, query.user_id);
        Ok(Self { search, query, phrases, scope, eyes, progress, upto })
    }

    /// The rooms that are searched.
    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// One of them.
    pub(crate) fn scope_of(&self, room: RoomNid) -> Scope {
        self.scope.get(&room).map(|sure| (room, *sure)).into_iter().collect()
    }

    /// How far the index was.
    pub(crate) const fn progress(&self) -> Progress {
        self.progress
    }

    /// A page of results in some of the rooms.
    pub(crate) async fn page(
        &mut self,
        scope: Scope,
        after: Option<Cursor>,
        limit: usize,
        wanted: Wanted<'_>,
    ) -> Result<SearchPage, SearchError> {
        let mut page = SearchPage {
            hits: Vec::new(),
            count: 0,
            highlights: Vec::new(),
            next: None,
            progress: self.progress,
        };
        if !scope.is_empty() {
            self.fill(&mut page, scope, after, limit, wanted).await?;
        }
        let found = page.hits.iter().flat_map(|hit| hit.excerpt.matches());
        let highlights: BTreeSet<_> =
            self.phrases.highlights().chain(found.map(str::to_lowercase)).collect();
        page.highlights = highlights.into_iter().take(HIGHLIGHTS_MAX).collect();
        Ok(page)
    }

    async fn fill(
        &mut self,
        page: &mut SearchPage,
        scope: Scope,
        mut after: Option<Cursor>,
        limit: usize,
        wanted: Wanted<'_>,
    ) -> Result<(), SearchError> {
        let index_query = self.index_query(&scope);
        let sieve = self.sieve(scope);
        let (mut looked_at, mut is_counted) = (0, false);
        loop {
            let at_once = limit.max(MATCHES_AT_ONCE);
            let (order, sieve) = (self.query.order, Arc::clone(&sieve));
            let top = Top { order, sieve, before: after, limit: at_once };
            let Found { matches, sure, unsure } = self.ask(index_query.box_clone(), top).await?;
            if !is_counted {
                page.count = sure + self.count(&unsure).await?;
                is_counted = true;
            }
            let is_last = matches.len() < at_once;
            for one in matches {
                if page.hits.len() == limit || looked_at == LOOKED_AT_MAX {
                    page.next = after;
                    return Ok(());
                }
                (looked_at, after) = (looked_at + 1, Some(one.cursor));
                if let Some(seen) = self.eyes.see(&one).await?.filter(|seen| wanted(&seen.event)) {
                    page.hits.push(self.hit(&one, seen));
                }
            }
            if is_last {
                page.next = after.filter(|_| page.hits.len() == limit);
                return Ok(());
            }
        }
    }

    /// The best match of each room after the place to go on from, in their order.
    pub(crate) async fn best_of_rooms(&self) -> Result<Vec<(RoomNid, Cursor)>, SearchError> {
        if self.scope.is_empty() {
            return Ok(Vec::new());
        }
        let sieve = self.sieve(self.scope.clone());
        let best = BestOfRooms { order: self.query.order, sieve };
        let best: HashMap<_, _> = self.ask(self.index_query(&self.scope), best).await?;
        let is_after = |cursor: &Cursor| self.query.after.is_none_or(|after| *cursor < after);
        let mut best: Vec<_> = best.into_iter().filter(|(_, cursor)| is_after(cursor)).collect();
        best.sort_by_key(|(_, cursor)| Reverse(*cursor));
        Ok(best)
    }

    async fn count(&mut self, unsure: &[Match]) -> Result<u64, SearchError> {
        let mut count = 0;
        for one in unsure {
            count += u64::from(self.eyes.see(one).await?.is_some());
        }
        Ok(count)
    }

    fn hit(&self, one: &Match, seen: Seen) -> Hit {
        let Seen { event, edit } = seen;
        let content = present_content(&event, edit.as_ref());
        let text = key_of(&event).map_or("", |key| text_of(&content, key.content_field()));
        let excerpt = Excerpt::new(text, &self.phrases);
        Hit { event, edit, rank: one.rank, cursor: one.cursor, excerpt }
    }

    fn sieve(&self, scope: Scope) -> Arc<Sieve> {
        let sent_ms = self.query.sent_ms.clone();
        Arc::new(Sieve { rooms: Some(scope), sent_ms, upto: self.upto })
    }

    fn index_query(&self, scope: &Scope) -> Box<dyn Query> {
        let fields = self.search.0.index.fields();
        let texts: Vec<_> = self.query.keys.iter().map(|key| fields.text(*key)).collect();
        let mut sets: Vec<_> =
            self.query.has.iter().map(|has| vec![fields.has_term(*has)]).collect();
        if scope.len() <= ROOM_TERMS_MAX {
            sets.push(scope.keys().map(|room| fields.room_term(room.0)).collect());
        }
        if let Some(senders) = self.query.senders {
            sets.push(senders.iter().map(|user| fields.sender_term(user.as_str())).collect());
        }
        restricted(self.phrases.query(&texts), sets)
    }

    /// Asks the index, a few searches at a time. If it fails, it is looked at.
    async fn ask<C>(&self, query: Box<dyn Query>, collector: C) -> Result<C::Fruit, SearchError>
    where
        C: Collector + 'static,
    {
        let parts = &self.search.0;
        let turn = Arc::clone(&parts.turns).acquire_owned().await;
        let searcher = parts.index.searcher();
        let found = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            searcher.search_with_statistics_provider(&*query, &collector, &EqualWords)
        });
        let found = found.await.map_err(|error| SearchError::Index(error.to_string()));
        let found = found.and_then(|found| Ok(found?));
        if found.is_err() {
            parts.follower.suspect();
        }
        found
    }
}
