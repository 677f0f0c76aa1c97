//! What one atomic write consists of: checks, writes and facts.

use bytes::Bytes;
use hearth_base::limits::{
    STORE_BATCH_BYTES_MAX, STORE_BATCH_WRITES_MAX, STORE_KEY_BYTES_MAX, STORE_VALUE_BYTES_MAX,
};

use crate::{Fact, Keyspace, StoreError};

/// The position that a fact of this batch will get: known to the batch by its index only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending(pub(crate) u16);

/// Eight bytes of a key or value that the committer fills with the position of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Where the eight bytes begin.
    pub offset: u16,
    /// Which fact of the batch they mean.
    pub fact: Pending,
}

/// A precondition on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The key has no value.
    Absent,
    /// The key has exactly this value.
    Equals(Bytes),
}

/// One key and its new value, or its deletion.
#[derive(Clone, Debug)]
pub struct Write {
    /// Where to write.
    pub keyspace: Keyspace,
    /// The key, with zeros where `key_slot` says.
    pub key: Vec<u8>,
    /// The part of the key that is a position not known yet.
    pub key_slot: Option<Slot>,
    /// The new value, or `None` to delete the key.
    pub value: Option<Vec<u8>>,
    /// The part of the value that is a position not known yet.
    pub value_slot: Option<Slot>,
    /// What must hold of this key before the batch for the batch to be committed.
    pub check: Option<Check>,
}

/// One atomic write. A later write to the same key replaces an earlier one.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) writes: Vec<Write>,
    pub(crate) facts: Vec<Fact>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact to the log, and returns the position it will get.
    pub fn fact(&mut self, fact: Fact) -> Pending {
        self.facts.push(fact);
        Pending(u16::try_from(self.facts.len() - 1).unwrap_or(u16::MAX))
    }

    /// Adds a write; the typed tables are the usual way.
    pub fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// The writes, in the order they were added.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The facts, in the order of their positions.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Whether the batch would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.facts.is_empty()
    }

    /// Adds everything of another batch after this one's; positions of its facts follow.
    pub fn append(&mut self, other: Self) {
        let shift = u16::try_from(self.facts.len()).unwrap_or(u16::MAX);
        let moved = |slot: Slot| Slot {
            offset: slot.offset,
            fact: Pending(slot.fact.0.saturating_add(shift)),
        };
        self.facts.extend(other.facts);
        self.writes
            .extend(other.writes.into_iter().map(|write| Write {
                key_slot: write.key_slot.map(moved),
                value_slot: write.value_slot.map(moved),
                ..write
            }));
    }

    /// Refuses a batch that is over one of the store's limits, the same for every engine.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] names the first limit that is exceeded.
    pub fn validate(&self) -> Result<(), StoreError> {
        let within = |what, actual, max| {
            if actual > max {
                Err(StoreError::TooLarge { what, actual, max })
            } else {
                Ok(())
            }
        };
        within(
            "a batch's writes",
            self.writes.len(),
            STORE_BATCH_WRITES_MAX,
        )?;
        within("a batch's facts", self.facts.len(), STORE_BATCH_WRITES_MAX)?;
        let mut bytes = 0;
        for write in &self.writes {
            let value_bytes = write.value.as_ref().map_or(0, Vec::len);
            within("a key", write.key.len(), STORE_KEY_BYTES_MAX)?;
            within("a value", value_bytes, STORE_VALUE_BYTES_MAX)?;
            bytes += write.key.len() + value_bytes;
        }
        within("a batch", bytes, STORE_BATCH_BYTES_MAX)
    }
}
