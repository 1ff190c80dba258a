//! Sounds besides words: a hum of agreement, a cough, a door. Synthesised from sines and shaped noise, the same in every run;
//! those of an open mouth are in [`super::exclamations`]. Pure.

use std::f32::consts::TAU;

use visavis_core::frame::MIC_RATE;

pub(super) const RATE: f32 = MIC_RATE as f32;

/// "Mm-hm", hummed at a pitch in Hz: two nasal sounds with a breath between them, the second higher.
#[must_use]
pub fn hum(pitch: f32) -> Vec<i16> {
    let mut random = Random(17);
    let first = 0.19 * RATE;
    let second = 0.30 * RATE;
    let mut sound = nasal(first as usize, |share| pitch * (1.02 - 0.06 * share));
    fade(&mut sound, 0.025, 0.05);
    let mut breath: Vec<f32> = low_passed(&mut random, (0.07 * RATE) as usize, 0.4);
    breath.iter_mut().for_each(|sample| *sample *= 0.12);
    fade(&mut breath, 0.012, 0.012);
    let mut rest =
        nasal(second as usize, |share| pitch * (1.08 + 0.2 * (TAU * 0.4 * (share * 1.2).min(1.0)).sin()));
    fade(&mut rest, 0.02, 0.1);
    sound.extend(breath);
    sound.extend(rest);
    at_level(&sound, -23.0)
}

/// A voice through the resonances of a closed mouth.
pub(super) fn nasal(length: usize, pitch: impl Fn(f32) -> f32) -> Vec<f32> {
    const RESONANCES: [(f32, f32, f32); 4] =
        [(260.0, 60.0, 1.0), (1_050.0, 120.0, 0.1), (2_200.0, 200.0, 0.05), (3_200.0, 250.0, 0.02)];
    voice(length, &RESONANCES, 24, pitch)
}

/// This many harmonics of a pitch in Hz, which depends on the share of the length, through resonances: frequency, width and
/// gain of each.
pub(super) fn voice(
    length: usize,
    resonances: &[(f32, f32, f32)],
    harmonics: u8,
    pitch: impl Fn(f32) -> f32,
) -> Vec<f32> {
    let mut phase = 0.0_f32;
    let sample = |n: usize| {
        let base = pitch(n as f32 / length as f32);
        phase += base / RATE;
        let harmonic = |number: f32| {
            let frequency = base * number;
            let gain: f32 = resonances
                .iter()
                .map(|(at, width, gain)| gain / (1.0 + ((frequency - at) / width).powi(2)))
                .sum();
            gain * (TAU * number * phase + number * 0.3).sin()
        };
        (1..=harmonics).map(|number| harmonic(f32::from(number))).sum()
    };
    (0..length).map(sample).collect()
}

/// Two coughs: each a broadband burst, then air through an open throat.
#[must_use]
pub fn cough(seed: u32) -> Vec<i16> {
    let mut random = Random(seed | 1);
    let mut sound = Vec::new();
    for strength in [1.0_f32, 0.7] {
        if !sound.is_empty() {
            sound.extend(vec![0.0; (0.12 * RATE) as usize]);
        }
        let length = (0.28 * RATE) as usize;
        // An open throat resonates at about 700, 1,400 and 2,600 Hz.
        let throat = [(700.0, 0.985, 1.0), (1_400.0, 0.98, 0.6), (2_600.0, 0.97, 0.35)];
        let source: Vec<f32> = (0..length)
            .map(|n| {
                let at = n as f32 / RATE;
                let burst = (-at / 0.018).exp() * 2.5;
                let air = (at / 0.02).min(1.0) * (-at / 0.09).exp();
                random.next() * (burst + air)
            })
            .collect();
        let mut one = vec![0.0; length];
        for (frequency, pole, gain) in throat {
            resonance(&source, frequency, pole)
                .iter()
                .zip(&mut one)
                .for_each(|(from, to)| *to += from * gain * strength);
        }
        fade(&mut one, 0.002, 0.04);
        sound.extend(one);
    }
    at_level(&sound, -20.0)
}

/// A slamming door: a thud, a click, and the rattle of the lock.
#[must_use]
pub fn door(seed: u32) -> Vec<i16> {
    let mut random = Random(seed | 1);
    let length = (0.5 * RATE) as usize;
    let source: Vec<f32> = (0..length)
        .map(|n| {
            let at = n as f32 / RATE;
            let rattle = if at > 0.07 && at < 0.16 { 0.25 * (TAU * 45.0 * at).sin().max(0.0) } else { 0.0 };
            random.next() * ((-at / 0.006).exp() * 3.0 + rattle)
        })
        .collect();
    let mut sound = vec![0.0; length];
    // The panel rings long and low; wood and metal add little and decay soon.
    for (frequency, pole, gain) in
        [(75.0, 0.9985, 0.25), (140.0, 0.998, 0.3), (310.0, 0.995, 0.5), (1_900.0, 0.96, 0.5)]
    {
        resonance(&source, frequency, pole).iter().zip(&mut sound).for_each(|(from, to)| *to += from * gain);
    }
    fade(&mut sound, 0.001, 0.1);
    at_level(&sound, -18.0)
}

pub(super) fn resonance(source: &[f32], frequency: f32, pole: f32) -> Vec<f32> {
    let turn = 2.0 * pole * (TAU * frequency / RATE).cos();
    let (mut last, mut before) = (0.0, 0.0);
    let step = |sample: &f32| {
        let value = sample * (1.0 - pole) + turn * last - pole * pole * before;
        (before, last) = (last, value);
        value
    };
    source.iter().map(step).collect()
}

pub(super) fn low_passed(random: &mut Random, length: usize, share: f32) -> Vec<f32> {
    let mut low = 0.0;
    (0..length)
        .map(|_| {
            low += share * (random.next() - low);
            low
        })
        .collect()
}

/// Fades in and out over this many seconds.
pub(super) fn fade(sound: &mut [f32], rise: f32, fall: f32) {
    let length = sound.len();
    for (n, sample) in sound.iter_mut().enumerate() {
        let (from_start, to_end) = (n as f32 / RATE, (length - n) as f32 / RATE);
        *sample *= (from_start / rise).min(1.0) * (to_end / fall).min(1.0);
    }
}

/// Scales samples to this mean level in dBFS.
pub(super) fn at_level(sound: &[f32], dbfs: f32) -> Vec<i16> {
    let power: f32 = sound.iter().map(|sample| sample * sample).sum();
    let mean = (power / sound.len().max(1) as f32).sqrt().max(1e-9);
    let gain = 10.0_f32.powf(dbfs / 20.0) / mean;
    sound.iter().map(|sample| ((sample * gain).clamp(-0.99, 0.99) * 32_767.0) as i16).collect()
}

/// Marsaglia's xorshift: the same noise in every run.
pub(super) struct Random(pub(super) u32);

impl Random {
    pub(super) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (f64::from(self.0) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
    }
}
