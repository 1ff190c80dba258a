//! The configuration's shape and its defaults.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use visavis_core::turn_prediction::Eagerness;

use super::backends::BackendEngine;
use super::jobs::Jobs;
use super::language_model::LlmEngine;
use super::listening::Listening;
use super::network::Network;
use super::recogniser::SttEngine;
use super::renderers::Renderers;
use super::routes::Route;
use super::secret::Secret;
use super::speech::TtsEngine;
use super::speech_api::SpeechApi;
use super::store::Store;
use super::tools::Tools;
use super::turn::Turn;
use super::webrtc::WebRtc;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Config {
    /// Sockets and limits.
    pub server: Server,
    /// How clients reach the port of WebRTC calls.
    pub webrtc: WebRtc,
    /// The relay for clients that cannot reach the UDP port.
    pub turn: Turn,
    /// What is logged.
    pub log: Log,
    /// Spans for an OpenTelemetry collector.
    pub telemetry: Telemetry,
    /// Recordings of calls.
    pub recording: Recording,
    /// Where contexts of calls are kept.
    pub store: Store,
    /// The models directory and profile.
    pub models: Models,
    /// The engines' processes.
    pub engines: EngineProcesses,
    /// Speech to text.
    pub stt: SttEngine,
    /// Language model.
    pub llm: LlmEngine,
    /// Text to speech.
    pub tts: TtsEngine,
    /// Speech for programs.
    pub speech_api: SpeechApi,
    /// Voice activity and pauses.
    pub vad: Vad,
    /// Recordings that clients send.
    pub listening: Listening,
    /// Texts and recordings behind everything else.
    pub jobs: Jobs,
    /// The agent's character and behaviour.
    pub conversation: Conversation,
    /// What the agent may call.
    pub tools: Tools,
    /// The agent's face.
    pub avatar: Avatar,
    /// Where faces are sent over UDP.
    pub renderers: Renderers,
    /// Further engines, by name, for routes.
    pub backends: BTreeMap<String, BackendEngine>,
    /// Which engines serve which requests; none: those of `stt`, `llm` and `tts` serve all.
    pub routes: Vec<Route>,
}

/// Sockets and limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// HTTP and WebSocket.
    pub listen: SocketAddr,
    /// The one UDP port of all WebRTC calls. Unless it is set, its address is that of `listen`, and its port 8080.
    pub udp: SocketAddr,
    /// The certificate for https, PEM: the server's own first, then those that lead to its authority's; empty: http. Read anew
    /// when it changes.
    pub tls_cert: PathBuf,
    /// Its key, PEM, without a password. Read anew when it changes.
    pub tls_key: PathBuf,
    /// The directory of an ACME authority, such as `https://acme-v02.api.letsencrypt.org/directory`, from which a certificate for
    /// `names` is ordered, and the next one before it expires; it is written to `tls_cert` and `tls_key`. Whoever sets it agrees to the
    /// authority's terms. Empty: the files come from elsewhere.
    pub acme_directory: String,
    /// A mail address at which the authority may reach somebody; empty: it is told none.
    pub acme_contact: String,
    /// The certificate, PEM, by which the authority's own server is known; empty: those of the system.
    pub acme_roots: PathBuf,
    /// Addresses at which the UDP port is reached from outside, behind a 1:1 NAT.
    pub public_addresses: Vec<IpAddr>,
    /// Origins of pages that may use the API: `*`, or a list such as `https://example.org`.
    pub cors_origins: Vec<String>,
    /// Names by which the server is reached, such as `voice.example.org`, besides `localhost`, its addresses and the
    /// machine's own name. Requests for other names are refused; pages under these names may call.
    pub names: Vec<String>,
    /// HTTP connections at once; further ones are refused, except for health and the calls in progress.
    pub max_connections: usize,
    /// The same for one address. A reverse proxy is one address.
    pub connections_per_address: usize,
    /// Calls at once; further ones are refused with 503.
    pub max_calls: usize,
    /// Calls at once per address (per /64 in IPv6); 0: no limit. Callers on this host are exempt. An address with a limit has no more
    /// calls than it leaves to others: on a server that is nearly full its share shrinks.
    pub calls_per_address: usize,
    /// Requests of programs at once, beside calls: text, speech and transcripts. Further ones are refused with 503.
    pub max_requests: usize,
    /// The same for one address, whose further ones are refused with 429; 0: no limit. Callers on this host are exempt.
    pub requests_per_address: usize,
    /// Milliseconds from a person's last word to the response's first sound. When half of the users wait longer, or an engine's queue stays
    /// half full, no further call is taken; 0, the default: neither is looked at.
    pub target_ms: u32,
    /// Mebibytes of the machine's or container's memory to leave: with less, no further call is taken; 0: memory is not looked at.
    pub memory_reserve_mib: u32,
    /// Calls that are taken however long people wait and however little memory is left.
    pub least_calls: usize,
    /// Addresses or networks of reverse proxies whose `X-Forwarded-For` is trusted to name the caller.
    pub trusted_proxies: Vec<Network>,
    /// The key, sent as `Authorization: Bearer`, for requests that change the server: cloning and removing voices; empty: all of
    /// these are refused. `VISAVIS_SERVER_ADMIN_KEY` keeps it out of the file.
    pub admin_key: Secret,
    /// Seconds for calls to finish their response when the server stops.
    pub drain_seconds: u64,
    /// STUN and TURN servers that clients are told to use.
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
    /// A filter such as `info` or `visavis=debug,info`.
    pub filter: String,
    /// Write one JSON object per line.
    pub json: bool,
    /// Log what people and the agent say.
    pub content: bool,
}

/// Spans for an OpenTelemetry collector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Telemetry {
    /// Where a collector takes OTLP over gRPC, such as `http://localhost:4317`; empty: no spans are sent. Also set by
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub otlp_endpoint: String,
    /// Include what people and the agent say.
    pub content: bool,
}

/// Recordings of calls, for `visavis replay`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recording {
    /// Directory to which each call is recorded, including what was said; empty: no call is recorded.
    pub dir: PathBuf,
}

/// The models directory and profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Models {
    /// The directory.
    pub dir: PathBuf,
    /// The set of models: cpu, tiny, cpu-better, voices, gpu.
    pub profile: String,
}

/// The engines' processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineProcesses {
    /// Restrict the engines that the server starts to reading their models and libraries: no writing, programs or
    /// connections, as far as the kernel can refuse them.
    pub confine: bool,
}

/// Voice activity and pauses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vad {
    /// Probability from which a window counts as speech.
    pub threshold: f32,
    /// Speech must last this long to count.
    pub start_ms: u32,
    /// After a pause this long the utterance is transcribed on trial, and the turn may end.
    pub pause_ms: u32,
    /// A longer utterance is cut and answered without waiting for a pause.
    pub max_utterance_seconds: u32,
}

/// The agent's character and behaviour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// The system prompt.
    pub instructions: String,
    /// ISO 639-1, or `auto`: identify it.
    pub language: String,
    /// What the agent says when a call begins; empty: it waits for the person.
    pub greeting: String,
    /// How soon the agent takes the turn: low, medium, high.
    pub eagerness: Eagerness,
    /// Seconds without a word after which the agent asks whether the person is there; 0: never.
    pub idle_seconds: u64,
    /// Seconds without a word after that question until the call ends.
    pub idle_end_seconds: u64,
    /// Have the model summarise, between turns, what no longer fits into its context; otherwise that is forgotten.
    pub summarise: bool,
}

/// The agent's face.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Avatar {
    /// Compute faces for clients that ask for them.
    pub enabled: bool,
    /// Tell the model about tags that show on the face, such as `[happy]`; small models misuse them. Tags are removed from
    /// its text in any case.
    pub tags: bool,
    /// Let the face show what the words of a response suggest, if the model writes no tags.
    pub text_cues: bool,
    /// Faces per second: 30 or 60.
    pub fps: u8,
    /// Milliseconds that faces are sent ahead of their sound: 100 to 300.
    pub lead_ms: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            udp: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
            acme_directory: String::new(),
            acme_contact: String::new(),
            acme_roots: PathBuf::new(),
            public_addresses: Vec::new(),
            cors_origins: Vec::new(),
            names: Vec::new(),
            max_connections: 1024,
            connections_per_address: 256,
            max_calls: 32,
            calls_per_address: 16,
            max_requests: 16,
            requests_per_address: 8,
            target_ms: 0,
            memory_reserve_mib: 256,
            least_calls: 4,
            trusted_proxies: Vec::new(),
            admin_key: Secret::default(),
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
