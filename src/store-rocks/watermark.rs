//! The last acknowledged position, beside the database and not in it.
//!
//! RocksDB recovers its log up to the first damaged record, and cannot tell a torn write, which
//! nobody was promised, from the loss of acknowledged ones. This can: it is written after every
//! durable commit, and never says more than was durable then. It is not synced, so after a loss
//! of power it may say less, and finds less.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use hearth_base::StreamPosition;

const FILE_NAME: &str = "acknowledged-position";

/// The open file.
pub(crate) struct Watermark(File);

impl Watermark {
    /// Where the watermark of a database is.
    pub(crate) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE_NAME)
    }

    /// Opens the watermark, and reads it: 0 if there is none, or none that can be read.
    pub(crate) fn open(directory: &Path) -> io::Result<(Self, StreamPosition)> {
        let path = Self::path(directory);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        let text = std::fs::read(&path)?;
        let position = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .map_or(StreamPosition::ZERO, StreamPosition);
        Ok((Self(file), position))
    }

    /// Remembers a position that is durable.
    pub(crate) fn record(&self, position: StreamPosition) {
        let text = format!("{:020}\n", position.0);
        // A failure only means that a later check knows less; the commit is durable already.
        let _ = self.0.write_all_at(text.as_bytes(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_and_damage_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let (watermark, position) = Watermark::open(directory.path()).unwrap();
        assert_eq!(position, StreamPosition::ZERO);
        watermark.record(StreamPosition(1_234));
        watermark.record(StreamPosition(56));
        let (_, position) = Watermark::open(directory.path()).unwrap();
        assert_eq!(position, StreamPosition(56));
        std::fs::write(Watermark::path(directory.path()), [0; 21]).unwrap();
        let (_, position) = Watermark::open(directory.path()).unwrap();
        assert_eq!(position, StreamPosition::ZERO);
    }
}
