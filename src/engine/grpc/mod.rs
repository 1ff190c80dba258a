//! Our own engine programs over gRPC, on a Unix socket or another machine: [`stt`], [`llm`], [`tts`].

mod llm;
mod stt;
mod tts;

use std::time::Duration;

use backon::ExponentialBuilder;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Status};
use visavis_proto::fault;

use super::EngineError;

pub use llm::GrpcLlm;
pub use stt::GrpcStt;
pub use tts::GrpcTts;

/// How long a request waits for an engine that is restarting. A child is back within two seconds, its model included.
const PATIENCE: Duration = Duration::from_secs(12);
/// Longest time for one transcript, or for reading ahead. Answers and phrases have none: playout may hold them back.
const DEADLINE: Duration = Duration::from_secs(60);
/// What one stream may send before it is read.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all of a connection's: so much that one call's unread speech never holds back another's.
const CONNECTION_WINDOW: u32 = 256 << 20;

/// A connection that is made when first used and again when lost.
///
/// # Errors
/// When `url` is no address of an engine.
pub fn connect(url: &str) -> anyhow::Result<Channel> {
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
            // Not the engine says so, but its connection: it has died, and will be back.
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
