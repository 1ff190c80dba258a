//! Kokoro behind `/audio/speech`: a server of our own around kokoro-onnx, with the model and voices of the profile `voices`.

use futures_util::StreamExt;
use visavis_config::{TtsApi, TtsFormat};
use visavis_engine::EngineError;

use crate::server::{Peer, model, script};
use crate::voice::{seconds, segment, spoken, voice, words};

/// What Kokoro's network makes.
const RATE: u32 = 24_000;

fn kokoro() -> Peer {
    let (script, network) = (script("kokoro_server.py"), model("kokoro/kokoro-82m-int8.onnx"));
    Peer::python("python", &[&script, &"--model", &network])
}

#[tokio::test]
async fn a_kokoro_server_speaks_as_long_as_its_words_take_in_pieces_and_whole() {
    let peer = kokoro();
    let mut lengths = Vec::new();
    for format in [TtsFormat::Pcm, TtsFormat::Wav] {
        let voice = voice(&peer, TtsApi::OpenAi, "/v1", |own| own.format = format).await;
        let listed = voice.engine.voices().await.unwrap();
        let heart = listed.iter().find(|it| it.name == "af_heart").unwrap();
        assert_eq!((heart.language.as_str(), heart.locale.as_str()), ("en", "en_US"));
        let said = segment("The weather is fine today.", "af_heart", "en");
        let parts = spoken(&voice, said).await.unwrap();
        assert_eq!(parts[0].rate, RATE);
        assert_eq!(words(&parts), ["The", "weather", "is", "fine", "today"]);
        lengths.push(seconds(&parts));
    }
    let [pieces, whole] = lengths[..] else { unreachable!() };
    assert!((1.0..4.0).contains(&pieces) && (pieces - whole).abs() < 0.05, "{pieces} s, {whole} s");
}

#[tokio::test]
async fn a_mix_is_spoken_and_a_voice_that_the_server_lacks_is_refused_with_those_that_there_are() {
    let peer = kokoro();
    let voice = voice(&peer, TtsApi::OpenAi, "/v1", |own| own.format = TtsFormat::Pcm).await;
    let mix = segment("Hello there.", "af_heart(2)+am_michael", "en");
    assert!(seconds(&spoken(&voice, mix).await.unwrap()) > 0.5);
    // The first is refused by what the server lists, the second by the server itself.
    for name in ["nobody", "af_heart+nobody"] {
        let refused = spoken(&voice, segment("Hello.", name, "en")).await.unwrap_err();
        let EngineError::Invalid(reason) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("nobody") && reason.contains("af_bella"), "{reason}");
    }
}

#[tokio::test]
async fn a_segment_that_is_dropped_ends_the_servers_work_on_it() {
    let peer = kokoro();
    let voice = voice(&peer, TtsApi::OpenAi, "/v1", |own| own.format = TtsFormat::Pcm).await;
    let text = "This is the first of many sentences. ".repeat(12);
    let mut parts = voice.engine.synthesize(segment(text.trim(), "af_heart", "en")).await.unwrap();
    assert!(parts.next().await.unwrap().is_ok());
    drop(parts);
    peer.logs("the client has gone").await;
    assert!(!peer.log().contains("all 12 sentences"), "{}", peer.log());
}
