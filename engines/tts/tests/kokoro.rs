//! The engine with Kokoro: the times of words, and mixes of voices.

#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod common;

use std::collections::BTreeSet;

use common::{Engine, check_times, request, samples, speak};
use tonic::Code;
use visavis_proto::v1::{SynthesizeRequest, VoicesRequest};

/// Samples of a frame, in which Kokoro's durations are counted.
const FRAME: u64 = 600;

/// A sentence in a language of Kokoro.
fn sentence(language: &str) -> &'static str {
    match language {
        "en" => "The little bottle on the chair, I think, is going to fall.",
        "es" => "Mucho gusto, hoy hablamos con los niños de la calle.",
        "fr" => "Bonjour, nous prenons un bon vin blanc à la gare.",
        "hi" => "नमस्ते, आप कैसे हैं और घर कहाँ है?",
        "it" => "Buongiorno, la pizza della ragazza costa poco.",
        "pt" => "Bom dia, não vejo a mãe e o irmão na rua.",
        other => panic!("{other} has no sentence"),
    }
}

#[tokio::test]
async fn words_have_the_times_of_the_networks_own_durations_in_every_language() {
    let engine = Engine::with_kokoro();
    let mut client = engine.ready().await;
    let voices = client.voices(VoicesRequest {}).await.unwrap().into_inner().voices;
    let mut locales = BTreeSet::new();
    for voice in voices.into_iter().filter(|voice| locales.insert(voice.locale.clone())) {
        let text = sentence(&voice.language);
        let asked = SynthesizeRequest { voice: voice.name.clone(), ..request(text) };
        for part in speak(&mut client, asked).await {
            check_times(&part);
            assert!(part.measured && part.sample_rate == 24_000);
            // The silence that is cut may end within the first word's first frame.
            for word in &part.words[1..] {
                assert_eq!((word.end - word.start) % FRAME, 0, "{word:?} by {}", voice.name);
            }
        }
    }
    let locales: Vec<&str> = locales.iter().map(String::as_str).collect();
    assert_eq!(locales, ["en_GB", "en_US", "es_ES", "fr_FR", "hi_IN", "it_IT", "pt_BR"]);
}

#[tokio::test]
async fn a_mix_is_spoken_and_the_error_for_a_wrong_one_says_what_is_wrong() {
    let engine = Engine::with_kokoro();
    let mut client = engine.ready().await;
    let said = |voice: &str| SynthesizeRequest { voice: voice.to_owned(), ..request("This is my voice.") };
    let mut sounds = Vec::new();
    for voice in ["af_heart", "am_michael", "af_heart(2)+am_michael(1)"] {
        let parts = speak(&mut client, said(voice)).await;
        parts.iter().for_each(check_times);
        sounds.push(samples(&parts[0]));
    }
    assert!(sounds[2].len() > 12_000 && sounds[2] != sounds[0] && sounds[2] != sounds[1]);
    for (voice, why) in [
        ("af_heart+nobody", "\"nobody\" of \"af_heart+nobody\" is not installed"),
        ("af_heart(20)+am_michael", "not between 0.1 and 10"),
        ("af_heart+am_michael+bf_emma+bm_george+af_heart", "mixes 5 voices"),
    ] {
        let status = client.synthesize(said(voice)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with("voice: ") && status.message().contains(why), "{status}");
    }
}
