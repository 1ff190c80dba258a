//! What is a tag.

use crate::avatar::cue::{Cue, GESTURES, Gesture, MOODS, Mood};

/// Lengths that an unknown stage direction may have; `[i]` is no tag.
const DIRECTION: std::ops::RangeInclusive<usize> = 3..=20;

/// What models write beside the names of moods and gestures: the first word of a stage direction. Most are for the ears or
/// the hands, and no cue.
const ACTS: [(&str, Option<Cue>); 24] = [
    ("nods", Some(Cue::Gesture(Gesture::Nod))),
    ("nodding", Some(Cue::Gesture(Gesture::Nod))),
    ("shakes", Some(Cue::Gesture(Gesture::Shake))),
    ("tilts", Some(Cue::Gesture(Gesture::Tilt))),
    ("leans", Some(Cue::Gesture(Gesture::LeanIn))),
    ("smile", Some(Cue::Mood(Mood::Happy))),
    ("smiles", Some(Cue::Mood(Mood::Happy))),
    ("smiling", Some(Cue::Mood(Mood::Happy))),
    ("grins", Some(Cue::Mood(Mood::Happy))),
    ("laughs", Some(Cue::Mood(Mood::Happy))),
    ("laughing", Some(Cue::Mood(Mood::Happy))),
    ("chuckles", Some(Cue::Mood(Mood::Happy))),
    ("giggles", Some(Cue::Mood(Mood::Happy))),
    ("frowns", Some(Cue::Mood(Mood::Sad))),
    ("gasps", Some(Cue::Mood(Mood::Surprised))),
    ("thinks", Some(Cue::Gesture(Gesture::LookAway))),
    ("pauses", None),
    ("sighs", None),
    ("shrugs", None),
    ("winks", None),
    ("waves", None),
    ("blinks", None),
    ("whispers", None),
    ("clears", None),
];

/// The cues of what stands in brackets, or nothing if it is text. After a letter or a digit only a known name is a tag.
pub(super) fn bracketed(inner: &str, after_word: bool) -> Option<Vec<Cue>> {
    let names = inner.split(',').map(|name| Cue::named(&plain(name)));
    if let Some(cues) = names.collect::<Option<Vec<_>>>() {
        return Some(cues);
    }
    if let Some(act) = act(inner) {
        return Some(act.into_iter().collect());
    }
    let direction = DIRECTION.contains(&inner.len())
        && inner.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && !inner.starts_with('-')
        && !inner.ends_with('-');
    (direction && !after_word).then(Vec::new)
}

/// The cues of what stands in asterisks, or nothing if it is emphasis.
pub(super) fn asterisked(inner: &str) -> Option<Vec<Cue>> {
    act(inner).map(|act| act.into_iter().collect())
}

/// Whether a known name begins like that.
pub(super) fn is_beginning(inner: &str) -> bool {
    let begun = plain(inner);
    let moods = MOODS.iter().map(|(name, _)| *name);
    moods.chain(GESTURES.iter().map(|(name, _)| *name)).any(|name| name.starts_with(&begun))
}

fn act(inner: &str) -> Option<Option<Cue>> {
    let plain = plain(inner);
    if plain.starts_with("looks-away") {
        return Some(Some(Cue::Gesture(Gesture::LookAway)));
    }
    let first = plain.split('-').next()?;
    ACTS.iter().find(|(word, _)| *word == first).map(|(_, cue)| *cue)
}

fn plain(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace([' ', '_'], "-")
}
