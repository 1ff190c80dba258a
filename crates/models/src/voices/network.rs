//! Checks the file of a Piper network without loading it: whether it is complete, and which inputs it takes. An ONNX file is a
//! Protocol Buffers message, of which only tags and lengths are read.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek};
use std::path::Path;

use super::description::is_web_page;
use super::fault::Fault;

/// Numbers of the fields that are read: of the model, of its graph, of a graph's input.
const GRAPH: u64 = 7;
const OPERATORS: u64 = 8;
const INPUT: u64 = 11;
const NAME: u64 = 1;

/// Longest name of an input that is read.
const LONGEST_NAME: u64 = 256;

/// Checks that the file is complete and that its network takes a voice's inputs; `speakers`: also the number of a speaker.
pub(super) fn check(model: &Path, speakers: bool) -> Result<(), Fault> {
    let file = File::open(model).map_err(Fault::Unreadable)?;
    let length = file.metadata().map_err(Fault::Unreadable)?.len();
    let inputs = inputs(file, length)?;
    let wanted = ["input", "input_lengths", "scales"].into_iter().chain(speakers.then_some("sid"));
    let missing: Vec<&str> = wanted.filter(|name| !inputs.iter().any(|input| input == name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Fault::NotVoice(format!("it lacks the inputs {}", missing.join(", "))))
}

/// The names of the network's inputs.
pub(super) fn inputs<R: Read + Seek>(file: R, length: u64) -> Result<Vec<String>, Fault> {
    let mut walk = Walk { reader: BufReader::new(file), at: 0 };
    walk.begin()?;
    let (mut inputs, mut graph, mut operators) = (Vec::new(), false, false);
    while let Some(field) = walk.next(length)? {
        match field.number {
            GRAPH => {
                graph = true;
                walk.graph(field.end, &mut inputs)?;
            }
            OPERATORS => operators = true,
            _ => {}
        }
        walk.skip_to(field.end)?;
    }
    match (graph, operators) {
        (false, _) => Err(Fault::NotVoice("it holds no network".to_owned())),
        // The fields after the network are missing.
        (true, false) => Err(Fault::CutShort),
        (true, true) => Ok(inputs),
    }
}

/// A field whose content has not been read yet.
#[derive(Debug, Clone, Copy)]
struct Field {
    number: u64,
    /// Where its content ends.
    end: u64,
}

/// A position in a file.
struct Walk<R> {
    reader: BufReader<R>,
    at: u64,
}

impl<R: Read + Seek> Walk<R> {
    /// Detects files that are often saved in place of a network.
    fn begin(&mut self) -> Result<(), Fault> {
        let mut start = [0; 64];
        let mut read = 0;
        while read < start.len() {
            match self.reader.read(&mut start[read..]).map_err(Fault::Unreadable)? {
                0 => break,
                more => read += more,
            }
        }
        self.reader.rewind().map_err(Fault::Unreadable)?;
        if is_web_page(&start[..read]) {
            return Err(Fault::WebPage);
        }
        if start.starts_with(b"version https://git-lfs") {
            return Err(Fault::NotVoice("it is a Git LFS pointer, not the file".to_owned()));
        }
        if read == 0 { Err(Fault::CutShort) } else { Ok(()) }
    }

    /// Collects the names of a graph's inputs.
    fn graph(&mut self, end: u64, inputs: &mut Vec<String>) -> Result<(), Fault> {
        while let Some(field) = self.next(end)? {
            if field.number == INPUT {
                inputs.extend(self.name(field.end)?);
            }
            self.skip_to(field.end)?;
        }
        Ok(())
    }

    /// The name in the description of an input.
    fn name(&mut self, end: u64) -> Result<Option<String>, Fault> {
        while let Some(field) = self.next(end)? {
            let length = field.end - self.at;
            if field.number == NAME && length <= LONGEST_NAME {
                let mut name = vec![0; usize::try_from(length).unwrap_or(0)];
                self.reader.read_exact(&mut name).map_err(broken)?;
                self.at = field.end;
                return Ok(Some(String::from_utf8_lossy(&name).into_owned()));
            }
            self.skip_to(field.end)?;
        }
        Ok(None)
    }

    /// The next field of the message that ends at `end`.
    fn next(&mut self, end: u64) -> Result<Option<Field>, Fault> {
        if self.at == end {
            return Ok(None);
        }
        let tag = self.number()?;
        let length = match tag & 7 {
            0 => {
                self.number()?;
                0
            }
            1 => 8,
            2 => self.number()?,
            5 => 4,
            _ => return Err(Fault::NotVoice("it is not an ONNX file".to_owned())),
        };
        let ends = self.at.checked_add(length).filter(|ends| *ends <= end);
        ends.map(|end| Some(Field { number: tag >> 3, end })).ok_or(Fault::CutShort)
    }

    /// A number of variable length.
    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.reader.read_exact(&mut byte).map_err(broken)?;
            self.at += 1;
            number |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(number);
            }
        }
        Err(Fault::NotVoice("it is not an ONNX file".to_owned()))
    }

    fn skip_to(&mut self, end: u64) -> Result<(), Fault> {
        let by = i64::try_from(end.saturating_sub(self.at)).unwrap_or(i64::MAX);
        self.reader.seek_relative(by).map_err(Fault::Unreadable)?;
        self.at = end;
        Ok(())
    }
}

fn broken(error: std::io::Error) -> Fault {
    if error.kind() == ErrorKind::UnexpectedEof { Fault::CutShort } else { Fault::Unreadable(error) }
}
