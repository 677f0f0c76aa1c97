//! Opening a directory, or saying exactly why not.

use std::path::{Path, PathBuf};

use hearth_base::StreamPosition;
use hearth_store::{Keyspace, StoreError};
use rocksdb::{ErrorKind, Options};

use crate::{
    database::{Database, Db},
    inspect::{Found, inspect},
    options::{self, Settings},
    watermark::Watermark,
};

/// The column family that every RocksDB database has; ours is empty.
const DEFAULT_FAMILY: &str = "default";

/// Why a directory was not opened. No table or log in it was deleted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another engine of this one, has it open.
    #[error("the database {} is in use: {reason}", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// What RocksDB said.
        reason: String,
    },
    /// Files are missing or do not fit together: an operator has to restore them.
    #[error("the database {} is damaged: {reason}", path.display())]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// What is wrong, with the name of the file.
        reason: String,
    },
    /// Everything fits together, but commits that were acknowledged are not there.
    #[error(
        "the database {} lost acknowledged changes: it ends at position {found}, but position \
         {acknowledged} was reached; restore a backup, or delete {} to go on without them",
        path.display(),
        Watermark::path(path).display(),
        found = found.0,
        acknowledged = acknowledged.0
    )]
    LostWrites {
        /// The directory.
        path: PathBuf,
        /// Where the database ends.
        found: StreamPosition,
        /// Where it ended when it was last written.
        acknowledged: StreamPosition,
    },
    /// A newer version of Hearth has made keyspaces that this one does not know.
    #[error(
        "the database {} is of a newer version: unknown keyspaces {}",
        path.display(),
        names.join(", ")
    )]
    UnknownKeyspaces {
        /// The directory.
        path: PathBuf,
        /// The keyspaces.
        names: Vec<String>,
    },
    /// The operating system refused (permissions, disk full, read-only file system).
    #[error("the database {} cannot be opened: {reason}", path.display())]
    Unavailable {
        /// The directory.
        path: PathBuf,
        /// What was refused.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn damaged(path: &Path, reason: String) -> Self {
        Self::Damaged { path: path.to_owned(), reason }
    }

    pub(crate) fn unreadable(path: &Path, error: &dyn ToString) -> Self {
        Self::Unavailable { path: path.to_owned(), reason: error.to_string() }
    }

    fn from_rocks(path: &Path, error: &rocksdb::Error) -> Self {
        let reason = error.to_string();
        let path_buf = path.to_owned();
        // RocksDB has no status of its own for these two.
        if reason.contains("While lock file") || reason.contains("lock hold by current process") {
            return Self::InUse { path: path_buf, reason };
        }
        let missing = reason.contains("No such file");
        if error.kind() == ErrorKind::Corruption || missing {
            return Self::damaged(path, reason);
        }
        Self::unreadable(path, &reason)
    }

    fn from_store(path: &Path, error: &StoreError) -> Self {
        match error {
            StoreError::Corrupt { .. } => Self::damaged(path, error.to_string()),
            error => Self::unreadable(path, error),
        }
    }
}

/// Opens a directory, and makes a database where there is none.
pub(crate) fn open(path: &Path, settings: &Settings) -> Result<Database, OpenError> {
    let rocks = |error| OpenError::from_rocks(path, &error);
    let mut options = options::database(settings).map_err(rocks)?;
    match inspect(path)? {
        Found::Nothing => options.create_if_missing(true),
        Found::Database => refuse_unknown_keyspaces(path, &options)?,
    }
    let keyspaces = options::keyspaces(settings);
    let db = Db::open_cf_descriptors(&options, path, keyspaces).map_err(rocks)?;
    let (watermark, acknowledged) =
        Watermark::open(path).map_err(|error| OpenError::unreadable(path, &error))?;
    let database = Database::new(db, watermark);
    let found = database.position().map_err(|error| OpenError::from_store(path, &error))?;
    if found < acknowledged {
        return Err(OpenError::LostWrites { path: path.to_owned(), found, acknowledged });
    }
    Ok(database)
}

fn refuse_unknown_keyspaces(path: &Path, options: &Options) -> Result<(), OpenError> {
    let families =
        Db::list_cf(options, path).map_err(|error| OpenError::from_rocks(path, &error))?;
    let known =
        |name: &str| name == DEFAULT_FAMILY || Keyspace::ALL.iter().any(|key| key.name() == name);
    let names: Vec<_> = families.into_iter().filter(|name| !known(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(OpenError::UnknownKeyspaces { path: path.to_owned(), names })
}
