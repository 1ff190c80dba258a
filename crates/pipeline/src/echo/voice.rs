//! For tests: a reproducible imitation of a voice, and the paths of its sound to a microphone.

use std::f32::consts::TAU;

use crate::frame::MIC_RATE;

const RATE: f32 = MIC_RATE as f32;

/// Marsaglia's xorshift.
pub(super) struct Random(pub(super) u32);

impl Random {
    /// From -1 to 1.
    pub(super) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (f64::from(self.0) / f64::from(u32::MAX) * 2.0 - 1.0) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * f32::midpoint(self.next(), 1.0)
    }
}

/// Syllables of a voice of this pitch in Hz: hisses and gliding harmonics under moving formants, with short pauses.
pub(super) fn voice(seed: u32, pitch: f32, seconds: f32) -> Vec<f32> {
    let mut random = Random(seed | 1);
    let length = (seconds * RATE) as usize;
    let mut sound = Vec::with_capacity(length);
    let mut phase = 0.0;
    while sound.len() < length {
        let hiss = random.between(0.02, 0.07);
        let mut last = 0.0;
        sound.extend((0..(hiss * RATE) as usize).map(|_| {
            let noise = random.next();
            0.06 * (noise - std::mem::replace(&mut last, noise))
        }));
        let count = (random.between(0.08, 0.22) * RATE) as usize;
        let (from, to) = (pitch * random.between(0.8, 1.25), pitch * random.between(0.8, 1.25));
        let formants =
            [random.between(280.0, 800.0), random.between(900.0, 2_300.0), random.between(2_400.0, 3_300.0)];
        sound.extend((0..count).map(|n| {
            let share = n as f32 / count as f32;
            let base = from + (to - from) * share;
            phase = (phase + base / RATE).fract();
            let tone = |number: u8| {
                let number = f32::from(number);
                let near = |at: &f32| 1.0 / (1.0 + ((base * number - at) / 90.0).powi(2));
                let gain: f32 = formants.iter().map(near).sum::<f32>() / number.sqrt();
                gain * (TAU * number * phase).sin()
            };
            0.3 * (TAU / 2.0 * share).sin() * (1..=24).map(tone).sum::<f32>()
        }));
        let pause = if random.next() > 0.6 { 0.2 } else { 0.03 };
        sound.resize(sound.len() + (pause * RATE) as usize, 0.0);
    }
    sound.truncate(length);
    at_level(sound, -20.0)
}

/// Scales the sound so that its loud half has this mean level in dBFS.
pub(super) fn at_level(mut sound: Vec<f32>, dbfs: f32) -> Vec<f32> {
    let mut powers: Vec<f32> = sound.chunks(320).map(mean).collect();
    powers.sort_by(f32::total_cmp);
    let loud = mean_of(&powers[powers.len() / 2..]).sqrt().max(1e-9);
    let gain = 10.0_f32.powf(dbfs / 20.0) / loud;
    sound.iter_mut().for_each(|sample| *sample *= gain);
    sound
}

fn mean(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
}

fn mean_of(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// The sound in a small room: 100 ms of reflections, together as loud as the direct sound.
pub(super) fn in_a_room(sound: &[f32]) -> Vec<f32> {
    let mut random = Random(77);
    let mut taps: Vec<(usize, f32)> =
        (24..1_600).step_by(8).map(|at| (at, random.next() * (-6.9 * at as f32 / 1_600.0).exp())).collect();
    let power: f32 = taps.iter().map(|(_, tap)| tap * tap).sum();
    taps.iter_mut().for_each(|(_, tap)| *tap /= power.sqrt());
    taps.push((0, 1.0));
    let mut heard = vec![0.0; sound.len()];
    for (delay, tap) in taps {
        heard.iter_mut().skip(delay).zip(sound).for_each(|(to, from)| *to += tap * from);
    }
    at_level(heard, -20.0)
}

/// The sound through an overdriven loudspeaker.
pub(super) fn overdriven(sound: &[f32]) -> Vec<f32> {
    sound.iter().map(|sample| (sample / 0.2).tanh() * 0.2).collect()
}

/// The sound through Opus at 32 kb/s.
pub(super) fn through_opus(sound: &[f32]) -> Vec<f32> {
    let mut encoder =
        opus::Encoder::new(MIC_RATE, opus::Channels::Mono, opus::Application::Voip).expect("libopus");
    encoder.set_bitrate(opus::Bitrate::Bits(32_000)).expect("a bitrate of Opus");
    let mut decoder = opus::Decoder::new(MIC_RATE, opus::Channels::Mono).expect("libopus");
    let mut heard = Vec::with_capacity(sound.len());
    for frame in sound.chunks_exact(320) {
        let packet = encoder.encode_vec(&samples(frame), 1_275).expect("20 ms");
        let mut decoded = [0; 320];
        decoder.decode(&packet, &mut decoded, false).expect("a packet of its own");
        heard.extend(decoded.map(|sample| f32::from(sample) / 32_768.0));
    }
    heard
}

/// Converts to 16-bit samples.
pub(super) fn samples(sound: &[f32]) -> Vec<i16> {
    sound.iter().map(|sample| (sample * 32_768.0).clamp(-32_768.0, 32_767.0) as i16).collect()
}
