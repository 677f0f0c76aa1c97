//! The limits of searching.

use std::time::Duration;

/// How long a change may wait to be indexed with others, unless somebody searches.
pub(crate) const GATHERING_TIME_MAX: Duration = Duration::from_secs(2);
/// How long the follower waits after a failure before it tries again.
pub(crate) const RETRY_TIME: Duration = Duration::from_secs(5);
/// Longest that a search waits for the index to reach the present.
pub(crate) const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(5);
/// Facts of the log that are read, and committed to the index, at once.
pub(crate) const COMMIT_FACTS_MAX: usize = 1_000;
/// Facts without anything to index after which the position is committed nevertheless.
pub(crate) const IDLE_FACTS_MAX: usize = 20_000;
/// Memory of the index writer in bytes; tantivy's least.
pub(crate) const WRITER_BYTES: usize = 15_000_000;

/// Longest text that is indexed, in bytes; the rest of it is not found.
pub(crate) const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Longest word that is indexed, in bytes; longer ones are no words.
pub(crate) const WORD_BYTES_MAX: usize = 64;
/// Most words of a search.
pub(crate) const QUERY_WORDS_MAX: usize = 32;

/// Most results of a page.
pub(crate) const PAGE_HITS_MAX: usize = 100;
/// Most matches that one search looks at to fill its page with what the user may see.
pub(crate) const LOOKED_AT_MAX: usize = 1_000;
/// How many upgrades of a room are followed back.
pub(crate) const PREDECESSORS_MAX: usize = 16;
