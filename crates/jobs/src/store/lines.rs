//! Where the lines of a job's items stand in their file: a mark for every few of them, since a job may have many.

use std::io::{self, BufRead, Seek, SeekFrom};

/// Lines of a mark; on the way to a line, so many are skipped at most.
const EVERY: u32 = 16;

/// Where lines stand.
#[derive(Debug)]
pub(super) struct Lines {
    /// Where every so many lines begin.
    marks: Vec<u64>,
    lines: u32,
}

impl Lines {
    /// Looks through a file once.
    pub(super) fn of(mut file: impl BufRead) -> io::Result<Self> {
        let (mut marks, mut lines, mut at) = (Vec::new(), 0_u32, 0_u64);
        loop {
            let read = file.skip_until(b'\n')?;
            if read == 0 {
                return Ok(Self { marks, lines });
            }
            if lines.is_multiple_of(EVERY) {
                marks.push(at);
            }
            lines = lines.saturating_add(1);
            at += read as u64;
        }
    }

    /// A line of the file.
    pub(super) fn line(&self, mut file: impl BufRead + Seek, line: u32) -> io::Result<String> {
        let mark = self.marks.get((line / EVERY) as usize).filter(|_| line < self.lines);
        let mark = mark.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the item is missing"))?;
        file.seek(SeekFrom::Start(*mark))?;
        for _ in 0..line % EVERY {
            file.skip_until(b'\n')?;
        }
        let mut text = String::new();
        file.read_line(&mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn each_line_is_found_whatever_its_length_and_there_are_few_marks() {
        let text: Vec<String> =
            (0..100_usize).map(|at| format!("{at}{}\n", "x".repeat(at * 31 % 400))).collect();
        let file = text.concat();
        let lines = Lines::of(Cursor::new(&file)).unwrap();
        assert_eq!((lines.lines, lines.marks.len()), (100, 7));
        for (at, line) in (0..).zip(&text) {
            assert_eq!(lines.line(Cursor::new(&file), at).unwrap(), *line);
        }
        assert_eq!(lines.line(Cursor::new(&file), 100).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(Lines::of(Cursor::new("")).unwrap().marks.is_empty());
    }
}
