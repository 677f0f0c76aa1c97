//! Where a connection is in the stream of changes: the `pos` of its frames.
//!
//! One change may lead to several events. The place after the last of them is the change itself,
//! `17`; a place between them also says how many were told, `17.1`. So whoever resumes after any
//! frame misses nothing and gets nothing twice.

use std::{fmt, str::FromStr};

use hearth_base::StreamPosition;
use serde::{Serialize, Serializer};

/// A place between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    change: StreamPosition,
    /// How many events of the change were told; [`u32::MAX`] for all.
    told: u32,
}

impl Cursor {
    /// After all events of a change.
    pub(crate) const fn after(change: StreamPosition) -> Self {
        Self { change, told: u32::MAX }
    }

    /// After the event with this index, of so many that the change has.
    pub(crate) fn after_event(change: StreamPosition, index: usize, events: usize) -> Self {
        let told = index + 1;
        let told = if told >= events { u32::MAX } else { u32::try_from(told).unwrap_or(u32::MAX) };
        Self { change, told }
    }

    /// The last change of which everything was told.
    pub(crate) const fn complete(self) -> StreamPosition {
        if self.told == u32::MAX { self.change } else { self.change.previous() }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.told {
            u32::MAX => write!(f, "{}", self.change.0),
            told => write!(f, "{}.{told}", self.change.0),
        }
    }
}

impl FromStr for Cursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (change, told) = match text.split_once('.') {
            Some((change, told)) => (change, told.parse()?),
            None => (text, u32::MAX),
        };
        let change: u64 = change.parse()?;
        Ok(Self { change: StreamPosition(i64::try_from(change).unwrap_or(i64::MAX)), told })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_ordered_and_come_back() {
        let change = StreamPosition(17);
        let places = [
            Cursor::after(StreamPosition(16)),
            Cursor::after_event(change, 0, 3),
            Cursor::after_event(change, 1, 3),
            Cursor::after_event(change, 2, 3),
            Cursor::after(StreamPosition(18)),
        ];
        assert!(places.is_sorted());
        let texts = places.map(|place| place.to_string());
        assert_eq!(texts, ["16", "17.1", "17.2", "17", "18"]);
        assert_eq!(texts.map(|text| text.parse::<Cursor>().unwrap()), places);
        assert_eq!(places[1].complete(), StreamPosition(16));
        assert_eq!(places[3].complete(), change);
        for none in ["", "x", "-1", "1.", "1.x", "."] {
            assert!(none.parse::<Cursor>().is_err(), "{none}");
        }
    }
}
