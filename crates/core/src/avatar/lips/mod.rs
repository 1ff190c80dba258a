//! The mouth of one response, from its sounds and its loudness. Pure.
//!
//! - [`ipa`]: the mouth shape of a phoneme in any language; [`viseme`]: the shapes
//! - `segment`: sounds as targets of the mouth; `mouth`: the targets mixed at a moment
//! - `loudness`: how wide the jaw goes

pub mod ipa;
mod loudness;
mod mouth;
mod segment;
#[cfg(test)]
mod tests;
pub mod viseme;

use std::collections::VecDeque;

use super::shapes::Weights;
use super::sound::Sound;
use loudness::Loudness;
use segment::{REACH, Segment};

/// Seconds before and after a sound during which the mouth counts as speaking, which bridges short pauses.
const ATTACK: f64 = 0.12;
const RELEASE: f64 = 0.3;
/// Seconds before and after a sound during which the mouth moves; beyond that the motion would be invisible.
const MOVES: f64 = 0.38;
/// Times beyond this are invalid, in seconds.
const NEVER: f64 = 1e9;
/// Seconds by which the mouth leads the sound, as people's does, so that it never looks late.
const LEAD: f64 = 0.015;
/// Most sounds kept, about a quarter of an hour of speech, if the caller never forgets any.
const MOST: usize = 20_000;

/// The mouth of one response, whose pieces are added one after the other.
#[derive(Debug, Clone, Default)]
pub struct Lips {
    segments: VecDeque<Segment>,
    accents: VecDeque<Accent>,
    loudness: Loudness,
}

/// A stressed vowel.
#[derive(Debug, Clone, Copy)]
struct Accent {
    at: f64,
    half: f64,
    strength: f32,
}

/// The mouth at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mouth {
    /// The mouth's blend shapes; the others are 0.
    pub weights: Weights,
    /// The root mean square of the 33 ms around the moment, full scale being 1.
    pub level: f32,
    /// The emphasis of the current syllable, 0 to 1.
    pub stress: f32,
    /// The mouth is speaking, is about to, or has just stopped.
    pub speaking: bool,
}

impl Lips {
    /// A mouth at rest.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next piece of speech, which begins at `start` seconds of the response: its `sounds`, timed from the piece's
    /// start, and its audio. Pieces come in order, perhaps with pauses between them.
    pub fn push(&mut self, start: f64, sounds: &[Sound], samples: &[i16], rate: u32) {
        if !usable(start) {
            return;
        }
        self.loudness.push(start, samples, rate);
        for sound in sounds {
            self.add(start, sound);
        }
        while self.segments.len() > MOST {
            self.segments.pop_front();
        }
        while self.accents.len() > MOST {
            self.accents.pop_front();
        }
    }

    fn add(&mut self, offset: f64, sound: &Sound) {
        let last = self.segments.back().copied();
        let start = (offset + sound.start).max(last.map_or(f64::MIN, |last| last.end));
        let end = offset + sound.end;
        if !(usable(start) && usable(end) && start < end) {
            return;
        }
        if let Some(last) = last
            && ipa::may_be_tone(&sound.symbol)
            && last.phone.is_vowel()
            && start - last.end < 0.005
        {
            segment::append(&mut self.segments, last.phone, start, end);
            return;
        }
        let mut at = start;
        for (phone, share) in ipa::phones(&sound.symbol) {
            let until = (at + (end - start) * share).min(end);
            if at < until {
                segment::append(&mut self.segments, phone, at, until);
                if phone.is_vowel() && at == start {
                    self.accent(sound, start, end);
                }
            }
            at = until;
        }
    }

    /// Adds an accent from stress marks and loudness.
    fn accent(&mut self, sound: &Sound, start: f64, end: f64) {
        let marked = ipa::stress(&sound.symbol);
        let at = f64::midpoint(start, end);
        let loud = self.loudness.relative(at).map_or(0.5, |loud| ((loud - 0.6) / 0.7).clamp(0.0, 1.0));
        let strength = 0.55 * marked + 0.3 * loud + if end - start > 0.13 { 0.15 * marked } else { 0.0 };
        if strength > 0.05 {
            let half = (end - start).clamp(0.14, 0.3);
            self.accents.push_back(Accent { at, half, strength });
        }
    }

    /// The mouth at `t` seconds of the response. A piece pushed later may change it from 0.3 s before the piece's first sound.
    #[must_use]
    pub fn at(&self, t: f64) -> Mouth {
        if !usable(t) {
            return Mouth::default();
        }
        let level = self.loudness.level(t);
        let stress = self.stress(t);
        let t = t + LEAD;
        let first = self.segments.partition_point(|segment| segment.end < t - REACH);
        let near = self.segments.range(first..).take_while(|segment| segment.start <= t + REACH);
        let Some(ended) = self.segments.back().map(|last| last.end) else {
            return Mouth { level, ..Mouth::default() };
        };
        let after = Segment::rest(ended, ended + 2.0);
        let within = |before: f64, after: f64| {
            let mut sounds = near.clone().filter(|segment| !segment.is_rest());
            sounds.any(|sound| t > sound.start - before && t < sound.end + after)
        };
        let weights = if within(MOVES, MOVES) {
            let tail = (t > ended - REACH).then_some(&after);
            mouth::mix(near.clone().chain(tail), t, self.loudness.relative(t)).weights()
        } else {
            Weights::NEUTRAL
        };
        Mouth { weights, level, stress, speaking: within(ATTACK, RELEASE) }
    }

    fn stress(&self, t: f64) -> f32 {
        let first = self.accents.partition_point(|accent| accent.at < t - 0.3);
        let near = self.accents.range(first..).take_while(|accent| accent.at < t + 0.3);
        near.map(|accent| {
            let off = ((t - accent.at) / accent.half).clamp(-1.0, 1.0) * std::f64::consts::PI;
            accent.strength * (0.5 + 0.5 * off.cos()) as f32
        })
        .fold(0.0, f32::max)
        .min(1.0)
    }

    /// Frees what is not needed any more if only moments after `t` are requested.
    pub fn forget_before(&mut self, t: f64) {
        if !usable(t) {
            return;
        }
        // Keep the last sound: the next piece continues from it.
        while self.segments.len() > 1 && self.segments[0].end < t - 2.0 * REACH {
            self.segments.pop_front();
        }
        while self.accents.front().is_some_and(|accent| accent.at < t - REACH) {
            self.accents.pop_front();
        }
        self.loudness.forget_before(t);
    }
}

/// Whether a time is valid; NaN is not.
fn usable(t: f64) -> bool {
    t.abs() < NEVER
}
