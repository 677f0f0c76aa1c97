//! The index on disk.
//!
//! Invariant: one commit holds entries and the position they were made from. An index that cannot
//! be opened, is damaged or has another format is thrown away, since it can be made again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use hearth_base::{EventNid, RoomNid, StreamPosition};
use parking_lot::{Mutex, RwLock};
use tantivy::{
    IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, indexer::IndexWriterOptions,
};

use crate::{
    SearchError,
    entry::Entry,
    limits::WRITER_BYTES,
    progress::Progress,
    schema::Fields,
    words::{ANALYZER, analyzer},
};

/// The format of the index: part of what each commit says of itself. Count it up whenever texts
/// are cut into words, or entries are made, in another way.
const FORMAT: u32 = 2;
/// The file that tantivy writes with each commit.
const COMMIT_FILE: &str = "meta.json";

/// A change of the index.
#[derive(Debug)]
pub(crate) enum Change {
    /// The event, which had no entry, has this one.
    Add(Entry),
    /// The event has this entry, and no other.
    Put(Entry),
    /// The event has no entry.
    Remove(EventNid),
    /// No event of the sender has an entry.
    RemoveSender(String),
    /// No event of the room has an entry.
    RemoveRoom(RoomNid),
}

/// The index.
pub(crate) struct Index {
    /// Where it is; in memory without.
    directory: Option<PathBuf>,
    fields: Fields,
    /// Absent while the index is not open.
    writer: Mutex<Option<IndexWriter>>,
    reader: RwLock<IndexReader>,
}

/// An index that was opened or made.
struct Opened {
    writer: IndexWriter,
    reader: IndexReader,
    at: Progress,
}

impl Index {
    /// The index in a directory; without one, in memory. Until [`Self::recover`] opens it, it is
    /// empty, and cannot be changed.
    pub(crate) fn new(directory: Option<&Path>) -> Result<Self, SearchError> {
        let fields = Fields::new();
        let empty = tantivy::Index::create_in_ram(fields.schema.clone());
        Ok(Self {
            directory: directory.map(ToOwned::to_owned),
            fields,
            writer: Mutex::new(None),
            reader: RwLock::new(reader(&empty)?),
        })
    }

    pub(crate) const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// A view of the last commit.
    pub(crate) fn searcher(&self) -> Searcher {
        self.reader.read().searcher()
    }

    /// Makes changes that the next commit makes durable and visible.
    pub(crate) fn apply(&self, changes: &[Change]) -> Result<(), SearchError> {
        let mut writer = self.writer.lock();
        let writer = writer.as_mut().ok_or_else(not_open)?;
        for change in changes {
            match change {
                Change::Add(_) => {}
                Change::Put(Entry { event, .. }) | Change::Remove(event) => {
                    writer.delete_term(self.fields.event_term(event.0));
                }
                Change::RemoveSender(user_id) => {
                    writer.delete_term(self.fields.sender_term(user_id));
                }
                Change::RemoveRoom(room) => {
                    writer.delete_term(self.fields.room_term(room.0));
                }
            }
            if let Change::Add(entry) | Change::Put(entry) = change {
                writer.add_document(self.fields.document(entry))?;
            }
        }
        Ok(())
    }

    /// Makes what was applied durable and visible, with the position that it brings the index to.
    /// It blocks for as long as the disk takes.
    pub(crate) fn commit(&self, progress: Progress) -> Result<(), SearchError> {
        let mut writer = self.writer.lock();
        let writer = writer.as_mut().ok_or_else(not_open)?;
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&payload(progress));
        prepared.commit()?;
        Ok(self.reader.read().reload()?)
    }

    /// Whether the index is where it was put.
    pub(crate) fn is_there(&self) -> bool {
        self.directory.as_ref().is_none_or(|directory| directory.join(COMMIT_FILE).exists())
    }

    /// Whether every file of the index has the bytes that were written. It reads all of them.
    pub(crate) fn is_sound(&self) -> bool {
        self.directory.as_ref().is_none_or(|directory| reopen(directory, &self.fields).is_some())
    }

    /// Opens the last commit, or makes a new index if that one is not sound. What was applied since
    /// is lost.
    pub(crate) fn recover(&self) -> Result<Progress, SearchError> {
        let mut writer = self.writer.lock();
        // Merges write to the directory until they end, whoever owns it by then.
        if let Some(Err(error)) = writer.take().map(IndexWriter::wait_merging_threads) {
            tracing::debug!(%error, "a writer of the search index had failed");
        }
        let opened = open(self.directory.as_deref(), &self.fields)?;
        *writer = Some(opened.writer);
        *self.reader.write() = opened.reader;
        Ok(opened.at)
    }

    /// Throws the index away and makes a new one.
    pub(crate) fn begin_anew(&self) -> Result<Progress, SearchError> {
        if let Some(directory) = &self.directory {
            remove(directory)?;
        }
        self.recover()
    }
}

/// What the last commit to the index in a directory says of itself; `None` if there is none.
pub(crate) fn progress_in(directory: &Path) -> Option<Progress> {
    parse(&tantivy::Index::open_in_dir(directory).ok()?.load_metas().ok()?.payload?)
}

/// Takes an index away, at once for whoever looks at the directory.
pub(crate) fn remove(directory: &Path) -> Result<(), SearchError> {
    let aside = directory.with_extension("old");
    let moved = delete(&aside).and_then(|()| match fs::rename(directory, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => delete(&aside),
    });
    moved.map_err(|error| SearchError::Index(format!("{}: {error}", directory.display())))
}

fn delete(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn not_open() -> SearchError {
    SearchError::Index("it is not open".to_owned())
}

fn payload(Progress { done, of }: Progress) -> String {
    format!("{FORMAT} {} {}", done.0, of.0)
}

fn parse(payload: &str) -> Option<Progress> {
    let mut numbers = payload.split(' ');
    if numbers.next()?.parse() != Ok(FORMAT) {
        return None;
    }
    let mut position = || numbers.next()?.parse().ok().map(StreamPosition);
    Some(Progress { done: position()?, of: position()? })
}

fn open(directory: Option<&Path>, fields: &Fields) -> Result<Opened, SearchError> {
    let found = directory.and_then(|directory| reopen(directory, fields));
    let (index, at) = match (found, directory) {
        (Some(found), _) => found,
        (None, Some(directory)) => (create(directory, fields)?, Progress::NONE),
        (None, None) => (tantivy::Index::create_in_ram(fields.schema.clone()), Progress::NONE),
    };
    index.tokenizers().register(ANALYZER, analyzer());
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .num_merge_threads(1)
        .memory_budget_per_thread(WRITER_BYTES)
        .build();
    let reader = reader(&index)?;
    Ok(Opened { writer: index.writer_with_options(options)?, reader, at })
}

/// The index in a directory, if it is one that this program wrote and nothing happened to it. All
/// of it is read: what is damaged could do anything to whoever believes it.
fn reopen(directory: &Path, fields: &Fields) -> Option<(tantivy::Index, Progress)> {
    let index = tantivy::Index::open_in_dir(directory).ok()?;
    let at = parse(&index.load_metas().ok()?.payload?)?;
    let is_sound = index.schema() == fields.schema
        && index.validate_checksum().is_ok_and(|damaged| damaged.is_empty())
        // Checksums do not tell of files that are missing; opening them does.
        && reader(&index).is_ok();
    is_sound.then_some((index, at))
}

fn reader(index: &tantivy::Index) -> tantivy::Result<IndexReader> {
    index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()
}

fn create(directory: &Path, fields: &Fields) -> Result<tantivy::Index, SearchError> {
    if directory.exists() {
        tracing::warn!(directory = %directory.display(), "the search index is made again");
        remove(directory)?;
    }
    let failed = |error: io::Error| SearchError::Index(format!("{}: {error}", directory.display()));
    fs::create_dir_all(directory).map_err(failed)?;
    let builder = tantivy::Index::builder().schema(fields.schema.clone());
    Ok(builder.settings(IndexSettings::default()).create_in_dir(directory)?)
}
