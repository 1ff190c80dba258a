//! Speech by `visavis-tts`.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use visavis_proto::v1::{self, tts_client::TtsClient};

use super::Link;
use crate::audio::pcm;
use crate::config::TtsEngine;
use crate::frame::WordTime;
use crate::retry::patiently;
use crate::voice::title;
use crate::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};

/// Speech by `visavis-tts`.
#[derive(Debug, Clone)]
pub(super) struct GrpcTts {
    pub(super) link: Link,
    /// Speed of speech.
    pub(super) settings: TtsEngine,
}

#[async_trait]
impl Tts for GrpcTts {
    fn capabilities(&self) -> TtsCapabilities {
        TtsCapabilities::ALL
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let message = segment(&self.settings, request);
        let open = || async {
            let mut client = TtsClient::new(self.link.channel.clone()).max_decoding_message_size(16 << 20);
            let opened = self.link.watchdog.response(client.synthesize(message.clone())).await?;
            Ok::<_, EngineError>(opened.into_inner())
        };
        let parts = patiently(open, EngineError::is_passing).await?;
        let parts = parts.map_err(EngineError::from).map_ok(part).boxed();
        Ok(self.link.watchdog.pieces(parts, || true))
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        let mut client = TtsClient::new(self.link.channel.clone());
        let reply = self.link.watchdog.response(client.voices(v1::VoicesRequest {})).await?;
        Ok(reply.into_inner().voices.into_iter().map(voice).collect())
    }
}

/// The message that asks for a segment. It has no deadline: playout holds synthesis back while it speaks.
fn segment(settings: &TtsEngine, request: TtsRequest) -> v1::SynthesizeRequest {
    let priority = match (request.ahead, request.waited) {
        (false, _) => v1::Priority::Live,
        (true, true) => v1::Priority::Speculative,
        (true, false) => v1::Priority::Batch,
    };
    v1::SynthesizeRequest {
        text: request.text,
        voice: request.voice,
        language: request.language,
        speed: request.speed.of(settings.speed),
        priority: priority.into(),
        deadline_ms: 0,
        gentle: request.gentle,
    }
}

fn voice(voice: v1::Voice) -> Voice {
    let v1::Voice { name, language, locale, speakers, source, mixes, version, .. } = voice;
    Voice { title: title(&name, &source), name, language, locale, speakers, source, mixes, version }
}

fn word(word: v1::Word) -> WordTime {
    WordTime { text: word.text, start: word.start, end: word.end }
}

fn sound(phoneme: v1::Phoneme) -> WordTime {
    let start = u64::from(phoneme.start);
    WordTime { text: phoneme.symbol, start, end: start + u64::from(phoneme.length) }
}

fn part(part: v1::SpeechPart) -> TtsPart {
    let source = if part.measured { "durations" } else { "estimate" };
    metrics::counter!("visavis_word_times_total", "source" => source).increment(part.words.len() as u64);
    TtsPart {
        rate: part.sample_rate,
        samples: pcm::samples(&part.audio).collect(),
        words: part.words.into_iter().map(word).collect(),
        sounds: part.phonemes.into_iter().map(sound).collect(),
        measured: part.measured,
        routed: None,
        refused: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_may_take_as_long_as_the_speech_before_it_sounds() {
        let settings = TtsEngine::default();
        for (ahead, waited) in [(false, false), (true, false), (true, true)] {
            let request =
                TtsRequest { text: "Once upon a time.".into(), ahead, waited, ..TtsRequest::default() };
            assert_eq!(segment(&settings, request.clone()).deadline_ms, 0, "{request:?}");
        }
    }
}
