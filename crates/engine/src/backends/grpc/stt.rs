//! Recognition by `visavis-stt`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use visavis_proto::v1::{self, stt_client::SttClient, stt_input};

use super::{Link, deadline_ms};
use crate::audio::pcm;
use crate::frame::{LanguageWeight, Transcript};
use crate::{Decoded, EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};

/// Audio frames and decodes queued for recognition; the pipeline waits when the queue is full.
const STT_QUEUE: usize = 256;

/// Recognition by `visavis-stt`.
#[derive(Debug, Clone)]
pub(super) struct GrpcStt {
    pub(super) link: Link,
}

/// The last decode requested, until its transcript arrives. Older ones need no transcript of their own.
#[derive(Debug, Clone, Default)]
struct PendingDecode(Arc<AtomicU64>);

impl PendingDecode {
    const NOTHING: u64 = 0;

    fn key(number: u32) -> u64 {
        u64::from(number) + 1
    }

    fn ask(&self, message: &SttInput) {
        if let SttInput::Decode { number, .. } = message {
            self.0.store(Self::key(*number), Ordering::Relaxed);
        }
    }

    fn arrived(&self, number: u32) {
        let (relaxed, last) = (Ordering::Relaxed, Self::key(number));
        _ = self.0.compare_exchange(last, Self::NOTHING, relaxed, relaxed);
    }

    fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != Self::NOTHING
    }
}

#[async_trait]
impl Stt for GrpcStt {
    fn capabilities(&self) -> SttCapabilities {
        let languages = self.link.status.borrow().languages.clone();
        // A model of one language has no other to translate from.
        SttCapabilities { translates: languages.len() != 1, languages, ..SttCapabilities::ALL }
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        let (input, mut queue) = mpsc::channel(STT_QUEUE);
        let (wire, outgoing) = mpsc::channel(STT_QUEUE);
        let SttRequest { language, expected, ahead, waited, prompt, translate, .. } = request;
        let priority = if ahead { v1::Priority::Batch } else { v1::Priority::Live }.into();
        let weight = |LanguageWeight { language, weight }| v1::LanguageWeight { language, weight };
        let expected_languages = expected.into_iter().map(weight).collect();
        let start = v1::SttStart {
            language,
            prompt,
            expected_languages,
            priority,
            translate,
            waited,
            ..Default::default()
        };
        // The RPC responds only after the engine has seen a first message.
        _ = wire.try_send(v1::SttInput { input: Some(stt_input::Input::Start(start)) });
        let watchdog = self.link.watchdog.clone();
        let watchdog = if ahead { watchdog.behind_others() } else { watchdog };
        let mut client = SttClient::new(self.link.channel.clone()).max_decoding_message_size(1 << 20);
        let opened = client.recognize(ReceiverStream::new(outgoing));
        let answers = self.link.watchdog.response(opened).await?.into_inner();
        let pending = PendingDecode::default();
        let asked = pending.clone();
        let feed = async move {
            while let Some(message) = queue.recv().await {
                asked.ask(&message);
                if wire.send(wire_input(message, ahead)).await.is_err() {
                    break;
                }
            }
            drop(wire);
            std::future::pending::<()>().await;
        };
        // The feeder lives inside the output stream, so that no task is left when the utterance is dropped.
        let feed = futures_util::stream::once(feed).filter_map(|()| async { None });
        let answered = pending.clone();
        let transcripts = answers.map_err(EngineError::from).map_ok(move |answer| {
            let number = answer.number;
            answered.arrived(number);
            Decoded { number, words: transcript(answer), routed: None }
        });
        let output = ends_with_first(transcripts.boxed(), feed.boxed());
        Ok(SttStream { input, output: watchdog.pieces(output, move || pending.is_any()) })
    }
}

/// Merges two streams; ends when the first ends.
fn ends_with_first<T: Send + 'static>(
    first: BoxStream<'static, T>,
    second: BoxStream<'static, T>,
) -> BoxStream<'static, T> {
    let first = first.map(Some).chain(futures_util::stream::once(async { None }));
    futures_util::stream::select(first, second.map(Some))
        .take_while(|item| std::future::ready(item.is_some()))
        .filter_map(std::future::ready)
        .boxed()
}

/// `ahead`: no call waits for the words. The engine then works on them with what calls leave of the processor, which may take many times as
/// long, so that they have no deadline: the work would be lost, and begun again in vain.
fn wire_input(message: SttInput, ahead: bool) -> v1::SttInput {
    let input = match message {
        SttInput::Audio(samples) => stt_input::Input::Audio(pcm::bytes(&samples).collect()),
        SttInput::Decode { number, last, stable, phrases } => stt_input::Input::Decode(v1::SttDecode {
            number,
            r#final: last,
            deadline_ms: if ahead { 0 } else { deadline_ms() },
            samples: 0,
            stable,
            phrases,
        }),
    };
    v1::SttInput { input: Some(input) }
}

fn transcript(answer: v1::Transcript) -> Transcript {
    let weight = |v1::LanguageWeight { language, weight }| LanguageWeight { language, weight };
    Transcript {
        text: answer.text,
        // Set by local agreement in the pipeline.
        stable: 0,
        language: answer.language,
        language_probability: answer.language_probability,
        languages: answer.languages.into_iter().map(weight).collect(),
        no_speech_probability: answer.no_speech_probability,
        average_log_probability: answer.average_log_probability,
        decode_ms: answer.decode_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_call_have_a_deadline_and_those_of_a_recording_have_none() {
        for (ahead, deadline) in [(false, deadline_ms()), (true, 0)] {
            let decode =
                SttInput::Decode { number: 1, last: true, stable: String::new(), phrases: Vec::new() };
            match wire_input(decode, ahead).input {
                Some(stt_input::Input::Decode(decode)) => assert_eq!(decode.deadline_ms, deadline),
                other => panic!("{other:?} is no decode"),
            }
        }
    }
}
