//! Something that is told to connections, and written once a form however many there are.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use hearth_base::RoomNid;
use ruma::OwnedUserId;

use super::{
    cursor::Cursor,
    form::{Form, FormError},
    frame::{Frame, Happening, Says},
};

/// Whom it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Those who subscribed to the room.
    Room(RoomNid),
    /// These users, wherever they are.
    People(HashSet<OwnedUserId>),
}

/// What it takes beside its frames, in bytes.
const OVERHEAD_BYTES: usize = 512;

/// Something that happened, with the place after it.
pub(crate) struct Told {
    /// The place.
    pub place: Cursor,
    /// Whether it is in the log. What is not is missed by who is not there.
    pub is_logged: bool,
    /// Whom it is told.
    pub audience: Audience,
    /// Who did it: it is not told to those who ignore them.
    pub by: Option<OwnedUserId>,
    /// What happened.
    pub happening: Happening,
    json: OnceLock<Bytes>,
    compact: OnceLock<Bytes>,
}

impl Told {
    pub fn new(
        place: Cursor,
        is_logged: bool,
        audience: Audience,
        by: Option<OwnedUserId>,
        happening: Happening,
    ) -> Self {
        let (json, compact) = (OnceLock::new(), OnceLock::new());
        Self { place, is_logged, audience, by, happening, json, compact }
    }

    /// About how many bytes it takes in memory: the frame in both forms, and what it is made of.
    pub fn weight(&self) -> u32 {
        let frame = self.written(Form::Json).map_or(0, |frame| frame.len());
        u32::try_from(3 * frame + OVERHEAD_BYTES).unwrap_or(u32::MAX)
    }

    /// The room that it is about, if it is told in a room.
    pub fn room(&self) -> Option<RoomNid> {
        match self.audience {
            Audience::Room(room) => Some(room),
            Audience::People(_) => None,
        }
    }

    /// Whether it was done by one of these.
    pub fn is_by(&self, ignored: &BTreeSet<OwnedUserId>) -> bool {
        self.by.as_ref().is_some_and(|by| ignored.contains(by))
    }

    /// The frame as it is written for everybody.
    pub fn written(&self, form: Form) -> Result<Bytes, FormError> {
        let cell = match form {
            Form::Json => &self.json,
            Form::Compact => &self.compact,
        };
        if let Some(written) = cell.get() {
            return Ok(written.clone());
        }
        let written = self.written_at(self.place, form)?;
        Ok(cell.get_or_init(|| written).clone())
    }

    /// The frame for a client that is further than this place.
    pub fn written_at(&self, place: Cursor, form: Form) -> Result<Bytes, FormError> {
        form.write(&Frame { pos: place, says: Says::Happening(&self.happening) })
    }
}

/// All that one change leads to, in order.
pub(crate) type ToldChange = Arc<[Arc<Told>]>;
