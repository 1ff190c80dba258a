//! What a scenario is made of: lines, their pieces, when each begins and what it means. Plain data.

/// A piece of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    /// A phrase from `phrases.toml`.
    Say(&'static str),
    /// A phrase spoken nearly twice as fast.
    Fast(&'static str),
    /// A phrase 14 dB softer.
    Soft(&'static str),
    /// A phrase 12 dB too loud for the microphone.
    Clipped(&'static str),
    /// A phrase whose first ms are missing: the microphone was switched on late.
    Late(&'static str, u32),
    /// A phrase of which so many per cent are heard, with these words, before the microphone is off for a second.
    Muted(&'static str, u8, &'static str),
    /// Silence, in ms.
    Pause(u32),
    /// "Mm-hm", hummed.
    Hum,
    /// "Uh-huh", twice.
    UhHuh,
    /// A cough.
    Cough,
    /// A slamming door.
    Door,
    /// Laughter.
    Laughter,
    /// "Aaah", held.
    Vowel,
    /// A sneeze.
    Sneeze,
    /// "Mmm", hummed.
    Murmur,
    /// A throat that is cleared.
    Throat,
    /// "Phew".
    Phew,
    /// "Ugh".
    Ugh,
    /// Part of the recording `jfk.wav`, from and to in ms, and its words.
    Recorded(u32, u32, &'static str),
}

/// What a line means in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A question, to be answered.
    Question,
    /// An interruption, to stop the response and to be answered.
    Interruption,
    /// An aside, to change nothing: a backchannel, or a sound without words.
    Aside,
    /// A sound without words while nobody speaks, to be no turn.
    Noise,
}

/// When a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This many ms after the previous line.
    After(u32),
    /// This many ms after the response's first sound.
    Into(u32),
    /// On the last word of the response, as predicted from its captions.
    LastWord,
}

/// A line of the script.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// What it means.
    pub role: Role,
    /// When it begins.
    pub when: When,
    /// Its pieces.
    pub parts: &'static [Part],
}

/// What the microphone hears besides the person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Beside {
    /// A quiet room.
    Nothing,
    /// The agent from a loudspeaker, this many dB quieter than it was sent.
    Echo(f32),
    /// Speech on television, this many dB below the person.
    Television(f32),
    /// Several people at once, this many dB below the person.
    Babble(f32),
}

/// A situation in calls, in variants.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// One-line description.
    pub about: &'static str,
    /// Its pauses are inside a sentence: an agent that takes the turn in one has cut the person off.
    pub mid_sentence: bool,
    /// What else the microphone hears throughout.
    pub beside: Beside,
    /// Repetition n plays variant n, cycling.
    pub variants: &'static [&'static [Line]],
}
