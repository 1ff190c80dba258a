//! The loudness of a response over time, absolute and relative to the speaker's usual level. Pure.

use std::collections::VecDeque;

/// Energy bins per second.
const BINS: f64 = 120.0;
/// Most bins kept, which bounds memory even if nothing is forgotten.
const LONGEST: usize = 15 * 60 * BINS as usize;
/// Weights of the bins that determine the jaw's loudness: 75 ms, most of it in the middle.
const WINDOW: [f32; 9] = [0.02, 0.06, 0.12, 0.18, 0.24, 0.18, 0.12, 0.06, 0.02];
/// Levels below this are silence.
const SILENCE: f32 = 0.002;

/// The loudness of a response.
#[derive(Debug, Clone, Default)]
pub(super) struct Loudness {
    /// Number of the first bin in `energy`.
    origin: i64,
    /// Mean square of each bin, full scale being 1.
    energy: VecDeque<f32>,
    /// The oldest first.
    usual: VecDeque<Usual>,
}

/// The speaker's usual level in loud moments.
#[derive(Debug, Clone, Copy)]
struct Usual {
    /// From this moment on.
    from: f64,
    level: f32,
}

impl Loudness {
    /// Adds audio that begins at `start`.
    pub(super) fn push(&mut self, start: f64, samples: &[i16], rate: u32) {
        if rate == 0 || samples.is_empty() {
            return;
        }
        let first = (start * BINS).floor() as i64;
        let last = ((start + samples.len() as f64 / f64::from(rate)) * BINS).ceil() as i64;
        let end = self.origin + self.energy.len() as i64;
        if self.energy.is_empty() || first < self.origin || first > end + (60.0 * BINS) as i64 {
            self.energy.clear();
            self.origin = first;
        }
        let needed = usize::try_from(last - self.origin).unwrap_or(0).min(LONGEST * 2);
        if self.energy.len() < needed {
            self.energy.resize(needed, 0.0);
        }
        let share = BINS as f32 / rate as f32;
        let step = BINS / f64::from(rate);
        let mut at = start * BINS - self.origin as f64;
        for &sample in samples {
            if let Some(bin) = self.energy.get_mut(at as usize) {
                *bin += (f32::from(sample) / 32_768.0).powi(2) * share;
            }
            at += step;
        }
        self.learn(start, first, last);
        while self.energy.len() > LONGEST {
            self.energy.pop_front();
            self.origin += 1;
        }
    }

    /// Learns what is loud for this speaker: the level exceeded by a fifth of the speech.
    fn learn(&mut self, start: f64, first: i64, last: i64) {
        let mut levels: Vec<f32> =
            (first..last).map(|bin| self.bin(bin).sqrt()).filter(|&level| level > SILENCE).collect();
        if levels.len() < 6 {
            return;
        }
        let at = levels.len() * 4 / 5;
        let (_, &mut here, _) = levels.select_nth_unstable_by(at, f32::total_cmp);
        // A short piece says less about the speaker than a long one.
        let new = (levels.len() as f32 / (2.0 * BINS as f32)).min(0.5);
        let usual = self.usual.back().map_or(here, |before| before.level + (here - before.level) * new);
        self.usual.push_back(Usual { from: start, level: usual });
    }

    fn bin(&self, bin: i64) -> f32 {
        let at = usize::try_from(bin - self.origin).ok();
        at.and_then(|at| self.energy.get(at)).copied().unwrap_or(0.0)
    }

    /// The root mean square of the 33 ms around `t`.
    pub(super) fn level(&self, t: f64) -> f32 {
        let from = t * BINS - 2.0;
        let part = (from - from.floor()) as f32;
        let first = from.floor() as i64;
        let sum: f32 = (1..4).map(|n| self.bin(first + n)).sum();
        ((sum + self.bin(first) * (1.0 - part) + self.bin(first + 4) * part) / 4.0).sqrt().min(1.0)
    }

    /// The loudness at `t`, relative to the speaker's loud moments. None: there is no audio yet.
    pub(super) fn relative(&self, t: f64) -> Option<f32> {
        let usual = self.usual(t)?;
        let at = t * BINS - 0.5;
        let part = (at - at.floor()) as f32;
        let first = at.floor() as i64 - WINDOW.len() as i64 / 2;
        let mut sum = 0.0;
        let mut before = self.bin(first);
        for (n, weight) in WINDOW.iter().enumerate() {
            let after = self.bin(first + 1 + n as i64);
            sum += weight * (before + (after - before) * part);
            before = after;
        }
        Some(sum.sqrt() / usual)
    }

    /// The speaker's usual level at `t`, eased from one piece's to the next's.
    fn usual(&self, t: f64) -> Option<f32> {
        const EASE: f64 = 0.3;
        let next = self.usual.partition_point(|usual| usual.from <= t);
        let Usual { from, level: here } = *self.usual.get(next.saturating_sub(1))?;
        let before =
            next.checked_sub(2).and_then(|at| self.usual.get(at)).map_or(here, |before| before.level);
        let part = ((t - from) / EASE).clamp(0.0, 1.0) as f32;
        Some(before + (here - before) * part)
    }

    pub(super) fn forget_before(&mut self, t: f64) {
        let keep = (t * BINS) as i64 - 8;
        let gone = usize::try_from(keep - self.origin).unwrap_or(0).min(self.energy.len());
        self.energy.drain(..gone);
        self.origin += gone as i64;
        while self.usual.get(2).is_some_and(|usual| usual.from <= t) {
            self.usual.pop_front();
        }
    }

    /// Number of values kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.energy.len() + self.usual.len()
    }
}
