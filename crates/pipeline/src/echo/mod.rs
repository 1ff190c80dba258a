//! Finds the agent's own voice in the microphone by its sound, subtracts it, and tells it from the person's. Pure.
//!
//! - this file: one call's microphone, window by window
//! - [`reference`]: what was played
//! - [`finder`], [`evidence`]: whether a sound is echo, and how late
//! - [`canceller`]: subtracts the echo, once its delay is known
//! - [`ceiling`]: how loud an echo can be at all
//! - [`tap`]: writes playout into the reference
//!
//! When nothing has been played for a second, samples pass unchanged and nothing is computed. Sounds too loud for an echo are
//! not searched either: a call whose client cancels its echo costs only a few energies.

pub mod canceller;
pub mod ceiling;
pub mod evidence;
pub mod finder;
pub mod reference;
pub mod tap;

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use canceller::{BLOCK, Canceller};
use ceiling::Ceiling;
use evidence::{Evidence, Finding, Left};
use finder::{PIECE, SPAN};
use reference::Reference;

/// What was played: written by playout, read by voice activity.
pub type Played = Arc<Mutex<Reference>>;

/// Time after the last played sound from which microphone sound cannot be echo: 1 s.
const OVER: u64 = 16_000;
/// Microphone samples kept to learn the echo path from when an echo is found: 0.5 s.
const RECENT: usize = 8_192;
/// Samples by which the filter begins before the delay that was found.
const AHEAD: i64 = 192;
/// Delays closer than this (6 ms) count as one.
const SAME: i64 = 96;
/// Drift between the clocks of microphone and playout before they are aligned anew (300 ms): clients send up to 200 ms at
/// once.
const SLIP: i64 = 4_800;
/// Residual echo, as a share of its power: initial, least and most.
const LEFT: f32 = 0.3;
const LEAST_LEFT: f32 = 0.02;
const MOST_LEFT: f32 = 0.4;
/// Multiple of the residual echo from which the rest is the person's.
const CLEARLY: f32 = 3.0;
/// Lowest gain of residual echo for recognition (-20 dB), and while the person speaks.
const SOFTEST: f32 = 0.1;
const SOFTEST_NEAR: f32 = 0.7;
/// Factor by which an echo's power fades per window.
const FADE: f32 = 0.5;
/// Factor by which a loud echo is forgotten per window, and the share of its power that may remain until then.
const FORGET: f32 = 0.9;
const TAIL: f32 = 0.1;

/// Source of the sound in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The person's, or that of somebody near them.
    Near,
    /// The agent's own echo.
    Echo,
    /// Too little heard to tell.
    Unsure,
    /// A voice too soft to be the person's; see [`super::near_voice`].
    Far,
}

/// The path of the echo from playout to the microphone.
#[derive(Debug)]
struct EchoPath {
    delay: i64,
    canceller: Canceller,
    left: f32,
    /// Fading power of the echo.
    power: f32,
    /// Power of the loudest recent echo.
    loudest: f32,
    /// Power of the last window after subtraction.
    rest: f32,
}

/// The echo of one call.
#[derive(Debug)]
pub struct Echo {
    played: Played,
    /// Position on the reference's clock of the microphone's first sample.
    base: Option<i64>,
    heard: i64,
    /// What was heard while an echo was possible.
    recent: VecDeque<i16>,
    /// The last samples heard, without their echo.
    clean: VecDeque<i16>,
    path: Option<EchoPath>,
    evidence: Evidence,
    ceiling: Ceiling,
    /// Gain at the end of the last window.
    gain: f32,
    /// Whether played sound could be heard in the last window.
    active: bool,
}

impl Echo {
    /// A call in which `played` is heard.
    #[must_use]
    pub fn new(played: Played) -> Self {
        Self {
            played,
            base: None,
            heard: 0,
            recent: VecDeque::new(),
            clean: VecDeque::with_capacity(PIECE),
            path: None,
            evidence: Evidence::default(),
            ceiling: Ceiling::default(),
            gain: 1.0,
            active: false,
        }
    }

    /// Takes a window of whole [`BLOCK`]s that ends at `now` on the reference's clock, and subtracts the echo from it.
    pub fn hear(&mut self, now: u64, window: &mut [i16]) {
        self.heard += window.len() as i64;
        self.align(now);
        if !self.is_active(now) {
            if std::mem::take(&mut self.active) {
                self.evidence.clear();
                self.recent = VecDeque::new();
            }
            keep(&mut self.clean, window, PIECE);
            return;
        }
        self.active = true;
        keep(&mut self.recent, window, RECENT);
        let end = self.end();
        let mut played = vec![0.0; window.len()];
        self.played.lock().read(end - window.len() as i64, &mut played);
        self.ceiling.hear(power(&played), power(&floats(window.iter())));
        if let Some(path) = &mut self.path {
            let heard = floats(window.iter());
            let mut clean = heard.clone();
            path.cancel(&self.played, end - window.len() as i64, &mut clean);
            // With a changed delay, subtracting would add a second echo.
            if path.rest < power(&heard) {
                window.iter_mut().zip(clean).for_each(|(to, from)| *to = (from * 32_768.0).round() as i16);
            }
        }
        keep(&mut self.clean, window, PIECE);
    }

    /// Whether played sound could be heard in the last window.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.active
    }

    /// Whether played sound can be heard now. Sound that no longer can is forgotten, under the same lock: what playout sends in
    /// between must not be lost.
    fn is_active(&self, now: u64) -> bool {
        let mut played = self.played.lock();
        let active = played.sounded_since(now.saturating_sub(OVER));
        if !active && self.active {
            played.forget();
        }
        active
    }

    /// Whose the last window is; `speech`: it was speech after the echo was subtracted.
    pub fn source(&mut self, speech: bool) -> Source {
        if !self.active {
            return Source::Near;
        }
        if !speech {
            self.evidence.clear();
            self.ceiling.was_echo();
            return Source::Near;
        }
        if self.path.as_mut().is_some_and(EchoPath::explains) {
            self.evidence.clear();
            self.ceiling.was_echo();
            return Source::Echo;
        }
        if self.ceiling.is_above() {
            return Source::Near;
        }
        let end = self.end();
        let piece = floats(self.clean.iter());
        if piece.len() < PIECE {
            return Source::Unsure;
        }
        let mut reference = vec![0.0; SPAN];
        self.played.lock().read(Evidence::reference_from(end), &mut reference);
        match self.evidence.hear(&piece, &reference, self.path.as_ref().map(EchoPath::left)) {
            Finding::Other if self.path.as_ref().is_some_and(|path| self.evidence.is_behind(path.left())) => {
                Source::Unsure
            }
            Finding::Other => Source::Near,
            Finding::Open => Source::Unsure,
            Finding::Echo(delay) => {
                // At the same delay the residual vanishes as the filter learns.
                if !self.path.as_ref().is_some_and(|path| path.covers(delay)) {
                    self.follow(delay);
                }
                self.ceiling.was_echo();
                Source::Echo
            }
        }
    }

    /// Attenuates residual echo in the last window, of this source: recognition would write down the agent's words.
    pub fn soften(&mut self, window: &mut [i16], source: Source) {
        let path = self.path.as_ref().filter(|_| self.active);
        let least = if source == Source::Near { SOFTEST_NEAR } else { SOFTEST };
        let (from, to) = (self.gain, path.map_or(1.0, |path| path.gain().max(least)));
        self.gain = to;
        if from.min(to) < 1.0 {
            let step = (to - from) / window.len() as f32;
            let gains = (1..).map(|n| from + step * n as f32);
            window
                .iter_mut()
                .zip(gains)
                .for_each(|(sample, gain)| *sample = (f32::from(*sample) * gain) as i16);
        }
    }

    /// An echo was found: learns its path from the recent microphone samples.
    fn follow(&mut self, delay: i64) {
        let mut path = EchoPath {
            delay,
            canceller: Canceller::default(),
            left: LEFT,
            power: 0.0,
            loudest: 0.0,
            rest: 0.0,
        };
        let heard = floats(self.recent.iter());
        let heard = &heard[heard.len() % BLOCK..];
        let from = self.end() - heard.len() as i64;
        for _ in 0..2 {
            path.cancel(&self.played, from, &mut heard.to_vec());
        }
        self.path = Some(path);
        self.evidence.clear();
    }

    fn end(&self) -> i64 {
        self.base.unwrap_or(0) + self.heard
    }

    /// Aligns the microphone's samples with the reference's clock; again when samples are missing.
    fn align(&mut self, now: u64) {
        let base = i64::try_from(now).unwrap_or(i64::MAX) - self.heard;
        if (base - *self.base.get_or_insert(base)).abs() > SLIP {
            self.base = Some(base);
        }
    }
}

impl EchoPath {
    /// Whether an echo with this delay is the one being subtracted.
    fn covers(&self, delay: i64) -> bool {
        (self.delay - delay).abs() <= SAME
    }

    /// Subtracts the echo from samples that begin at `from`.
    fn cancel(&mut self, played: &Played, from: i64, heard: &mut [f32]) {
        let mut sound = [0.0; 2 * BLOCK];
        let mut echo = Vec::with_capacity(heard.len());
        let starts = (from..).step_by(BLOCK);
        for (block, at) in heard.chunks_exact_mut(BLOCK).zip(starts) {
            played.lock().read(at - BLOCK as i64 - self.delay + AHEAD, &mut sound);
            echo.extend(self.canceller.cancel(&sound, block));
        }
        self.power = power(&echo).max(self.power * FADE);
        self.loudest = self.power.max(self.loudest * FORGET);
        self.rest = power(heard);
    }

    /// The gain that leaves the person's share of the last window.
    fn gain(&self) -> f32 {
        let share = 1.0 - CLEARLY * self.left * self.power / self.rest.max(f32::MIN_POSITIVE);
        share.max(0.0).sqrt()
    }

    fn left(&self) -> Left {
        Left { rest: self.rest, echo: self.power.max(TAIL * self.loudest) }
    }

    /// Whether the rest is no more than the usual residual echo.
    fn explains(&mut self) -> bool {
        if self.rest > CLEARLY * self.left * self.power {
            return false;
        }
        let left = self.rest / self.power.max(f32::MIN_POSITIVE);
        let pace = if left > self.left { 0.1 } else { 0.03 };
        self.left = (self.left + pace * (left - self.left)).clamp(LEAST_LEFT, MOST_LEFT);
        true
    }
}

fn keep(kept: &mut VecDeque<i16>, window: &[i16], most: usize) {
    kept.drain(..(kept.len() + window.len()).saturating_sub(most));
    kept.extend(window);
}

fn floats<'a>(samples: impl Iterator<Item = &'a i16>) -> Vec<f32> {
    samples.map(|sample| f32::from(*sample) / 32_768.0).collect()
}

/// Mean power of the differences between neighbouring samples, which hum and offset do not raise.
fn power(samples: &[f32]) -> f32 {
    let differences = samples.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
    differences.sum::<f32>() / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod voice;
