//! Files that other programs wrote, well or badly.

use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};
use visavis_containers::{Decoder, Format, whole};

use crate::sounds::{file, likeness, path, read, voice};

#[test]
fn each_container_and_codec_is_read_to_its_end() {
    // Samples at 16 kHz. AAC has those of a last frame as well, and in ADTS and in fragments those of a first.
    for (name, container, codec, count) in [
        ("lame.mp3", "mp3", "mp3", 3_200..=3_200),
        ("adts.aac", "aac", "aac", 3_200..=5_200),
        ("tone.m4a", "mp4", "aac", 4_096..=4_096),
        ("fragmented.mp4", "mp4", "aac", 3_200..=5_200),
        ("video-and-sound.mp4", "mp4", "aac", 4_096..=4_096),
        ("surround.m4a", "mp4", "aac", 1_600..=1_800),
        ("lossless.m4a", "mp4", "alac", 1_600..=1_600),
        ("opus.webm", "webm", "opus", 3_200..=3_600),
        ("opus.ogg", "ogg", "opus", 3_200..=3_200),
        ("surround.opus", "ogg", "opus", 1_600..=1_600),
        ("vorbis.ogg", "ogg", "vorbis", 3_000..=4_200),
        ("tone.flac", "flac", "flac", 1_600..=1_600),
        ("flac.mkv", "matroska", "flac", 1_600..=1_600),
        ("adpcm.wav", "wav", "adpcm_ms", 1_600..=4_100),
        ("mulaw.wav", "wav", "pcm_mulaw", 1_600..=1_600),
        ("float.wav", "wav", "pcm_f32le", 800..=800),
        ("tone.aiff", "aiff", "pcm_s16be", 800..=800),
    ] {
        let decoder = Decoder::open(std::fs::File::open(path(name)).unwrap());
        let info = decoder.unwrap_or_else(|error| panic!("{name}: {error}")).info();
        assert_eq!((info.container, &*info.codec), (container, codec), "{name}");
        let samples = read(&file(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(count.contains(&samples.len()), "{name}: {}", samples.len());
        let middle = &samples[samples.len() / 2..][..300];
        let loudest = middle.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest > 3_000, "{name} is silent: {loudest}");
    }
}

fn wav(spec: WavSpec, frames: usize) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for _ in 0..frames * usize::from(spec.channels) {
        match spec.sample_format {
            SampleFormat::Float => writer.write_sample(0.5_f32).unwrap(),
            SampleFormat::Int => writer.write_sample(1_i32 << (spec.bits_per_sample - 2)).unwrap(),
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn wav_of_any_bits_channels_and_rate_keeps_its_length_and_level() {
    for sample_rate in [8_000, 44_100, 192_000] {
        for channels in [1, 2, 6] {
            for bits in [8, 16, 24, 32, 33] {
                let float = bits == 33;
                let sample_format = if float { SampleFormat::Float } else { SampleFormat::Int };
                let spec = WavSpec { channels, sample_rate, bits_per_sample: bits.min(32), sample_format };
                let frames = sample_rate as usize / 10;
                let samples = read(&wav(spec, frames)).unwrap();
                let case = format!("{sample_rate} Hz, {channels} channels, {bits} bits");
                assert_eq!(samples.len(), 1_600, "{case}");
                assert!((15_500..17_300).contains(&samples[800]), "{case}: {}", samples[800]);
            }
        }
    }
}

#[test]
fn a_wav_header_that_lies_about_its_size_costs_no_sample() {
    for name in ["lengths-of-0.wav", "promises-more.wav", "rf64.wav"] {
        assert_eq!(read(&file(name)).unwrap().len(), 400, "{name}");
    }
    let spoken = voice(16_000, 5_000);
    let mut short = whole(Format::Wav, 16_000, &spoken).unwrap();
    short[40..44].copy_from_slice(&600_u32.to_le_bytes());
    assert!(read(&short).unwrap() == spoken);
}

#[test]
fn a_file_that_is_cut_short_is_read_as_far_as_it_goes() {
    let spoken = voice(16_000, 16_000);
    for format in [Format::Mp3, Format::Aac, Format::Opus, Format::Flac, Format::Wav] {
        let mut file = whole(format, 16_000, &spoken).unwrap();
        file.truncate(file.len() * 6 / 10);
        let heard = read(&file).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert!((5_000..12_000).contains(&heard.len()), "{format}: {}", heard.len());
        let begin = if format == Format::Aac { 1_024 } else { 0 };
        let alike = likeness(&heard[begin..begin + 3_000], &spoken);
        assert!(alike > 0.8, "{format}: {alike:.3}");
    }
}

#[test]
fn what_is_no_sound_is_refused_with_what_it_is() {
    let text = b"What is the capital of France?".to_vec();
    let broken = whole(Format::Wav, 16_000, &[1; 100]).unwrap()[..30].to_vec();
    let mut crowded = whole(Format::Wav, 16_000, &[1; 100]).unwrap();
    crowded[22..24].copy_from_slice(&u16::MAX.to_le_bytes());
    let mut still = wav(
        WavSpec { channels: 1, sample_rate: 500, bits_per_sample: 16, sample_format: SampleFormat::Int },
        400,
    );
    for (name, bytes, part) in [
        ("a picture", file("picture.wav"), "it is a PNG picture, not a sound"),
        ("nothing", Vec::new(), "it is empty"),
        ("text", text, "it is text, not a sound"),
        ("zeros", vec![0; 4_000], "no sound file of a known kind"),
        ("a video without sound", file("video-alone.mp4"), "without a sound track"),
        ("a crowd", crowded, "tells of 65535 channels"),
        ("a header alone", broken, "damaged wav file"),
        ("a low rate", still.clone(), "500 Hz; convert it to 4000 to 192000 Hz"),
    ] {
        let error = read(&bytes).expect_err(name).to_string();
        assert!(error.contains(part), "{name}: {error}");
    }
    let error = read(&file("ac3.mp4")).expect_err("no AC-3 is decoded").to_string();
    assert!(error.contains("its sound is coded as ac3 in mp4, which is not supported"), "{error}");
    // Samples of a rate that is none.
    still[24..32].fill(0);
    assert!(read(&still).is_err());
}
