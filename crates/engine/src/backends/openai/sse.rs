//! Server-sent events: splits bytes that arrive in arbitrary pieces into the data of each event.

use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Decoder, LinesCodec, LinesCodecError};

/// Longest line and longest data of one event in bytes.
const LONGEST: usize = 1 << 20;

/// The events of one stream.
#[derive(Debug)]
pub(super) struct Events {
    lines: LinesCodec,
    /// Bytes of the incomplete line.
    bytes: BytesMut,
    /// Data of the incomplete event.
    data: Option<String>,
    begun: bool,
}

impl Events {
    /// No events yet.
    pub(super) fn new() -> Self {
        let lines = LinesCodec::new_with_max_length(LONGEST);
        Self { lines, bytes: BytesMut::new(), data: None, begun: false }
    }

    /// Takes bytes; all earlier events must have been taken.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The data of the next complete event, if there is one.
    ///
    /// # Errors
    /// What is wrong with the stream.
    pub(super) fn event(&mut self) -> Result<Option<String>, String> {
        while let Some(line) = self.lines.decode(&mut self.bytes).map_err(reason)? {
            if let Some(data) = self.line(&line)? {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The data of an event that the end of the stream completes: some endpoints omit the last empty line.
    ///
    /// # Errors
    /// What is wrong with the stream.
    pub(super) fn last(&mut self) -> Result<Option<String>, String> {
        while let Some(line) = self.lines.decode_eof(&mut self.bytes).map_err(reason)? {
            if let Some(data) = self.line(&line)? {
                return Ok(Some(data));
            }
        }
        Ok(self.data.take())
    }

    /// Takes a line; returns the data of the event that it ends. Skips comments and all fields but `data`.
    fn line(&mut self, line: &str) -> Result<Option<String>, String> {
        let line = if self.begun { line } else { line.trim_start_matches('\u{feff}') };
        self.begun = true;
        if line.is_empty() {
            return Ok(self.data.take());
        }
        let Some(value) = line.strip_prefix("data:") else { return Ok(None) };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            None => self.data = Some(value.into()),
            Some(data) if data.len() + value.len() < LONGEST => {
                data.push('\n');
                data.push_str(value);
            }
            Some(_) => return Err(too_large()),
        }
        Ok(None)
    }
}

fn reason(error: LinesCodecError) -> String {
    match error {
        LinesCodecError::MaxLineLengthExceeded => too_large(),
        LinesCodecError::Io(error) => error.to_string(),
    }
}

fn too_large() -> String {
    format!("an event has more than {LONGEST} bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The events of these pieces of a stream.
    fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, String> {
        let (mut events, mut found) = (Events::new(), Vec::new());
        for piece in pieces {
            events.push(piece);
            while let Some(data) = events.event()? {
                found.push(data);
            }
        }
        found.extend(events.last()?);
        Ok(found)
    }

    #[test]
    fn data_is_taken_from_any_form_of_event() {
        let cases: [(&str, &[&str]); 6] = [
            ("data: a\n\ndata: b\n\n", &["a", "b"]),
            ("data:a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            (": still here\n\nevent: error\ndata: a\nid: 7\n\n", &["a"]),
            ("\u{feff}data: a\ndata: b\n\n", &["a\nb"]),
            ("data: a\n\ndata: the end", &["a", "the end"]),
            ("\n\n\n", &[]),
        ];
        for (stream, expected) in cases {
            assert_eq!(events([stream.as_bytes()]).unwrap(), expected, "{stream:?}");
        }
    }

    #[test]
    fn a_stream_without_line_breaks_is_refused_before_it_fills_the_memory() {
        let piece = vec![b'x'; 64 << 10];
        let fault = events(std::iter::repeat_n(piece.as_slice(), 32)).unwrap_err();
        assert!(fault.contains("more than"), "{fault}");
        let lines = "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".repeat(64 << 10);
        assert!(events(lines.as_bytes().chunks(4096)).is_err());
        assert!(events([&b"data: \xff\n\n"[..]]).is_err());
    }

    proptest! {
        #[test]
        fn the_events_do_not_depend_on_where_the_bytes_are_cut(
            texts in prop::collection::vec("[ -~é中🎉]{1,20}", 0..8),
            cuts in prop::collection::vec(1usize..9, 1..40),
        ) {
            let texts: Vec<String> = texts.into_iter().map(|text| format!("x{text}")).collect();
            let stream: String = texts.iter().map(|text| format!("data: {text}\r\n\r\n: ping\n\n")).collect();
            let (mut rest, mut pieces) = (stream.as_bytes(), Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            prop_assert_eq!(events(pieces), Ok(texts));
        }
    }
}
