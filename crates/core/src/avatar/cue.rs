//! What a face can be told to show, by the language model, the server, the page or a program.

use serde::{Deserialize, Serialize};

/// A lasting expression, until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mood {
    /// None.
    #[default]
    Neutral,
    /// Smiling.
    Happy,
    /// Brows up, mouth down.
    Sad,
    /// Eyes and brows wide.
    Surprised,
    /// Regretful.
    Apologetic,
    /// Lively brows, leaning in.
    Explaining,
    /// Looks aside.
    Thinking,
    /// Eye contact, attentive.
    Listening,
}

/// A short movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gesture {
    /// Yes.
    Nod,
    /// No.
    Shake,
    /// The head to one side.
    Tilt,
    /// The eyes and the head away, and back.
    LookAway,
    /// Closer, for a moment.
    LeanIn,
}

/// Something to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cue {
    /// From now on.
    Mood(Mood),
    /// Once.
    Gesture(Gesture),
}

/// Every mood by its name.
pub const MOODS: [(&str, Mood); 8] = [
    ("neutral", Mood::Neutral),
    ("happy", Mood::Happy),
    ("sad", Mood::Sad),
    ("surprised", Mood::Surprised),
    ("apologetic", Mood::Apologetic),
    ("explaining", Mood::Explaining),
    ("thinking", Mood::Thinking),
    ("listening", Mood::Listening),
];

/// Every gesture by its name.
pub const GESTURES: [(&str, Gesture); 5] = [
    ("nod", Gesture::Nod),
    ("shake", Gesture::Shake),
    ("tilt", Gesture::Tilt),
    ("look-away", Gesture::LookAway),
    ("lean-in", Gesture::LeanIn),
];

impl Cue {
    /// The mood or gesture of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mood = MOODS.iter().find(|(known, _)| *known == name).map(|(_, mood)| Self::Mood(*mood));
        let gesture = || GESTURES.iter().find(|(known, _)| *known == name);
        mood.or_else(|| gesture().map(|(_, gesture)| Self::Gesture(*gesture)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_the_wire() {
        for (name, mood) in MOODS {
            assert_eq!(serde_json::to_value(Cue::Mood(mood)).unwrap(), serde_json::json!({ "mood": name }));
        }
        for (name, gesture) in GESTURES {
            let cue = Cue::named(name).unwrap();
            assert_eq!(cue, Cue::Gesture(gesture));
            assert_eq!(serde_json::to_value(cue).unwrap(), serde_json::json!({ "gesture": name }));
        }
    }
}
