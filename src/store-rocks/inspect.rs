//! A look at a directory before RocksDB may touch it.
//!
//! RocksDB makes a new database wherever it finds no `CURRENT`, and then deletes the tables and
//! logs that the new database does not know. So it may make one only where there is nothing.

use std::{fs, io, path::Path};

use crate::OpenError;

/// What is in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No database, or one whose creation was interrupted before it could hold anything.
    Nothing,
    /// A database, as far as can be seen from outside.
    Database,
}

/// Looks, and changes nothing.
///
/// # Errors
/// [`OpenError::Damaged`] if files are there but not what tells RocksDB how they belong together.
pub(crate) fn inspect(directory: &Path) -> Result<Found, OpenError> {
    let names = match names(directory) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(OpenError::unreadable(directory, &error)),
    };
    let damaged = |reason| Err(OpenError::damaged(directory, reason));
    let held = names.iter().find(|name| holds_rows(name));
    if names.iter().any(|name| name == "CURRENT") {
        let current = fs::read_to_string(directory.join("CURRENT"))
            .map_err(|error| OpenError::unreadable(directory, &error))?;
        let manifest = current.trim_end();
        if !manifest.starts_with("MANIFEST-") {
            return damaged("the file CURRENT names no manifest".to_owned());
        }
        if !names.iter().any(|name| name == manifest) {
            return damaged(format!("{manifest} is missing, which CURRENT names"));
        }
        return Ok(Found::Database);
    }
    match held {
        Some(file) => damaged(format!("the file CURRENT is missing, but there is data ({file})")),
        None => Ok(Found::Nothing),
    }
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Whether a file of this name is a table, a write-ahead log or a blob file.
fn holds_rows(name: &str) -> bool {
    name.split_once('.').is_some_and(|(number, kind)| {
        number.bytes().all(|byte| byte.is_ascii_digit()) && matches!(kind, "sst" | "log" | "blob")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        directory
    }

    #[test]
    fn nothing_and_an_interrupted_creation_may_become_a_database() {
        let missing = Path::new("/nonexistent/database");
        assert_eq!(inspect(missing).unwrap(), Found::Nothing);
        for files in [&[][..], &[("LOCK", ""), ("MANIFEST-000001", "x"), ("LOG", "")]] {
            let found = inspect(directory(files).path()).unwrap();
            assert_eq!(found, Found::Nothing);
        }
    }

    #[test]
    fn data_without_its_index_is_damaged() {
        for (files, named) in [
            (&[("000004.log", "x")][..], "000004.log"),
            (&[("MANIFEST-000001", "x"), ("000009.sst", "x")], "000009.sst"),
            (&[("CURRENT", "MANIFEST-000005\n")], "MANIFEST-000005"),
            (&[("CURRENT", "")], "CURRENT"),
        ] {
            let refused = inspect(directory(files).path()).unwrap_err();
            assert!(matches!(refused, OpenError::Damaged { .. }));
            assert!(refused.to_string().contains(named));
        }
    }
}
