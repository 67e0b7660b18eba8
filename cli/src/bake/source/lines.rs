//! A reader that counts lines for error messages.

use std::io::{self, BufRead, Read};

/// Counts lines, and stops a piece of markup that never ends from filling the memory.
pub(in crate::bake) struct Lines<R> {
    input: R,
    /// The line that is read, counted from 1.
    pub(in crate::bake) line: u64,
    /// Bytes since somebody set this to 0: an event of markup begins there.
    pub(in crate::bake) event_bytes: u64,
    max_event_bytes: u64,
}

impl<R> Lines<R> {
    /// Over an input whose events are at most so long.
    pub(in crate::bake) fn new(input: R, max_event_bytes: u64) -> Self {
        Self { input, line: 1, event_bytes: 0, max_event_bytes }
    }

    fn count(&mut self, bytes: usize, lines: usize) {
        self.event_bytes += bytes as u64;
        self.line += lines as u64;
    }

    fn check(&self) -> io::Result<()> {
        if self.event_bytes > self.max_event_bytes {
            return Err(io::Error::other(format!("a tag or text of more than {} bytes", self.max_event_bytes)));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let n = self.input.read(buffer)?;
        self.count(n, buffer.iter().take(n).filter(|&&b| b == b'\n').count());
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.input.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        // The buffer is still there: `fill_buf` without a read in between returns the same bytes.
        if let Ok(bytes) = self.input.fill_buf() {
            let lines = bytes.iter().take(n).filter(|&&b| b == b'\n').count();
            self.count(n, lines);
        }
        self.input.consume(n);
    }
}
