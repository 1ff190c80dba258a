//! What a microphone hears besides the person: the agent's own voice from a loudspeaker, and other people. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clip::Clip;
use visavis_core::frame::{MIC_FRAME, MIC_RATE};

/// Samples of the loudspeaker's sound that are kept: 2 s.
const KEPT: usize = 2 * MIC_RATE as usize;

/// A client's buffer, part of the delay of an echo: 60 ms.
const BUFFER: usize = MIC_RATE as usize * 60 / 1_000;

/// The path from the loudspeaker to the microphone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EchoPath {
    /// From the arrival of a sound to its return.
    pub delay: Duration,
    /// How much quieter it returns, in dB.
    pub down_db: f32,
}

/// What is heard besides the person.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The echo of the loudspeaker.
    pub echo: Option<EchoPath>,
    /// Continuous sound, looped.
    pub beside: Option<Arc<Clip>>,
}

/// A loudspeaker and the microphone beside it, each with a steady clock: a frame sounds when the previous one ends, or after
/// the buffer's length since its arrival.
#[derive(Debug)]
pub(crate) struct Loudspeaker {
    surroundings: Surroundings,
    began: Instant,
    ring: Vec<i16>,
    /// End of the sound received, in samples since `began`.
    end: usize,
    /// Position of the microphone's next sample, in samples since `began`.
    captured: Option<usize>,
    beside_at: usize,
}

impl Loudspeaker {
    pub(crate) fn new(surroundings: Surroundings, began: Instant) -> Self {
        Self { surroundings, began, ring: vec![0; KEPT], end: 0, captured: None, beside_at: 0 }
    }

    /// Takes a frame of 16 kHz sound.
    pub(crate) fn play(&mut self, at: Instant, samples: &[i16]) {
        if self.surroundings.echo.is_none() {
            return;
        }
        let arrived = self.position(at);
        let from = if arrived >= self.end { arrived + BUFFER } else { self.end };
        for gap in self.end.max(from.saturating_sub(KEPT))..from {
            self.ring[gap % KEPT] = 0;
        }
        for (place, sample) in (from..).zip(samples) {
            self.ring[place % KEPT] = *sample;
        }
        self.end = from + samples.len();
    }

    /// What the microphone hears besides the person in the frame that ends at `now`; empty: nothing.
    pub(crate) fn heard(&mut self, now: Instant) -> Vec<i16> {
        let mut heard = Vec::new();
        if let Some(path) = self.surroundings.echo {
            let gain = 10.0_f32.powf(-path.down_db / 20.0);
            let late = (path.delay.as_secs_f64() * f64::from(MIC_RATE)) as usize;
            let from = self.captured.unwrap_or_else(|| self.position(now));
            self.captured = Some(from + MIC_FRAME);
            let known = self.end.saturating_sub(KEPT)..self.end;
            let sample = |place: usize| {
                if known.contains(&place) { f32::from(self.ring[place % KEPT]) * gain } else { 0.0 }
            };
            let place = |n: usize| (from + n + BUFFER).checked_sub(MIC_FRAME + late);
            heard = (0..MIC_FRAME).map(|n| place(n).map_or(0, |place| sample(place) as i16)).collect();
        }
        if let Some(beside) = &self.surroundings.beside {
            heard.resize(MIC_FRAME, 0);
            for (to, from) in heard.iter_mut().zip(beside.pcm(self.beside_at)) {
                *to = to.saturating_add(*from);
            }
            self.beside_at = (self.beside_at + 1) % beside.frames();
        }
        heard
    }

    fn position(&self, at: Instant) -> usize {
        (at.saturating_duration_since(self.began).as_secs_f64() * f64::from(MIC_RATE)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudspeaker_returns_late_and_softer_and_other_sound_loops() {
        let began = Instant::now();
        let at = |ms: u64| began + Duration::from_millis(ms);
        let echo = Some(EchoPath { delay: Duration::from_millis(100), down_db: 20.0 });
        let mut speaker = Loudspeaker::new(Surroundings { echo, beside: None }, began);
        (0..5).for_each(|n| speaker.play(at(20 * n), &[1_000; MIC_FRAME]));
        let levels: Vec<i16> = (1..14).map(|n| speaker.heard(at(20 * n + n % 3))[160]).collect();
        assert_eq!(levels, [0, 0, 0, 0, 0, 100, 100, 100, 100, 100, 0, 0, 0]);
        let beside = Some(Arc::new(Clip::new("beside", vec![7; 3 * MIC_FRAME])));
        let mut beside = Loudspeaker::new(Surroundings { echo: None, beside }, began);
        assert!((0..7).all(|_| beside.heard(began) == [7; MIC_FRAME]));
        assert!(Loudspeaker::new(Surroundings::default(), began).heard(began).is_empty());
    }
}
