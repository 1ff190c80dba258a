//! Our own engine programs over gRPC, on a Unix socket or another machine: `stt`, `llm`, `tts`.
//!
//! - this file: the link to a program, and its errors
//! - `monitor`: polls its health

mod llm;
mod monitor;
mod stt;
mod tts;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};
use visavis_proto::fault;

use super::{Backend, Tasks};
use crate::config::{LlmEngine, TtsEngine};
use crate::health::Wedged;
use crate::status::{EngineStatus, Life, Work};
use crate::watchdog::Watchdog;
use crate::{EngineError, Llm, Stt, Tts};
use llm::GrpcLlm;
use monitor::Monitor;
use stt::GrpcStt;
use tts::GrpcTts;

/// Longest time for one transcript or prefill of a call. Responses and segments have no deadline, since playout may hold them back, and
/// recordings have none, since calls may.
const DEADLINE: Duration = Duration::from_secs(60);
/// Bytes that one stream may send before they are read.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for a whole connection: so large that one call's unread speech never blocks another's.
const CONNECTION_WINDOW: u32 = 256 << 20;

/// The link to an engine program.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The connection, made when first used and again when lost.
    channel: Channel,
    /// Ends requests when the engine is wedged.
    watchdog: Watchdog,
    /// How it is wedged, if it is.
    pub(super) wedged: watch::Receiver<Option<Wedged>>,
    /// The lives of a child's process; none for an engine that runs elsewhere.
    life: Option<watch::Receiver<Life>>,
    /// Whether it is ready.
    pub(super) status: watch::Receiver<EngineStatus>,
}

/// Opens the link to this engine's program at `url`, and polls its health until `tasks` end. `life`: the life of a child's
/// process.
///
/// # Errors
/// When `url` is not an engine's address.
pub(super) fn open(
    tasks: &Tasks,
    name: &'static str,
    url: &str,
    life: Option<watch::Receiver<Life>>,
) -> anyhow::Result<Link> {
    let (status, known) = watch::channel(EngineStatus::not_ready("starts"));
    let (wedged, found) = watch::channel(None);
    let (work, waiting) = watch::channel(Work::default());
    let watchdog = Watchdog::new(found.clone());
    let link = Link { channel: connect(url)?, watchdog, wedged: found, life: life.clone(), status: known };
    let monitor = Monitor { name, channel: connect(url)?, life, status, work, wedged };
    tasks.reports(waiting);
    tasks.spawn(|token| monitor.run(token));
    Ok(link)
}

/// Opens the link to a program that was started elsewhere.
///
/// # Errors
/// When `url` is not an engine's address; the error names the configuration key.
pub(super) fn remote(tasks: &Tasks, name: &'static str, url: &str) -> anyhow::Result<Link> {
    open(tasks, tasks.label(name), url, None).with_context(|| format!("{}.url", tasks.section(name)))
}

/// A recogniser.
pub(super) fn stt(link: Link) -> Backend<dyn Stt> {
    Backend { status: link.status.clone(), engine: Arc::new(GrpcStt { link }) }
}

/// A language model; `settings`: length and sampling of its responses.
pub(super) fn llm(link: Link, settings: &LlmEngine) -> Backend<dyn Llm> {
    Backend { status: link.status.clone(), engine: Arc::new(GrpcLlm { link, settings: settings.clone() }) }
}

/// A voice; `settings`: its speed.
pub(super) fn tts(link: Link, settings: &TtsEngine) -> Backend<dyn Tts> {
    Backend { status: link.status.clone(), engine: Arc::new(GrpcTts { link, settings: settings.clone() }) }
}

/// A connection that is made when first used and again when lost.
fn connect(url: &str) -> anyhow::Result<Channel> {
    let mut endpoint =
        Endpoint::from_shared(url.to_string())?.tcp_nodelay(true).connect_timeout(Duration::from_secs(3));
    endpoint = endpoint.initial_stream_window_size(STREAM_WINDOW);
    endpoint = endpoint.initial_connection_window_size(CONNECTION_WINDOW);
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
        if let Some(detail) = fault::is_too_long(&status) {
            return Self::TooLong { limit: detail.limit, got: detail.got };
        }
        if std::error::Error::source(&status).is_some() {
            // The error is the connection's, not the engine's: the engine has died and will be back.
            return Self::Unavailable(format!("the connection is lost: {}", status.message()));
        }
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

fn deadline_ms() -> u32 {
    u32::try_from(DEADLINE.as_millis()).unwrap_or(u32::MAX)
}
