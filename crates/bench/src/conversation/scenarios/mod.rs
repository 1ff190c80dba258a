//! The scenarios: what is said, and when. Plain data, by kind.
//!
//! - this file: how a scenario is written, and all of them
//! - [`turns`]: questions; [`responses`]: what comes during a response
//! - [`surroundings`]: echo and other people; [`sounds`]: what is hard to hear

mod responses;
mod sounds;
mod surroundings;
mod turns;

use super::script::Part::Say;
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
    beside(name, about, Beside::Nothing, variants)
}

/// One with pauses inside a sentence.
const fn paused(name: &'static str, about: &'static str, variants: &'static [&'static [Line]]) -> Scenario {
    Scenario { name, about, mid_sentence: true, beside: Beside::Nothing, variants }
}

const fn beside(
    name: &'static str,
    about: &'static str,
    beside: Beside,
    variants: &'static [&'static [Line]],
) -> Scenario {
    Scenario { name, about, mid_sentence: false, beside, variants }
}

const STORIES: &[&[Line]] = &[&[DOG], &[SEA], &[SUN], &[CITY]];
const DOG: Line = ask(&[Say("story-dog")]);
const SEA: Line = ask(&[Say("story-sea")]);
const SUN: Line = ask(&[Say("story-sun")]);
const CITY: Line = ask(&[Say("story-city")]);

/// All scenarios, in the order in which they are run.
#[must_use]
pub fn all() -> Vec<Scenario> {
    [turns::SCENARIOS, responses::SCENARIOS, surroundings::SCENARIOS, sounds::SCENARIOS].concat()
}

#[cfg(test)]
mod tests {
    use super::super::kokoro::numbers;
    use super::super::script::Part::{Clipped, Fast, Late, Muted, Soft};
    use super::super::speech::phrases;
    use super::*;

    #[test]
    fn a_scenario_has_a_name_of_its_own_and_asks_something_unless_nobody_speaks() {
        let names: std::collections::BTreeSet<&str> = all().iter().map(|one| one.name).collect();
        assert_eq!(names.len(), all().len());
        for one in all().iter().filter(|one| !["silence", "television-alone"].contains(&one.name)) {
            let asks = |lines: &&[Line]| lines.iter().any(|line| line.role == Role::Question);
            assert!(one.variants.iter().all(asks), "{}", one.name);
        }
    }

    #[test]
    fn every_phrase_can_be_spoken_and_is_used_in_a_scenario() {
        let phrases = phrases();
        let lines = all().into_iter().flat_map(|one| one.variants).flat_map(|lines| *lines);
        let mut used: Vec<&str> = lines
            .flat_map(|line| line.parts)
            .filter_map(|part| match part {
                Say(id) | Fast(id) | Soft(id) | Clipped(id) | Late(id, _) | Muted(id, ..) => Some(*id),
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
