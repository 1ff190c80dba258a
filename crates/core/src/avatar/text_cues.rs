//! Cues suggested by the words of a segment, if the model writes no tags. Conservative: most segments suggest nothing.

use super::cue::{Cue, Gesture, Mood, PlacedCue};

/// Where a rule's words must be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// At the segment's start, not counting an "oh" or "well".
    Start,
    /// Anywhere.
    Any,
    /// Anywhere in a segment with an exclamation mark.
    Exclaimed,
}
use Place::{Any, Exclaimed, Start};

/// Words and what they suggest; the first match counts. A comma stands for any punctuation or the segment's end.
type Rules<T> = &'static [(Place, &'static [&'static str], T)];

const MOODS: Rules<Mood> = &[
    (Any, &["sorry to hear", "sorry for your loss", "condolences", "sad to hear"], Mood::Sad),
    (
        Any,
        &["i'm sorry", "i am sorry", "i'm so sorry", "unfortunately", "i'm afraid", "i am afraid"],
        Mood::Apologetic,
    ),
    (Any, &["apologize", "apologise", "my apologies", "my mistake"], Mood::Apologetic),
    (Start, &["sorry"], Mood::Apologetic),
    (Start, &["wow", "oh my", "no way", "incredible"], Mood::Surprised),
    (Any, &["congratulations", "i'm glad", "i am glad", "glad to", "happy to", "delighted"], Mood::Happy),
    (
        Exclaimed,
        &["great", "glad", "happy", "wonderful", "awesome", "fantastic", "excellent", "lovely"],
        Mood::Happy,
    ),
    (
        Exclaimed,
        &["welcome", "thank", "thanks", "love", "nice", "hello", "hi", "perfect", "enjoy"],
        Mood::Happy,
    ),
    (
        Any,
        &["because", "for example", "for instance", "the reason", "which means", "in other words"],
        Mood::Explaining,
    ),
    (Start, &["first,", "firstly", "first of all", "imagine", "basically"], Mood::Explaining),
];

const GESTURES: Rules<Gesture> = &[
    (
        Start,
        &["yes", "yeah", "yep", "of course", "certainly", "absolutely", "exactly", "definitely"],
        Gesture::Nod,
    ),
    (
        Start,
        &["sure,", "right,", "correct,", "okay,", "no problem", "that's right", "that is right"],
        Gesture::Nod,
    ),
    (Start, &["no,", "nope", "never", "not at all", "not really"], Gesture::Shake),
    (Any, &["let me think", "let me see", "hmm", "good question"], Gesture::LookAway),
];

/// Words that may precede the one that counts as the first.
const OPENERS: [&str; 6] = ["oh", "ah", "well", "so", "and", "but"];

/// At most one mood and one gesture for a segment in this language (ISO 639-1), placed in the segment. For languages without a
/// table only punctuation counts.
#[must_use]
pub fn suggested(segment: &str, language: &str) -> Vec<PlacedCue> {
    let words = words(segment);
    let exclaimed = segment.contains(['!', '！']);
    let asks = segment.trim_end_matches(['"', '”', '’', ')', ' ']).ends_with(['?', '？']);
    let (mood, gesture) = match language {
        "en" | "" => (find(MOODS, &words, exclaimed), find(GESTURES, &words, exclaimed)),
        _ => (exclaimed.then_some((0, Mood::Happy)), None),
    };
    let gesture = gesture.or_else(|| asks.then_some((0, Gesture::Tilt)));
    let mood = mood.map(|(at, mood)| PlacedCue { at, cue: Cue::Mood(mood) });
    let gesture = gesture.map(|(at, gesture)| PlacedCue { at, cue: Cue::Gesture(gesture) });
    mood.into_iter().chain(gesture).collect()
}

struct Word {
    at: usize,
    text: String,
    /// Punctuation or the end follows.
    stops: bool,
}

fn words(segment: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    for piece in segment.split_inclusive(char::is_whitespace) {
        let lower = piece.trim_end().to_lowercase().replace('’', "'");
        let text = lower.trim_matches(|char: char| !char.is_alphanumeric()).to_string();
        if !text.is_empty() {
            words.push(Word { at, text, stops: !lower.ends_with(char::is_alphanumeric) });
        }
        at += piece.len();
    }
    if let Some(last) = words.last_mut() {
        last.stops = true;
    }
    words
}

fn find<T: Copy>(rules: Rules<T>, words: &[Word], exclaimed: bool) -> Option<(usize, T)> {
    let first = words.iter().position(|word| !OPENERS.contains(&word.text.as_str())).unwrap_or(0);
    rules.iter().filter(|(place, ..)| *place != Exclaimed || exclaimed).find_map(|(place, wanted, what)| {
        let counts = |start: &usize| *place != Start || *start == 0 || *start == first;
        let fitting = |start: &usize| wanted.iter().any(|wanted| fits(wanted, &words[*start..]));
        let found = (0..words.len()).filter(counts).find(fitting)?;
        Some((words[found].at, *what))
    })
}

fn fits(wanted: &str, words: &[Word]) -> bool {
    let stops = wanted.ends_with(',');
    let mut count = 0;
    for part in wanted.trim_end_matches(',').split(' ') {
        if words.get(count).is_none_or(|word| word.text != part) {
            return false;
        }
        count += 1;
    }
    !stops || words[count - 1].stops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_suggest_moods_and_gestures() {
        let mood = |mood| Some(Cue::Mood(mood));
        let gesture = |gesture| Some(Cue::Gesture(gesture));
        for (segment, expected_mood, expected_gesture) in [
            ("I’m sorry, that is not possible.", mood(Mood::Apologetic), None),
            ("I'm sorry to hear that.", mood(Mood::Sad), None),
            ("That's great!", mood(Mood::Happy), None),
            ("A great deal of work.", None, None),
            ("Wow, that is a lot.", mood(Mood::Surprised), None),
            ("It is blue because of the air.", mood(Mood::Explaining), None),
            ("Yes, of course.", None, gesture(Gesture::Nod)),
            ("Well, no.", None, gesture(Gesture::Shake)),
            ("No one knows.", None, None),
            ("Right angles have 90 degrees.", None, None),
            ("Hmm, let me think.", None, gesture(Gesture::LookAway)),
            ("What would you like?", None, gesture(Gesture::Tilt)),
            ("The capital of France is Paris.", None, None),
        ] {
            let cues = suggested(segment, "en");
            let of = |wanted: fn(&Cue) -> bool| cues.iter().map(|placed| placed.cue).find(wanted);
            assert_eq!(of(|cue| matches!(cue, Cue::Mood(_))), expected_mood, "{segment}");
            assert_eq!(of(|cue| matches!(cue, Cue::Gesture(_))), expected_gesture, "{segment}");
        }
    }

    #[test]
    fn in_other_languages_only_punctuation_counts() {
        assert_eq!(suggested("Because no sorry.", "de"), []);
        assert_eq!(
            suggested("Wie geht es dir?", "de"),
            [PlacedCue { at: 0, cue: Cue::Gesture(Gesture::Tilt) }]
        );
        assert_eq!(suggested("Sehr gern!", "de"), [PlacedCue { at: 0, cue: Cue::Mood(Mood::Happy) }]);
    }

    #[test]
    fn a_cue_precedes_the_word_that_suggests_it() {
        let explaining = PlacedCue { at: 10, cue: Cue::Mood(Mood::Explaining) };
        assert_eq!(suggested("Äh, blue because of it.", "en"), [explaining]);
    }
}
