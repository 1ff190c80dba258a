//! Sound as servers send it, in arbitrary pieces: raw PCM, or WAV files of any common format. Pure.
//!
//! - this file: detects the format
//! - `wav`: WAV files
//! - `cut`: resamples, and splits into parts
//! - `end`: whether a sound has been cut

pub(super) mod cut;
pub(super) mod end;
mod wav;

use end::End;
use wav::Wav;

/// The expected format of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Samples of 16 bits, little-endian, one channel, at this rate.
    Pcm(u32),
    /// A WAV file.
    Wav,
}

/// Bytes needed to detect the format.
const HEAD: usize = 4;

/// One sound that is being read.
#[derive(Debug)]
pub(super) struct Decoder {
    expected: Coding,
    /// The first bytes, until the format is detected.
    head: Vec<u8>,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Unknown,
    Pcm {
        rate: u32,
        /// The first byte of a sample whose second one has not arrived.
        half: Option<u8>,
    },
    Wav(Wav),
}

impl Decoder {
    /// A sound with this expected format; a WAV file is recognised in any case.
    pub(super) fn new(expected: Coding) -> Self {
        Self { expected, head: Vec::new(), form: Form::Unknown }
    }

    /// Takes bytes, and appends their samples to `out`.
    ///
    /// # Errors
    /// What is wrong, as a clause that follows the server's name.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<i16>) -> Result<(), String> {
        if matches!(self.form, Form::Unknown) {
            self.head.extend_from_slice(bytes);
            if self.head.len() < HEAD {
                return Ok(());
            }
            let head = std::mem::take(&mut self.head);
            self.form = form(&head, self.expected)?;
            return self.read(&head, out);
        }
        self.read(bytes, out)
    }

    /// Ends the sound. Half a sample at the end of raw PCM is dropped.
    ///
    /// # Errors
    /// What is missing, as a clause that follows the server's name.
    pub(super) fn finish(&mut self, out: &mut Vec<i16>) -> Result<(), String> {
        if matches!(self.form, Form::Unknown) {
            if let (Coding::Pcm(rate), head) = (self.expected, std::mem::take(&mut self.head)) {
                self.form = Form::Pcm { rate, half: None };
                return self.read(&head, out);
            }
            return Ok(());
        }
        match &self.form {
            Form::Wav(wav) => wav.finish(),
            Form::Pcm { .. } | Form::Unknown => Ok(()),
        }
    }

    /// What it tells about its end, once no more comes.
    pub(super) fn end(&self) -> End {
        match &self.form {
            Form::Wav(wav) => wav.end(),
            Form::Pcm { half: Some(_), .. } => End::Torn,
            Form::Pcm { half: None, .. } | Form::Unknown => End::Untold,
        }
    }

    /// Samples per second, once known.
    pub(super) fn rate(&self) -> Option<u32> {
        match &self.form {
            Form::Unknown => None,
            Form::Pcm { rate, .. } => Some(*rate),
            Form::Wav(wav) => wav.rate(),
        }
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<i16>) -> Result<(), String> {
        match &mut self.form {
            Form::Unknown => Ok(()),
            Form::Pcm { half, .. } => {
                pcm(half, bytes, out);
                Ok(())
            }
            Form::Wav(wav) => wav.push(bytes, out),
        }
    }
}

fn pcm(half: &mut Option<u8>, mut bytes: &[u8], out: &mut Vec<i16>) {
    if let (Some(low), Some((high, rest))) = (*half, bytes.split_first()) {
        out.push(i16::from_le_bytes([low, *high]));
        (*half, bytes) = (None, rest);
    }
    out.extend(crate::audio::pcm::samples(bytes));
    if let Some(low) = bytes.last().filter(|_| bytes.len() % 2 == 1) {
        *half = Some(*low);
    }
}

/// Whether these bytes begin a WAV file.
pub(super) fn is_wav(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") || head.starts_with(b"RF64")
}

/// Whether these bytes may begin an MP3 file; raw samples may look the same.
pub(super) fn is_mp3(head: &[u8]) -> bool {
    head.starts_with(b"ID3") || matches!(head, [0xFF, 0xE2 | 0xE3 | 0xF2 | 0xF3 | 0xFA | 0xFB, ..])
}

/// Detects the format from the first bytes.
fn form(head: &[u8], expected: Coding) -> Result<Form, String> {
    if is_wav(head) {
        return Ok(Form::Wav(Wav::default()));
    }
    if let Some(text) = text(head) {
        return Err(format!("sends {text} instead of sound"));
    }
    match (expected, compressed(head)) {
        (_, Some(name)) => Err(format!("sends {name}, which this server does not read")),
        (Coding::Pcm(rate), None) => Ok(Form::Pcm { rate, half: None }),
        // Raw samples may look like an MP3 frame; a WAV file cannot.
        (Coding::Wav, None) if is_mp3(head) => Err("sends MP3, which this server does not read".into()),
        (Coding::Wav, None) => Err("sends something other than a WAV file".into()),
    }
}

fn text(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'{', b'"' | b' ' | b'\n' | b'\r', ..] => Some("JSON"),
        [b'<', b'!' | b'h' | b'H' | b'?', ..] => Some("a web page"),
        _ => None,
    }
}

fn compressed(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'I', b'D', b'3', ..] => Some("MP3"),
        [b'O', b'g', b'g', b'S', ..] => Some("Ogg (Opus or Vorbis)"),
        [b'f', b'L', b'a', b'C', ..] => Some("FLAC"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples of a sound that arrives in these pieces.
    fn decoded(expected: Coding, pieces: &[&[u8]]) -> Result<(Vec<i16>, Option<u32>), String> {
        let (mut decoder, mut out) = (Decoder::new(expected), Vec::new());
        for piece in pieces {
            decoder.push(piece, &mut out)?;
        }
        decoder.finish(&mut out)?;
        Ok((out, decoder.rate()))
    }

    #[test]
    fn raw_samples_are_whole_wherever_they_are_cut_and_half_a_sample_at_the_end_is_dropped() {
        let bytes = [1, 0, 2, 0, 0xFF, 0xFF, 7];
        for cut in 0..bytes.len() {
            let (head, tail) = bytes.split_at(cut);
            let (samples, rate) = decoded(Coding::Pcm(16_000), &[head, tail]).unwrap();
            assert_eq!((samples, rate), (vec![1, 2, -1], Some(16_000)), "{cut}");
        }
        assert_eq!(decoded(Coding::Pcm(16_000), &[&[1, 0]]).unwrap().0, [1]);
        assert!(decoded(Coding::Pcm(16_000), &[]).unwrap().0.is_empty());
    }

    #[test]
    fn what_is_no_sound_is_named() {
        let cases: [(&[u8], &str); 7] = [
            (b"{\"error\":\"no voice\"}", "JSON"),
            (b"<!doctype html>", "a web page"),
            (b"ID3\x04\x00", "MP3"),
            (b"\xFF\xFB\x90\x64", "MP3"),
            (b"OggS\x00\x02", "Ogg"),
            (b"fLaC\x00\x00", "FLAC"),
            (b"\x01\x00\x02\x00", "something other than a WAV file"),
        ];
        for (bytes, part) in cases {
            let error = decoded(Coding::Wav, &[bytes]).unwrap_err();
            assert!(error.contains(part), "{part}: {error}");
        }
        for bytes in [&b"{\"detail\":\"x\"}"[..], b"<html>", b"ID3\x04"] {
            assert!(decoded(Coding::Pcm(24_000), &[bytes]).is_err(), "{bytes:?}");
        }
        assert_eq!(decoded(Coding::Pcm(24_000), &[b"\xFF\xFB\xFE\xFB"]).unwrap().0, [-1025, -1026]);
    }
}
