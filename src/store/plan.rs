//! Deciding a group of batches: checks, positions and the writes that remain.
//!
//! Pure but for the `read` it is given, so every engine decides alike.

use std::collections::BTreeMap;

use bytes::Bytes;
use hearth_base::StreamPosition;

use crate::{
    Batch, Check, Keyspace, Outcome, Slot, StoreError, Write,
    codec::{decode_position, encode_position, encode_value},
};

/// Where the stream position is kept: the empty key of [`Keyspace::Meta`].
pub const POSITION_KEY: &[u8] = b"";

/// The stream's position, from the row at [`POSITION_KEY`]; 0 if there is none yet.
///
/// # Errors
/// [`StoreError::Corrupt`] if the row is not eight bytes.
pub fn position_from_row(row: Option<&[u8]>) -> Result<StreamPosition, StoreError> {
    let Some(row) = row else {
        return Ok(StreamPosition::ZERO);
    };
    row.try_into()
        .map(decode_position)
        .map_err(|_| StoreError::corrupt(Keyspace::Meta, "the stream position is not 8 bytes"))
}

/// What an engine has to write, and what to answer.
#[derive(Debug, Default)]
pub struct Plan {
    /// The writes of all committed batches, sorted by keyspace and key. Nothing is to be written
    /// if there are none.
    pub writes: BTreeMap<(Keyspace, Vec<u8>), Option<Vec<u8>>>,
    /// One outcome a batch.
    pub outcomes: Vec<Outcome>,
    /// The stream's position after the group.
    pub position: StreamPosition,
}

/// Decides `group` on top of `position`; `read` gives the engine's present value of a key.
///
/// # Errors
/// Only those of `read`, and a batch over the limits.
pub fn plan(
    group: &[Batch],
    position: StreamPosition,
    mut read: impl FnMut(Keyspace, &[u8]) -> Result<Option<Bytes>, StoreError>,
) -> Result<Plan, StoreError> {
    let mut plan = Plan { position, ..Plan::default() };
    for batch in group {
        batch.validate()?;
        let outcome = match first_conflict(batch, &plan, &mut read)? {
            Some(write) => Outcome::Conflict { keyspace: write.keyspace, key: write.key.clone() },
            None => plan.apply(batch)?,
        };
        plan.outcomes.push(outcome);
    }
    if plan.position != position {
        let value = encode_position(plan.position).to_vec();
        plan.writes.insert((Keyspace::Meta, POSITION_KEY.to_vec()), Some(value));
    }
    Ok(plan)
}

fn first_conflict<'a>(
    batch: &'a Batch,
    plan: &Plan,
    read: &mut impl FnMut(Keyspace, &[u8]) -> Result<Option<Bytes>, StoreError>,
) -> Result<Option<&'a Write>, StoreError> {
    for write in &batch.writes {
        let Some(check) = &write.check else { continue };
        let key = filled(&write.key, write.key_slot, plan.position.next());
        let address = (write.keyspace, key);
        let stored;
        let present = match plan.writes.get(&address) {
            Some(value) => value.as_deref(),
            None => {
                stored = read(address.0, &address.1)?;
                stored.as_deref()
            }
        };
        let holds = match check {
            Check::Absent => present.is_none(),
            Check::Equals(expected) => present == Some(expected.as_ref()),
        };
        if !holds {
            return Ok(Some(write));
        }
    }
    Ok(None)
}

impl Plan {
    fn apply(&mut self, batch: &Batch) -> Result<Outcome, StoreError> {
        let first = self.position.next();
        for write in &batch.writes {
            let key = filled(&write.key, write.key_slot, first);
            let value = write.value.as_ref();
            let value = value.map(|value| filled(value, write.value_slot, first));
            self.writes.insert((write.keyspace, key), value);
        }
        for fact in &batch.facts {
            self.position = self.position.next();
            let key = encode_position(self.position).to_vec();
            let value = encode_value(Keyspace::Log, crate::fact::FORMAT, fact)?;
            self.writes.insert((Keyspace::Log, key), Some(value));
        }
        Ok(Outcome::Committed { first })
    }
}

/// The bytes with the position that the slot means, when the batch's first fact gets `first`.
fn filled(bytes: &[u8], slot: Option<Slot>, first: StreamPosition) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(Slot { offset, fact }) = slot {
        let offset = usize::from(offset);
        let position = StreamPosition(first.0.saturating_add(i64::from(fact.0)));
        if let Some(place) = bytes.get_mut(offset..offset + 8) {
            place.copy_from_slice(&encode_position(position));
        }
    }
    bytes
}
