//! What a window of repeated words costs, in steps and not in time, through the real model.

use visavis_config::{Sources, load};

use super::pass::most_tokens;
use super::*;
use crate::audio;

/// The most accurate model available.
fn recogniser() -> Recogniser {
    let models = load(&Sources::from_process(None, Vec::new())).unwrap().models.dir;
    let found = ["whisper-base.bin", "whisper-tiny.en.bin"].map(|name| models.join(name));
    let path = found.iter().find(|path| path.exists());
    let path = path.unwrap_or_else(|| panic!("{} has no recogniser: run ./test first", models.display()));
    Model::load(path, 2, Gpu::Off).unwrap().recogniser().unwrap()
}

/// The samples of a file of 8 bits per sample, with 400 ms of silence on both sides.
fn clip(file: &[u8]) -> Vec<i16> {
    let data = file.windows(4).position(|tag| tag == b"data").unwrap() + 8;
    let silence = vec![0; RATE * 4 / 10];
    let sound: Vec<i16> = file[data..].iter().map(|&byte| (i16::from(byte) - 128) * 256).collect();
    [silence.clone(), sound, silence].concat()
}

#[test]
fn repeated_words_take_one_run_of_the_encoder_and_few_steps_of_the_decoder() {
    let mut recogniser = recogniser();
    let expected = [LanguageWeight { language: "en".into(), weight: 1.0 }];
    for (name, file) in [
        ("no seven times", include_bytes!("../../tests/sounds/no-seven-times.wav").as_slice()),
        ("yeah four times", include_bytes!("../../tests/sounds/yeah-four-times.wav").as_slice()),
    ] {
        let clip = clip(file);
        let sound = audio::sound(&clip).unwrap();
        let around = audio::around(&sound, clip.len());
        let hints = Hints {
            language: None,
            expected: &expected,
            phrases: &[],
            end: sound.end - around.start,
            seconds: sound.len() as f32 / RATE as f32,
            prompt: "",
            translate: false,
            kept: None,
        };
        let window = audio::to_float(&clip[around]);
        let heard = recogniser.hear(&window, hints, &|| false).unwrap().text;
        let Effort { positions, steps } = recogniser.effort;
        assert!(heard.split_whitespace().count() >= 4, "{name}: {heard}");
        assert_eq!(positions, LEAST_CONTEXT, "{name}: no second run, and none of the full 30 s");
        // A loop of a word is noticed after as many tokens as its sound could hold (7 a second), and after three the pass ends. So
        // these clips stay below the most tokens of one pass, whatever the decoder falls into. A full window has 448 tokens.
        let most = most_tokens(window.len() as f32 / RATE as f32);
        assert!(steps <= most, "{name}: {steps} steps, at most {most}: {heard}");
    }
}
