//! Our own engine programs over gRPC, on a Unix socket or another machine.

use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};
use visavis_proto::v1::{
    self, generate_event, llm_client::LlmClient, stt_client::SttClient, stt_input, tts_client::TtsClient,
};

use super::{
    Counts, EngineError, Llm, LlmPiece, LlmRequest, Stt, SttInput, SttRequest, SttStream, Tts, TtsPart,
    TtsRequest, Voice,
};
use crate::config::{LlmEngine, TtsEngine};
use crate::frame::{Message, Role, Transcript};
use crate::tool::{Tool, Tools};

/// How long a request waits for an engine that is restarting. A child is back within two seconds, its model included.
const PATIENCE: Duration = Duration::from_secs(12);
/// Longest time for one answer, phrase or transcript; what takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(60);
/// Audio frames and decodes on their way to recognition; the pipeline waits when they are full.
const STT_QUEUE: usize = 256;

/// A connection that is made when first used and again when lost.
///
/// # Errors
/// When `url` is no address of an engine.
pub fn connect(url: &str) -> anyhow::Result<Channel> {
    let mut endpoint =
        Endpoint::from_shared(url.to_string())?.tcp_nodelay(true).connect_timeout(Duration::from_secs(3));
    if url.starts_with("https://") {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots())?;
    }
    if !url.starts_with("unix:") {
        endpoint = endpoint.keep_alive_while_idle(true).http2_keep_alive_interval(Duration::from_secs(10));
    }
    Ok(endpoint.connect_lazy())
}

impl From<Status> for EngineError {
    fn from(status: Status) -> Self {
        let message = status.message().to_string();
        match status.code() {
            Code::Unavailable => Self::Unavailable(message),
            Code::ResourceExhausted => Self::Busy(message),
            Code::InvalidArgument | Code::OutOfRange | Code::NotFound => Self::Invalid(message),
            Code::DeadlineExceeded => Self::Deadline,
            _ => Self::Failed(message),
        }
    }
}

fn retries() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_millis(500))
        .with_total_delay(Some(PATIENCE))
        .without_max_times()
}

fn deadline_ms() -> u32 {
    u32::try_from(DEADLINE.as_millis()).unwrap_or(u32::MAX)
}

/// Recognition by `visavis-stt`.
#[derive(Debug, Clone)]
pub struct GrpcStt(pub Channel);

#[async_trait]
impl Stt for GrpcStt {
    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        let (input, mut queue) = mpsc::channel(STT_QUEUE);
        let (wire, outgoing) = mpsc::channel(STT_QUEUE);
        let SttRequest { language, likely, ahead } = request;
        let priority = if ahead { v1::Priority::Batch } else { v1::Priority::Live }.into();
        let start = v1::SttStart { language, likely_language: likely, priority, ..Default::default() };
        // The call's answer comes only after the engine has seen a first message.
        _ = wire.try_send(v1::SttInput { input: Some(stt_input::Input::Start(start)) });
        let mut client = SttClient::new(self.0.clone()).max_decoding_message_size(1 << 20);
        let answers = client.recognize(ReceiverStream::new(outgoing)).await?.into_inner();
        let feed = async move {
            while let Some(message) = queue.recv().await {
                if wire.send(wire_input(message)).await.is_err() {
                    break;
                }
            }
            drop(wire);
            std::future::pending::<()>().await;
        };
        // The feeder lives inside the output stream, so that no task is left when the utterance is dropped.
        let feed = futures_util::stream::once(feed).filter_map(|()| async { None });
        let transcripts = answers.map_err(EngineError::from).map_ok(|answer| {
            let number = answer.number;
            (number, transcript(answer))
        });
        Ok(SttStream { input, output: ends_with_first(transcripts.boxed(), feed.boxed()) })
    }
}

/// Both streams together, ended when the first ends.
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

fn wire_input(message: SttInput) -> v1::SttInput {
    let input = match message {
        SttInput::Audio(samples) => stt_input::Input::Audio(bytes(&samples)),
        SttInput::Decode { number, last, stable } => stt_input::Input::Decode(v1::SttDecode {
            number,
            r#final: last,
            deadline_ms: deadline_ms(),
            samples: 0,
            stable,
        }),
    };
    v1::SttInput { input: Some(input) }
}

fn transcript(answer: v1::Transcript) -> Transcript {
    Transcript {
        text: answer.text,
        // What stays is agreed on in the pipeline.
        stable: 0,
        language: answer.language,
        language_probability: answer.language_probability,
        no_speech_probability: answer.no_speech_probability,
        average_log_probability: answer.average_log_probability,
        decode_ms: answer.decode_ms,
    }
}

/// Samples as PCM16 little endian.
#[must_use]
pub fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// PCM16 little endian as samples.
#[must_use]
pub fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

/// Answers by `visavis-llm`.
#[derive(Debug, Clone)]
pub struct GrpcLlm {
    /// The connection.
    pub channel: Channel,
    /// Length and sampling of answers.
    pub settings: LlmEngine,
}

impl GrpcLlm {
    fn message(&self, request: LlmRequest) -> v1::GenerateRequest {
        let priority = if request.speculative { v1::Priority::Speculative } else { v1::Priority::Live };
        v1::GenerateRequest {
            conversation: request.conversation,
            messages: chat(request.messages),
            tools: request.tools.iter().map(tool).collect(),
            max_tokens: self.settings.max_tokens,
            temperature: self.settings.temperature,
            top_p: self.settings.top_p,
            priority: priority.into(),
            deadline_ms: deadline_ms(),
            turn_end: request.speculative,
            ..Default::default()
        }
    }
}

#[async_trait]
impl Llm for GrpcLlm {
    async fn generate(
        &self,
        request: LlmRequest,
    ) -> Result<BoxStream<'static, Result<LlmPiece, EngineError>>, EngineError> {
        let message = self.message(request);
        let open = || async {
            let answer = LlmClient::new(self.channel.clone()).generate(message.clone()).await?;
            Ok::<_, EngineError>(answer.into_inner())
        };
        let events = open.retry(retries()).when(EngineError::is_passing).await?;
        Ok(events
            .map_err(EngineError::from)
            .try_filter_map(|event| async move {
                Ok(match event.event {
                    Some(generate_event::Event::Text(text)) => Some(LlmPiece::Text(text)),
                    Some(generate_event::Event::Call(call)) => {
                        Some(LlmPiece::Call(call.name, call.arguments))
                    }
                    Some(generate_event::Event::TurnEnd(probability)) => Some(LlmPiece::TurnEnd(probability)),
                    Some(generate_event::Event::Done(done)) => {
                        Some(LlmPiece::Read(done.prompt_tokens.saturating_sub(done.cached_tokens)))
                    }
                    None => None,
                })
            })
            .boxed())
    }

    async fn prefill(&self, request: LlmRequest, open: bool) {
        let message = v1::GenerateRequest { open, turn_end: false, ..self.message(request) };
        // It only saves time: what was not read ahead is read with the answer.
        if let Err(status) = LlmClient::new(self.channel.clone()).prefill(message).await {
            tracing::trace!(%status, "nothing was read ahead");
        }
    }

    async fn count(&self, _: &[Message], _: &Tools) -> Result<Counts, EngineError> {
        Err(EngineError::Invalid("the engine does not count tokens".into()))
    }

    async fn release(&self, conversation: &str) {
        let request = v1::ReleaseRequest { conversation: conversation.into() };
        // An engine that is gone keeps nothing either.
        _ = tokio::time::timeout(
            Duration::from_secs(2),
            LlmClient::new(self.channel.clone()).release(request),
        )
        .await;
    }
}

fn tool(tool: &Tool) -> v1::Tool {
    v1::Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters: tool.parameters.to_string(),
    }
}

/// A call belongs to the message that was spoken before it, if there is one.
fn chat(messages: Vec<Message>) -> Vec<v1::ChatMessage> {
    let mut chat: Vec<v1::ChatMessage> = Vec::with_capacity(messages.len());
    for message in messages {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant | Role::Call => "assistant",
            Role::Tool => "tool",
        };
        if message.role != Role::Call {
            chat.push(v1::ChatMessage { role: role.into(), content: message.content, call: None });
            continue;
        }
        let call: serde_json::Value = serde_json::from_str(&message.content).unwrap_or_default();
        let name = call["name"].as_str().unwrap_or_default().to_string();
        let call = Some(v1::ToolCall { name, arguments: call["arguments"].to_string() });
        match chat.last_mut().filter(|last| last.role == role && last.call.is_none()) {
            Some(last) => last.call = call,
            None => chat.push(v1::ChatMessage { role: role.into(), content: String::new(), call }),
        }
    }
    chat
}

/// Speech by `visavis-tts`.
#[derive(Debug, Clone)]
pub struct GrpcTts {
    /// The connection.
    pub channel: Channel,
    /// Speed.
    pub settings: TtsEngine,
}

#[async_trait]
impl Tts for GrpcTts {
    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let priority = if request.ahead { v1::Priority::Batch } else { v1::Priority::Live };
        let message = v1::SynthesizeRequest {
            text: request.text,
            voice: request.voice,
            language: request.language,
            speed: self.settings.speed,
            priority: priority.into(),
            deadline_ms: deadline_ms(),
        };
        let open = || async {
            let mut client = TtsClient::new(self.channel.clone()).max_decoding_message_size(16 << 20);
            Ok::<_, EngineError>(client.synthesize(message.clone()).await?.into_inner())
        };
        let parts = open.retry(retries()).when(EngineError::is_passing).await?;
        Ok(parts.map_err(EngineError::from).map_ok(part).boxed())
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        let reply = TtsClient::new(self.channel.clone()).voices(v1::VoicesRequest {}).await?;
        Ok(reply.into_inner().voices.into_iter().map(voice).collect())
    }
}

fn voice(voice: v1::Voice) -> Voice {
    Voice { name: voice.name, language: voice.language, locale: voice.locale }
}

fn sound(phoneme: v1::Phoneme) -> (String, u64, u64) {
    let start = u64::from(phoneme.start);
    (phoneme.symbol, start, start + u64::from(phoneme.length))
}

fn part(part: v1::SpeechPart) -> TtsPart {
    TtsPart {
        rate: part.sample_rate,
        samples: samples(&part.audio),
        words: part.words.into_iter().map(|word| (word.text, word.start, word.end)).collect(),
        sounds: part.phonemes.into_iter().map(sound).collect(),
        measured: part.measured,
    }
}
