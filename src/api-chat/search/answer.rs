//! What a search tells of the messages that it found.

use std::collections::BTreeSet;

use hearth_rooms::{Event, Room, Snapshot};
use hearth_search::{Fragment, Hit, Progress, SearchError, Wanted};
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Caller, ChatApi, Problem,
    views::{Message, MessageViews, is_further_file},
};

/// A message that was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchResult {
    /// The message.
    message: Message,
    /// The part of it that matches first, in pieces.
    excerpt: Vec<ExcerptPart>,
    /// How well it matches: the more, the better. Only when sorted by relevance.
    relevance: Option<f32>,
    /// The message before it, if neighbours are wanted.
    previous: Option<Message>,
    /// The message after it, if neighbours are wanted.
    next: Option<Message>,
}

/// Part of an excerpt.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExcerptPart {
    /// What it says.
    text: String,
    /// Whether it is what was looked for.
    is_match: bool,
}

impl From<&Fragment> for ExcerptPart {
    fn from(fragment: &Fragment) -> Self {
        Self { text: fragment.text.clone(), is_match: fragment.is_match }
    }
}

/// How far the index of messages is. While it is not complete, there may be more to find.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexState {
    /// Whether it has everything.
    is_complete: bool,
    /// How much it has, from 0 to 1.
    part: f64,
}

impl From<Progress> for IndexState {
    fn from(progress: Progress) -> Self {
        Self { is_complete: progress.is_complete(), part: progress.part() }
    }
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchResults {
    /// The results of this page.
    pub(super) results: Vec<SearchResult>,
    /// How many there are altogether. Of what was written before the user came, or after they
    /// left, only some is counted.
    pub(super) count: u64,
    /// The words that were looked for, and what was found instead of them.
    pub(super) highlights: Vec<String>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
    /// How far the index is.
    pub(super) index: IndexState,
}

/// What was found in a room.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResultsOfRoom {
    /// The room.
    #[schema(value_type = String)]
    pub(super) room_id: OwnedRoomId,
    /// The first results in it.
    pub(super) results: Vec<SearchResult>,
    /// How many there are in it.
    pub(super) count: u64,
    /// Where a search in this room alone goes on.
    pub(super) next: Option<String>,
}

/// What was found, by room.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResultsByRoom {
    /// The rooms, in the order of their first results.
    pub(super) rooms: Vec<ResultsOfRoom>,
    /// The next page of rooms.
    pub(super) next: Option<String>,
    /// How far the index is.
    pub(super) index: IndexState,
}

/// Whether an event is a message of its own here, and of nobody whom the user ignores.
pub(super) fn is_wanted(event: &Event, ignored: &BTreeSet<OwnedUserId>) -> bool {
    !is_further_file(event) && !ignored.contains(event.pdu().sender())
}

/// One user who is answered.
pub(super) struct Answering<'a> {
    pub(super) api: &'a ChatApi,
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) caller: &'a Caller,
    pub(super) with_relevance: bool,
    pub(super) with_neighbours: bool,
    pub(super) wanted: Wanted<'a>,
}

impl Answering<'_> {
    /// What is told of results. What is no message for chat clients is left out.
    pub(super) async fn results(&self, hits: &[Hit]) -> Result<Vec<SearchResult>, Problem> {
        let mut results = Vec::with_capacity(hits.len());
        for hit in hits {
            let room = self.api.rooms.room_by_nid(self.snapshot, hit.event.room()).await?;
            let Some(message) = self.message(&room, Some(&hit.event)).await? else {
                continue;
            };
            let (previous, next) = match self.with_neighbours {
                true => self.neighbours(&room, hit).await?,
                false => (None, None),
            };
            results.push(SearchResult {
                message,
                excerpt: hit.excerpt.0.iter().map(Into::into).collect(),
                relevance: self.with_relevance.then_some(hit.rank),
                previous,
                next,
            });
        }
        Ok(results)
    }

    async fn neighbours(
        &self,
        room: &Room,
        hit: &Hit,
    ) -> Result<(Option<Message>, Option<Message>), Problem> {
        let (search, user_id) = (&self.api.search, self.caller.user_id());
        let found = search.neighbours(self.snapshot, user_id, &hit.event, self.wanted).await?;
        let previous = self.message(room, found.previous.as_ref()).await?;
        Ok((previous, self.message(room, found.next.as_ref()).await?))
    }

    /// A message as the user sees it.
    pub(super) async fn message(
        &self,
        room: &Room,
        event: Option<&Event>,
    ) -> Result<Option<Message>, Problem> {
        let (user_id, device_id) = (self.caller.user_id(), self.caller.device_id());
        let views = MessageViews::new(self.api, self.snapshot, room, user_id, Some(device_id));
        match event {
            Some(event) => views.one(event).await,
            None => Ok(None),
        }
    }
}

/// What a refused search is as a problem.
impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        let message = error.to_string();
        match error {
            SearchError::BadCursor => {
                Self::invalid_field("after", "it is not the next of an answer in this order")
            }
            SearchError::OverLimit { field, .. } => {
                let field = match field {
                    "rooms" => "room_id",
                    "senders" => "sender_id",
                    _ => "q",
                };
                Self::invalid_field(field, message)
            }
            SearchError::Index(_) => Self::internal(message),
            SearchError::Rooms(error) => error.into(),
            SearchError::Store(error) => Self::internal(error),
        }
    }
}
