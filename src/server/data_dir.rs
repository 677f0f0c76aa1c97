//! The data directory: whose it is, that nobody else has it open, and its secrets.
//!
//! Invariant: an opened directory is locked, belongs to the server name, has a format that this
//! program knows, and has both secrets. They are made only while the directory is new: a secret
//! that is missing later would orphan the data, so that is an error.
//!
//! | file | content |
//! |---|---|
//! | `hearth.lock` | locked while a process has the directory open |
//! | `identity.toml` | server name and format; written last, so its presence means complete |
//! | `signing.key` | the server's ed25519 key, in the text format of `hearth_rules::signing` |
//! | `state.key` | 32 bytes that key the hashes of room state |
//! | `store/`, `media/` | what the store and the media crate keep |
//! | `search/` | the index of messages; made again when it is missing |

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use hearth_base::Random;
use hearth_rules::{SigningKey, SigningKeyError};
use ruma::{OwnedServerName, ServerName};
use serde::{Deserialize, Serialize};

/// The newest format of the directory that this program knows, and the one it writes.
const FORMAT_VERSION: u32 = 1;

/// A data directory that this process has to itself until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
    signing_key: Vec<u8>,
    state_secret: [u8; 32],
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it open.
    #[error("the data directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// It was first opened under another server name.
    #[error(
        "the data directory {} belongs to the server {found}, not to {expected}",
        path.display()
    )]
    OtherServer {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: OwnedServerName,
        /// Who asks.
        expected: OwnedServerName,
    },
    /// Its format is newer than this program.
    #[error(
        "the data directory {} was written by a newer version of hearth: it has format {found}, \
         and this program knows {FORMAT_VERSION} at most",
        path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A file that the data depends on has gone.
    #[error("{} is missing, and the data cannot be used without it", .0.display())]
    Missing(PathBuf),
    /// A file is not what it should be.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key file holds a key that must not be used, or none can be made.
    #[error("signing key: {0}")]
    SigningKey(#[from] SigningKeyError),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Identity {
    format_version: u32,
    server_name: OwnedServerName,
}

impl DataDir {
    /// Opens the directory, making it and its secrets when it is new.
    ///
    /// # Errors
    /// See [`DataDirError`]; nothing is changed then, except that a new directory may be there.
    pub fn open(path: &Path, server: &ServerName, random: &Random) -> Result<Self, DataDirError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path).map_err(at(path))?;
        let lock = lock(path)?;
        let is_new = !check_identity(path, server)?;
        let secret = |name: &str, make: &dyn Fn() -> Result<Vec<u8>, DataDirError>| {
            let file = path.join(name);
            match read(&file)? {
                Some(bytes) => Ok(bytes),
                None if is_new => make().and_then(|bytes| write(&file, &bytes).map(|()| bytes)),
                None => Err(DataDirError::Missing(file)),
            }
        };
        let signing_key = secret("signing.key", &|| Ok(SigningKey::generate(random)?.to_bytes()))?;
        let state_secret = secret("state.key", &|| Ok(random.bytes::<32>().to_vec()))?;
        let state_secret = state_secret.try_into().map_err(|_| DataDirError::Damaged {
            path: path.join("state.key"),
            reason: "it must have 32 bytes".to_owned(),
        })?;
        SigningKey::from_bytes(&signing_key)?;
        if is_new {
            write_identity(path, server)?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock, signing_key, state_secret })
    }

    /// Directory of the store's engine.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Directory of uploaded media.
    #[must_use]
    pub fn media(&self) -> PathBuf {
        self.path.join("media")
    }

    /// Directory of the index of messages.
    #[must_use]
    pub fn search(&self) -> PathBuf {
        Self::search_in(&self.path)
    }

    /// The same in a data directory that another process may have open.
    #[must_use]
    pub fn search_in(path: &Path) -> PathBuf {
        path.join("search")
    }

    /// The key that signs in the server's name.
    ///
    /// # Errors
    /// Never for a directory that was opened, which checked the key.
    pub fn signing_key(&self) -> Result<SigningKey, DataDirError> {
        Ok(SigningKey::from_bytes(&self.signing_key)?)
    }

    /// The secret that keys the hashes of room state.
    #[must_use]
    pub const fn state_secret(&self) -> &[u8; 32] {
        &self.state_secret
    }
}

fn lock(directory: &Path) -> Result<File, DataDirError> {
    let path = directory.join("hearth.lock");
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
    let file = file.map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(DataDirError::Io { path, source }),
    }
}

/// Whether the directory has an identity; an error unless it is ours.
fn check_identity(directory: &Path, expected: &ServerName) -> Result<bool, DataDirError> {
    let file = directory.join("identity.toml");
    let Some(bytes) = read(&file)? else {
        return Ok(false);
    };
    let Identity { format_version, server_name } = toml::from_slice(&bytes)
        .map_err(|error| DataDirError::Damaged { path: file, reason: error.to_string() })?;
    if format_version > FORMAT_VERSION {
        return Err(DataDirError::Newer { path: directory.to_owned(), found: format_version });
    }
    if server_name != expected {
        return Err(DataDirError::OtherServer {
            path: directory.to_owned(),
            found: server_name,
            expected: expected.to_owned(),
        });
    }
    Ok(true)
}

fn write_identity(directory: &Path, server_name: &ServerName) -> Result<(), DataDirError> {
    let path = directory.join("identity.toml");
    let identity = Identity { format_version: FORMAT_VERSION, server_name: server_name.to_owned() };
    let text = toml::to_string(&identity)
        .map_err(|error| DataDirError::Damaged { path: path.clone(), reason: error.to_string() })?;
    write(&path, text.as_bytes())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, DataDirError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DataDirError::Io { path: path.to_owned(), source }),
    }
}

/// Writes a file that only we may read: complete and durable, or not there at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    let unfinished = path.with_extension("unfinished");
    let written = || {
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    };
    written().map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    |source| DataDirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use ruma::server_name;

    use super::*;

    fn open(path: &Path, name: &str) -> Result<DataDir, DataDirError> {
        DataDir::open(path, <&ServerName>::try_from(name).unwrap(), &Random::system())
    }

    #[test]
    fn secrets_are_made_once_and_are_ours_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let first = open(&path, "example.org").unwrap();
        let (key, secret) = (first.signing_key.clone(), *first.state_secret());
        drop(first);
        let again = open(&path, "example.org").unwrap();
        assert_eq!((again.signing_key.clone(), *again.state_secret()), (key, secret));
        for name in ["signing.key", "state.key"] {
            let mode = fs::metadata(path.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn only_one_process_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let first = open(directory.path(), "example.org").unwrap();
        let error = open(directory.path(), "example.org").unwrap_err();
        assert!(matches!(error, DataDirError::InUse(_)), "{error}");
        drop(first);
        open(directory.path(), "example.org").unwrap();
    }

    #[test]
    fn it_belongs_to_one_server_name() {
        let directory = tempfile::tempdir().unwrap();
        drop(open(directory.path(), "example.org").unwrap());
        let error = open(directory.path(), "example.com").unwrap_err();
        assert!(error.to_string().contains("belongs to the server example.org"), "{error}");
    }

    #[test]
    fn a_newer_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let newer = "format_version = 2\nserver_name = \"example.org\"\n";
        fs::write(directory.path().join("identity.toml"), newer).unwrap();
        let error = open(directory.path(), "example.org").unwrap_err();
        assert!(error.to_string().contains("newer version of hearth"), "{error}");
    }

    #[test]
    fn a_lost_secret_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        drop(open(directory.path(), "example.org").unwrap());
        fs::remove_file(directory.path().join("state.key")).unwrap();
        let error = open(directory.path(), "example.org").unwrap_err();
        assert!(matches!(error, DataDirError::Missing(_)), "{error}");
        assert!(!directory.path().join("state.key").exists());
    }

    #[test]
    fn a_damaged_identity_is_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("identity.toml"), "?").unwrap();
        let error = DataDir::open(directory.path(), server_name!("a.b"), &Random::system());
        assert!(error.unwrap_err().to_string().contains("identity.toml is damaged"));
    }
}
