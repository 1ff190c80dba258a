//! What is hard to hear: sounds without words, repeated words, a microphone that fails.

use super::super::script::Part::{
    Clipped, Fast, Late, Laughter, Murmur, Muted, Pause, Phew, Say, Sneeze, Throat, Ugh, Vowel,
};
use super::super::script::Scenario;
use super::{DOG, SEA, after, aside, ask, noise, quiet};

/// The scenarios of this kind.
pub(super) const SCENARIOS: &[Scenario] = &[
    quiet(
        "laughter",
        "laughter, then a question",
        &[
            &[noise(&[Laughter]), after(1_500, &[Say("italy")])],
            &[noise(&[Laughter]), after(1_500, &[Say("rain")])],
        ],
    ),
    quiet(
        "exclamations",
        "\"aaah\" or a sneeze before a question, or during a response",
        &[
            &[noise(&[Vowel]), after(1_500, &[Say("sky")])],
            &[SEA, aside(1_500, &[Sneeze])],
            &[noise(&[Sneeze]), after(1_500, &[Say("moon")])],
            &[DOG, aside(2_200, &[Vowel])],
        ],
    ),
    quiet(
        "murmurs",
        "\"mmm\", a cleared throat, \"phew\" or \"ugh\" before a question",
        &[
            &[noise(&[Murmur]), after(1_500, &[Say("sky")])],
            &[noise(&[Throat]), after(1_500, &[Say("rain")])],
            &[noise(&[Phew]), after(1_500, &[Say("moon")])],
            &[noise(&[Ugh]), after(1_500, &[Say("italy")])],
        ],
    ),
    quiet(
        "repeated",
        "words that are repeated many times, and words after them",
        &[&[ask(&[Say("no-seven-times")])], &[ask(&[Say("na-na")])]],
    ),
    quiet(
        "digits",
        "a number of equal digits, and words behind it",
        &[&[ask(&[Say("digits-fives")])], &[ask(&[Say("digits-zeros")])]],
    ),
    quiet(
        "late-microphone",
        "a question whose first 120 ms are missing",
        &[&[ask(&[Late("italy", 120)])], &[ask(&[Late("moon", 120)])], &[ask(&[Late("sleep", 120)])]],
    ),
    quiet(
        "mute",
        "a question whose microphone is muted in mid-sentence, and then all of it",
        &[
            &[ask(&[Muted("moon", 60, "How far away is")]), after(3_000, &[Say("moon")])],
            &[ask(&[Muted("sleep", 60, "Why do people need")]), after(3_000, &[Say("sleep")])],
            &[ask(&[Muted("bread", 50, "How do I bake a")]), after(3_000, &[Say("bread")])],
        ],
    ),
    quiet(
        "spelled",
        "a name in letters 550 ms apart",
        &[&[ask(&[
            Say("name-spelled"),
            Pause(550),
            Say("letter-s"),
            Pause(550),
            Say("letter-h"),
            Pause(550),
            Say("letter-a"),
            Pause(550),
            Say("letter-y"),
            Pause(550),
            Say("letter-n"),
            Pause(550),
            Say("letter-e"),
        ])]],
    ),
    quiet(
        "clipped",
        "a question 12 dB too loud for the microphone",
        &[&[ask(&[Clipped("sky")])], &[ask(&[Clipped("bread")])]],
    ),
    quiet(
        "fast",
        "a question nearly twice as fast",
        &[&[ask(&[Fast("italy")])], &[ask(&[Fast("sleep")])], &[ask(&[Fast("moon")])]],
    ),
    quiet(
        "another-language",
        "a short sentence of another language after English; needs a recogniser of several languages",
        &[
            &[ask(&[Say("italy")]), after(6_000, &[Say("french-thanks")])],
            &[ask(&[Say("sky")]), after(6_000, &[Say("spanish-thanks")])],
        ],
    ),
];
