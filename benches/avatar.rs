//! What the face costs: the faces of one second of a call, and the sounds of one second of speech.
#![allow(missing_docs)] // the macros below make public functions

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use visavis_core::avatar::expression::{Expression, State};
use visavis_core::avatar::from_audio;
use visavis_core::avatar::lips::Lips;
use visavis_core::avatar::sound::Sound;

const RATE: u32 = 24_000;

/// A second of lively speech: thirteen sounds.
fn second() -> (Vec<Sound>, Vec<i16>) {
    let symbols = ["m", "ˈaɪ", "b", "ɹ", "ˈʌ", "ð", "ɚ", "s", "ˈɛ", "l", "f", "ˈoʊ", "n"];
    let length = 1.0 / symbols.len() as f64;
    let at = |n: usize| n as f64 * length;
    let sounds = symbols.iter().enumerate().map(|(n, symbol)| Sound::new(symbol, at(n), at(n + 1)));
    #[allow(clippy::cast_possible_truncation)]
    let samples = (0..RATE).map(|n| {
        let t = f64::from(n) / f64::from(RATE);
        ((t * 880.0).sin() * (0.6 + 0.4 * (t * 25.0).sin()) * 8_000.0) as i16
    });
    (sounds.collect(), samples.collect())
}

fn mouth(criterion: &mut Criterion) {
    let (sounds, samples) = second();
    let mut lips = Lips::new();
    for n in 0..5 {
        lips.push(f64::from(n), &sounds, &samples, RATE);
    }
    criterion.bench_function("mouth, 60 moments of 1 s", |bencher| {
        bencher.iter(|| {
            for n in 0..60 {
                black_box(lips.at(2.0 + f64::from(n) / 60.0));
            }
        });
    });
    criterion.bench_function("whole face, 60 of 1 s", |bencher| {
        let mut expression = Expression::new(1);
        expression.state(State::Speaking, 0.0);
        let mut frame = 0_u32;
        bencher.iter(|| {
            for _ in 0..60 {
                let mouth = lips.at(2.0 + f64::from(frame % 60) / 60.0);
                black_box(expression.face(f64::from(frame) / 60.0, Some(&mouth)));
                frame += 1;
            }
        });
    });
    criterion.bench_function("mouth, sounds and audio of 1 s", |bencher| {
        let mut lips = Lips::new();
        let mut at = 0.0;
        bencher.iter(|| {
            lips.push(at, &sounds, &samples, RATE);
            lips.forget_before(at - 1.0);
            at += 1.0;
        });
    });
    criterion.bench_function("sounds guessed from 1 s of audio", |bencher| {
        bencher.iter(|| black_box(from_audio::sounds(&samples, RATE)));
    });
}

criterion_group!(benches, mouth);
criterion_main!(benches);
