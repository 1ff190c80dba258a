//! What is recognised: real speech, silence and noise through the real model.

mod common;

use common::{Engine, JFK, RATE, best_model, jfk, noise, word_error_rate, words};
use tonic::Code;
use visavis_proto::v1::{Priority, SttStart, stt_input::Input};

#[tokio::test(flavor = "multi_thread")]
async fn speech_is_recognised_word_for_word_and_its_language_reported() {
    let engine = Engine::ready(&best_model(), &[]).await;
    let identifies = engine.settled().await.identifies_language;
    let pcm = jfk();
    let heard = engine.transcribe(&pcm).await;
    assert_eq!(words(&heard.text), words(JFK));
    assert_eq!((heard.number, heard.r#final, heard.samples), (1, true, (pcm.len() / 2) as u64));
    assert_eq!(heard.language, "en");
    assert_eq!(heard.language_probability > 0.5, identifies);
    assert!(heard.no_speech_probability < 0.3 && heard.average_log_probability > -0.5, "{heard:?}");
    assert!(heard.decode_ms > 0);
    // A transcript may arrive before its request stops counting.
    let stats = engine.until(|stats| stats.active == 0).await;
    assert_eq!((stats.requests, stats.queued, stats.units), (1, 0, heard.samples));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growing_utterance_gets_partial_transcripts_and_then_a_final_one() {
    let engine = Engine::ready(&best_model(), &[]).await;
    let mut utterance = engine.speak(Priority::Live).await;
    let pcm = jfk();
    let parts: Vec<&[u8]> = pcm.chunks(2 * RATE * 2).collect();
    let mut lengths = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        utterance.hear(part).await;
        utterance.decode(number, false).await;
        let heard = utterance.next().await.unwrap();
        assert_eq!((heard.number, heard.r#final), (number, false));
        lengths.push(words(&heard.text).len());
    }
    assert!(lengths.is_sorted() && lengths[0] >= 3, "words in each partial: {lengths:?}");
    utterance.decode(99, true).await;
    let last = utterance.end().await;
    assert_eq!(last.len(), 1);
    assert!(last[0].r#final && last[0].number == 99);
    assert_eq!(words(&last[0].text), words(JFK));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decode_covers_only_the_samples_that_it_names() {
    let engine = Engine::ready(&best_model(), &[]).await;
    let mut utterance = engine.speak(Priority::Live).await;
    utterance.hear(&jfk()).await;
    let decode = |samples| {
        Input::Decode(visavis_proto::v1::SttDecode {
            number: 1,
            r#final: true,
            samples,
            ..Default::default()
        })
    };
    utterance.send(decode(3 * RATE as u64)).await;
    let heard = utterance.next().await.unwrap();
    assert_eq!((words(&heard.text), heard.samples), (words("and so my fellow americans"), 3 * RATE as u64));
    utterance.send(decode(100 * RATE as u64)).await;
    let refused = utterance.next().await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("decode.samples"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_noise_yield_no_words() {
    let engine = Engine::ready(&best_model(), &[]).await;
    let sounds = [
        ("nothing at all", Vec::new()),
        ("digital silence", vec![0; 3 * RATE * 2]),
        ("faint hiss", noise(3 * RATE, 8.0)),
        ("one second of hiss", noise(RATE, 300.0)),
        ("a noisy room", noise(5 * RATE, 1500.0)),
        ("loud noise", noise(10 * RATE, 12_000.0)),
    ];
    for (name, pcm) in sounds {
        let heard = engine.transcribe(&pcm).await;
        assert_eq!(heard.text, "", "{name}: {heard:?}");
        assert!(heard.no_speech_probability > 0.5, "{name}: {heard:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_of_a_long_utterance_is_lost() {
    let engine = Engine::ready(&best_model(), &[]).await;
    let pcm = jfk().repeat(6);
    let heard = engine.transcribe(&pcm).await;
    let error = word_error_rate(&heard.text, &[JFK; 6].join(" "));
    assert!(error <= 0.05, "{error}: {}", heard.text);
    assert_eq!(heard.samples, (pcm.len() / 2) as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_that_the_model_lacks_is_refused_by_name() {
    let engine = Engine::ready(&best_model(), &[]).await;
    let start = SttStart { language: "tlh".into(), ..SttStart::default() };
    let refused = engine.utterance(start).await.unwrap().next().await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("start.language"), "{refused}");
    let mut given =
        engine.utterance(SttStart { language: "en".into(), ..SttStart::default() }).await.unwrap();
    given.hear(&jfk()).await;
    given.decode(1, true).await;
    let heard = given.next().await.unwrap();
    assert_eq!((heard.language.as_str(), heard.language_probability), ("en", 0.0));
}
