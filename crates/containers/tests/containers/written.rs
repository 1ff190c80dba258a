//! What is written is as long as what was spoken, and sounds like it.

use proptest::prelude::*;
use visavis_containers::{Decoder, EncodeError, Encoder, Format, whole};

use crate::sounds::{likeness, read, voice};

/// Below it a sound is another one, or shifted.
const ALIKE: f64 = 0.85;
const RATE: u32 = 16_000;
/// Samples of a frame of AAC, which are silent before the sound.
const AAC: usize = 1_024;
/// The same of MP3 at this rate.
const MP3: usize = 576;

fn streamed<'a>(format: Format, rate: u32, pieces: impl IntoIterator<Item = &'a [i16]>) -> Vec<u8> {
    let mut encoder = Encoder::new(format, rate).unwrap();
    let mut file = Vec::new();
    for piece in pieces {
        file.append(&mut encoder.push(piece).unwrap());
    }
    file.append(&mut encoder.finish().unwrap());
    file
}

#[test]
fn a_whole_file_is_as_long_as_its_samples_and_sounds_like_them() {
    for format in [Format::Mp3, Format::Opus, Format::Flac, Format::Wav] {
        for count in [1, 100, 575, 577, 1_151, 8_192, 16_000, 20_001] {
            let spoken = voice(RATE, count);
            let heard = read(&whole(format, RATE, &spoken).unwrap()).unwrap();
            assert_eq!(heard.len(), count, "{format}");
            if matches!(format, Format::Flac | Format::Wav) {
                assert!(heard == spoken, "{format} of {count} samples is not lossless");
            } else if count > 1_000 {
                let alike = likeness(&heard, &spoken);
                assert!(alike > ALIKE, "{format} of {count} samples: {alike:.3}");
            }
        }
    }
}

#[test]
fn a_stream_begins_and_ends_where_its_format_can_say_so() {
    let spoken = voice(RATE, 20_001);
    for format in [Format::Mp3, Format::Opus, Format::Flac, Format::Wav] {
        let heard = read(&streamed(format, RATE, spoken.chunks(777))).unwrap();
        let padding = if format == Format::Mp3 { MP3 - 1 } else { 0 };
        assert!((0..=padding).contains(&(heard.len() - spoken.len())), "{format}: {}", heard.len());
        let alike = likeness(&heard, &spoken);
        assert!(alike > ALIKE, "{format}: {alike:.3}");
        // Nothing of the tail is lost.
        let tail = spoken.len() - 400;
        let alike = likeness(&heard[tail..], &spoken[tail..]);
        assert!(alike > ALIKE - 0.15, "the end of {format}: {alike:.3}");
    }
}

#[test]
fn a_stream_of_mp3_that_ends_within_its_first_frame_is_exact() {
    let spoken = voice(RATE, 500);
    let file = streamed(Format::Mp3, RATE, [&spoken[..]]);
    assert_eq!(file, whole(Format::Mp3, RATE, &spoken).unwrap());
    assert_eq!(read(&file).unwrap().len(), 500);
}

#[test]
fn aac_has_silence_of_a_frame_before_the_sound_and_less_than_one_behind_it() {
    // Four windows of the encoder and a part of one.
    for count in [1, 1_023, 1_024, 14_336, 40_000] {
        let spoken = voice(RATE, count);
        let file = whole(Format::Aac, RATE, &spoken).unwrap();
        assert_eq!(file, streamed(Format::Aac, RATE, spoken.chunks(1_000)), "{count}");
        let heard = read(&file).unwrap();
        assert_eq!(heard.len(), (count.div_ceil(AAC) + 1) * AAC, "{count}");
        for (place, part) in spoken.chunks(4_000).enumerate().filter(|(_, part)| part.len() == 4_000) {
            let alike = likeness(&heard[AAC + place * 4_000..], part);
            assert!(alike > ALIKE, "{count}, from {}: {alike:.3}", place * 4_000);
        }
    }
}

#[test]
fn a_rate_that_a_format_lacks_keeps_the_length_in_time() {
    for rate in [8_000, 11_025, 22_050, 22_051, 24_000, 44_100, 48_000, 96_000] {
        let count = rate as usize / 3;
        for format in [Format::Mp3, Format::Opus, Format::Flac, Format::Wav] {
            let written = u64::from(format.rate(rate));
            let samples = (count as u64 * written).div_ceil(u64::from(rate));
            let due = (samples * u64::from(RATE)).div_ceil(written);
            let heard = read(&whole(format, rate, &voice(rate, count)).unwrap()).unwrap();
            assert_eq!(heard.len() as u64, due, "{format} of {rate} Hz");
            let alike = likeness(&heard, &voice(RATE, heard.len()));
            assert!(alike > ALIKE, "{format} of {rate} Hz: {alike:.3}");
        }
    }
    for rate in [0, 3_999, 192_001] {
        assert!(matches!(Encoder::new(Format::Wav, rate), Err(EncodeError::Rate(told)) if told == rate));
        assert!(matches!(whole(Format::Wav, rate, &[]), Err(EncodeError::Rate(told)) if told == rate));
    }
}

#[test]
fn pcm_is_the_samples_alone_and_wav_a_header_before_them() {
    let spoken = [1, -2, 258];
    let bytes: [u8; 6] = [1, 0, 0xfe, 0xff, 2, 1];
    assert_eq!(whole(Format::Pcm, 24_000, &spoken).unwrap(), bytes);
    let file = whole(Format::Wav, 24_000, &spoken).unwrap();
    assert_eq!(file[44..], bytes);
    let reader = hound::WavReader::new(&file[..]).unwrap();
    assert_eq!((reader.len(), reader.spec().sample_rate, reader.spec().channels), (3, 24_000, 1));
    assert_eq!(file[4..8], 42_u32.to_le_bytes());
    let stream = streamed(Format::Wav, 24_000, [&spoken[..]]);
    assert_eq!((&stream[4..8], &stream[40..44]), (&[0xff; 4][..], &[0xff; 4][..]));
    assert_eq!(stream[44..], bytes);
}

#[test]
fn a_stream_that_is_kept_is_the_file_that_was_written_as_a_whole() {
    let spoken = voice(RATE, 20_001);
    for format in Format::ALL {
        let mut encoder = Encoder::new(format, RATE).unwrap();
        let mut sent = encoder.push(&spoken[..9_000]).unwrap();
        sent.append(&mut encoder.push(&spoken[9_000..]).unwrap());
        let mut kept = sent.clone();
        sent.append(&mut encoder.complete(&mut kept).unwrap());
        assert_eq!(sent, streamed(format, RATE, [&spoken[..]]), "{format}");
        assert!(kept == whole(format, RATE, &spoken).unwrap(), "{format}");
    }
    let mut none = Vec::new();
    Encoder::new(Format::Wav, RATE).unwrap().complete(&mut none).unwrap();
    assert_eq!(none, whole(Format::Wav, RATE, &[]).unwrap());
}

#[test]
fn a_sound_without_samples_is_a_file_of_its_format() {
    for format in Format::ALL {
        let file = whole(format, RATE, &[]).unwrap();
        assert_eq!(file.is_empty(), format == Format::Pcm, "{format}");
        if matches!(format, Format::Mp3 | Format::Opus | Format::Wav) {
            assert_eq!(read(&file).unwrap(), [0_i16; 0], "{format}");
        }
    }
}

#[test]
fn a_file_tells_what_it_holds() {
    for (format, container, codec) in [
        (Format::Mp3, "mp3", "mp3"),
        (Format::Opus, "ogg", "opus"),
        (Format::Aac, "aac", "aac"),
        (Format::Flac, "flac", "flac"),
        (Format::Wav, "wav", "pcm_s16le"),
    ] {
        let info =
            Decoder::from_bytes(whole(format, 24_000, &voice(24_000, 24_000)).unwrap()).unwrap().info();
        let rate = if format == Format::Opus { 48_000 } else { 24_000 };
        assert_eq!((info.container, &*info.codec, info.rate, info.channels), (container, codec, rate, 1));
        // ADTS has no place for it.
        if format != Format::Aac {
            let seconds = info.seconds.unwrap_or_default();
            assert!((seconds - 1.0).abs() < 1e-6, "{format}: {seconds}");
        }
    }
}

#[test]
fn an_encoder_and_a_decoder_may_move_to_another_thread() {
    fn moves<T: Send>() {}
    moves::<Encoder>();
    moves::<Decoder>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_pieces_in_which_samples_come_change_no_byte(
        lengths in prop::collection::vec(0_usize..3_000, 1..14),
    ) {
        let spoken = voice(22_050, lengths.iter().sum());
        let mut rest = &spoken[..];
        let pieces: Vec<&[i16]> = lengths.iter().map(|&length| {
            let (piece, behind) = rest.split_at(length);
            rest = behind;
            piece
        }).collect();
        for format in Format::ALL {
            let at_once = streamed(format, 22_050, [&spoken[..]]);
            prop_assert!(streamed(format, 22_050, pieces.iter().copied()) == at_once, "{}", format);
        }
    }
}
