//! Conformance tests that every kind of acoustic model must pass. A new kind is added to [`subjects`].

use std::collections::HashSet;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use ort::session::RunOptions;

use self::subjects::{LOADED, Loaded};
use super::{AcousticModel, Card, Durations, Input, ModelFiles, Share, Sound};

mod subjects;

fn each(check: impl Fn(&mut dyn AcousticModel)) {
    each_subject(|loaded| check(loaded.model.as_mut()));
}

fn each_subject(check: impl Fn(&mut Loaded)) {
    for loaded in LOADED.iter() {
        check(&mut loaded.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Sounds that every language has, with stress, length and punctuation.
const SENTENCE: &str = "minˈa mˈuːna, lˈana tˈika sˈuna.";
/// A character unknown to every model.
const UNKNOWN: char = '\u{e000}';

fn symbols(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn spoken<M: AcousticModel + ?Sized>(model: &mut M, symbols: &[char], speed: f32) -> Sound {
    let input = Input { symbols, shares: &[Share::whole(0)], speed };
    let sound = model.speak(&input, &RunOptions::new().unwrap()).unwrap();
    assert_eq!(sound.durations.symbols.len(), symbols.len(), "each symbol has a duration");
    assert_eq!(sound.durations.sum(), sound.samples.len() as u64, "the durations add up to the samples");
    assert!(sound.samples.iter().all(|sample| sample.is_finite()));
    sound
}

#[test]
fn the_facts_are_complete() {
    each(|model| {
        let facts = model.facts();
        assert!(!facts.name.is_empty() && !model.device().is_empty());
        assert!((8_000..=48_000).contains(&facts.sample_rate), "{facts:?}");
        assert!(facts.longest_input >= 100, "{facts:?}");
        assert!(symbols(SENTENCE).iter().all(|symbol| facts.symbols.contains(symbol)), "{facts:?}");
        assert!(!facts.symbols.contains(&UNKNOWN));
        let names: HashSet<&str> = facts.speakers.iter().map(|speaker| speaker.name.as_str()).collect();
        assert!(names.len() == facts.speakers.len() && !names.is_empty() && !names.contains(""));
        for speaker in &facts.speakers {
            assert!(speaker.language.len() == 2, "{speaker:?}: no language of ISO 639-1");
            assert!(speaker.locale.starts_with(&speaker.language) && !speaker.espeak.is_empty());
        }
    });
}

#[test]
fn durations_add_up_at_every_speed_and_faster_speech_is_shorter() {
    each_subject(|Loaded { model, repeats }| {
        let length = |speed| spoken(model.as_mut(), &symbols(SENTENCE), speed).samples.len();
        let lengths = [0.5, 1.0, 2.0].map(length);
        // Random numbers may make any one sound shorter or longer; the same network without them is another subject.
        let is_shorter = lengths[0] * 2 > lengths[1] * 3 && lengths[1] * 2 > lengths[2] * 3;
        assert!(is_shorter || !*repeats, "{lengths:?}");
    });
}

#[test]
fn every_speaker_is_audible() {
    each(|model| {
        for speaker in 0..model.facts().speakers.len() {
            let input = Input { symbols: &symbols(SENTENCE), shares: &[Share::whole(speaker)], speed: 1.0 };
            let sound = model.speak(&input, &RunOptions::new().unwrap()).unwrap();
            let peak = sound.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(peak > 0.02, "speaker {speaker}: {peak}");
        }
    });
}

#[test]
fn a_mix_is_a_voice_of_its_own_and_a_share_of_one_is_the_speaker() {
    each_subject(|Loaded { model, repeats }| {
        let facts = model.facts();
        if !facts.mixes || facts.speakers.len() < 2 {
            return;
        }
        let symbols = symbols(SENTENCE);
        let mut spoken = |shares: &[Share]| {
            let input = Input { symbols: &symbols, shares, speed: 1.0 };
            model.speak(&input, &RunOptions::new().unwrap()).unwrap().samples
        };
        let [one, other] = [0, 1].map(|speaker| spoken(&[Share::whole(speaker)]));
        let mix = |weight| [Share { speaker: 0, weight }, Share { speaker: 1, weight: 1.0 - weight }];
        let (half, all) = (spoken(&mix(0.5)), spoken(&mix(1.0)));
        assert!(half != one && half != other, "the mix is one of its speakers");
        assert!(!*repeats || all == one, "all of a speaker is not that speaker");
    });
}

#[test]
fn durations_are_the_networks_own() {
    each(|model| assert!(spoken(model, &symbols(SENTENCE), 1.0).durations.measured));
}

#[test]
fn an_input_without_symbols_is_silent() {
    each(|model| {
        assert_eq!(spoken(model, &[], 1.0).durations, Durations::default());
        let unknown = spoken(model, &[UNKNOWN; 3], 1.0);
        assert_eq!(unknown.durations, Durations::silent(3));
    });
}

#[test]
fn unknown_symbols_take_no_time() {
    each(|model| {
        let mut with = symbols(SENTENCE);
        let places = [with.len(), 5, 0];
        places.iter().for_each(|&place| with.insert(place, UNKNOWN));
        let sound = spoken(model, &with, 1.0);
        let times = with.iter().zip(&sound.durations.symbols);
        assert!(times.clone().all(|(&symbol, &time)| symbol != UNKNOWN || time == 0), "{sound:?}");
        assert!(times.filter(|(_, time)| **time > 0).count() > SENTENCE.len() / 4);
    });
}

/// The most symbols that one run should speak, plus punctuation, which is not counted.
fn longest<M: AcousticModel + ?Sized>(model: &M) -> Vec<char> {
    let length = model.facts().longest_input;
    let sounds = SENTENCE.chars().filter(|c| !matches!(c, ',' | '.')).cycle().take(length);
    sounds.chain(std::iter::repeat_n(',', length / 5)).collect()
}

#[test]
fn the_longest_input_is_spoken_completely() {
    each(|model| {
        let sentence = spoken(model, &symbols(SENTENCE), 1.0).samples.len();
        let longest = longest(model);
        let whole = spoken(model, &longest, 1.0).samples.len();
        let times = longest.len() / SENTENCE.chars().count();
        assert!(whole > sentence * times / 2, "{whole} samples, where a sentence has {sentence}");
    });
}

#[test]
fn a_terminated_run_fails_and_the_next_one_is_complete() {
    each(|model| {
        let symbols = longest(model);
        let input = Input { symbols: &symbols, shares: &[Share::whole(0)], speed: 1.0 };
        // On a busy machine a run may finish before it is terminated.
        let terminated = (0..5).any(|_| {
            let run = RunOptions::new().unwrap();
            let outcome = std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(30));
                    run.terminate().unwrap();
                });
                model.speak(&input, &run)
            });
            assert!(model.speak(&input, &run).is_err(), "a terminated run starts again");
            outcome.is_err()
        });
        assert!(terminated, "no run was terminated");
        spoken(model, &symbols, 1.0);
    });
}

#[test]
fn the_same_input_gives_the_same_sound_whatever_was_spoken_in_between() {
    each_subject(|Loaded { model, repeats }| {
        let first = spoken(model.as_mut(), &symbols(SENTENCE), 1.0);
        spoken(model.as_mut(), &symbols("nˈa."), 2.0);
        let again = spoken(model.as_mut(), &symbols(SENTENCE), 1.0);
        if *repeats {
            assert_eq!(first.durations, again.durations);
            assert!(first.samples == again.samples, "the durations are equal but the samples differ");
        }
        let (short, long) =
            (first.samples.len().min(again.samples.len()), first.samples.len().max(again.samples.len()));
        // Random numbers alone may make one sound half as long again as another.
        assert!(long < short * 2, "{short} and {long} samples");
    });
}

#[test]
fn the_stated_sample_rate_gives_a_plausible_rate_of_speech() {
    each(|model| {
        let rate = model.facts().sample_rate as f32;
        let sounds = SENTENCE.chars().filter(|c| c.is_ascii_alphabetic()).count();
        let Durations { symbols, .. } = spoken(model, &symbols(SENTENCE), 1.0).durations;
        let each = symbols.iter().sum::<u64>() as f32 / rate / sounds as f32;
        assert!((0.04..0.25).contains(&each), "{each} s per sound");
    });
}

#[test]
fn the_error_for_a_missing_model_names_the_file() {
    let refused = Card::read(&ModelFiles::of(Path::new("/nowhere/at.all"))).unwrap_err();
    assert!(format!("{refused:#}").contains("/nowhere/at.all"), "{refused:#}");
}
