//! What comes during a response: asides, which are to change nothing, and interruptions.

use super::super::script::Part::{Cough, Door, Hum, Say, Soft, UhHuh};
use super::super::script::{Scenario, When};
use super::{CITY, DOG, SEA, SUN, aside, ask, quiet, stop};

macro_rules! over_a_response {
    ($part:expr) => {
        &[
            &[DOG, aside(1_500, &[$part])],
            &[SEA, aside(2_200, &[$part])],
            &[SUN, aside(1_000, &[$part])],
            &[CITY, aside(2_800, &[$part])],
        ]
    };
}

/// The scenarios of this kind.
pub(super) const SCENARIOS: &[Scenario] = &[
    quiet("mm-hm", "\"mm-hm\" during a response", over_a_response!(Hum)),
    quiet("uh-huh", "\"uh-huh, uh-huh\" during a response", over_a_response!(UhHuh)),
    quiet("yeah", "\"yeah\" during a response", over_a_response!(Say("yeah"))),
    quiet("yeah-four", "\"yeah\" four times during a response", over_a_response!(Say("yeah-four-times"))),
    quiet("okay", "\"okay\" during a response", over_a_response!(Say("okay"))),
    quiet("cough", "a cough during a response", over_a_response!(Cough)),
    quiet("door", "a slamming door during a response", over_a_response!(Door)),
    quiet(
        "early",
        "an interruption 0.5 s into the response",
        &[
            &[DOG, stop(When::Into(500), &[Say("stop-spain")])],
            &[SEA, stop(When::Into(500), &[Say("stop-cats")])],
            &[SUN, stop(When::Into(500), &[Say("stop-time")])],
        ],
    ),
    quiet(
        "late",
        "an interruption 3.5 s into the response",
        &[
            &[SEA, stop(When::Into(3_500), &[Say("stop-spain")])],
            &[SUN, stop(When::Into(3_500), &[Say("stop-cats")])],
            &[CITY, stop(When::Into(3_500), &[Say("stop-time")])],
        ],
    ),
    quiet(
        "last-word",
        "an interruption on the last word of the response",
        &[
            &[ask(&[Say("italy")]), stop(When::LastWord, &[Say("stop-cats")])],
            &[ask(&[Say("sky")]), stop(When::LastWord, &[Say("stop-spain")])],
            &[ask(&[Say("rain")]), stop(When::LastWord, &[Say("stop-time")])],
        ],
    ),
    quiet(
        "okay-but",
        "an interruption that begins like a backchannel: \"okay, but …\"",
        &[
            &[CITY, stop(When::Into(1_500), &[Say("okay-but")])],
            &[SEA, stop(When::Into(2_000), &[Say("yeah-but")])],
            &[DOG, stop(When::Into(1_500), &[Say("okay-why")])],
        ],
    ),
    quiet(
        "soft-stop",
        "\"Stop.\" 14 dB softer than the person spoke before, during a response",
        &[
            &[DOG, stop(When::Into(2_000), &[Soft("stop")])],
            &[SEA, stop(When::Into(3_000), &[Soft("stop")])],
            &[SUN, stop(When::Into(1_200), &[Soft("stop")])],
            &[CITY, stop(When::Into(2_500), &[Soft("stop")])],
        ],
    ),
    quiet(
        "what",
        "\"What?\" and nothing else, during a response or to nobody",
        &[&[CITY, stop(When::Into(2_000), &[Say("what")])], &[ask(&[Say("what")])]],
    ),
];
