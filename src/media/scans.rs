//! Reading a picture within a time, and counting what makes a JPEG slow.

use std::io::{BufRead, Cursor, Error, ErrorKind, Read, Result, Seek, SeekFrom};

use hearth_base::Clock;

/// How much a decoder gets before the clock is looked at again, in bytes.
const SLICE_BYTES: usize = 16 * 1024;

/// Bytes that nobody can read any more after a deadline.
pub(crate) struct UntilDeadline<'a> {
    bytes: Cursor<&'a [u8]>,
    clock: &'a Clock,
    deadline_ms: u64,
}

impl<'a> UntilDeadline<'a> {
    /// `deadline_ms` is Unix time.
    pub const fn new(bytes: &'a [u8], clock: &'a Clock, deadline_ms: u64) -> Self {
        Self { bytes: Cursor::new(bytes), clock, deadline_ms }
    }

    fn check(&self) -> Result<()> {
        if self.clock.now_ms() >= self.deadline_ms {
            return Err(Error::from(ErrorKind::TimedOut));
        }
        Ok(())
    }
}

impl Read for UntilDeadline<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.check()?;
        self.bytes.read(buffer)
    }
}

impl BufRead for UntilDeadline<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.check()?;
        let rest = self.bytes.fill_buf()?;
        Ok(rest.get(..SLICE_BYTES).unwrap_or(rest))
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for UntilDeadline<'_> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.bytes.seek(position)
    }
}

/// How many scans a JPEG has at most: each one goes over all pixels. Within a scan, `FF` is
/// followed by `00`, so `FF DA` cannot be picture data.
pub(crate) fn jpeg_scans(source: &[u8]) -> usize {
    source.windows(2).filter(|pair| *pair == [0xff, 0xda]).count()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_deadline_ends_reading() {
        let clock = Clock::manual(0);
        let bytes = vec![1; 100_000];
        let mut reader = UntilDeadline::new(&bytes, &clock, 10);
        assert_eq!(reader.fill_buf().unwrap().len(), SLICE_BYTES);
        reader.consume(SLICE_BYTES);
        clock.advance(Duration::from_millis(10));
        assert_eq!(reader.fill_buf().unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(reader.read(&mut [0]).is_err());
    }

    #[test]
    fn scans_are_counted() {
        assert_eq!(jpeg_scans(&[0xff, 0xd8, 0xff, 0xda, 0, 0xff, 0, 0xff, 0xda]), 2);
        assert_eq!(jpeg_scans(&[]), 0);
    }
}
