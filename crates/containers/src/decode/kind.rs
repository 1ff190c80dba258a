//! Pure: the kind of a file, by its first bytes. It is determined before a reader is chosen, because readers search for sound in
//! anything: three bytes of a picture look like a frame of MP3.

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A container that is read, by its name.
    Sound(&'static str),
    /// Sound that is not read.
    Unsupported(&'static str),
    /// Something else.
    Other(&'static str),
    /// An empty file.
    Empty,
    /// Perhaps sound that begins in the middle.
    Unknown,
}

use Kind::{Other, Sound, Unsupported};

/// How a kind of file begins.
struct Mark {
    at: usize,
    bytes: &'static [u8],
    kind: Kind,
}

const fn mark(at: usize, bytes: &'static [u8], kind: Kind) -> Mark {
    Mark { at, bytes, kind }
}

/// The first that fits counts.
const MARKS: [Mark; 40] = [
    mark(8, b"WAVE", Sound("wav")),
    mark(8, b"WEBP", Other("a WebP picture")),
    mark(8, b"AVI ", Unsupported("an AVI video")),
    mark(8, b"AIF", Sound("aiff")),
    mark(0, b"fLaC", Sound("flac")),
    mark(0, b"OggS", Sound("ogg")),
    mark(0, b"ID3", Sound("mp3")),
    mark(4, b"ftypavif", Other("an AVIF picture")),
    mark(4, b"ftyphei", Other("a HEIC picture")),
    mark(4, b"ftypmif1", Other("a HEIF picture")),
    mark(4, b"ftyp", Sound("mp4")),
    mark(4, b"moov", Sound("mp4")),
    mark(4, b"mdat", Sound("mp4")),
    mark(4, b"wide", Sound("mp4")),
    mark(0, b"\x1a\x45\xdf\xa3", Sound("webm")),
    mark(0, b"\x89PNG", Other("a PNG picture")),
    mark(0, b"\xff\xd8\xff", Other("a JPEG picture")),
    mark(0, b"GIF8", Other("a GIF picture")),
    mark(0, b"BM", Other("a BMP picture")),
    mark(0, b"II*\0", Other("a TIFF picture")),
    mark(0, b"MM\0*", Other("a TIFF picture")),
    mark(0, b"%PDF", Other("a PDF document")),
    mark(0, b"PK\x03\x04", Other("a ZIP archive or an office document")),
    mark(0, b"\x1f\x8b", Other("a gzip archive")),
    mark(0, b"7z\xbc\xaf\x27\x1c", Other("a 7z archive")),
    mark(0, b"Rar!", Other("a RAR archive")),
    mark(0, b"\x28\xb5\x2f\xfd", Other("a zstd archive")),
    mark(0, b"BZh", Other("a bzip2 archive")),
    mark(0, b"\x7fELF", Other("a program")),
    mark(0, b"SQLite format 3", Other("a database")),
    mark(0, b"GGUF", Other("a model")),
    mark(0, b"MThd", Other("a MIDI file, which holds notes")),
    mark(0, b"#!AMR", Unsupported("an AMR recording")),
    mark(0, b"#!SILK", Unsupported("a SILK recording")),
    mark(0, b"\x30\x26\xb2\x75", Unsupported("a WMA or WMV file")),
    mark(0, b".snd", Unsupported("an AU file")),
    mark(0, b"caff", Unsupported("a CAF file")),
    mark(0, b"wvpk", Unsupported("a WavPack file")),
    mark(0, b"MAC ", Unsupported("a Monkey's Audio file")),
    mark(0, b"FLV", Unsupported("a Flash video")),
];

/// What a file is that begins with `head`.
pub(super) fn kind(head: &[u8]) -> Kind {
    if head.is_empty() {
        return Kind::Empty;
    }
    let fits = |mark: &&Mark| head.get(mark.at..).is_some_and(|rest| rest.starts_with(mark.bytes));
    match MARKS.iter().find(fits) {
        Some(mark) if mark.kind == Sound("webm") && is_matroska(head) => Sound("matroska"),
        Some(mark) => mark.kind,
        None => sync(head).unwrap_or_else(|| if is_text(head) { Other("text") } else { Kind::Unknown }),
    }
}

/// WebM is Matroska with fewer codecs; the first element of either has its name.
fn is_matroska(head: &[u8]) -> bool {
    head.windows(8).take(64).any(|name| name == b"matroska")
}

/// Frames of AAC and MP3 begin with 12 and 11 set bits. Their layer tells them apart.
fn sync(head: &[u8]) -> Option<Kind> {
    let [0xff, second, ..] = *head else { return None };
    if second & 0xf6 == 0xf0 {
        return Some(Sound("aac"));
    }
    match (second & 0xe0 == 0xe0, (second >> 1) & 3) {
        (true, 1) => Some(Sound("mp3")),
        (true, 2 | 3) => Some(Unsupported("MPEG sound of layer I or II")),
        _ => None,
    }
}

/// Whether all of it is text. A character that is cut off at the end is ignored.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !whole.is_empty() && !whole.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is_shows_in_its_first_bytes() {
        for (head, is) in [
            (&b""[..], Kind::Empty),
            (b"RIFF\x24\0\0\0WAVEfmt ", Sound("wav")),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Other("a WebP picture")),
            (b"RF64\xff\xff\xff\xffWAVEds64", Sound("wav")),
            (b"\0\0\0\x20ftypM4A \0\0\0\0", Sound("mp4")),
            (b"\x89PNG\r\n\x1a\n", Other("a PNG picture")),
            (b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm", Sound("webm")),
            (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", Sound("matroska")),
            (b"\xff\xfb\x90\x00", Sound("mp3")),
            (b"\xff\xf3\x40\xc0", Sound("mp3")),
            (b"\xff\xf1\x50\x80", Sound("aac")),
            (b"\xff\xfd\x90\x00", Unsupported("MPEG sound of layer I or II")),
            ("Grüße, 你好".as_bytes(), Other("text")),
            (&"Grüße".as_bytes()[..3], Other("text")),
            (b"\x00\x01\x02\x03", Kind::Unknown),
        ] {
            assert_eq!(kind(head), is, "{head:?}");
        }
    }
}
