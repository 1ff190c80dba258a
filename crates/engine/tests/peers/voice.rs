//! An adapter of voices, and what it says.

use futures_util::StreamExt;
use visavis_config::{Config, TtsApi, TtsEngine};
use visavis_engine::backends::{Backend, Backends};
use visavis_engine::model_files::ModelFiles;
use visavis_engine::{EngineError, Tts, TtsPart, TtsRequest};

use crate::server::Peer;

/// The voices at this address of a peer, once they are ready; `set`: further settings. Its tasks end with the test's runtime.
pub(crate) async fn voice(
    peer: &Peer,
    api: TtsApi,
    path: &str,
    set: impl FnOnce(&mut TtsEngine),
) -> Backend<dyn Tts> {
    let mut config = Config::default();
    // No clips of cloned voices lie here.
    config.models.dir = "/nowhere/visavis".into();
    (config.tts.api, config.tts.url) = (api, peer.url(path));
    set(&mut config.tts);
    let mut voice = Backends::new(false).unwrap().tts(&config, &ModelFiles::default()).unwrap();
    peer.until(&mut voice, |status| status.ready).await;
    voice
}

/// A segment to be spoken.
pub(crate) fn segment(text: &str, voice: &str, language: &str) -> TtsRequest {
    let (text, voice, language) = (text.into(), voice.into(), language.into());
    TtsRequest { text, voice, language, ..TtsRequest::default() }
}

/// All parts of a segment.
pub(crate) async fn spoken(
    voice: &Backend<dyn Tts>,
    request: TtsRequest,
) -> Result<Vec<TtsPart>, EngineError> {
    let parts = voice.engine.synthesize(request).await?;
    parts.collect::<Vec<_>>().await.into_iter().collect()
}

/// The seconds of parts that have the same rate and are not silent.
pub(crate) fn seconds(parts: &[TtsPart]) -> f64 {
    let rate = parts[0].rate;
    assert!(parts.iter().all(|part| part.rate == rate), "not all parts have {rate} Hz");
    let samples: Vec<i16> = parts.iter().flat_map(|part| part.samples.iter().copied()).collect();
    assert!(samples.iter().any(|sample| sample.unsigned_abs() > 3000), "it is silent");
    samples.len() as f64 / f64::from(rate)
}

/// The words of parts, in their order.
pub(crate) fn words(parts: &[TtsPart]) -> Vec<String> {
    let mut begins = Vec::new();
    let mut before = 0;
    for part in parts {
        begins.extend(part.words.iter().map(|word| (before + word.start, word.text.clone())));
        before += part.samples.len() as u64;
    }
    assert!(begins.windows(2).all(|pair| pair[0].0 < pair[1].0), "{begins:?}");
    begins.into_iter().map(|(_, text)| text).collect()
}
