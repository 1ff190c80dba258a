//! Calls whose microphone hears more than the person: the agent itself, or other people.

use super::super::script::Part::Say;
use super::super::script::{Beside, Scenario, When};
use super::{CITY, DOG, SEA, STORIES, SUN, after, beside, stop};

const fn echo(name: &'static str, about: &'static str, down: f32) -> Scenario {
    beside(name, about, Beside::Echo(down), STORIES)
}

/// The scenarios of this kind.
pub(super) const SCENARIOS: &[Scenario] = &[
    echo("echo-10", "the loudspeaker's echo is 10 dB quieter", 10.0),
    echo("echo-15", "the loudspeaker's echo is 15 dB quieter", 15.0),
    echo("echo-20", "the loudspeaker's echo is 20 dB quieter", 20.0),
    echo("echo-25", "the loudspeaker's echo is 25 dB quieter", 25.0),
    beside(
        "echo-stop",
        "\"Stop.\" over a response whose echo is 10 dB quieter",
        Beside::Echo(10.0),
        &[
            &[DOG, stop(When::Into(2_000), &[Say("stop")])],
            &[SEA, stop(When::Into(3_000), &[Say("stop")])],
            &[SUN, stop(When::Into(1_200), &[Say("stop")])],
            &[CITY, stop(When::Into(2_500), &[Say("stop")])],
        ],
    ),
    beside(
        "television",
        "a question, while a television talks 18 dB below it",
        Beside::Television(18.0),
        STORIES,
    ),
    beside("babble", "a question, while several people talk 10 dB below it", Beside::Babble(10.0), STORIES),
    beside(
        "television-first",
        "8 s of a television 22 dB below the person, then a question over it",
        Beside::Television(22.0),
        &[&[after(8_000, &[Say("sky")])], &[after(8_000, &[Say("italy")])]],
    ),
    beside(
        "television-around",
        "a question with a television 20 dB below it before, during and after",
        Beside::Television(20.0),
        &[
            &[after(3_000, &[Say("sky")])],
            &[after(3_000, &[Say("italy")])],
            &[after(3_000, &[Say("moon")])],
            &[after(3_000, &[Say("bread")])],
        ],
    ),
    beside(
        "television-alone",
        "a television at -42 dBFS, and nobody speaks to the agent for 8 s",
        // The person would be at -20 dBFS.
        Beside::Television(22.0),
        &[&[]],
    ),
];
