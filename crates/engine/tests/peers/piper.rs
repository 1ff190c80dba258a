//! Piper's own HTTP server with our English voice.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::{Value, json};
use visavis_config::{TtsApi, TtsEngine, default_models_dir};
use visavis_engine::EngineError;

use crate::server::{Peer, model};
use crate::voice::{seconds, segment, spoken, voice, words};

/// The voice of all profiles.
const VOICE: &str = "en_US-joe-medium";

fn piper() -> Peer {
    piper_with(&default_models_dir())
}

/// The same with further voices of a folder.
fn piper_with(voices: &Path) -> Peer {
    let model = model(&format!("{VOICE}.onnx"));
    let arguments: [&dyn AsRef<OsStr>; 6] =
        [&"-m", &"piper.http_server", &"-m", &model, &"--data-dir", &voices];
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

#[tokio::test]
async fn a_voice_whose_name_pipers_server_cuts_in_its_list_speaks_where_the_configuration_names_it() {
    let (folder, ours) = (tempfile::tempdir().unwrap(), default_models_dir());
    let file = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(model(&format!("{VOICE}.onnx")), file("jackson.onnx")).unwrap();
    let about = std::fs::read(ours.join(format!("{VOICE}.onnx.json"))).unwrap();
    let mut about: Value = serde_json::from_slice(&about).unwrap();
    // By its slower rate it is told from the default voice, with which the server speaks where it finds no file.
    about["audio"]["sample_rate"] = 16_000.into();
    std::fs::write(file("jackson.onnx.json"), about.to_string()).unwrap();

    let peer = piper_with(folder.path());
    let jackson = |tts: &mut TtsEngine| {
        tts.voice = "jackson".into();
        // Without its noise, which would make each of its sounds as long as it likes.
        tts.body.extend(["noise_scale", "noise_w_scale"].map(|name| (name.to_owned(), json!(0.0))));
    };
    let voice = voice(&peer, TtsApi::Piper, "", jackson).await;
    let listed: Vec<_> = voice.engine.voices().await.unwrap().into_iter().map(|it| it.name).collect();
    assert!(listed.contains(&"jackson".to_owned()) && !listed.contains(&"jack".to_owned()), "{listed:?}");
    let mut lengths = Vec::new();
    for name in [VOICE, "jackson"] {
        let parts = spoken(&voice, segment("The weather is fine today.", name, "en")).await.unwrap();
        lengths.push(seconds(&parts));
    }
    assert!(lengths[1] > 1.2 * lengths[0], "1.38 times as long: {lengths:?}");
}
