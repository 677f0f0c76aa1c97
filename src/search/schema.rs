//! What the index keeps of an event.

use tantivy::{
    TantivyDocument, Term,
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
    },
};

use crate::{content::Has, entry::Entry, words::ANALYZER};

/// What may be searched (specification, server side search, `keys`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// `content.body` of `m.room.message`.
    Body,
    /// `content.name` of `m.room.name`.
    Name,
    /// `content.topic` of `m.room.topic`.
    Topic,
}

impl SearchKey {
    /// Every key.
    pub const ALL: [Self; 3] = [Self::Body, Self::Name, Self::Topic];

    /// The type of the events that have the key.
    pub(crate) const fn event_type(self) -> &'static str {
        match self {
            Self::Body => "m.room.message",
            Self::Name => "m.room.name",
            Self::Topic => "m.room.topic",
        }
    }

    /// Its field in the content.
    pub(crate) const fn content_field(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Name => "name",
            Self::Topic => "topic",
        }
    }
}

/// The fields of the index.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub schema: Schema,
    /// The number of the event: whatever else is needed is read from the store.
    event: Field,
    /// The event whose text it is, if that is an edit; else 0.
    edit: Field,
    room: Field,
    sender: Field,
    position: Field,
    sent: Field,
    /// The numbers of what it has.
    has: Field,
    texts: [Field; 3],
}

/// The names of the columns that are read for each match.
pub(crate) const EVENT: &str = "event";
/// See [`EVENT`].
pub(crate) const EDIT: &str = "edit";
/// See [`EVENT`].
pub(crate) const ROOM: &str = "room";
/// See [`EVENT`].
pub(crate) const POSITION: &str = "position";
/// See [`EVENT`]. In Unix milliseconds.
pub(crate) const SENT: &str = "sent";

impl Fields {
    pub(crate) fn new() -> Self {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(ANALYZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let text = TextOptions::default().set_indexing_options(indexing);
        Self {
            event: schema.add_u64_field(EVENT, INDEXED | FAST),
            edit: schema.add_u64_field(EDIT, INDEXED | FAST),
            room: schema.add_u64_field(ROOM, INDEXED | FAST),
            sender: schema.add_text_field("sender", STRING),
            position: schema.add_i64_field(POSITION, FAST),
            sent: schema.add_u64_field(SENT, FAST),
            has: schema.add_u64_field("has", INDEXED),
            texts: SearchKey::ALL
                .map(|key| schema.add_text_field(key.content_field(), text.clone())),
            schema: schema.build(),
        }
    }

    /// The field of a key.
    pub(crate) fn text(&self, key: SearchKey) -> Field {
        let [body, name, topic] = self.texts;
        match key {
            SearchKey::Body => body,
            SearchKey::Name => name,
            SearchKey::Topic => topic,
        }
    }

    /// What names the entry of an event.
    pub(crate) fn event_term(&self, nid: u64) -> Term {
        Term::from_field_u64(self.event, nid)
    }

    /// What names the entry whose text is that of an edit.
    pub(crate) fn edit_term(&self, nid: u64) -> Term {
        Term::from_field_u64(self.edit, nid)
    }

    /// What names the entries of a room.
    pub(crate) fn room_term(&self, nid: u64) -> Term {
        Term::from_field_u64(self.room, nid)
    }

    /// What names the entries of a sender.
    pub(crate) fn sender_term(&self, user_id: &str) -> Term {
        Term::from_field_text(self.sender, user_id)
    }

    /// What names the entries that have something.
    pub(crate) fn has_term(&self, has: Has) -> Term {
        Term::from_field_u64(self.has, has.number())
    }

    pub(crate) fn document(&self, entry: &Entry) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_u64(self.event, entry.event.0);
        document.add_u64(self.edit, entry.edit.map_or(0, |edit| edit.0));
        document.add_u64(self.room, entry.room.0);
        document.add_text(self.sender, &entry.sender);
        document.add_i64(self.position, entry.position.0);
        document.add_u64(self.sent, entry.sent_ms);
        for has in &entry.has {
            document.add_u64(self.has, has.number());
        }
        document.add_text(self.text(entry.key), &entry.text);
        document
    }
}
