//! Conformance tests that every kind of acoustic model must pass. A new kind is added to [`SUBJECTS`].

use std::collections::HashSet;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use ort::session::RunOptions;

use super::{AcousticModel, Card, Durations, Input, Sound};
use crate::runtime::Runtime;

#[path = "../../tests/common/models.rs"]
mod models;

/// A model under test.
struct Subject {
    load: fn(&Runtime) -> Box<dyn AcousticModel>,
    /// The network uses no random numbers: equal inputs give equal samples, not just a similar number of them.
    repeats: bool,
}

const SUBJECTS: [Subject; 2] = [
    Subject { load: |runtime| load(runtime, &models::model("en_US-joe-medium.onnx")), repeats: false },
    Subject { load: piper_without_noise, repeats: true },
];

fn load(runtime: &Runtime, file: &Path) -> Box<dyn AcousticModel> {
    Card::read(file).unwrap().load(runtime).unwrap()
}

/// The same voice, with its noise set to zero in the description.
fn piper_without_noise(runtime: &Runtime) -> Box<dyn AcousticModel> {
    let folder = std::env::temp_dir().join(format!("visavis-tts-still-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let voice = folder.join("still.onnx");
    std::os::unix::fs::symlink(models::model("en_US-joe-medium.onnx"), &voice).unwrap();
    let description = std::fs::read(models::model("en_US-joe-medium.onnx.json")).unwrap();
    let mut description: serde_json::Value = serde_json::from_slice(&description).unwrap();
    description["inference"]["noise_scale"] = 0.0.into();
    description["inference"]["noise_w"] = 0.0.into();
    std::fs::write(folder.join("still.onnx.json"), description.to_string()).unwrap();
    let model = load(runtime, &voice);
    std::fs::remove_dir_all(folder).unwrap();
    model
}

struct Loaded {
    model: Box<dyn AcousticModel>,
    repeats: bool,
}

/// All subjects, loaded once for all tests; the runtime outlives them.
static LOADED: LazyLock<Vec<Mutex<Loaded>>> = LazyLock::new(|| {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Runtime::load(&models::model("libonnxruntime.so"), 2).unwrap());
    let load = |subject: &Subject| Loaded { model: (subject.load)(&RUNTIME), repeats: subject.repeats };
    SUBJECTS.iter().map(|subject| Mutex::new(load(subject))).collect()
});

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
    let input = Input { symbols, speaker: 0, speed };
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
    each(|model| {
        let lengths = [0.5, 1.0, 2.0].map(|speed| spoken(model, &symbols(SENTENCE), speed).samples.len());
        assert!(lengths[0] * 2 > lengths[1] * 3 && lengths[1] * 2 > lengths[2] * 3, "{lengths:?}");
    });
}

#[test]
fn every_speaker_is_audible() {
    each(|model| {
        for speaker in 0..model.facts().speakers.len() {
            let input = Input { symbols: &symbols(SENTENCE), speaker, speed: 1.0 };
            let sound = model.speak(&input, &RunOptions::new().unwrap()).unwrap();
            let peak = sound.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            assert!(peak > 0.02, "speaker {speaker}: {peak}");
        }
    });
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
        let input = Input { symbols: &symbols, speaker: 0, speed: 1.0 };
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
        assert!(long * 2 < short * 3, "{short} and {long} samples");
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
    let refused = Card::read(Path::new("/nowhere/at.all")).unwrap_err();
    assert!(format!("{refused:#}").contains("/nowhere/at.all"), "{refused:#}");
}
