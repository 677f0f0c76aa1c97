//! What a search can be asked.

use std::ops::RangeInclusive;

use hearth_search::{Cursor, Has, Order};
use ruma::{OwnedRoomId, OwnedUserId};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use crate::{Faults, Validate, rooms::check_limit};

/// How many results an answer has if the client does not say.
const RESULTS_DEFAULT: usize = 20;
/// Most results of one answer.
pub(super) const RESULTS_MAX: usize = 100;
/// Longest text to look for, in characters.
const TEXT_CHARACTERS_MAX: usize = 250;

/// What messages can be asked to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holding {
    /// A file of any kind.
    Attachment,
    /// A web address.
    Link,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Sound.
    Audio,
    /// A file that is none of these.
    File,
}

impl Holding {
    /// What it is for the search.
    pub(super) const fn has(self) -> Has {
        match self {
            Self::Attachment => Has::Attachment,
            Self::Link => Has::Link,
            Self::Image => Has::Image,
            Self::Video => Has::Video,
            Self::Audio => Has::Audio,
            Self::File => Has::File,
        }
    }
}

/// The order of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// The newest first.
    #[default]
    Recent,
    /// The best match first.
    Relevance,
}

impl Sort {
    /// What it is for the search.
    pub(super) const fn order(self) -> Order {
        match self {
            Self::Recent => Order::Recent,
            Self::Relevance => Order::Rank,
        }
    }
}

/// A search.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchParams {
    /// The words to look for: all of them, and those in quotes in a row. It may be left out where
    /// `has` or `sender_id` say what is wanted.
    #[serde(default)]
    #[param(max_length = 250)]
    pub(super) q: String,
    /// In which rooms that the user is in; may be repeated.
    #[serde(default)]
    #[param(value_type = Vec<String>)]
    pub(super) room_id: Vec<OwnedRoomId>,
    /// By whom; may be repeated.
    #[serde(default)]
    #[param(value_type = Vec<String>)]
    pub(super) sender_id: Vec<OwnedUserId>,
    /// The time since which it was written.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// The time until which it was written.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// What the messages have, all of it; may be repeated.
    #[serde(default)]
    #[param(inline)]
    pub(super) has: Vec<Holding>,
    /// The order of the results.
    #[serde(default)]
    #[param(inline)]
    pub(super) sort: Sort,
    /// Whether words that are like those will do.
    #[serde(default)]
    pub(super) typos: bool,
    /// Whether the messages before and after each result are wanted.
    #[serde(default)]
    pub(super) neighbours: bool,
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// Where to go on: `next` of the answer before.
    after: Option<String>,
}

impl Validate for SearchParams {
    fn validate(&self, faults: &mut Faults) {
        faults.characters("q", &self.q, 0..=TEXT_CHARACTERS_MAX);
        let asks = !self.q.trim().is_empty() || !self.has.is_empty() || !self.sender_id.is_empty();
        faults.check("q", asks, "there is nothing to look for: give q, has or sender_id");
        check_limit(faults, self.limit, RESULTS_MAX);
        check_place(faults, self.after.as_deref());
        for (field, text) in [("from", &self.from), ("to", &self.to)] {
            let is_time = text.as_deref().is_none_or(|text| unix_ms(text).is_some());
            faults.check(field, is_time, "it must be a time like 2026-01-31T12:00:00Z");
        }
    }
}

impl SearchParams {
    /// How many results.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(RESULTS_DEFAULT)
    }

    /// Where to go on.
    pub(super) fn after(&self) -> Option<Cursor> {
        place(self.after.as_deref())
    }

    /// Between which times, in Unix milliseconds.
    pub(super) fn sent_ms(&self) -> RangeInclusive<u64> {
        let from = self.from.as_deref().and_then(unix_ms).unwrap_or(0);
        from..=self.to.as_deref().and_then(unix_ms).unwrap_or(u64::MAX)
    }
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// How many messages at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// Where to go on: `next` of the answer before.
    after: Option<String>,
}

impl Validate for ListParams {
    fn validate(&self, faults: &mut Faults) {
        check_limit(faults, self.limit, RESULTS_MAX);
        check_place(faults, self.after.as_deref());
    }
}

impl ListParams {
    /// How many messages.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(RESULTS_DEFAULT)
    }

    /// Where to go on.
    pub(super) fn after(&self) -> Option<Cursor> {
        place(self.after.as_deref())
    }
}

/// Which part of a list of files, and which files.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FileParams {
    /// How many messages at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<usize>,
    /// Where to go on: `next` of the answer before.
    after: Option<String>,
    /// Of which kind: `image`, `video`, `audio` or `file`; all if it is left out.
    #[param(inline)]
    kind: Option<Holding>,
}

impl Validate for FileParams {
    fn validate(&self, faults: &mut Faults) {
        check_limit(faults, self.limit, RESULTS_MAX);
        check_place(faults, self.after.as_deref());
        faults.check("kind", self.kind != Some(Holding::Link), "links have a list of their own");
    }
}

impl FileParams {
    /// Of which kind, and which part of them.
    pub(super) fn parts(self) -> (Has, ListParams) {
        let kind = self.kind.map_or(Has::Attachment, Holding::has);
        (kind, ListParams { limit: self.limit, after: self.after })
    }
}

fn check_place(faults: &mut Faults, after: Option<&str>) {
    let is_ours = after.is_none() || place(after).is_some();
    faults.check("after", is_ours, "it is not the next of an answer");
}

fn place(after: Option<&str>) -> Option<Cursor> {
    after.and_then(|after| after.parse().ok())
}

/// A time in Unix milliseconds; before 1970 it is 0.
fn unix_ms(text: &str) -> Option<u64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let ms = time.unix_timestamp_nanos() / 1_000_000;
    Some(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset() {
        assert_eq!(unix_ms("1970-01-01T01:00:00.5+01:00"), Some(500));
        assert_eq!(unix_ms("1969-12-31T00:00:00Z"), Some(0));
        assert_eq!(unix_ms("yesterday"), None);
    }
}
