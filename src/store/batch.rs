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
        self.writes.extend(other.writes.into_iter().map(|write| Write {
            key_slot: write.key_slot.map(moved),
            value_slot: write.value_slot.map(moved),
            ..write
        }));
    }

    /// The bytes of all keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let value_bytes = |write: &Write| write.value.as_ref().map_or(0, Vec::len);
        self.writes.iter().map(|write| write.key.len() + value_bytes(write)).sum()
    }

    /// Refuses a batch that is over one of the store's limits or malformed, the same for every
    /// engine.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] names the first limit that is exceeded, [`StoreError::Malformed`]
    /// the mistake of the code that made the batch.
    pub fn validate(&self) -> Result<(), StoreError> {
        within("a batch's writes", self.writes.len(), STORE_BATCH_WRITES_MAX)?;
        within("a batch's facts", self.facts.len(), STORE_BATCH_WRITES_MAX)?;
        for write in &self.writes {
            write.validate(self.facts.len())?;
        }
        within("a batch", self.bytes(), STORE_BATCH_BYTES_MAX)
    }
}

impl Write {
    fn validate(&self, facts: usize) -> Result<(), StoreError> {
        let value = self.value.as_deref().unwrap_or_default();
        within("a key", self.key.len(), STORE_KEY_BYTES_MAX)?;
        within("a value", value.len(), STORE_VALUE_BYTES_MAX)?;
        if self.key.is_empty() || self.keyspace == Keyspace::Log {
            return Err(StoreError::Malformed("a write to a row that only the committer writes"));
        }
        let fits = |slot: Option<Slot>, bytes: &[u8]| {
            slot.is_none_or(|slot| {
                usize::from(slot.offset) + 8 <= bytes.len() && usize::from(slot.fact.0) < facts
            })
        };
        if fits(self.key_slot, &self.key) && fits(self.value_slot, value) {
            Ok(())
        } else {
            Err(StoreError::Malformed("a position that the batch has not"))
        }
    }
}

fn within(what: &'static str, actual: usize, max: usize) -> Result<(), StoreError> {
    if actual > max { Err(StoreError::TooLarge { what, actual, max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use hearth_base::RoomNid;

    use super::*;

    fn fact(room: u64) -> Fact {
        Fact::Membership { user: "@a:b".try_into().unwrap(), room: RoomNid(room) }
    }

    fn write(keyspace: Keyspace, key: &[u8]) -> Write {
        Write {
            keyspace,
            key: key.to_vec(),
            key_slot: None,
            value: Some(vec![0; 8]),
            value_slot: None,
            check: None,
        }
    }

    #[test]
    fn appended_positions_follow() {
        let (mut first, mut second) = (Batch::new(), Batch::new());
        first.fact(fact(1));
        let pending = second.fact(fact(2));
        let slot = Slot { offset: 0, fact: pending };
        second.write(Write { value_slot: Some(slot), ..write(Keyspace::Rooms, b"a") });
        first.append(second);
        assert_eq!(first.facts(), [fact(1), fact(2)]);
        let moved = first.writes()[0].value_slot.unwrap();
        assert_eq!(moved.fact, Pending(1));
        first.validate().unwrap();
    }

    #[test]
    fn rows_of_the_committer_and_foreign_positions_are_refused() {
        let mut slotted = write(Keyspace::Rooms, b"a");
        slotted.value_slot = Some(Slot { offset: 0, fact: Pending(0) });
        for bad in [write(Keyspace::Meta, b""), write(Keyspace::Log, b"12345678"), slotted] {
            let mut batch = Batch::new();
            batch.write(bad);
            assert!(matches!(batch.validate(), Err(StoreError::Malformed(_))));
        }
    }
}
