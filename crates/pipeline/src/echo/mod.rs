//! The agent's own voice in the person's microphone: found by sound, subtracted, and told from the person. Pure.
//!
//! - this file: one call's microphone, window by window
//! - [`reference`]: what was played
//! - [`finder`], [`evidence`]: whether a sound is in it, and how late
//! - [`canceller`]: subtracts it, once the delay is known
//! - [`ceiling`]: how loud an echo can be at all
//! - [`tap`]: playout's end of the reference
//!
//! While nothing has been played for a second, nothing is computed and the samples pass as they are. Nor is anything
//! searched for a sound that is too loud for an echo: a call whose client cancels its echo pays for a few energies.

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

/// What was played, shared by playout, which writes, and voice activity, which reads.
pub type Played = Arc<Mutex<Reference>>;

/// Sound in the microphone this long after the last that was played is no echo: 1 s.
const OVER: u64 = 16_000;
/// Microphone that is kept, to learn the way of the echo from when it is found: 0.5 s.
const RECENT: usize = 8_192;
/// The filter begins so much before the delay that was found.
const AHEAD: i64 = 192;
/// Delays that are less than this apart (6 ms) are one.
const SAME: i64 = 96;
/// The clocks of microphone and playout may be apart by this much more than at the beginning (300 ms): clients send up to
/// 200 ms at once.
const SLIP: i64 = 4_800;
/// What may be left of the echo, as a share of its power: at first, and at least and at most.
const LEFT: f32 = 0.3;
const LEAST_LEFT: f32 = 0.02;
const MOST_LEFT: f32 = 0.4;
/// What is left is the person's from this multiple of that on.
const CLEARLY: f32 = 3.0;
/// What is left of an echo is made softer for recognition, down to this gain (-20 dB), and beside the person to this.
const SOFTEST: f32 = 0.1;
const SOFTEST_NEAR: f32 = 0.7;
/// How quickly an echo's power is taken to fade, a window.
const FADE: f32 = 0.5;
/// How quickly a loud echo is forgotten, a window, and what may be left of it until then, as a share of its power.
const FORGET: f32 = 0.9;
const TAIL: f32 = 0.1;

/// Whose speech a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The person's, or somebody's beside them.
    Near,
    /// The agent's own.
    Echo,
    /// Too little was heard to tell.
    Unsure,
    /// Somebody's who is too soft to be the person; see [`super::near_voice`].
    Far,
}

/// The way of the echo.
#[derive(Debug)]
struct Way {
    delay: i64,
    canceller: Canceller,
    left: f32,
    /// Power of the echo, fading.
    power: f32,
    /// Power of the loudest echo lately.
    loudest: f32,
    /// Power of what was left in the last window.
    rest: f32,
}

/// The echo of one call.
#[derive(Debug)]
pub struct Echo {
    played: Played,
    /// The reference's position at the microphone's first sample.
    base: Option<i64>,
    heard: i64,
    recent: VecDeque<i16>,
    /// The end of the same without its echo.
    clean: VecDeque<i16>,
    way: Option<Way>,
    evidence: Evidence,
    ceiling: Ceiling,
    /// Of what is left of the echo, at the end of the last window.
    gain: f32,
    /// Whether anything that was played can be heard in the last window.
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
            recent: VecDeque::with_capacity(RECENT),
            clean: VecDeque::with_capacity(PIECE),
            way: None,
            evidence: Evidence::default(),
            ceiling: Ceiling::default(),
            gain: 1.0,
            active: false,
        }
    }

    /// Hears a window of whole [`BLOCK`]s that ends at `now` on the reference's clock, and subtracts the echo from it.
    pub fn hear(&mut self, now: u64, window: &mut [i16]) {
        self.heard += window.len() as i64;
        keep(&mut self.recent, window, RECENT);
        self.align(now);
        let active = self.played.lock().sounded_since(now.saturating_sub(OVER));
        if !active {
            if std::mem::take(&mut self.active) {
                self.evidence.clear();
            }
            keep(&mut self.clean, window, PIECE);
            return;
        }
        self.active = true;
        let end = self.end();
        let mut played = vec![0.0; window.len()];
        self.played.lock().read(end - window.len() as i64, &mut played);
        self.ceiling.hear(power(&played), power(&floats(window.iter())));
        if let Some(way) = &mut self.way {
            let heard = floats(window.iter());
            let mut clean = heard.clone();
            way.cancel(&self.played, end - window.len() as i64, &mut clean);
            // A delay that has changed would be heard as another echo.
            if way.rest < power(&heard) {
                window.iter_mut().zip(clean).for_each(|(to, from)| *to = (from * 32_768.0).round() as i16);
            }
        }
        keep(&mut self.clean, window, PIECE);
    }

    /// Whose the last window is, of which `speech` was heard after the echo was subtracted.
    pub fn source(&mut self, speech: bool) -> Source {
        if !self.active {
            return Source::Near;
        }
        if !speech {
            self.evidence.clear();
            self.ceiling.was_echo();
            return Source::Near;
        }
        if self.way.as_mut().is_some_and(Way::explains) {
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
        match self.evidence.hear(&piece, &reference, self.way.as_ref().map(Way::left)) {
            Finding::Other if self.way.as_ref().is_some_and(|way| self.evidence.is_behind(way.left())) => {
                Source::Unsure
            }
            Finding::Other => Source::Near,
            Finding::Open => Source::Unsure,
            Finding::Echo(delay) => {
                // What is left of an echo that is subtracted already goes as the filter learns.
                if !self.way.as_ref().is_some_and(|way| way.covers(delay)) {
                    self.follow(delay);
                }
                self.ceiling.was_echo();
                Source::Echo
            }
        }
    }

    /// Makes what is left of the echo in the last window, of this source, softer for recognition: it would write down the
    /// agent's words.
    pub fn soften(&mut self, window: &mut [i16], source: Source) {
        let way = self.way.as_ref().filter(|_| self.active);
        let least = if source == Source::Near { SOFTEST_NEAR } else { SOFTEST };
        let (from, to) = (self.gain, way.map_or(1.0, |way| way.gain().max(least)));
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

    /// The echo was found: its way is learnt from what was heard lately.
    fn follow(&mut self, delay: i64) {
        let mut way =
            Way { delay, canceller: Canceller::default(), left: LEFT, power: 0.0, loudest: 0.0, rest: 0.0 };
        let heard = floats(self.recent.iter());
        let heard = &heard[heard.len() % BLOCK..];
        let from = self.end() - heard.len() as i64;
        for _ in 0..2 {
            way.cancel(&self.played, from, &mut heard.to_vec());
        }
        self.way = Some(way);
        self.evidence.clear();
    }

    fn end(&self) -> i64 {
        self.base.unwrap_or(0) + self.heard
    }

    /// Ties the microphone's samples to the reference's clock; ties them anew when samples are missing.
    fn align(&mut self, now: u64) {
        let base = i64::try_from(now).unwrap_or(i64::MAX) - self.heard;
        if (base - *self.base.get_or_insert(base)).abs() > SLIP {
            self.base = Some(base);
        }
    }
}

impl Way {
    /// Whether an echo that is so late is the one that is subtracted.
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

    /// What leaves the person's share of the last window.
    fn gain(&self) -> f32 {
        let share = 1.0 - CLEARLY * self.left * self.power / self.rest.max(f32::MIN_POSITIVE);
        share.max(0.0).sqrt()
    }

    fn left(&self) -> Left {
        Left { rest: self.rest, echo: self.power.max(TAIL * self.loudest) }
    }

    /// Whether what is left is no more than what is usually left of an echo.
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

/// Mean power of the differences of neighbours, which neither a hum nor a constant raises.
fn power(samples: &[f32]) -> f32 {
    let differences = samples.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
    differences.sum::<f32>() / samples.len().max(1) as f32
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod voice;
