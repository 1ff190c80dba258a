//! Questions: when the person has finished.

use super::super::script::Part::{Pause, Recorded, Say};
use super::super::script::Scenario;
use super::{after, ask, paused, quiet};

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

/// The scenarios of this kind.
pub(super) const SCENARIOS: &[Scenario] = &[
    quiet(
        "plain",
        "a question",
        &[
            &[ask(&[Say("italy")])],
            &[ask(&[Say("sky")])],
            &[ask(&[Say("moon")])],
            &[ask(&[Say("bread")])],
            &[ask(&[Say("sleep")])],
            &[ask(&[Say("rain")])],
        ],
    ),
    paused("pause-400", "a thinking pause of 400 ms inside a sentence", thinking!(400)),
    paused("pause-700", "a thinking pause of 700 ms inside a sentence", thinking!(700)),
    paused("pause-1000", "a thinking pause of 1,000 ms inside a sentence", thinking!(1_000)),
    paused(
        "slow-start",
        "2 s of silence, then \"um … what is …\"",
        &[
            &[after(2_000, &[Say("um"), Pause(700), Say("start-water")])],
            &[after(2_000, &[Say("uh"), Pause(900), Say("start-leaves")])],
            &[after(2_000, &[Say("well"), Pause(600), Say("start-bees")])],
        ],
    ),
    paused(
        "recorded",
        "a recorded speaker with two pauses of 900 ms inside a sentence",
        &[&[ask(&[
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
    ),
    quiet(
        "two-quick",
        "two questions, the second 0.5 or 1.2 s after the first",
        &[
            &[ask(&[Say("quick-france")]), after(500, &[Say("quick-germany")])],
            &[ask(&[Say("quick-salt")]), after(1_200, &[Say("quick-lakes")])],
        ],
    ),
    quiet(
        "monologue",
        "more than 30 s of speech without a pause of half a second",
        &[&[ask(&[
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
    ),
    quiet("silence", "nobody says anything for 8 s", &[&[]]),
];
