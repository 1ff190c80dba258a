//! The known tags and stage directions.

use crate::avatar::cue::{Cue, GESTURES, Gesture, MOODS, Mood};

/// A stage direction that models write between marks.
struct Act {
    /// The first word of the direction.
    word: &'static str,
    cue: Option<Cue>,
    /// On its own it may also be an emphasised word: "sound *waves*".
    common: bool,
}

const fn act_of(word: &'static str, cue: Option<Cue>) -> Act {
    Act { word, cue, common: false }
}

const fn common(word: &'static str, cue: Option<Cue>) -> Act {
    Act { word, cue, common: true }
}

/// Stage directions that models write in addition to the names of moods and gestures, by their first word. Many concern the
/// voice or the hands and give no cue.
const ACTS: [Act; 38] = [
    act_of("nods", Some(Cue::Gesture(Gesture::Nod))),
    act_of("nodding", Some(Cue::Gesture(Gesture::Nod))),
    common("shakes", Some(Cue::Gesture(Gesture::Shake))),
    common("tilts", Some(Cue::Gesture(Gesture::Tilt))),
    common("leans", Some(Cue::Gesture(Gesture::LeanIn))),
    common("smile", Some(Cue::Mood(Mood::Happy))),
    common("smiles", Some(Cue::Mood(Mood::Happy))),
    common("smiling", Some(Cue::Mood(Mood::Happy))),
    act_of("grins", Some(Cue::Mood(Mood::Happy))),
    common("laughs", Some(Cue::Mood(Mood::Happy))),
    common("laughing", Some(Cue::Mood(Mood::Happy))),
    common("laughter", Some(Cue::Mood(Mood::Happy))),
    act_of("chuckles", Some(Cue::Mood(Mood::Happy))),
    act_of("chuckling", Some(Cue::Mood(Mood::Happy))),
    act_of("giggles", Some(Cue::Mood(Mood::Happy))),
    common("frowns", Some(Cue::Mood(Mood::Sad))),
    act_of("gasps", Some(Cue::Mood(Mood::Surprised))),
    common("thinks", Some(Cue::Gesture(Gesture::LookAway))),
    common("pause", None),
    common("pauses", None),
    common("sigh", None),
    act_of("sighs", None),
    act_of("sighing", None),
    act_of("shrugs", None),
    act_of("winks", None),
    common("waves", None),
    common("blinks", None),
    common("whisper", None),
    common("whispers", None),
    common("whispering", None),
    act_of("clears", None),
    common("excited", None),
    common("sarcastic", None),
    act_of("sarcastically", None),
    common("deep-breath", None),
    common("takes-a", None),
    common("beat", None),
    common("softly", None),
];

/// What text in asterisks is.
pub(super) enum Direction {
    /// A stage direction.
    Sure(Vec<Cue>),
    /// A stage direction if a sentence or nothing follows.
    BeforeSentence(Vec<Cue>),
    /// Emphasis.
    No,
}

/// The cues of text in brackets; none if it is ordinary text.
pub(super) fn bracketed(inner: &str) -> Option<Vec<Cue>> {
    let names = inner.split(',').map(|name| Cue::named(&plain(name)));
    if let Some(cues) = names.collect::<Option<Vec<_>>>() {
        return Some(cues);
    }
    act(inner).map(|act| act.cue.into_iter().collect())
}

/// Classifies text in asterisks; `begins`: a sentence or a clause begins there.
pub(super) fn asterisked(inner: &str, begins: bool) -> Direction {
    let Some(act) = act(inner) else { return Direction::No };
    let cues = act.cue.into_iter().collect();
    let alone = !plain(inner).contains('-');
    match (act.common, begins, alone) {
        (false, ..) | (true, true, false) => Direction::Sure(cues),
        (true, true, true) => Direction::BeforeSentence(cues),
        (true, false, _) => Direction::No,
    }
}

/// Whether a known name begins with this.
pub(super) fn is_beginning(inner: &str) -> bool {
    let begun = plain(inner);
    let moods = MOODS.iter().map(|(name, _)| *name);
    moods.chain(GESTURES.iter().map(|(name, _)| *name)).any(|name| name.starts_with(&begun))
}

fn act(inner: &str) -> Option<&'static Act> {
    const LOOKS_AWAY: Act = act_of("looks-away", Some(Cue::Gesture(Gesture::LookAway)));
    let plain = plain(inner);
    let begins =
        |act: &Act| plain.strip_prefix(act.word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if begins(&LOOKS_AWAY) {
        return Some(&LOOKS_AWAY);
    }
    ACTS.iter().find(|act| begins(act))
}

fn plain(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace([' ', '_'], "-")
}
