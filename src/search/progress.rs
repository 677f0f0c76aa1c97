//! How far the index is, and making it again from outside of the server.
//!
//! A running server looks for its index every two seconds. So whoever takes the index away, be it
//! `hearth search reindex` or somebody in a hurry, has it made again, while the server serves.

use std::path::Path;

use hearth_base::StreamPosition;

use crate::{SearchError, index};

/// How far the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Up to here it has what the log says.
    pub done: StreamPosition,
    /// So far the log went at that time.
    pub of: StreamPosition,
}

impl Progress {
    /// That of a new index, which does not know yet how much there is to do.
    pub(crate) const NONE: Self = Self { done: StreamPosition::ZERO, of: StreamPosition::MAX };

    /// Whether nothing was left to do.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.done >= self.of
    }

    /// How much of the log the index has, from 0 to 1.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "positions are far smaller than 2^52")]
    pub fn part(self) -> f64 {
        if self.is_complete() { 1.0 } else { self.done.0.max(0) as f64 / self.of.0 as f64 }
    }

    /// How far the index in a directory is, as its last commit has it; `None` before the first
    /// one. Any process may ask.
    #[must_use]
    pub fn read(directory: &Path) -> Option<Self> {
        index::progress_in(directory)
    }
}

/// Takes the index in a directory away, for whoever follows the log to make it again.
///
/// # Errors
/// The files cannot be moved.
pub fn take_away(directory: &Path) -> Result<(), SearchError> {
    index::remove(directory)
}
