//! MP4's edit list, which readers ignore: how much of the first sound is an encoder's delay.

use std::io::{self, SeekFrom};

use super::source::Source;

/// Most boxes that are examined at one level. Only fragmented files have more.
const BOXES: usize = 1_000;
/// A longer skipped beginning is a cut, not a delay. It is kept, because the reason for the cut is not known.
const SECONDS: u64 = 1;

/// A time in a track's own ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delay {
    pub(super) ticks: u64,
    /// Ticks of a second.
    pub(super) scale: u32,
}

/// Where a box's content lies, or that of the file.
#[derive(Clone, Copy)]
struct Span {
    at: u64,
    end: u64,
}

struct Found {
    name: [u8; 4],
    content: Span,
}

/// The delay of the first track with sound.
pub(super) fn delay(file: &mut dyn Source) -> io::Result<Option<Delay>> {
    let all = Span { at: 0, end: file.seek(SeekFrom::End(0))? };
    let Some(movie) = child(file, all, *b"moov")? else { return Ok(None) };
    let mut at = movie.at;
    for _ in 0..BOXES {
        let Some(next) = found(file, Span { at, ..movie })? else { break };
        if next.name == *b"trak" && is_sound(file, next.content)? {
            return of_track(file, next.content);
        }
        at = next.content.end;
    }
    Ok(None)
}

fn is_sound(file: &mut dyn Source, track: Span) -> io::Result<bool> {
    let Some(handler) = path(file, track, &[*b"mdia", *b"hdlr"])? else { return Ok(false) };
    Ok(bytes(file, handler, 8)? == Some(*b"soun"))
}

fn of_track(file: &mut dyn Source, track: Span) -> io::Result<Option<Delay>> {
    let Some(header) = path(file, track, &[*b"mdia", *b"mdhd"])? else { return Ok(None) };
    let Some(edits) = path(file, track, &[*b"edts", *b"elst"])? else { return Ok(None) };
    let (Some(long_header), Some(long_edits)) = (is_long(file, header)?, is_long(file, edits)?) else {
        return Ok(None);
    };
    let scale = bytes(file, header, if long_header { 20 } else { 12 })?.map(u32::from_be_bytes);
    let count = bytes(file, edits, 4)?.map(u32::from_be_bytes);
    let (Some(scale), Some(count)) = (scale.filter(|&scale| scale > 0), count) else { return Ok(None) };
    let length = if long_edits { 20 } else { 12 };
    for entry in 0..u64::from(count).min(BOXES as u64) {
        let time = 8 + entry * length + if long_edits { 8 } else { 4 };
        let ticks = if long_edits {
            bytes(file, edits, time)?.map(i64::from_be_bytes)
        } else {
            bytes(file, edits, time)?.map(|bytes| i64::from(i32::from_be_bytes(bytes)))
        };
        let Some(ticks) = ticks else { break };
        // An entry of -1 is a pause before the sound.
        if let Ok(ticks) = u64::try_from(ticks) {
            let delay = Delay { ticks, scale };
            return Ok(Some(delay).filter(|delay| delay.ticks <= SECONDS * u64::from(scale)));
        }
    }
    Ok(None)
}

/// Whether the fields of a box have 64 bits.
fn is_long(file: &mut dyn Source, content: Span) -> io::Result<Option<bool>> {
    Ok(bytes::<1>(file, content, 0)?.map(|[version]| version == 1))
}

fn path(file: &mut dyn Source, mut within: Span, names: &[[u8; 4]]) -> io::Result<Option<Span>> {
    for name in names {
        let Some(content) = child(file, within, *name)? else { return Ok(None) };
        within = content;
    }
    Ok(Some(within))
}

fn child(file: &mut dyn Source, within: Span, name: [u8; 4]) -> io::Result<Option<Span>> {
    let mut at = within.at;
    for _ in 0..BOXES {
        let Some(next) = found(file, Span { at, ..within })? else { break };
        if next.name == name {
            return Ok(Some(next.content));
        }
        at = next.content.end;
    }
    Ok(None)
}

/// The first box of a span.
fn found(file: &mut dyn Source, span: Span) -> io::Result<Option<Found>> {
    let (Some(length), Some(name)) = (bytes(file, span, 0)?, bytes(file, span, 4)?) else { return Ok(None) };
    let (header, length) = match u32::from_be_bytes(length) {
        0 => (8, span.end - span.at),
        1 => match bytes(file, span, 8)? {
            Some(length) => (16, u64::from_be_bytes(length)),
            None => return Ok(None),
        },
        length => (8, u64::from(length)),
    };
    let end = span.at.saturating_add(length).min(span.end);
    let at = span.at + header;
    Ok((at <= end).then_some(Found { name, content: Span { at, end } }))
}

/// Bytes of a span, if it has as many.
fn bytes<const COUNT: usize>(file: &mut dyn Source, span: Span, at: u64) -> io::Result<Option<[u8; COUNT]>> {
    let from = span.at.saturating_add(at);
    if from.saturating_add(COUNT as u64) > span.end {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = [0; COUNT];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn boxed(name: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        let length = u32::try_from(content.len() + 8).unwrap();
        [&length.to_be_bytes()[..], name, &content].concat()
    }

    fn track(handler: &[u8; 4], scale: u32, times: &[i32]) -> Vec<u8> {
        let entries: Vec<u8> =
            times.iter().flat_map(|time| [[0; 4], time.to_be_bytes(), [0, 1, 0, 0]].concat()).collect();
        let count = u32::try_from(times.len()).unwrap().to_be_bytes();
        let edits = boxed(b"elst", &[&[0; 4], &count, &entries]);
        let header = boxed(b"mdhd", &[&[0; 12], &scale.to_be_bytes(), &[0; 8]]);
        let handler = boxed(b"hdlr", &[&[0; 8], handler, &[0; 12]]);
        boxed(b"trak", &[&boxed(b"edts", &[&edits]), &boxed(b"mdia", &[&header, &handler])])
    }

    fn told(tracks: &[&[u8]]) -> Option<Delay> {
        let file = [boxed(b"ftyp", &[b"isom"]), boxed(b"free", &[]), boxed(b"moov", tracks)].concat();
        for cut in 0..file.len() {
            // Never more than an answer.
            delay(&mut Cursor::new(file[..cut].to_vec())).unwrap();
        }
        delay(&mut Cursor::new(file)).unwrap()
    }

    #[test]
    fn the_delay_is_that_of_the_first_track_with_sound() {
        let video = track(b"vide", 90_000, &[3_000]);
        let sound = track(b"soun", 44_100, &[-1, 2_112]);
        let ticks = Some(Delay { ticks: 2_112, scale: 44_100 });
        assert_eq!(told(&[&video, &sound]), ticks);
        assert_eq!(told(&[&sound, &video]), ticks);
        assert_eq!(told(&[&video]), None);
        assert_eq!(told(&[&track(b"soun", 44_100, &[])]), None);
        assert_eq!(told(&[&track(b"soun", 0, &[1_024])]), None);
        assert_eq!(told(&[&track(b"soun", 44_100, &[441_000])]), None, "a cut");
    }
}
