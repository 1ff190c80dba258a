//! Checks the mouth on recorded speech in three languages and on random sounds.

use proptest::prelude::*;

use super::*;
use crate::avatar::lip_gap::{CLOSED, Lag, LipScores, gap, score};
use crate::avatar::shapes::Shape;

const RATE: u32 = 8_000;

#[derive(serde::Deserialize)]
struct Recorded {
    language: String,
    /// Symbol, start and end in ms.
    sounds: Vec<(String, u32, u32)>,
    /// Root mean square of each 10 ms as a hexadecimal byte; 255 is half of full scale.
    levels: String,
}

/// Sentences not used for tuning, with the durations and loudness of the voice.
fn recorded(speed: f64) -> Vec<(String, Vec<Sound>, Vec<i16>)> {
    let all: Vec<Recorded> = serde_json::from_str(include_str!("../../../../../tests/golden/lips.json"))
        .expect("it is well formed");
    let spoken = |one: Recorded| {
        let second = |ms: u32| f64::from(ms) / 1000.0 / speed;
        let sounds =
            one.sounds.iter().map(|(symbol, start, end)| Sound::new(symbol, second(*start), second(*end)));
        let per_level = (f64::from(RATE) / 100.0 / speed) as usize;
        let level = |at: usize| u8::from_str_radix(&one.levels[at..at + 2], 16).expect("hexadecimal");
        let samples = (0..one.levels.len()).step_by(2).flat_map(|at| {
            let value = i16::from(level(at)) * 64;
            (0..per_level).map(move |n| if n % 2 == 0 { value } else { -value })
        });
        (one.language.clone(), sounds.collect(), samples.collect())
    };
    all.into_iter().map(spoken).collect()
}

fn said(sounds: &[(&str, f64)]) -> Lips {
    let mut lips = Lips::new();
    let mut at = 0.0;
    let mut all = Vec::new();
    for (symbol, length) in sounds {
        all.push(Sound::new(symbol, at, at + length));
        at += length;
    }
    lips.push(0.0, &all, &[], RATE);
    lips
}

fn jaw(lips: &Lips, t: f64) -> f32 {
    lips.at(t).weights[Shape::JawOpen]
}

#[test]
fn lips_meet_where_they_must_in_three_languages() {
    for language in ["en", "de", "es"] {
        for fps in [60, 30] {
            let mut all = LipScores::default();
            for (_, sounds, samples) in recorded(1.0).iter().filter(|one| one.0 == language) {
                all.add(&score(sounds, samples, RATE, fps));
            }
            assert!(all.bilabials > 15 && all.labiodentals > 5 && all.vowels > 40, "{all:?}");
            assert!(all.closure() >= 0.95, "{language} at {fps}: {} of {}", all.closed, all.bilabials);
            assert!(all.contact() >= 0.9, "{language} at {fps}: {} of {}", all.touched, all.labiodentals);
            assert!(all.opening() >= 0.9, "{language} at {fps}: {} of {}", all.opened, all.vowels);
            let Lag { ms: lag, correlation } = all.lag();
            assert!(lag.abs() <= 40.0 && correlation > 0.3, "{language} at {fps}: {lag} ms, {correlation}");
            assert_eq!(all.overclosed, 0);
        }
    }
}

#[test]
fn the_jaw_does_not_flap_in_fast_speech() {
    let (mut turns, mut seconds) = (0, 0.0);
    for (_, sounds, samples) in recorded(2.0) {
        let mut lips = Lips::new();
        lips.push(0.0, &sounds, &samples, RATE);
        let length = samples.len() as f64 / f64::from(RATE);
        let course: Vec<f32> = (0..(length * 60.0) as usize).map(|n| jaw(&lips, n as f64 / 60.0)).collect();
        // Count only visible motion, of at least 2 mm.
        let (mut extreme, mut rising) = (0.0_f32, true);
        for jaw in course {
            if (jaw > extreme) == rising {
                extreme = jaw;
            } else if (jaw - extreme).abs() > 0.06 {
                (extreme, rising, turns) = (jaw, !rising, turns + 1);
            }
        }
        seconds += length;
    }
    let rate = f64::from(turns) / seconds;
    assert!(rate < 12.0, "the jaw turns {rate} times a second: it opens and closes more than six times");
}

#[test]
fn sibilants_hold_the_jaw_and_quick_tongue_sounds_do_not_move_jaw_and_lips() {
    let open = jaw(&said(&[("a", 0.15), ("a", 0.06), ("a", 0.15)]), 0.18);
    let hiss = said(&[("a", 0.15), ("s", 0.1), ("a", 0.15)]);
    assert!(jaw(&hiss, 0.19) < 0.35 * 0.55, "{}", jaw(&hiss, 0.19));
    let quick = said(&[("a", 0.15), ("d", 0.06), ("a", 0.15)]);
    assert!(jaw(&quick, 0.17) > 0.9 * open, "{} of {open}", jaw(&quick, 0.17));
    let round = said(&[("u", 0.15), ("d", 0.06), ("u", 0.15)]);
    let pucker = |t| round.at(t).weights[Shape::MouthPucker];
    assert!(pucker(0.17) > 0.95 * pucker(0.08), "{} of {}", pucker(0.17), pucker(0.08));
}

#[test]
fn the_mouth_rests_in_long_pauses_but_not_in_short_ones() {
    for (pause, rests) in [(0.2, false), (0.7, true)] {
        let mut lips = Lips::new();
        lips.push(0.0, &[Sound::new("a", 0.0, 0.3)], &[], RATE);
        lips.push(0.3 + pause, &[Sound::new("a", 0.0, 0.3)], &[], RATE);
        assert_eq!(jaw(&lips, 0.3 + pause / 2.0) < 0.05, rests, "{pause}: {}", jaw(&lips, 0.3 + pause / 2.0));
    }
}

#[test]
fn the_mouth_is_closed_before_and_after_speech() {
    let lips = said(&[("h", 0.06), ("ə", 0.06), ("l", 0.06), ("ˈoʊ", 0.2)]);
    for t in [-1.0, 0.9, 100.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(lips.at(t), Mouth::default(), "{t}");
    }
    assert!(lips.at(0.1).speaking && lips.at(0.3).speaking);
    assert!(lips.at(0.28).stress > lips.at(0.05).stress + 0.3);
    assert_eq!(Lips::new().at(0.0), Mouth::default());
}

#[test]
fn loud_speech_opens_the_jaw_wider_and_the_level_is_that_of_the_audio() {
    let tone = |level: i16, seconds: f64| -> Vec<i16> {
        (0..(seconds * f64::from(RATE)) as usize).map(|n| if n % 2 == 0 { level } else { -level }).collect()
    };
    let mut samples = tone(8_192, 1.0);
    samples.extend(tone(1_000, 1.0));
    let sounds: Vec<Sound> =
        (0..10).map(|n| f64::from(n) * 0.2).map(|at| Sound::new("a", at, at + 0.2)).collect();
    let mut lips = Lips::new();
    lips.push(0.0, &sounds, &samples, RATE);
    assert!(jaw(&lips, 0.5) > 1.5 * jaw(&lips, 1.5), "{} and {}", jaw(&lips, 0.5), jaw(&lips, 1.5));
    assert!((lips.at(0.5).level - 0.25).abs() < 0.01, "{}", lips.at(0.5).level);
    // The same voice, ten times quieter, opens the jaw as wide.
    let quiet: Vec<i16> = samples.iter().map(|sample| sample / 10).collect();
    let mut other = Lips::new();
    other.push(0.0, &sounds, &quiet, RATE);
    assert!((jaw(&lips, 0.5) - jaw(&other, 0.5)).abs() < 0.02);
}

#[test]
fn forgetting_does_not_change_later_mouths_and_bounds_memory() {
    let piece = [("m", 0.08), ("ˈa", 0.15), ("s", 0.1), ("u", 0.12), ("f", 0.07), ("ə", 0.06)];
    let length: f64 = piece.iter().map(|sound| sound.1).sum();
    let mut at = 0.0;
    let sounds: Vec<Sound> = piece
        .iter()
        .map(|(symbol, length)| {
            at += length;
            Sound::new(symbol, at - length, at)
        })
        .collect();
    let samples = vec![3_000_i16; (length * f64::from(RATE)) as usize];
    let (mut whole, mut forgetting) = (Lips::new(), Lips::new());
    let count = (600.0 / length) as usize;
    for n in 0..count {
        let start = n as f64 * length;
        whole.push(start, &sounds, &samples, RATE);
        forgetting.push(start, &sounds, &samples, RATE);
        forgetting.forget_before(start - 1.0);
        let kept = forgetting.segments.len() + forgetting.accents.len() + forgetting.loudness.kept();
        assert!(kept < 600, "{kept} kept after {start} s");
        let now = start - 0.3;
        assert_eq!(whole.at(now).weights, forgetting.at(now).weights, "{now}");
    }
}

#[test]
fn invalid_times_move_nothing() {
    let mut lips = Lips::new();
    let nan = f64::NAN;
    for (start, sound) in [
        (0.0, Sound::new("a", nan, 1.0)),
        (0.0, Sound::new("a", 0.0, nan)),
        (nan, Sound::new("a", 0.0, 1.0)),
        (0.0, Sound::new("a", 1.0, 0.5)),
        (0.0, Sound::new("a", 0.5, f64::INFINITY)),
        (0.0, Sound::new("?!", 0.0, 1.0)),
    ] {
        lips.push(start, &[sound], &[], 0);
    }
    assert_eq!(lips.at(0.5), Mouth::default());
    lips.push(1e8, &[Sound::new("a", 0.0, 0.2)], &[1; 100], RATE);
    lips.push(-5.0, &[Sound::new("a", 0.0, 0.2)], &[1; 100], RATE);
    assert!(lips.at(1e8 + 0.1).weights[Shape::JawOpen] > 0.0);
}

fn any_sounds() -> impl Strategy<Value = Vec<(&'static str, f64)>> {
    let symbols = vec![
        "ˈa", "ə", "iː", "u", "oʊ", "ɛ", "p", "b", "m", "f", "v", "s", "ʃ", "tʃ", "t", "n", "k", "h", "l",
        "ɹ", "w", "j", "θ", " ", "Ω",
    ];
    prop::collection::vec((prop::sample::select(symbols), 0.012..0.25_f64), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_sounds_give_a_possible_mouth(spoken in any_sounds(), loud in 0..20_000_i16) {
        let mut lips = Lips::new();
        let mut at = 0.0;
        let mut sounds = Vec::new();
        for (symbol, length) in spoken {
            sounds.push(Sound::new(symbol, at, at + length));
            at += length;
        }
        let samples: Vec<i16> = (0..(at * f64::from(RATE)) as i32).map(|n| {
            let swell = 0.5 + 0.5 * (f64::from(n) / f64::from(RATE) * 25.0).sin();
            (f64::from(if n % 2 == 0 { loud } else { -loud }) * swell) as i16
        }).collect();
        lips.push(0.0, &sounds, &samples, RATE);
        let mut before = lips.at(-0.5).weights;
        for n in -30..((at + 0.6) * 60.0) as i32 {
            let now = lips.at(f64::from(n) / 60.0).weights;
            prop_assert!(now.0.iter().all(|weight| (0.0..=1.0).contains(weight)), "{now:?}");
            prop_assert!(now[Shape::MouthClose] <= now[Shape::JawOpen]);
            for (shape, (now, before)) in now.0.iter().zip(before.0).enumerate() {
// Lips that meet each other or the teeth are the fastest motion of a face.
                let meets = [
                    Shape::MouthClose, Shape::MouthPressLeft, Shape::MouthPressRight, Shape::MouthRollLower,
                    Shape::MouthRollUpper, Shape::MouthShrugLower,
                ];
                let bound = if meets.iter().any(|meets| meets.index() == shape) { 0.3 } else { 0.25 };
                prop_assert!((now - before).abs() < bound, "shape {shape} from {before} to {now} at {n}");
            }
            before = now;
        }
        for sound in sounds.iter().filter(|sound| ["p", "b", "m"].contains(&sound.symbol.as_str())) {
            let steps = (0..=20).map(|n| gap(&lips.at(sound.start + sound.length() * f64::from(n) / 20.0).weights));
            prop_assert!(steps.fold(f32::MAX, f32::min) <= CLOSED, "{sound:?}");
        }
    }
}
