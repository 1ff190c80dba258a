//! Sound files: [`Encoder`] writes speech in the formats that clients ask for, [`Decoder`] reads what people send.
//!
//! # How long a written sound is
//! Sound is mono with 16 bits. Each file is as long as the samples that were given, to the sample where its format can say so;
//! the tail is never lost. [`whole`] knows the length before it begins, an [`Encoder`] does not:
//!
//! | format | container | [`whole`] | [`Encoder`] |
//! |---|---|---|---|
//! | `mp3` | MPEG frames behind a LAME tag | exact: the tag has delay and padding | begins exactly; up to 1,151 samples of silence behind the end, as only a tag at the beginning could say where that is; [`Encoder::complete`] writes it. A sound shorter than a frame is exact |
//! | `opus` | Ogg | exact, by pre-skip and the last granule | exact |
//! | `aac` | ADTS | 1,024 samples of silence before the sound and up to 1,023 behind it: ADTS has no place for either | the same |
//! | `flac` | FLAC | exact | exact; the header's total is 0, "not known", until [`Encoder::complete`] |
//! | `wav` | RIFF | exact | exact; both lengths of the header are 0xFFFFFFFF, as programs write to pipes, until [`Encoder::complete`] |
//! | `pcm` | none: little-endian samples at the rate that was given | exact | exact |
//!
//! A format that does not have a sound's rate gets the next higher one that it has ([`Format::rate`]); then `n` samples become
//! `n * new / old`, rounded up. The same samples give the same bytes, whatever the pieces in which they come.
//!
//! # What is read
//! WAV (8 to 32 bits, floats, A-law, µ-law, ADPCM, any channels, headers that lie about their size), AIFF, FLAC, MP3, AAC, Ogg
//! (Vorbis, Opus, FLAC), MP4, M4A and MOV (AAC, ALAC, MP3, Opus, FLAC), WebM and Matroska: known by their content, in memory that does
//! not grow with their length (except an MP4's table of packets), as mono at 16 kHz. Encoders' delay and padding are cut off where
//! the file tells them; of AAC in MP4 that is the delay alone. A packet that cannot be decoded is left out; a file that ends too early
//! is read as far as it goes.
#![forbid(unsafe_code)]

mod decode;
mod encode;
mod error;
mod format;
#[cfg(test)]
mod fuzz_tests;

pub use decode::{Decoder, Info, RATE};
pub use encode::{Encoder, whole};
pub use error::{DecodeError, EncodeError};
pub use format::{Format, UnknownFormat};
