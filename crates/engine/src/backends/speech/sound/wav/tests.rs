use proptest::prelude::*;

use super::*;

/// A WAV file with this format chunk, this data, and this data size in its header.
fn file(kind: u16, channels: u16, rate: u32, bits: u16, data: &[u8], size: u32) -> Vec<u8> {
    let mut file = b"RIFF".to_vec();
    file.extend(size.wrapping_add(36).to_le_bytes());
    file.extend(b"WAVELIST");
    // A chunk of an odd size, which is padded.
    file.extend(3_u32.to_le_bytes());
    file.extend(b"abc\0fmt ");
    file.extend(16_u32.to_le_bytes());
    let frame = channels * bits / 8;
    for value in [kind, channels] {
        file.extend(value.to_le_bytes());
    }
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(frame)).to_le_bytes());
    for value in [frame, bits] {
        file.extend(value.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    file
}

fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<i16>, Option<u32>), String> {
    let (mut wav, mut out) = (Wav::default(), Vec::new());
    for piece in pieces {
        wav.push(piece, &mut out)?;
    }
    wav.finish()?;
    Ok((out, wav.rate()))
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[test]
fn every_usual_format_is_read_at_its_level_and_its_channels_are_mixed() {
    let half = [0.5_f32, -0.5];
    let floats: Vec<u8> = half.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let doubles: Vec<u8> = half.iter().flat_map(|sample| f64::from(*sample).to_le_bytes()).collect();
    let wild: Vec<u8> = [f32::NAN, 9.0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    for (name, kind, channels, bits, data, expected) in [
        ("8 bits", 1, 1, 8, vec![192, 64], vec![16_384, -16_384]),
        ("16 bits", 1, 1, 16, pcm(&[i16::MAX, i16::MIN]), vec![i16::MAX, i16::MIN]),
        ("24 bits", 1, 1, 24, vec![0, 0, 0x40, 0, 0, 0xC0], vec![16_384, -16_384]),
        ("32 bits", 1, 1, 32, vec![0, 0, 0, 0x40, 0, 0, 0, 0xC0], vec![16_384, -16_384]),
        ("floats", 3, 1, 32, floats, vec![16_384, -16_384]),
        ("long floats", 3, 1, 64, doubles, vec![16_384, -16_384]),
        ("no numbers", 3, 1, 32, wild, vec![0, i16::MAX]),
        ("stereo", 1, 2, 16, pcm(&[1000, 3000, -500, -500]), vec![2000, -500]),
    ] {
        let size = u32::try_from(data.len()).unwrap();
        let file = file(kind, channels, 22_050, bits, &data, size);
        assert_eq!(decoded([file.as_slice()]).unwrap(), (expected, Some(22_050)), "{name}");
    }
}

#[test]
fn a_file_without_its_length_is_read_to_its_end() {
    for size in [0, u32::MAX, 0x7FFF_FFFF, u32::MAX - 36] {
        let file = file(1, 1, 24_000, 16, &pcm(&[1, 2, 3]), size);
        assert_eq!(decoded([file.as_slice()]).unwrap().0, [1, 2, 3], "{size:#x}");
    }
}

#[test]
fn a_file_tells_its_end_if_it_told_its_length() {
    let ends = |bytes: &[u8]| {
        let (mut wav, mut out) = (Wav::default(), Vec::new());
        wav.push(bytes, &mut out).unwrap();
        wav.end()
    };
    let data = pcm(&[1, 2, 3]);
    assert_eq!(ends(&file(1, 1, 24_000, 16, &data, 6)), End::Told);
    for size in [0, u32::MAX] {
        let file = file(1, 1, 24_000, 16, &data, size);
        assert_eq!((ends(&file), ends(&file[..file.len() - 1])), (End::Untold, End::Torn));
    }
}

#[test]
fn what_follows_the_sound_is_no_sound_unless_it_is_another_file() {
    let mut two = file(1, 1, 24_000, 16, &pcm(&[1, 2]), 4);
    two.extend(file(1, 1, 24_000, 16, &pcm(&[3]), 2));
    two.extend(b"LIST\x04\x00\x00\x00abcdefgh");
    assert_eq!(decoded([two.as_slice()]).unwrap().0, [1, 2, 3]);
    let mut other = file(1, 1, 24_000, 16, &pcm(&[1, 2]), 4);
    other.extend(file(1, 1, 16_000, 16, &pcm(&[3]), 2));
    assert!(decoded([other.as_slice()]).unwrap_err().contains("changes its sample rate"));
}

#[test]
fn a_file_that_cannot_be_read_is_refused_with_the_reason() {
    let data = pcm(&[1, 2, 3, 4]);
    let good = file(1, 1, 24_000, 16, &data, 8);
    for (name, bytes, part) in [
        ("cut in its sound", good[..good.len() - 2].to_vec(), "2 bytes of its WAV file are missing"),
        ("cut in its header", good[..30].to_vec(), "ends within its header"),
        ("u-law", file(7, 1, 8_000, 8, &data, 8), "of format 7"),
        ("12 bits", file(1, 1, 8_000, 12, &data, 8), "12 bits"),
        ("no channels", file(1, 0, 8_000, 16, &data, 8), "0 channels"),
        ("1 MHz", file(1, 1, 1_000_000, 16, &data, 8), "1000000 Hz"),
        ("video", b"RIFF\x10\x00\x00\x00AVI LIST".to_vec(), "not WAV"),
        ("noise", b"RIFF\x10\x00\x00\x00WAVE\x01\x02\x03\x04\x05\x06\x07\x08".to_vec(), "damaged header"),
        ("no format", b"RIFF\x10\x00\x00\x00WAVEdata\x08\x00\x00\x00".to_vec(), "without a format"),
    ] {
        let error = decoded([bytes.as_slice()]).expect_err(name);
        assert!(error.contains(part), "{name}: {error}");
    }
}

proptest! {
    #[test]
    fn the_samples_do_not_depend_on_where_the_bytes_are_cut(
        samples in prop::collection::vec(any::<i16>(), 0..60),
        streamed in any::<bool>(),
        cuts in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let size = if streamed { u32::MAX } else { u32::try_from(samples.len() * 2).unwrap() };
        let file = file(1, 1, 24_000, 16, &pcm(&samples), size);
        let (mut rest, mut pieces) = (file.as_slice(), Vec::new());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        prop_assert_eq!(decoded(pieces), Ok((samples, Some(24_000))));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), known in any::<bool>()) {
        let head = if known { file(1, 2, 24_000, 24, &[], 7) } else { b"RIFF".to_vec() };
        _ = decoded([head.as_slice(), bytes.as_slice()]);
    }
}
