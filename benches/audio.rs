//! What the sound of a call costs: each iteration is one second of it, or as much as its name says.
#![allow(missing_docs)] // the macros below make public functions

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use visavis::audio::jitter::{JitterBuffer, Playout};
use visavis::audio::log_mel::LogMel;
use visavis::audio::opus::{Decoder, Encoder, MAX_PACKET};
use visavis::audio::resample::Resampler;
use visavis_core::frame::{MIC_RATE, OUT_FRAME, OUT_RATE};

/// Something like a voice: a chord that swells three times a second.
#[allow(clippy::cast_possible_truncation)]
fn voice(rate: u32) -> Vec<i16> {
    let sample = |n: u32| {
        let at = std::f64::consts::TAU * f64::from(n) / f64::from(rate);
        let chord = (at * 140.0).sin() + (at * 420.0).sin() * 0.6 + (at * 1_800.0).sin() * 0.2;
        (chord * (0.55 + 0.45 * (at * 3.0).sin()) * 6_000.0) as i16
    };
    (0..rate).map(sample).collect()
}

fn packets() -> Vec<Bytes> {
    let mut encoder = Encoder::new().expect("libopus");
    let encode = |frame: &[i16]| {
        let mut packet = [0; MAX_PACKET];
        let length = encoder.encode(frame, &mut packet).expect("a frame of 20 ms");
        Bytes::copy_from_slice(&packet[..length])
    };
    voice(OUT_RATE).chunks(OUT_FRAME).map(encode).collect()
}

fn jitter(criterion: &mut Criterion) {
    let packets = packets();
    criterion.bench_function("jitter buffer, 1 s", |bencher| {
        let mut buffer = JitterBuffer::new();
        let mut tick = 0_u32;
        bencher.iter(|| {
            for packet in &packets {
                let now = Duration::from_millis(u64::from(tick) * 20);
                #[allow(clippy::cast_possible_truncation)]
                buffer.insert(now, tick as u16, tick.wrapping_mul(960), 960, packet.clone());
                assert!(matches!(black_box(buffer.pull(now)), Playout::Packet(_)));
                tick += 1;
            }
        });
    });
}

fn opus(criterion: &mut Criterion) {
    let voice = voice(OUT_RATE);
    let mut encoder = Encoder::new().expect("libopus");
    criterion.bench_function("opus encode 24 kHz, 1 s", |bencher| {
        let mut packet = [0; MAX_PACKET];
        bencher.iter(|| {
            for frame in voice.chunks(OUT_FRAME) {
                black_box(encoder.encode(frame, &mut packet).expect("a frame of 20 ms"));
            }
        });
    });
    let packets = packets();
    let mut decoder = Decoder::new().expect("libopus");
    criterion.bench_function("opus decode to 16 kHz, 1 s", |bencher| {
        bencher.iter(|| {
            for packet in &packets {
                let _ = black_box(decoder.decode(packet).expect("what we have encoded"));
            }
        });
    });
}

fn resample(criterion: &mut Criterion) {
    for (from, to) in [(22_050, 24_000), (24_000, 16_000), (48_000, 16_000), (44_100, 16_000)] {
        let voice = voice(from);
        let mut resampler = Resampler::live(from, to);
        let mut out = Vec::new();
        criterion.bench_function(&format!("resample {from} to {to}, 1 s"), |bencher| {
            bencher.iter(|| {
                for frame in voice.chunks(from as usize / 50) {
                    out.clear();
                    resampler.push(frame, &mut out);
                    black_box(&out);
                }
            });
        });
    }
}

fn log_mel(criterion: &mut Criterion) {
    let log_mel = LogMel::default();
    for seconds in [2, 8] {
        let voice = voice(MIC_RATE).repeat(seconds);
        criterion.bench_function(&format!("log-mel features, {seconds} s"), |bencher| {
            bencher.iter(|| black_box(log_mel.features(black_box(&voice))));
        });
    }
}

criterion_group!(benches, jitter, opus, resample, log_mel);
criterion_main!(benches);
