//! What a face can be told to show, by the language model, the server, the page or a client program.

use serde::{Deserialize, Serialize};

/// A lasting expression, until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mood {
    /// No particular mood.
    #[default]
    Neutral,
    /// Smiling.
    Happy,
    /// Brows up, mouth down.
    Sad,
    /// Eyes and brows wide.
    Surprised,
    /// Regretful look.
    Apologetic,
    /// Lively brows, head leaning in.
    Explaining,
    /// Looking aside.
    Thinking,
    /// Eye contact, attentive.
    Listening,
}

/// A short movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gesture {
    /// Nods, as for yes.
    Nod,
    /// Shakes the head, as for no.
    Shake,
    /// Tilts the head to one side.
    Tilt,
    /// Turns eyes and head away and back.
    LookAway,
    /// Leans closer for a moment.
    LeanIn,
}

/// Something for the face to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cue {
    /// A mood, until the next one.
    Mood(Mood),
    /// A gesture, once.
    Gesture(Gesture),
}

/// A cue, and its place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacedCue {
    /// The byte of the text that it precedes.
    pub at: usize,
    /// What the face shows.
    pub cue: Cue,
}

/// A cue, and when it is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DueCue {
    /// Seconds from the start of the sound that it belongs to.
    pub at: f64,
    /// What the face shows.
    pub cue: Cue,
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
    /// The mood or gesture with this name.
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
    fn names_match_the_serialised_ones() {
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
