//! The lips, animated at 60 frames/s from the sounds that the engine reports, and scored by the gap between them.

use anyhow::ensure;
use serde::Serialize;

use visavis_core::avatar::lip_gap::{LipScores, score_as};
use visavis_core::avatar::source::choose;

use super::speech::Spoken;

/// Faces per second.
const FPS: u8 = 60;

/// The lips over all sentences of a voice. The targets are those of `bench avatar --lips`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Lips {
    /// The raw counts.
    pub scores: LipScores,
    /// Share of p, b and m with closed lips.
    pub closure: f64,
    /// Share of f and v with the lip at the teeth.
    pub contact: f64,
    /// Delay of the lips behind loudness, in ms.
    pub lag_ms: f64,
    /// Where the sounds' times came from.
    pub source: &'static str,
}

impl Lips {
    /// Adds a sentence.
    ///
    /// # Errors
    /// When the engine reported no sounds.
    pub(super) fn add(&mut self, spoken: &Spoken) -> anyhow::Result<()> {
        ensure!(!spoken.sounds.is_empty(), "the engine reported no sounds for {:?}", spoken.text);
        let (known, source) = choose(&spoken.sounds, spoken.measured, &[], &spoken.samples, spoken.rate);
        self.scores.add(&score_as(&known, &spoken.sounds, &spoken.samples, spoken.rate, FPS));
        self.closure = self.scores.closure();
        self.contact = self.scores.contact();
        self.lag_ms = self.scores.lag().ms;
        self.source = source.name();
        Ok(())
    }

    /// Whether lips close at 95 % of p, b and m, meet the teeth at 90 % of f and v, and lag by at most 40 ms.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.scores.bilabials > 0
            && self.closure >= 0.95
            && self.contact >= 0.9
            && self.lag_ms.abs() <= 40.0
            && self.scores.overclosed == 0
    }
}
