//! The directory at the end of a ZIP archive, which names its files (APPNOTE.TXT, 4.3).
//!
//! Deliberately absent: archives of more than 4 GiB, and anything that is compressed.

/// What the record at the end of the directory begins with, and its length in bytes.
const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
/// Longest comment after it, in bytes.
const COMMENT_BYTES_MAX: usize = 65_535;
/// What the entry of a file begins with, and its length in bytes without its name.
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;

/// Whether the content is an archive that has files of all these names.
pub(crate) fn has_files(content: &[u8], names: &[&str]) -> bool {
    let mut missing = names.to_vec();
    for name in Names::of(content) {
        missing.retain(|wanted| wanted.as_bytes() != name);
    }
    missing.is_empty()
}

/// The names in a directory. What is left of it gets shorter with each, so it ends.
struct Names<'a> {
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    fn of(content: &'a [u8]) -> Self {
        Self { rest: directory(content).unwrap_or_default() }
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let after = self.rest.strip_prefix(&ENTRY).and(self.rest.get(ENTRY_BYTES..))?;
        let [name, extra, comment] = [28, 30, 32].map(|at| number(self.rest, at, 2));
        let (name, others) = (name?, extra? + comment?);
        let (name, after) = after.split_at_checked(name)?;
        self.rest = after.get(others..).unwrap_or_default();
        Some(name)
    }
}

fn directory(content: &[u8]) -> Option<&[u8]> {
    let tail = content.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    let last = content.get(tail..)?.windows(END.len()).rposition(|bytes| bytes == END)?;
    let end = content.get(tail + last..)?;
    let (length, start) = (number(end, 12, 4)?, number(end, 16, 4)?);
    content.get(start..start.checked_add(length)?)
}

/// A number of so many bytes, the lowest first.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let digits = bytes.get(at..at + length)?;
    Some(digits.iter().rev().fold(0, |number, digit| (number << 8) | usize::from(*digit)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_media::zip;

    #[test]
    fn files_are_found_wherever_they_stand() {
        let content = zip(&["a", "docs/b.xml", "c"]);
        assert!(has_files(&content, &["docs/b.xml", "a", "c"]));
        assert!(!has_files(&content, &["a", "b.xml"]));
        let commented = [content.clone(), b"a comment".to_vec()].concat();
        assert!(has_files(&commented, &["c"]));
        assert!(!has_files(&content[..content.len() - END_BYTES], &["a"]));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_to_no_harm(
            mut content in Just(zip(&["a", "b"])),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let place = place.index(content.len());
            content[place] = byte;
            has_files(&content, &["a", "b"]);
            has_files(&content[place..], &["a", "b"]);
        }
    }
}
