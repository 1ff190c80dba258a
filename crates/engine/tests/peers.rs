//! Adapters against real third-party servers, which `./test` installs from the Python package index.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::timeout;
use visavis_config::{Config, TtsApi, default_models_dir};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Tts, TtsPart, TtsRequest};

/// The voice of all profiles.
const VOICE: &str = "en_US-joe-medium";

/// A server's process; it ends with the test.
struct Peer {
    process: Child,
    url: String,
}

impl Peer {
    /// Piper's own HTTP server with our English voice.
    fn piper() -> Self {
        let packages = installed("piper");
        let model = default_models_dir().join(format!("{VOICE}.onnx"));
        assert!(model.is_file(), "{} is missing: run ./test, which fetches it", model.display());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("python3");
        command.args(["-m", "piper.http_server", "--host", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("-m").arg(&model).arg("--data-dir").arg(default_models_dir());
        command.env("PYTHONPATH", packages).stdout(Stdio::null()).stderr(Stdio::null());
        Self { process: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") }
    }

    /// The adapter for this server, once it is ready. Its tasks end with the test's runtime.
    async fn voice(&self, api: TtsApi) -> Backend<dyn Tts> {
        let mut config = Config::default();
        // This folder contains no clips of cloned voices.
        config.models.dir = "/nowhere/visavis".into();
        (config.tts.api, config.tts.url) = (api, self.url.clone());
        let backends = Backends::new(false).unwrap();
        let mut voice = backends.tts(&config, &ModelFiles::default()).unwrap();
        let ready = voice.status.wait_for(|status| status.ready);
        assert!(timeout(Duration::from_secs(60), ready).await.is_ok_and(|it| it.is_ok()), "{}", self.url);
        voice
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// The folder of a peer's packages.
fn installed(name: &str) -> PathBuf {
    let folder = default_models_dir().parent().unwrap().join("peers").join(name);
    assert!(folder.is_dir(), "{} is missing: run ./test, which installs it", folder.display());
    folder
}

fn segment(text: &str, voice: &str, language: &str) -> TtsRequest {
    let (text, voice, language) = (text.into(), voice.into(), language.into());
    TtsRequest { text, voice, language, ..TtsRequest::default() }
}

async fn spoken(voice: &Backend<dyn Tts>, request: TtsRequest) -> Result<Vec<TtsPart>, EngineError> {
    let parts = voice.engine.synthesize(request).await?;
    parts.collect::<Vec<_>>().await.into_iter().collect()
}

#[tokio::test]
async fn pipers_own_server_speaks_with_its_voice_in_time_with_the_words() {
    let peer = Peer::piper();
    let voice = peer.voice(TtsApi::Piper).await;
    let listed = voice.engine.voices().await.unwrap();
    let joe = listed.iter().find(|it| it.name == VOICE).unwrap();
    assert_eq!((joe.language.as_str(), joe.locale.as_str()), ("en", "en_US"));

    let parts = spoken(&voice, segment("The weather is fine today.", "", "en")).await.unwrap();
    let rate = parts[0].rate;
    assert!(parts.iter().all(|part| part.rate == rate && !part.measured), "{rate}");
    let samples: Vec<i16> = parts.iter().flat_map(|part| part.samples.iter().copied()).collect();
    let seconds = samples.len() as f64 / f64::from(rate);
    assert!((0.8..5.0).contains(&seconds), "{seconds} s at {rate}");
    assert!(samples.iter().any(|sample| sample.unsigned_abs() > 3000), "it is silent");
    let mut begins = Vec::new();
    let mut before = 0;
    for part in &parts {
        begins.extend(part.words.iter().map(|word| (word.text.clone(), before + word.start)));
        before += part.samples.len() as u64;
    }
    let words: Vec<_> = begins.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(words, ["The", "weather", "is", "fine", "today"]);
    assert!(begins.windows(2).all(|pair| pair[0].1 < pair[1].1), "{begins:?}");
}

#[tokio::test]
async fn a_voice_or_language_that_pipers_server_lacks_is_refused_with_those_that_there_are() {
    let peer = Peer::piper();
    let voice = peer.voice(TtsApi::Piper).await;
    for (name, language) in [("nobody", "en"), ("", "de")] {
        let refused = spoken(&voice, segment("Hello.", name, language)).await.unwrap_err();
        let EngineError::Invalid(reason) = refused else { panic!("{refused:?}") };
        let offered = if name.is_empty() { "en" } else { VOICE };
        assert!(reason.contains(offered), "{reason}");
    }
}
