//! The limits of searching.

use std::time::Duration;

/// How long a change may wait to be indexed with others, unless somebody searches.
pub(crate) const GATHERING_TIME_MAX: Duration = Duration::from_secs(2);
/// How long the follower waits after a failure before it tries again.
pub(crate) const RETRY_TIME: Duration = Duration::from_secs(5);
/// How often the follower looks whether somebody took the index away.
pub(crate) const LOOK_TIME: Duration = Duration::from_secs(2);
/// Longest that a search waits for the index to reach the present.
pub(crate) const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(5);
/// A search does not wait for an index that is further behind, in facts of the log.
pub(crate) const BEHIND_FACTS_MAX: i64 = 20_000;
/// Facts of the log that are read at once.
pub(crate) const PAGE_FACTS_MAX: usize = 1_000;
/// Pages of facts that are committed to the index at once.
pub(crate) const COMMIT_PAGES_MAX: usize = 10;
/// Facts without anything to index after which the position is committed nevertheless.
pub(crate) const IDLE_FACTS_MAX: i64 = 20_000;
/// Most memory of the index writer in bytes; it takes what it needs.
pub(crate) const WRITER_BYTES: usize = 30_000_000;

/// Longest text that is indexed, in bytes; the rest of it is not found.
pub(crate) const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Longest word that is indexed, in bytes; longer ones are no words.
pub(crate) const WORD_BYTES_MAX: usize = 64;
/// Most files of a message that are looked at.
pub(crate) const FILES_MAX: usize = 20;
/// Most links of a message.
pub(crate) const LINKS_MAX: usize = 50;
/// Longest link, in bytes.
pub(crate) const LINK_BYTES_MAX: usize = 2_048;

/// Longest search term, in bytes.
pub(crate) const TERM_BYTES_MAX: usize = 1_024;
/// Most words of a search; the rest of them is not looked for.
pub(crate) const QUERY_WORDS_MAX: usize = 32;
/// Most words of a search for which words like them are looked for.
pub(crate) const LIKE_WORDS_MAX: usize = 8;
/// Most rooms, or senders, that a search may name.
pub(crate) const NAMED_MAX: usize = 500;
/// How many searches look into the index at the same time; others wait.
pub(crate) const SEARCHES_AT_ONCE_MAX: usize = 4;

/// Most results of a page.
pub(crate) const PAGE_HITS_MAX: usize = 100;
/// Most matches that one search looks at to fill its page with what the user may see.
pub(crate) const LOOKED_AT_MAX: usize = 1_000;
/// Matches that are looked at, to be counted, if the index cannot say who may see them.
pub(crate) const COUNTED_MAX: usize = 300;
/// How many upgrades of a room are followed back.
pub(crate) const PREDECESSORS_MAX: usize = 16;
/// Most rooms of a page of results by room.
pub(crate) const GROUPS_MAX: usize = 20;
/// Most words and phrases that are told to be highlighted.
pub(crate) const HIGHLIGHTS_MAX: usize = 64;
/// Most characters of an excerpt, and how many of them are before its first match.
pub(crate) const EXCERPT_CHARACTERS_MAX: usize = 240;
/// See [`EXCERPT_CHARACTERS_MAX`].
pub(crate) const EXCERPT_CHARACTERS_BEFORE: usize = 60;
