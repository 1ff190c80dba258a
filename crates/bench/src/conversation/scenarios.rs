//! The scenarios: what is said, and when. Plain data.

use super::script::Part::{
    Cough, Door, Fast, Hum, Late, Laughter, Overloaded, Pause, Recorded, Say, Sneeze, Vowel,
};
use super::script::{Beside, Line, Part, Role, Scenario, When};

const fn ask(parts: &'static [Part]) -> Line {
    Line { role: Role::Question, when: When::After(0), parts }
}

const fn after(ms: u32, parts: &'static [Part]) -> Line {
    Line { role: Role::Question, when: When::After(ms), parts }
}

const fn stop(when: When, parts: &'static [Part]) -> Line {
    Line { role: Role::Interruption, when, parts }
}

const fn aside(ms: u32, parts: &'static [Part]) -> Line {
    Line { role: Role::Aside, when: When::Into(ms), parts }
}

const fn noise(parts: &'static [Part]) -> Line {
    Line { role: Role::Noise, when: When::After(0), parts }
}

const fn quiet(name: &'static str, about: &'static str, variants: &'static [&'static [Line]]) -> Scenario {
    Scenario { name, about, mid_sentence: false, beside: Beside::Nothing, variants }
}

const fn echo(name: &'static str, about: &'static str, down: f32) -> Scenario {
    Scenario { name, about, mid_sentence: false, beside: Beside::Echo(down), variants: STORIES }
}

const STORIES: &[&[Line]] = &[&[DOG], &[SEA], &[SUN], &[CITY]];
const DOG: Line = ask(&[Say("story-dog")]);
const SEA: Line = ask(&[Say("story-sea")]);
const SUN: Line = ask(&[Say("story-sun")]);
const CITY: Line = ask(&[Say("story-city")]);

macro_rules! thinking {
    ($ms:literal) => {
        &[
            &[ask(&[Say("trip-a"), Pause($ms), Say("trip-b")])],
            &[ask(&[Say("cook-a"), Pause($ms), Say("cook-b")])],
            &[ask(&[Say("book-a"), Pause($ms), Say("book-b")])],
            &[ask(&[Say("plan-a"), Pause($ms), Say("plan-b")])],
            &[ask(&[Say("tea-a"), Pause($ms), Say("tea-b")])],
        ]
    };
}

macro_rules! beside {
    ($part:expr) => {
        &[
            &[DOG, aside(1_500, &[$part])],
            &[SEA, aside(2_200, &[$part])],
            &[SUN, aside(1_000, &[$part])],
            &[CITY, aside(2_800, &[$part])],
        ]
    };
}

/// All scenarios, in the order in which they are run.
pub const SCENARIOS: [Scenario; 34] = [
    Scenario {
        name: "plain",
        about: "a question",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[
            &[ask(&[Say("italy")])],
            &[ask(&[Say("sky")])],
            &[ask(&[Say("moon")])],
            &[ask(&[Say("bread")])],
            &[ask(&[Say("sleep")])],
            &[ask(&[Say("rain")])],
        ],
    },
    Scenario {
        name: "pause-400",
        about: "a thinking pause of 400 ms inside a sentence",
        mid_sentence: true,
        beside: Beside::Nothing,
        variants: thinking!(400),
    },
    Scenario {
        name: "pause-700",
        about: "a thinking pause of 700 ms inside a sentence",
        mid_sentence: true,
        beside: Beside::Nothing,
        variants: thinking!(700),
    },
    Scenario {
        name: "pause-1000",
        about: "a thinking pause of 1,000 ms inside a sentence",
        mid_sentence: true,
        beside: Beside::Nothing,
        variants: thinking!(1_000),
    },
    Scenario {
        name: "slow-start",
        about: "2 s of silence, then \"um … what is …\"",
        mid_sentence: true,
        beside: Beside::Nothing,
        variants: &[
            &[after(2_000, &[Say("um"), Pause(700), Say("start-water")])],
            &[after(2_000, &[Say("uh"), Pause(900), Say("start-leaves")])],
            &[after(2_000, &[Say("well"), Pause(600), Say("start-bees")])],
        ],
    },
    Scenario {
        name: "recorded",
        about: "a recorded speaker with two pauses of 900 ms inside a sentence",
        mid_sentence: true,
        beside: Beside::Nothing,
        variants: &[&[ask(&[
            Recorded(300, 2_200, "And so my fellow Americans,"),
            Pause(900),
            Recorded(3_240, 4_440, "ask not"),
            Pause(900),
            Recorded(
                5_360,
                10_900,
                "what your country can do for you, ask what you can do for your country.",
            ),
        ])]],
    },
    Scenario {
        name: "mm-hm",
        about: "\"mm-hm\" during a response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: beside!(Hum),
    },
    Scenario {
        name: "yeah",
        about: "\"yeah\" during a response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: beside!(Say("yeah")),
    },
    Scenario {
        name: "okay",
        about: "\"okay\" during a response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: beside!(Say("okay")),
    },
    Scenario {
        name: "cough",
        about: "a cough during a response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: beside!(Cough),
    },
    Scenario {
        name: "door",
        about: "a slamming door during a response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: beside!(Door),
    },
    Scenario {
        name: "early",
        about: "an interruption 0.5 s into the response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[
            &[DOG, stop(When::Into(500), &[Say("stop-spain")])],
            &[SEA, stop(When::Into(500), &[Say("stop-cats")])],
            &[SUN, stop(When::Into(500), &[Say("stop-time")])],
        ],
    },
    Scenario {
        name: "late",
        about: "an interruption 3.5 s into the response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[
            &[SEA, stop(When::Into(3_500), &[Say("stop-spain")])],
            &[SUN, stop(When::Into(3_500), &[Say("stop-cats")])],
            &[CITY, stop(When::Into(3_500), &[Say("stop-time")])],
        ],
    },
    Scenario {
        name: "last-word",
        about: "an interruption on the last word of the response",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[
            &[ask(&[Say("italy")]), stop(When::LastWord, &[Say("stop-cats")])],
            &[ask(&[Say("sky")]), stop(When::LastWord, &[Say("stop-spain")])],
            &[ask(&[Say("rain")]), stop(When::LastWord, &[Say("stop-time")])],
        ],
    },
    Scenario {
        name: "okay-but",
        about: "an interruption that begins like a backchannel: \"okay, but …\"",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[
            &[CITY, stop(When::Into(1_500), &[Say("okay-but")])],
            &[SEA, stop(When::Into(2_000), &[Say("yeah-but")])],
            &[DOG, stop(When::Into(1_500), &[Say("okay-why")])],
        ],
    },
    Scenario {
        name: "two-quick",
        about: "two questions, the second 0.5 or 1.2 s after the first",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[
            &[ask(&[Say("quick-france")]), after(500, &[Say("quick-germany")])],
            &[ask(&[Say("quick-salt")]), after(1_200, &[Say("quick-lakes")])],
        ],
    },
    Scenario {
        name: "monologue",
        about: "more than 30 s of speech without a pause of half a second",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[&[ask(&[
            Say("talk-1"),
            Pause(350),
            Say("talk-2"),
            Pause(300),
            Say("talk-3"),
            Pause(400),
            Say("talk-4"),
            Pause(300),
            Say("talk-5"),
            Pause(350),
            Say("talk-6"),
            Pause(400),
            Say("talk-7"),
            Pause(300),
            Say("talk-8"),
            Pause(350),
            Say("talk-9"),
            Pause(400),
            Say("talk-10"),
        ])]],
    },
    Scenario {
        name: "silence",
        about: "nobody says anything for 8 s",
        mid_sentence: false,
        beside: Beside::Nothing,
        variants: &[&[]],
    },
    echo("echo-10", "the loudspeaker's echo is 10 dB quieter", 10.0),
    echo("echo-15", "the loudspeaker's echo is 15 dB quieter", 15.0),
    echo("echo-20", "the loudspeaker's echo is 20 dB quieter", 20.0),
    echo("echo-25", "the loudspeaker's echo is 25 dB quieter", 25.0),
    Scenario {
        name: "echo-stop",
        about: "\"Stop.\" over a response whose echo is 10 dB quieter",
        mid_sentence: false,
        beside: Beside::Echo(10.0),
        variants: &[
            &[DOG, stop(When::Into(2_000), &[Say("stop")])],
            &[SEA, stop(When::Into(3_000), &[Say("stop")])],
            &[SUN, stop(When::Into(1_200), &[Say("stop")])],
            &[CITY, stop(When::Into(2_500), &[Say("stop")])],
        ],
    },
    Scenario {
        name: "television",
        about: "a question, while a television talks 18 dB below it",
        mid_sentence: false,
        beside: Beside::Television(18.0),
        variants: STORIES,
    },
    Scenario {
        name: "babble",
        about: "a question, while several people talk 10 dB below it",
        mid_sentence: false,
        beside: Beside::Babble(10.0),
        variants: STORIES,
    },
    Scenario {
        name: "television-first",
        about: "8 s of a television 22 dB below the person, then a question over it",
        mid_sentence: false,
        beside: Beside::Television(22.0),
        variants: &[&[after(8_000, &[Say("sky")])], &[after(8_000, &[Say("italy")])]],
    },
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
        "repeated",
        "words that are repeated many times, and words after them",
        &[&[ask(&[Say("no-seven-times")])], &[ask(&[Say("na-na")])]],
    ),
    quiet(
        "cut",
        "a question whose first 120 ms are missing",
        &[&[ask(&[Late("italy", 120)])], &[ask(&[Late("moon", 120)])], &[ask(&[Late("sleep", 120)])]],
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
        "overload",
        "a question 12 dB too loud for the microphone",
        &[&[ask(&[Overloaded("sky")])], &[ask(&[Overloaded("bread")])]],
    ),
    quiet(
        "what",
        "\"What?\" and nothing else, during a response or to nobody",
        &[&[CITY, stop(When::Into(2_000), &[Say("what")])], &[ask(&[Say("what")])]],
    ),
    quiet(
        "fast",
        "a question nearly twice as fast",
        &[&[ask(&[Fast("italy")])], &[ask(&[Fast("sleep")])], &[ask(&[Fast("moon")])]],
    ),
];

#[cfg(test)]
mod tests {
    use super::super::kokoro::numbers;
    use super::super::speech::phrases;
    use super::*;

    #[test]
    fn a_scenario_has_a_name_of_its_own_and_asks_something_unless_nobody_speaks() {
        let names: std::collections::BTreeSet<&str> = SCENARIOS.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        for one in SCENARIOS.iter().filter(|one| one.name != "silence") {
            let asks = |lines: &&[Line]| lines.iter().any(|line| line.role == Role::Question);
            assert!(one.variants.iter().all(asks), "{}", one.name);
        }
    }

    #[test]
    fn every_phrase_can_be_spoken_and_is_used_in_a_scenario() {
        let phrases = phrases();
        let lines = SCENARIOS.iter().flat_map(|one| one.variants).flat_map(|lines| *lines);
        let mut used: Vec<&str> = lines
            .flat_map(|line| line.parts)
            .filter_map(|part| match part {
                Say(id) | Fast(id) | Overloaded(id) | Late(id, _) => Some(*id),
                _ => None,
            })
            .collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used, phrases.keys().map(String::as_str).collect::<Vec<_>>());
        for (id, phrase) in &phrases {
            assert!(numbers(&phrase.phonemes).is_ok(), "{id}: {:?}", numbers(&phrase.phonemes));
        }
    }
}
