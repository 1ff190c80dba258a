//! When a pause is the end of the turn: the surer the turn prediction, the shorter the endpointing delay. Pure.

use serde::{Deserialize, Serialize};

/// How soon the agent takes the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Eagerness {
    /// Patient: for people who think while they speak, or who dictate.
    Low,
    /// As in a conversation.
    #[default]
    Medium,
    /// Quick, at the price of a cut-off now and then.
    High,
}

/// Evidence for and against the end of the turn; `None`: not known (yet).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TurnPrediction {
    /// Prosody: the end-of-turn model's probability.
    pub prosody: Option<f32>,
    /// Meaning: the language model's probability that the message ends here.
    pub meaning: Option<f32>,
    /// The last words.
    pub shape: Shape,
}

/// What the last words suggest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Nothing in particular.
    #[default]
    Plain,
    /// A number that may go on.
    Dictating,
    /// More words: "and", "um", "the".
    Open,
}

/// The language model's probabilities are far apart but small: at this one, an end is as likely as not.
const EVEN_MEANING: f32 = 0.02;
/// Half sentences often end with a falling voice, so meaning counts more than prosody.
const MEANING_WEIGHT: f32 = 2.0;
/// At this score and above, or its complement and below, the prediction counts as certain.
const SURE: f32 = 0.8;

impl TurnPrediction {
    /// From 0, the person will go on, to 1, the turn is over.
    #[must_use]
    pub fn score(&self) -> f32 {
        let meaning = self.meaning.map(|meaning| (meaning / (meaning + EVEN_MEANING), MEANING_WEIGHT));
        let logit = |p: f32| {
            let p = p.clamp(0.02, 0.98);
            (p / (1.0 - p)).ln()
        };
        let predictions = || self.prosody.map(|prosody| (prosody, 1.0)).into_iter().chain(meaning);
        let weight: f32 = predictions().map(|(_, weight)| weight).sum();
        let mean = predictions().map(|(p, weight)| logit(p) * weight).sum::<f32>() / weight.max(1.0);
        let score = 1.0 / (1.0 + (-mean).exp());
        match self.shape {
            Shape::Plain => score,
            Shape::Dictating => score.min(0.35),
            Shape::Open => score.min(0.15),
        }
    }

    /// How long the pause has to be, in milliseconds. `expected`: the meaning is not known yet but soon will be. Waiting
    /// for it costs nothing: there is no response before it either.
    #[must_use]
    pub fn endpointing_delay(&self, eagerness: Eagerness, expected: bool) -> u64 {
        let (sure, unsure, open) = match eagerness {
            Eagerness::High => (256.0, 500.0, 1200.0),
            Eagerness::Medium => (352.0, 800.0, 1800.0),
            Eagerness::Low => (608.0, 1300.0, 3000.0),
        };
        let score = self.score();
        let between = |from: f32, to: f32, share: f32| from + (to - from) * share.clamp(0.0, 1.0);
        let wait = if score >= 0.5 {
            between(unsure, sure, (score - 0.5) / (SURE - 0.5))
        } else {
            between(unsure, open, (0.5 - score) / (SURE - 0.5))
        };
        (if expected { f32::max(wait, unsure) } else { wait }) as u64
    }

    /// Whether a response is worth beginning before the turn is decided.
    #[must_use]
    pub fn worth_speculation(&self) -> bool {
        self.shape != Shape::Open && self.prosody.is_none_or(|prosody| prosody >= 0.15)
    }
}

/// What the last words of an unfinished transcript suggest.
#[must_use]
pub fn shape(text: &str) -> Shape {
    let text = text.trim_end();
    if text.ends_with([',', '-', '–', '—', '…', ':']) || text.ends_with("...") {
        return Shape::Open;
    }
    let word = text.rsplit(char::is_whitespace).next().unwrap_or("");
    let word = word.trim_matches(|char: char| !char.is_alphanumeric()).to_lowercase();
    // A question mark means that the question is complete: "What is it made of?"
    if text.ends_with('?') {
        return Shape::Plain;
    }
    if DANGLING.contains(&word.as_str()) {
        return Shape::Open;
    }
    if word.chars().any(|char| char.is_ascii_digit()) {
        return Shape::Dictating;
    }
    Shape::Plain
}

/// Words that no sentence ends with, in the languages that the voices speak.
const DANGLING: &[&str] = &[
    "and", "or", "but", "because", "um", "uh", "uhm", "er", "erm", "the", "a", "an", "my", "your", "their",
    "our", "of", "with", "from", "if", "than", "und", "oder", "aber", "weil", "dass", "äh", "ähm", "der",
    "die", "ein", "eine", "mein", "meine", "mit", "wenn", "et", "ou", "mais", "parce", "que", "euh", "le",
    "la", "les", "un", "une", "mon", "ma", "avec", "si", "y", "o", "pero", "porque", "eh", "el", "los", "mi",
    "con", "e", "ma", "perché", "il", "gli", "una", "mio", "mia",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prediction(prosody: f32, meaning: f32, text: &str) -> TurnPrediction {
        TurnPrediction { prosody: Some(prosody), meaning: Some(meaning), shape: shape(text) }
    }

    #[test]
    fn a_sure_end_is_answered_soon_and_a_thinking_pause_of_a_second_is_waited_out() {
        assert!(
            prediction(0.95, 0.36, "What is the capital of France?")
                .endpointing_delay(Eagerness::Medium, false)
                <= 400
        );
        assert!(
            prediction(0.97, 0.001, "Could you tell me how I can")
                .endpointing_delay(Eagerness::Medium, false)
                > 1000
        );
        assert!(
            prediction(0.1, 0.000_3, "What is the capital").endpointing_delay(Eagerness::Medium, false)
                > 1000
        );
        assert!(
            prediction(0.9, 0.3, "I would like tea and").endpointing_delay(Eagerness::Medium, false) > 1000
        );
        assert!(prediction(0.9, 0.3, "My number is 55 12").endpointing_delay(Eagerness::Medium, false) > 900);
        assert!(
            prediction(0.9, 0.6, "What is water made of?").endpointing_delay(Eagerness::Medium, false) <= 400
        );
        assert!(
            TurnPrediction::default().endpointing_delay(Eagerness::Medium, false) <= 800,
            "it still ends a turn without evidence"
        );
    }

    #[test]
    fn prosody_alone_does_not_end_a_turn_while_the_meaning_is_pending() {
        let prosody = TurnPrediction { prosody: Some(0.99), ..TurnPrediction::default() };
        assert!(
            prosody.endpointing_delay(Eagerness::Medium, true)
                > 2 * prosody.endpointing_delay(Eagerness::Medium, false)
        );
    }

    proptest! {
        #[test]
        fn a_surer_prediction_never_waits_longer(prosody in 0f32..1.0, more in 0f32..0.5, meaning in 0f32..1.0) {
            for eagerness in [Eagerness::Low, Eagerness::Medium, Eagerness::High] {
                let wait = |prosody: f32| TurnPrediction { prosody: Some(prosody), meaning: Some(meaning), shape: Shape::Plain }.endpointing_delay(eagerness, false);
                prop_assert!(wait((prosody + more).min(1.0)) <= wait(prosody));
            }
        }
    }
}
