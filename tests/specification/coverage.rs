//! Which operations were tried, with which results, by which stories.
//!
//! Stories run side by side in several processes: each process appends to a file of its own in one
//! folder ([`Recorder`]), and whoever wants to know reads the folder ([`Coverage`]).

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process,
    sync::{Mutex, PoisonError},
};

/// Modules of stories that knock at every door without going in: they exercise nothing.
const KNOCKING: [&str; 2] = ["paths", "rates"];

/// Writes down what this process tries.
pub struct Recorder(Mutex<Inner>);

struct Inner {
    file: File,
    known: HashSet<String>,
}

impl Recorder {
    /// Opens a file of this process in a folder.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = File::create(folder.join(format!("{}.tsv", process::id())))?;
        Ok(Self(Mutex::new(Inner { file, known: HashSet::new() })))
    }

    /// Notes that a story got this status from an operation.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, operation: &str, status: u16, story: &str) -> io::Result<()> {
        let line = format!("{operation}\t{status}\t{story}\n");
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.known.contains(&line) {
            return Ok(());
        }
        inner.file.write_all(line.as_bytes())?;
        inner.known.insert(line);
        Ok(())
    }
}

/// What all processes tried.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<String, Tried>);

/// How one operation was tried.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tried {
    pub(crate) statuses: BTreeSet<u16>,
    /// The modules of the stories.
    pub(crate) subjects: BTreeSet<String>,
}

impl Coverage {
    /// Reads what was written to a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut coverage = Self::default();
        for entry in fs::read_dir(folder)? {
            for line in fs::read_to_string(entry?.path())?.lines() {
                coverage.add(line);
            }
        }
        Ok(coverage)
    }

    /// A line that is cut off says nothing.
    fn add(&mut self, line: &str) {
        let mut parts = line.split('\t');
        let (Some(operation), Some(Ok(status)), Some(story)) =
            (parts.next(), parts.next().map(str::parse), parts.next())
        else {
            return;
        };
        let subject = story.split("::").next().unwrap_or(story);
        if KNOCKING.contains(&subject) {
            return;
        }
        let tried = self.0.entry(operation.to_owned()).or_default();
        tried.statuses.insert(status);
        tried.subjects.insert(subject.to_owned());
    }

    pub(crate) fn of(&self, operation: &str) -> Option<&Tried> {
        self.0.get(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_add_up() {
        let mut coverage = Coverage::default();
        for line in [
            "login\t200\tlogin::works",
            "login\t403\taccount::x",
            "login\t404\tpaths::x",
            "login\t",
            "",
        ] {
            coverage.add(line);
        }
        let tried = coverage.of("login").unwrap();
        assert_eq!(tried.statuses, BTreeSet::from([200, 403]));
        assert_eq!(tried.subjects, BTreeSet::from(["account".to_owned(), "login".to_owned()]));
    }
}
