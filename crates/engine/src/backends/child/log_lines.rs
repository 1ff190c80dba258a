//! Splits an engine's standard error into lines of text, for any bytes and any length. Pure.

/// Longer lines are truncated: a native library may print whole tensors.
const LONGEST: usize = 4096;

/// Collects bytes into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    /// Takes more bytes and emits the lines that they complete. Invalid UTF-8 becomes the replacement character.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.take(&bytes[..end]);
            self.finish(&mut each);
            bytes = &bytes[end + 1..];
        }
        self.take(bytes);
    }

    /// Emits the last line, if it is not terminated.
    pub(super) fn finish(&mut self, mut each: impl FnMut(&str)) {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end();
        if self.cut {
            each(&format!("{line} … (cut)"));
        } else if !line.is_empty() {
            each(line);
        }
        self.line.clear();
        self.cut = false;
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.line.len();
        self.cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.push(piece, |line| all.push(line.to_owned()));
        }
        lines.finish(|line| all.push(line.to_owned()));
        all
    }

    #[test]
    fn any_bytes_become_lines_and_none_stop_the_log() {
        assert_eq!(
            lines(&[b"INFO one\nINFO t", b"wo\n\xff\xfe bad\n", b"\r\n\nlast"]),
            ["INFO one", "INFO two", "\u{fffd}\u{fffd} bad", "last"]
        );
        let long = lines(&[&[b'x'; 3000], &[b'y'; 3000], b"\nnext\n"]);
        assert_eq!(long.len(), 2);
        assert!(long[0].len() < LONGEST + 20 && long[0].ends_with("(cut)"), "{}", long[0].len());
        assert_eq!(long[1], "next");
    }
}
