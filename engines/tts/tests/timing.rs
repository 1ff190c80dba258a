//! The times of words and phonemes, by which the history is cut at an interruption.

#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use common::{StillVoice, check_times, request, samples, shared, speak};

#[tokio::test]
async fn words_are_complete_in_order_and_spelled_as_written() {
    let mut client = shared().await;
    for (text, words) in [
        (
            "It's 42 of the 1,234 that cost $5.99 in 2024, isn't it?",
            "It's 42 of the 1,234 that cost $5.99 in 2024 isn't it",
        ),
        (
            "“Don't you know?” he'd asked; well-known, self-made O'Brien didn't (really) answer.",
            "Don't you know he'd asked well-known self-made O'Brien didn't really answer",
        ),
        (
            "Bring fruit, e.g. apples, to Dr. Smith at 10:30 a.m. on the 3rd.",
            "Bring fruit e.g. apples to Dr Smith at 10:30 a.m. on the 3rd",
        ),
        (
            "I have been to the U.S.A. — rock & roll is 50% of it... and this one is it!",
            "I have been to the U.S.A. rock & roll is 50% of it and this one is it",
        ),
        (
            "So it was, in a way, one of the best; naïve café-goers agreed: yes!",
            "So it was in a way one of the best naïve café-goers agreed yes",
        ),
    ] {
        let parts = speak(&mut client, request(text)).await;
        let spoken: Vec<&str> =
            parts.iter().flat_map(|part| part.words.iter().map(|word| word.text.as_str())).collect();
        assert_eq!(spoken.join(" "), words);
        parts.iter().for_each(check_times);
    }
}

#[tokio::test]
async fn the_models_durations_add_up_to_the_audio_exactly() {
    const HOP: u32 = 256;
    let mut client = shared().await;
    let text = "This is the first sentence of two. And here comes the second one, which is a little longer.";
    let parts = speak(&mut client, request(text)).await;
    assert_eq!(parts.len(), 2);
    for part in &parts {
        // Times are whole frames only if the durations come from the model and match the audio to the sample.
        assert!(part.phonemes.iter().all(|phoneme| phoneme.length % HOP == 0), "{:?}", part.phonemes);
        let lengths: std::collections::HashSet<u32> =
            part.phonemes.iter().map(|phoneme| phoneme.length).collect();
        assert!(lengths.len() > 3, "{lengths:?}");
        assert_eq!(part.sample_rate, 22050);
    }
    assert_eq!(samples(&parts[1]).len() as u32 % HOP, 0);
}

#[tokio::test]
async fn audio_is_loud_during_words_and_quiet_in_pauses() {
    // With its noise a voice may breathe in any one pause, or make none.
    let voice = StillVoice::new("pauses");
    let engine = voice.engine();
    let mut client = engine.ready().await;
    let parts = speak(&mut client, request("Anna; Peter; Maria; Robert; and Joanna.")).await;
    let [part] = parts.as_slice() else { panic!("one sentence, one part") };
    let audio = samples(part);
    let level = |from: u64, to: u64| {
        let samples = &audio[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
        (samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    };
    for pair in part.words.windows(2).take(4) {
        let (word, next) = (&pair[0], &pair[1]);
        let pause = next.start - word.end;
        assert!(pause > 0, "{pair:?}");
        // Only the middle of the pause, since sounds fade across its borders.
        let quiet = level(word.end + pause / 3, next.start - pause / 3);
        let loud = level(word.start, word.end);
        assert!(loud > 5.0 * quiet, "{pair:?}: {loud} against {quiet}");
    }
    // No superfluous silence: the first sound comes within a tenth of a second.
    let onset = audio.iter().position(|sample| sample.unsigned_abs() > 1000).unwrap();
    assert!(onset < 2205, "{onset}");
    assert!(part.words[0].start.abs_diff(onset as u64) < 2205, "{:?} {onset}", part.words[0]);
}

#[tokio::test]
async fn text_without_words_is_one_empty_last_part() {
    let mut client = shared().await;
    for text in ["", "   ", "***", "— … ?!", "😀 ✓"] {
        let parts = speak(&mut client, request(text)).await;
        let [part] = parts.as_slice() else { panic!("{text:?}: {} parts", parts.len()) };
        assert!(
            part.audio.is_empty() && part.words.is_empty() && part.phonemes.is_empty(),
            "{text:?}: {part:?}"
        );
    }
}

#[tokio::test]
async fn halving_or_doubling_the_speed_changes_the_length() {
    // With its noise a voice may speak the same words much faster or slower.
    let voice = StillVoice::new("speeds");
    let engine = voice.engine();
    let mut client = engine.ready().await;
    let mut length = async |speed| {
        let request = common::request("This sentence is spoken at several speeds.");
        let parts = speak(&mut client, visavis_proto::v1::SynthesizeRequest { speed, ..request }).await;
        parts.iter().for_each(check_times);
        parts.iter().map(|part| samples(part).len()).sum::<usize>()
    };
    let (slow, normal, fast) = (length(0.5).await, length(0.0).await, length(2.0).await);
    // Piper's lengths are random: at twice the speed a sentence takes some 0.6 of the time.
    assert!(slow > normal && normal > fast && slow * 2 > fast * 3, "{slow} {normal} {fast}");
}
