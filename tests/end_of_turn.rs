//! The end-of-turn model: its features are those it was trained on, and it judges recorded speech correctly.
//!
//! `golden/log_mel.f32` was made by Python's `transformers` 5.23: `WhisperFeatureExtractor(chunk_length=8)` with
//! `do_normalize=True`, over the last 128,000 samples divided by 32768, zero-padded at the front. It holds, for each of the three sounds of `sounds`, every 17th frame's 80 bands as little-endian `f32`.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::PathBuf;

use visavis::audio::log_mel::{BANDS, FRAMES, LogMel};
use visavis::engine::EndOfTurn;
use visavis::engine::smart_turn::SmartTurn;
use visavis::oneshot::read_wav;

const STEP: usize = 17;

fn models() -> PathBuf {
    visavis::config::load(&visavis::config::Sources::from_process(None, Vec::new())).unwrap().models.dir
}

fn smart_turn() -> SmartTurn {
    let models = models();
    SmartTurn::load(&models.join("libonnxruntime.so"), &models.join("smart-turn-v3.2-cpu.onnx"))
        .expect("run ./test, or `visavis models fetch --profile tiny` first")
}

/// Recorded speech from second `from` to second `to`.
fn speech(name: &str, from: f64, to: f64) -> Vec<i16> {
    let all = read_wav(&models().join("speech").join(name)).expect("`visavis models fetch --profile tiny`");
    let at = |second: f64| ((second * 16_000.0) as usize).min(all.len());
    all[at(from)..at(to)].to_vec()
}

/// Pulses at gliding intervals, noise of varying strength and near silence, reproducible in any programming language.
fn synthetic(length: u32) -> Vec<i16> {
    let (mut seed, mut phase) = (1_u32, 0_u32);
    let sample = |at: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (seed >> 16) as i32 - 32_768;
        let part = at / 8_000;
        phase += 64 + (at / 40) % 97;
        let pulse = if phase % 10_000 < 2_500 { 12_000_i32 } else { -4_000 };
        // Python's division rounds down.
        let sound = if part % 3 == 2 {
            noise.div_euclid(16_384)
        } else {
            pulse.div_euclid(1 + part as i32 % 4) + noise.div_euclid(8 << (part % 5))
        };
        i16::try_from(sound).unwrap()
    };
    (0..length).map(sample).collect()
}

fn sounds() -> [Vec<i16>; 3] {
    [synthetic(140_000), synthetic(40_910), speech("jfk.wav", 0.0, 11.0)]
}

#[test]
fn features_are_the_ones_the_model_was_trained_on() {
    let golden: Vec<f32> = include_bytes!("golden/log_mel.f32")
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let frames = FRAMES.div_ceil(STEP);
    assert_eq!(golden.len(), 3 * frames * BANDS);
    let log_mel = LogMel::default();
    for (sound, (audio, golden)) in sounds().iter().zip(golden.chunks(frames * BANDS)).enumerate() {
        let features = log_mel.features(audio);
        for (at, expected) in golden.iter().enumerate() {
            let (frame, band) = (at / BANDS * STEP, at % BANDS);
            let found = features[band * FRAMES + frame];
            assert!(
                (found - expected).abs() < 1e-3,
                "sound {sound}, frame {frame}, band {band}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn the_model_scores_as_the_reference_implementation_does() {
    // Computed by onnxruntime in Python from the same clip.
    let probability = smart_turn().probability(&speech("jfk.wav", 0.0, 11.0)).unwrap();
    assert!((probability - 0.854_76).abs() < 0.02, "{probability}");
}

#[test]
fn finished_speech_scores_high_and_speech_cut_off_low() {
    // Recorded speech, up to 200 ms into the pause, or into the next word where a phrase is cut off.
    let finished = [
        ("jfk.wav", 0.2, 10.9),
        ("beckett.wav", 0.0, 9.9),
        ("two_cities.wav", 0.5, 4.8),
        ("two_cities.wav", 29.0, 41.9),
    ];
    let cut_off = [
        ("jfk.wav", 0.2, 1.8),          // And so my fellow
        ("jfk.wav", 0.2, 3.8),          // ask
        ("jfk.wav", 0.2, 4.65),         // ask not
        ("jfk.wav", 0.2, 7.9),          // what your country can do for you
        ("two_cities.wav", 0.5, 3.8),   // it was the worst
        ("two_cities.wav", 29.0, 38.5), // insisted on its being received
    ];
    let smart_turn = smart_turn();
    let judge = |(name, from, to): (&str, f64, f64)| smart_turn.probability(&speech(name, from, to)).unwrap();
    let (finished, cut_off) = (finished.map(judge), cut_off.map(judge));
    assert!(finished.iter().all(|probability| *probability > 0.7), "finished: {finished:?}");
    assert!(cut_off.iter().all(|probability| *probability < 0.3), "cut off: {cut_off:?}");
}

#[test]
fn a_model_of_another_kind_is_refused_on_load() {
    let models = models();
    let error =
        SmartTurn::load(&models.join("libonnxruntime.so"), &models.join("silero_vad.onnx")).err().unwrap();
    assert!(format!("{error:#}").contains("is not an end-of-turn model"), "{error:#}");
}
