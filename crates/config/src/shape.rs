//! The configuration's shape and its defaults.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use visavis_core::turn_end::Eagerness;

use super::renderers::Renderers;
use super::tools::Tools;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Config {
    /// Sockets and limits.
    pub server: Server,
    /// What is logged.
    pub log: Log,
    /// Spans for an OpenTelemetry collector.
    pub telemetry: Telemetry,
    /// Recordings of calls.
    pub recording: Recording,
    /// Where models lie.
    pub models: Models,
    /// The engines' processes.
    pub engines: EngineProcesses,
    /// Speech to text.
    pub stt: SttEngine,
    /// Language model.
    pub llm: LlmEngine,
    /// Text to speech.
    pub tts: TtsEngine,
    /// Voice activity and turn end.
    pub vad: Vad,
    /// What the agent is and does.
    pub conversation: Conversation,
    /// What the agent may call.
    pub tools: Tools,
    /// The agent's face.
    pub avatar: Avatar,
    /// Where faces go over UDP.
    pub renderers: Renderers,
}

/// Sockets and limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// HTTP and WebSocket.
    pub listen: SocketAddr,
    /// The one UDP port of all WebRTC calls.
    pub udp: SocketAddr,
    /// Addresses under which the UDP port is reached from outside, behind a 1:1 NAT.
    pub public_addresses: Vec<IpAddr>,
    /// Origins of pages that may use the API: `*`, or a list such as `https://example.org`.
    pub cors_origins: Vec<String>,
    /// Names under which the server is reached, such as `voice.example.org`, beside `localhost`, its addresses and the
    /// machine's own name; requests for other names are refused, and pages under these may call.
    pub names: Vec<String>,
    /// HTTP connections at once; more are refused, but for health and the calls in progress.
    pub max_connections: usize,
    /// The same for one address. A reverse proxy is one address.
    pub connections_per_address: usize,
    /// Calls at once; one more is answered 503.
    pub max_calls: usize,
    /// Of these, calls of one address (of IPv6, of one /64); 0: no limit. Callers on this host have no share.
    pub calls_per_address: usize,
    /// Addresses of reverse proxies, whose `X-Forwarded-For` says who calls.
    pub trusted_proxies: Vec<IpAddr>,
    /// Seconds that calls get to finish their answer when the server stops.
    pub drain_seconds: u64,
    /// STUN and TURN servers that clients are told of.
    pub ice_servers: Vec<IceServer>,
}

/// A STUN or TURN server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// `stun:` and `turn:` addresses.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Such as `info` or `visavis=debug,info`.
    pub filter: String,
    /// One JSON object a line.
    pub json: bool,
    /// Log what people and the agent say.
    pub content: bool,
}

/// Spans for an OpenTelemetry collector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Telemetry {
    /// Where a collector takes OTLP over gRPC, such as `http://localhost:4317`; empty: no spans are sent. Also
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp_endpoint: String,
    /// Send what people and the agent say.
    pub content: bool,
}

/// Recordings of calls, for `visavis replay`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recording {
    /// Where each call leaves a file, which holds what was said in it; empty: no call is recorded.
    pub dir: PathBuf,
}

/// Where models lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// The directory.
    pub dir: PathBuf,
    /// The set of models: cpu, tiny, cpu-better, gpu.
    pub profile: String,
}

/// The engines' processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineProcesses {
    /// Let engines that the server starts read nothing but their models and libraries, write nothing, start no programs and
    /// open no connections, as far as the kernel can refuse it.
    pub confine: bool,
}

/// An engine that already runs elsewhere: `http://host:port`, `https://host:port` or `unix:/path`. Empty: the server starts one.
pub type Remote = String;

/// Speech to text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SttEngine {
    /// See [`Remote`].
    pub url: Remote,
    /// Model file; empty: the profile's.
    pub model: PathBuf,
    /// Threads.
    pub threads: u32,
    /// Most requests that wait.
    pub queue: u32,
}

/// Language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlmEngine {
    /// See [`Remote`].
    pub url: Remote,
    /// Model file; empty: the profile's.
    pub model: PathBuf,
    /// Threads for generation.
    pub threads: u32,
    /// Threads for prompts.
    pub threads_batch: u32,
    /// Tokens of context of each conversation.
    pub context: u32,
    /// Conversations whose KV cache is kept.
    pub slots: u32,
    /// Most requests that wait.
    pub queue: u32,
    /// Longest answer in tokens.
    pub max_tokens: u32,
    /// 0: always the likeliest word.
    pub temperature: f32,
    /// Nucleus sampling; 1: off.
    pub top_p: f32,
}

/// Text to speech.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TtsEngine {
    /// See [`Remote`].
    pub url: Remote,
    /// Voice files; empty: the profile's.
    pub voices: Vec<PathBuf>,
    /// The voice to speak with; empty: the first of the language.
    pub voice: String,
    /// Threads.
    pub threads: u32,
    /// Most requests that wait.
    pub queue: u32,
    /// 0.5 to 2.
    pub speed: f32,
    /// Megabytes of short phrases that are kept, for all calls together; 0: none.
    pub cache_mb: u32,
}

/// Voice activity and turn end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vad {
    /// Probability from which a window is speech.
    pub threshold: f32,
    /// Speech must last this long to count.
    pub start_ms: u32,
    /// A pause this long is transcribed on trial, and perhaps the end of the turn.
    pub pause_ms: u32,
    /// A longer utterance is answered without a pause.
    pub max_utterance_seconds: u32,
}

/// What the agent is and does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The system prompt.
    pub instructions: String,
    /// ISO 639-1, or `auto`: identify.
    pub language: String,
    /// What the agent says when a call begins; empty: it waits for the person.
    pub greeting: String,
    /// How soon the agent takes the turn: low, medium, high.
    pub eagerness: Eagerness,
    /// Seconds without a word after which the agent asks whether the person is there; 0: never.
    pub idle_seconds: u64,
    /// Seconds without a word after that question, after which the call ends.
    pub idle_end_seconds: u64,
    /// Have the model sum up, between turns, what no longer fits into its window; otherwise it is forgotten.
    pub summarise: bool,
}

/// The agent's face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Avatar {
    /// Compute faces for clients that ask for them.
    pub enabled: bool,
    /// Tell the model of the tags that show on the face, such as `[happy]`; small models misuse them. Tags are taken out of
    /// its text in any case.
    pub tags: bool,
    /// Let the face show what the words of an answer suggest, where the model writes no tags.
    pub text_cues: bool,
    /// Faces in a second: 30 or 60.
    pub fps: u8,
    /// Milliseconds that faces are sent ahead of their sound: 100 to 300.
    pub lead_ms: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            udp: SocketAddr::from(([0, 0, 0, 0], 8080)),
            public_addresses: Vec::new(),
            cors_origins: Vec::new(),
            names: Vec::new(),
            max_connections: 1024,
            connections_per_address: 256,
            max_calls: 32,
            calls_per_address: 16,
            trusted_proxies: Vec::new(),
            drain_seconds: 10,
            ice_servers: Vec::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), json: false, content: false }
    }
}

impl Default for Models {
    fn default() -> Self {
        Self { dir: super::default_models_dir(), profile: "cpu".into() }
    }
}

impl Default for EngineProcesses {
    fn default() -> Self {
        Self { confine: true }
    }
}

impl Default for SttEngine {
    fn default() -> Self {
        Self { url: String::new(), model: PathBuf::new(), threads: 2, queue: 16 }
    }
}

impl Default for LlmEngine {
    fn default() -> Self {
        Self {
            url: String::new(),
            model: PathBuf::new(),
            threads: 1,
            threads_batch: 2,
            context: 4096,
            slots: 4,
            queue: 16,
            max_tokens: 160,
            temperature: 0.0,
            top_p: 1.0,
        }
    }
}

impl Default for TtsEngine {
    fn default() -> Self {
        Self {
            url: String::new(),
            voices: Vec::new(),
            voice: String::new(),
            threads: 2,
            queue: 16,
            speed: 1.0,
            cache_mb: 16,
        }
    }
}

impl Default for Vad {
    fn default() -> Self {
        Self { threshold: 0.5, start_ms: 64, pause_ms: 96, max_utterance_seconds: 300 }
    }
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            instructions: "You are a friendly assistant on a voice call. Answer in one or two short spoken sentences, \
                           in the language of the question. Use plain words: no lists, no markup, no code, no emoji."
                .into(),
            language: "auto".into(),
            greeting: String::new(),
            eagerness: Eagerness::Medium,
            idle_seconds: 120,
            idle_end_seconds: 30,
            summarise: false,
        }
    }
}

impl Default for Avatar {
    fn default() -> Self {
        Self { enabled: true, tags: false, text_cues: true, fps: 30, lead_ms: 170 }
    }
}
