//! Piper's own HTTP server with our English voice.

use std::ffi::OsStr;

use visavis_config::{TtsApi, default_models_dir};
use visavis_engine::EngineError;

use crate::server::{Peer, model};
use crate::voice::{seconds, segment, spoken, voice, words};

/// The voice of all profiles.
const VOICE: &str = "en_US-joe-medium";

fn piper() -> Peer {
    let model = model(&format!("{VOICE}.onnx"));
    let folder = default_models_dir();
    let arguments: [&dyn AsRef<OsStr>; 6] =
        [&"-m", &"piper.http_server", &"-m", &model, &"--data-dir", &folder];
    Peer::python("python", &arguments)
}

#[tokio::test]
async fn pipers_own_server_speaks_with_its_voice_in_time_with_the_words() {
    let peer = piper();
    let voice = voice(&peer, TtsApi::Piper, "", |_| {}).await;
    let listed = voice.engine.voices().await.unwrap();
    let joe = listed.iter().find(|it| it.name == VOICE).unwrap();
    assert_eq!((joe.language.as_str(), joe.locale.as_str()), ("en", "en_US"));

    let parts = spoken(&voice, segment("The weather is fine today.", "", "en")).await.unwrap();
    let seconds = seconds(&parts);
    assert!((0.8..5.0).contains(&seconds), "{seconds} s");
    assert!(parts.iter().all(|part| !part.measured));
    assert_eq!(words(&parts), ["The", "weather", "is", "fine", "today"]);
}

#[tokio::test]
async fn a_voice_or_language_that_pipers_server_lacks_is_refused_with_those_that_there_are() {
    let peer = piper();
    let voice = voice(&peer, TtsApi::Piper, "", |_| {}).await;
    for (name, language) in [("nobody", "en"), ("", "de")] {
        let refused = spoken(&voice, segment("Hello.", name, language)).await.unwrap_err();
        let EngineError::Invalid(reason) = refused else { panic!("{refused:?}") };
        let offered = if name.is_empty() { "en" } else { VOICE };
        assert!(reason.contains(offered), "{reason}");
    }
}
