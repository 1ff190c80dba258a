use std::f32::consts::TAU;
use std::io::Cursor;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::*;

/// Sample rate of the tests' sound.
const MADE: u32 = 24_000;
const FORMAT: WavSpec =
    WavSpec { channels: 1, sample_rate: MADE, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// A voice: its pitch in Hz and its two formants.
#[derive(Clone, Copy)]
struct Voice(f32, [f32; 2]);

const ANN: Voice = Voice(220.0, [850.0, 2400.0]);
const BOB: Voice = Voice(110.0, [500.0, 1500.0]);

fn samples(seconds: f32) -> usize {
    (seconds * MADE as f32) as usize
}

/// Syllables with a gliding pitch, four per second, and a pause of 0.4 s in each 2.4 s; the peak is 0.5.
fn say(Voice(pitch, formants): Voice, seconds: f32) -> Vec<f32> {
    let mut turns = 0.0_f32;
    let sample = |n: usize| {
        let t = n as f32 / MADE as f32;
        let glide = 0.15 * (TAU * 0.7 * t).sin() + 0.05 * (TAU * 2.3 * t).sin();
        let hz = pitch * glide.exp2();
        turns = (turns + hz / MADE as f32).fract();
        let colour = |hz: f32| {
            let near = |formant: &f32| 1.0 / (1.0 + ((hz - formant) / 120.0).powi(2));
            0.02 + formants.iter().map(near).sum::<f32>()
        };
        let overtones = (1..=30_u8).map(f32::from).filter(|times| times * hz < 7_000.0);
        let voiced: f32 = overtones.map(|times| colour(times * hz) * (TAU * times * turns).sin()).sum();
        let syllable = (0.5 - 0.5 * (TAU * 4.0 * t).cos()).powf(1.5);
        if t % 2.4 < 2.0 { syllable * voiced } else { 0.0 }
    };
    let said: Vec<f32> = (0..samples(seconds)).map(sample).collect();
    let peak = said.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    scaled(&said, 0.5 / peak)
}

fn scaled(samples: &[f32], by: f32) -> Vec<f32> {
    samples.iter().map(|sample| sample * by).collect()
}

/// White noise between -1 and 1, the same each time.
fn noise(seconds: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let sample = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as f32 / 32_768.0 - 1.0
    };
    (0..samples(seconds)).map(sample).collect()
}

/// Notes of chords, two chords per second, each of which fades.
fn chords(seconds: f32) -> Vec<f32> {
    const CHORDS: [[f32; 3]; 4] =
        [[261.6, 329.6, 392.0], [349.2, 440.0, 523.3], [392.0, 493.9, 587.3], [261.6, 329.6, 392.0]];
    let sample = |n: usize| {
        let t = n as f32 / MADE as f32;
        let chord = CHORDS[(t * 2.0) as usize % CHORDS.len()];
        let tones = chord.iter().flat_map(|hz| [(*hz, 1.0), (hz * 2.0, 0.5), (hz * 3.0, 0.25)]);
        let sound: f32 = tones.map(|(hz, loud)| loud * (TAU * hz * t).sin()).sum();
        0.15 * sound * (-4.0 * (t % 0.5)).exp()
    };
    (0..samples(seconds)).map(sample).collect()
}

/// Three strokes of noise per second.
fn drums(seconds: f32) -> Vec<f32> {
    let fade = |n: usize| (-16.0 * ((n as f32 / MADE as f32) % (1.0 / 3.0))).exp();
    noise(seconds).iter().enumerate().map(|(n, sample)| 0.5 * sample * fade(n)).collect()
}

/// The same in a room in which sound takes 0.8 s to fall by 60 dB.
fn in_a_room(dry: &[f32]) -> Vec<f32> {
    let mut wet = vec![0.0; dry.len()];
    for delay in [0.0297_f32, 0.0371, 0.0411, 0.0437] {
        let (back, gain) = (samples(delay), 10.0_f32.powf(-3.0 * delay / 0.8));
        let mut comb: Vec<f32> = Vec::with_capacity(dry.len());
        for (n, sample) in dry.iter().enumerate() {
            let echo = n.checked_sub(back).map_or(0.0, |before| gain * comb[before]);
            comb.push(sample + echo);
            wet[n] += 0.25 * comb[n];
        }
    }
    wet
}

/// A file of these samples, with the same samples in all channels.
fn file(format: WavSpec, samples: &[f32]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, format).unwrap();
    let full = (1_i64 << (format.bits_per_sample - 1)) as f32;
    for sample in samples.iter().flat_map(|sample| std::iter::repeat_n(*sample, format.channels.into())) {
        if format.sample_format == SampleFormat::Float {
            writer.write_sample(sample).unwrap();
        } else {
            writer.write_sample((sample.clamp(-1.0, 0.999_9) * full) as i32).unwrap();
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn read_made(samples: &[f32]) -> Result<Clip, Fault> {
    read(&file(FORMAT, samples))
}

#[test]
fn speech_of_one_person_is_taken_at_a_level_of_its_own_and_written_as_it_was_read() {
    for voice in [ANN, BOB] {
        let clip = read_made(&say(voice, 12.0)).unwrap();
        assert_eq!((clip.rate, clip.samples.len()), (MADE, samples(12.0)));
        assert!(clip.warnings.is_empty(), "{:?}", clip.warnings);
        let quiet = read_made(&scaled(&say(voice, 12.0), 0.2)).unwrap();
        let loudest = |clip: &Clip| clip.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!(loudest(&clip).abs_diff(loudest(&quiet)) < 200 && loudest(&clip) < 29_200);
        let written = clip.wave();
        assert_eq!(crate::audio::wav::read(&written[..], MADE).unwrap(), clip.samples);
        assert!((clip.seconds() - 12.0).abs() < 0.001);
    }
}

#[test]
fn recorded_speech_is_taken() {
    let question = include_bytes!("../../../../tests/browser/question.wav");
    let once = crate::audio::wav::read(&question[..], MADE).unwrap();
    let often: Vec<f32> = once.repeat(4).iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
    let clip = read_made(&often).unwrap();
    assert!(!clip.warnings.iter().any(|warning| matches!(warning, Warning::TwoPitches { .. })), "{clip:?}");
}

#[test]
fn every_format_that_is_taken_holds_the_same_clip() {
    let said = say(BOB, 6.5);
    let plain = read_made(&said).unwrap();
    for (channels, bits_per_sample, sample_format) in [
        (2, 16, SampleFormat::Int),
        (1, 24, SampleFormat::Int),
        (2, 32, SampleFormat::Int),
        (1, 32, SampleFormat::Float),
    ] {
        let format = WavSpec { channels, bits_per_sample, sample_format, ..FORMAT };
        let clip = read(&file(format, &said)).unwrap();
        let unlike = clip.samples.iter().zip(&plain.samples).map(|(one, other)| one.abs_diff(*other)).max();
        assert!(clip.samples.len() == plain.samples.len() && unlike < Some(8), "{format:?}: {unlike:?}");
    }
}

#[test]
fn what_is_no_speech_of_one_person_is_refused_with_the_limit_and_what_to_do() {
    let tone: Vec<f32> =
        (0..samples(8.0)).map(|n| 0.3 * (TAU * 440.0 * n as f32 / MADE as f32).sin()).collect();
    let mut mostly_silent = say(ANN, 3.0);
    mostly_silent.resize(samples(12.0), 0.0);
    let two = [say(BOB, 3.0), say(ANN, 3.0), say(BOB, 3.0), say(ANN, 3.0)].concat();
    for (name, sound, told) in [
        ("silence", vec![0.0; samples(8.0)], "is silent; check the microphone"),
        ("faint speech", scaled(&say(ANN, 8.0), 0.008), "too quiet"),
        ("clipped speech", scaled(&say(ANN, 8.0), 8.0), "is clipped"),
        ("a clipped tone", scaled(&tone, 5.0), "is clipped"),
        ("a tone", tone.clone(), "a held sound and not speech"),
        ("noise", scaled(&noise(8.0), 0.1), "only noise"),
        ("drums", drums(8.0), "only noise"),
        ("music", chords(8.0), "sounds like music"),
        ("speech with long silence", mostly_silent, "25 % are needed; cut out its pauses"),
        ("two voices", two, "two voices are heard"),
    ] {
        let told_of = read_made(&sound).map_err(|fault| fault.to_string());
        assert!(told_of.as_ref().is_err_and(|fault| fault.contains(told)), "{name}: {told_of:?}");
    }
}

#[test]
fn one_voice_that_becomes_livelier_is_one_voice_and_one_that_jumps_is_warned_of() {
    let of_bob = |pitch: f32| say(Voice(pitch, BOB.1), 6.0);
    let lively = read_made(&[of_bob(110.0), of_bob(135.0)].concat()).unwrap();
    assert!(lively.warnings.is_empty(), "{:?}", lively.warnings);
    let jumping = read_made(&[of_bob(100.0), of_bob(148.0)].concat()).unwrap();
    assert!(matches!(jumping.warnings[..], [Warning::TwoPitches { .. }]), "{:?}", jumping.warnings);
    assert!(jumping.warnings[0].to_string().contains("only one person"));
    // Somebody who reads a story in two voices.
    let acting = [say(BOB, 6.0), say(Voice(170.0, [560.0, 1700.0]), 6.0)].concat();
    assert!(matches!(read_made(&acting).unwrap().warnings[..], [Warning::TwoPitches { .. }]));
}

#[test]
fn slow_speech_with_long_pauses_over_a_hum_from_the_mains_is_taken() {
    let mut slow = Vec::new();
    for _ in 0..3 {
        slow.extend(say(ANN, 2.0));
        slow.resize(slow.len() + samples(2.0), 0.0);
    }
    read_made(&slow).unwrap();
    // Between the words only the hum sounds; its pitch neither glides nor equals Ann's.
    let hum = |n: usize| 0.015 * (TAU * 100.0 * n as f32 / MADE as f32).sin();
    let over_hum: Vec<f32> = slow.iter().enumerate().map(|(n, sample)| sample + hum(n)).collect();
    read_made(&over_hum).unwrap();
}

#[test]
fn a_clip_that_could_be_better_is_taken_with_what_to_do() {
    let said = say(ANN, 12.0);
    let hiss: Vec<f32> = said.iter().zip(noise(12.0)).map(|(one, noise)| one + 0.03 * noise).collect();
    let mut cut = said.clone();
    for click in 0..40 {
        let at = samples(1.0) + click * 600;
        cut[at..at + 3].fill(1.0);
    }
    for (name, sound, told) in [
        ("hiss", hiss, "a quieter place"),
        ("a room", scaled(&in_a_room(&said), 0.4), "closer to the microphone"),
        ("clicks", cut, "record it softer"),
    ] {
        let clip = read_made(&sound).unwrap();
        let warnings: Vec<String> = clip.warnings.iter().map(ToString::to_string).collect();
        assert!(warnings.iter().any(|warning| warning.contains(told)), "{name}: {warnings:?}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_refused_with_what_to_send() {
    let of = |format: WavSpec, seconds: f32| {
        file(format, &vec![0.1; (seconds * format.sample_rate as f32) as usize])
    };
    let whole = of(FORMAT, 8.0);
    for (name, file, told) in [
        ("8 bits", of(WavSpec { bits_per_sample: 8, ..FORMAT }, 8.0), "have 8 bits; convert them"),
        ("8 kHz", of(WavSpec { sample_rate: 8_000, ..FORMAT }, 8.0), "8000 Hz; record it with 16000"),
        ("6 channels", of(WavSpec { channels: 6, sample_rate: 16_000, ..FORMAT }, 8.0), "6 channels"),
        ("too short", of(FORMAT, 5.5), "is 5.50 s long; make it 6 to 20 s"),
        ("too long", of(FORMAT, 21.0), "is 21.00 s long"),
        ("cut short", whole[..whole.len() / 2].to_vec(), "its end is missing"),
        ("too large", vec![0; LARGEST + 1], "larger than 8 MiB"),
        ("MP3", b"ID3\x04\0\0\0\0\0\0".to_vec(), "it is MP3; convert it: ffmpeg"),
        ("Ogg", b"OggS\0\x02".to_vec(), "it is Ogg"),
        ("M4A", b"\0\0\0\x20ftypM4A ".to_vec(), "MP4 or M4A"),
        ("a page", b"<!DOCTYPE html>".to_vec(), "not a WAV file"),
        ("nothing", Vec::new(), "not a WAV file"),
    ] {
        let refused = read(&file).map_err(|fault| fault.to_string());
        assert!(refused.as_ref().is_err_and(|fault| fault.contains(told)), "{name}: {refused:?}");
    }
}
