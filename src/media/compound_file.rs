//! Compound files (MS-CFB), which is what old Office documents are: little file systems, with
//! streams for files.
//!
//! Invariant: reading one takes no more memory than the file, whatever its tables say.

use std::io::{Cursor, Error, ErrorKind, Read, Result, Seek, SeekFrom};

use cfb::CompoundFile;

/// What a compound file begins with.
pub(crate) const MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Whether the content is a compound file that has a stream of this name at its root.
pub(crate) fn has_stream(content: &[u8], name: &str) -> bool {
    open(content).is_ok_and(|file| file.is_stream(format!("/{name}")))
}

fn open(content: &[u8]) -> Result<CompoundFile<ReadOnce<'_>>> {
    CompoundFile::open(ReadOnce { bytes: Cursor::new(content), left_bytes: content.len() })
}

/// Bytes of which no more are read than there are: every table of a compound file is read once. A
/// hostile one has a list of tables that names the same one a million times.
struct ReadOnce<'a> {
    bytes: Cursor<&'a [u8]>,
    left_bytes: usize,
}

impl Read for ReadOnce<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read_bytes = self.bytes.read(buffer)?;
        let left_bytes = self.left_bytes.checked_sub(read_bytes);
        self.left_bytes = left_bytes.ok_or_else(|| Error::from(ErrorKind::QuotaExceeded))?;
        Ok(read_bytes)
    }
}

impl Seek for ReadOnce<'_> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.bytes.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_media::compound_file;

    #[test]
    fn streams_are_found_at_the_root_only() {
        let content = compound_file(&["WordDocument", "/ObjectPool/Workbook"]);
        assert!(has_stream(&content, "WordDocument"));
        assert!(!has_stream(&content, "Workbook"));
        assert!(!has_stream(&content, "ObjectPool"), "a folder");
        assert!(!has_stream(&content[..600], "WordDocument"));
    }

    #[test]
    fn a_large_file_is_read_to_its_end() {
        let mut file =
            CompoundFile::create_with_version(cfb::Version::V3, Cursor::new(Vec::new())).unwrap();
        for name in ["Data", "WordDocument"] {
            // More than the tables that the header names have room for.
            let stream = vec![7; 5_000_000];
            std::io::Write::write_all(&mut file.create_stream(name).unwrap(), &stream).unwrap();
        }
        assert!(has_stream(file.into_inner().get_ref(), "WordDocument"));
    }

    #[test]
    fn a_bomb_is_not_read() {
        const SECTORS: u32 = 1_000;
        let mut bomb = compound_file(&["WordDocument"]);
        bomb.truncate(512);
        // No table in the header; a list that goes over all sectors and names the first only.
        bomb[68..72].copy_from_slice(&0_u32.to_le_bytes());
        bomb[76..512].fill(0);
        for sector in 1..=SECTORS {
            bomb.extend([0; 127 * 4]);
            let next = if sector < SECTORS { sector } else { 0xffff_fffe };
            bomb.extend(next.to_le_bytes());
        }
        // Otherwise the zeros would be taken for padding.
        let end = bomb.len() - 8;
        bomb[end..end + 4].copy_from_slice(&1_u32.to_le_bytes());
        let error = open(&bomb).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_read_to_no_harm(
            damage in prop::collection::vec(
                (any::<prop::sample::Index>(), prop::sample::select(vec![0, 1, 4, 254, 255])),
                1..10,
            ),
        ) {
            let mut content = compound_file(&["WordDocument", "/ObjectPool/Workbook"]);
            for (at, byte) in damage {
                *at.get_mut(&mut content) = byte;
            }
            has_stream(&content, "WordDocument");
        }
    }
}
