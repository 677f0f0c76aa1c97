//! The index on disk.
//!
//! Invariant: one commit holds entries and the position they were made from. An index that cannot
//! be opened or has another format is thrown away, since it can be made again.

use std::{fs, io, path::Path};

use hearth_base::{EventNid, StreamPosition};
use parking_lot::Mutex;
use tantivy::{
    IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, indexer::IndexWriterOptions,
};

use crate::{
    SearchError,
    entry::Entry,
    limits::WRITER_BYTES,
    schema::Fields,
    words::{ANALYZER, analyzer},
};

/// The format of the index: part of what each commit says of itself. Count it up whenever texts
/// are cut into words, or entries are made, in another way.
const FORMAT: u32 = 1;

/// A change of the index.
#[derive(Debug)]
pub(crate) enum Change {
    /// The event has this entry, and no other.
    Put(Entry),
    /// The event has no entry.
    Remove(EventNid),
}

/// The index.
pub(crate) struct Index {
    fields: Fields,
    writer: Mutex<IndexWriter>,
    reader: IndexReader,
    /// What the last commit was made from, at the start.
    position: StreamPosition,
}

impl Index {
    /// Opens the index in a directory, or begins a new one there; without one, in memory.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, SearchError> {
        let fields = Fields::new();
        let found = directory.and_then(|directory| reopen(directory, &fields));
        let (index, position) = match (found, directory) {
            (Some(found), _) => found,
            (None, Some(directory)) => (create(directory, &fields)?, StreamPosition::ZERO),
            (None, None) => {
                let index = tantivy::Index::create_in_ram(fields.schema.clone());
                (index, StreamPosition::ZERO)
            }
        };
        index.tokenizers().register(ANALYZER, analyzer());
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(WRITER_BYTES)
            .build();
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let writer = Mutex::new(index.writer_with_options(options)?);
        Ok(Self { fields, writer, reader, position })
    }

    /// What the index was made from when it was opened.
    pub(crate) const fn position(&self) -> StreamPosition {
        self.position
    }

    pub(crate) const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// A view of the last commit.
    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Makes changes durable and visible, with the position that they bring the index to. It
    /// blocks for as long as the disk takes.
    pub(crate) fn commit(
        &self,
        changes: &[Change],
        position: StreamPosition,
    ) -> Result<(), SearchError> {
        let mut writer = self.writer.lock();
        let outcome = self.try_commit(&mut writer, changes, position);
        if outcome.is_err() {
            writer.rollback()?;
        }
        outcome?;
        Ok(self.reader.reload()?)
    }

    fn try_commit(
        &self,
        writer: &mut IndexWriter,
        changes: &[Change],
        position: StreamPosition,
    ) -> Result<(), SearchError> {
        for change in changes {
            let event = match change {
                Change::Put(entry) => entry.event,
                Change::Remove(event) => *event,
            };
            writer.delete_term(self.fields.event_term(event.0));
            if let Change::Put(entry) = change {
                writer.add_document(self.fields.document(entry))?;
            }
        }
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&format!("{FORMAT} {}", position.0));
        prepared.commit()?;
        Ok(())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) -> Result<(), SearchError> {
        self.writer.lock().delete_all_documents()?;
        self.commit(&[], StreamPosition::ZERO)
    }
}

/// The index in a directory, if it is one that this program wrote.
fn reopen(directory: &Path, fields: &Fields) -> Option<(tantivy::Index, StreamPosition)> {
    let index = tantivy::Index::open_in_dir(directory).ok()?;
    let payload = index.load_metas().ok()?.payload?;
    let (format, position) = payload.split_once(' ')?;
    let is_ours = format.parse() == Ok(FORMAT) && index.schema() == fields.schema;
    let position = position.parse().ok().filter(|_| is_ours)?;
    Some((index, StreamPosition(position)))
}

fn create(directory: &Path, fields: &Fields) -> Result<tantivy::Index, SearchError> {
    let failed = |error: io::Error| SearchError::Index(format!("{}: {error}", directory.display()));
    if directory.exists() {
        tracing::warn!(directory = %directory.display(), "the search index is made again");
        fs::remove_dir_all(directory).map_err(failed)?;
    }
    fs::create_dir_all(directory).map_err(failed)?;
    let builder = tantivy::Index::builder().schema(fields.schema.clone());
    Ok(builder.settings(IndexSettings::default()).create_in_dir(directory)?)
}
