//! The way to a relay: UDP, TCP or TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc_shared::turn_framing::TurnStreamDecoder;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::judge::relays::Transport;
use crate::look::roots;

/// How long a connection, or its handshake, may take.
const CONNECTING: Duration = Duration::from_secs(4);

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why a relay was not asked to the end.
#[derive(Debug)]
pub(super) enum NoWay {
    /// There is no answer.
    Silent,
    Broken(String),
    /// Its certificate is refused.
    Untrusted(String),
}

impl NoWay {
    /// An answer that makes no sense.
    pub(super) fn odd(what: &str) -> Self {
        Self::Broken(format!("its answer makes no sense: {what}"))
    }
}

impl From<io::Error> for NoWay {
    fn from(error: io::Error) -> Self {
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match of_tls {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Untrusted(error.to_string()),
            _ => Self::Broken(error.to_string()),
        }
    }
}

pub(super) enum Wire {
    Datagrams(UdpSocket),
    Stream { stream: Box<dyn Duplex>, decoder: TurnStreamDecoder },
}

impl Wire {
    /// `host`: the name for which the certificate has to be.
    pub(super) async fn open(transport: Transport, host: &str, server: SocketAddr) -> Result<Self, NoWay> {
        match transport {
            Transport::Udp => {
                let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any).await?;
                socket.connect(server).await?;
                Ok(Self::Datagrams(socket))
            }
            Transport::Tcp => Ok(Self::over(connect(server).await?)),
            Transport::Tls => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| {
                    NoWay::Broken(format!("{host} is no name for which a certificate can be"))
                })?;
                let connecting = connector()?.connect(name, connect(server).await?);
                let stream = timeout(CONNECTING, connecting).await.map_err(|_| NoWay::Silent)??;
                Ok(Self::over(stream))
            }
        }
    }

    fn over(stream: impl Duplex + 'static) -> Self {
        Self::Stream { stream: Box::new(stream), decoder: TurnStreamDecoder::new() }
    }

    /// How often a request is sent: UDP loses some.
    pub(super) fn attempts(&self) -> usize {
        match self {
            Self::Datagrams(_) => 4,
            Self::Stream { .. } => 1,
        }
    }

    /// How long an answer to each may take.
    pub(super) fn patience(&self) -> Duration {
        match self {
            Self::Datagrams(_) => Duration::from_millis(800),
            Self::Stream { .. } => Duration::from_secs(4),
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), NoWay> {
        match self {
            Self::Datagrams(socket) => _ = socket.send(bytes).await?,
            Self::Stream { stream, .. } => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
        }
        Ok(())
    }

    /// The next message; none: it does not come in time.
    pub(super) async fn receive(&mut self, deadline: Instant) -> Result<Option<Vec<u8>>, NoWay> {
        let mut memory = vec![0; 4096];
        match self {
            Self::Datagrams(socket) => match timeout_at(deadline, socket.recv(&mut memory)).await {
                Err(_) => Ok(None),
                Ok(received) => {
                    let length = received?;
                    memory.truncate(length);
                    Ok(Some(memory))
                }
            },
            Self::Stream { stream, decoder } => loop {
                let message = decoder.next_message().map_err(|error| NoWay::odd(&error.to_string()))?;
                if message.is_some() {
                    return Ok(message);
                }
                match timeout_at(deadline, stream.read(&mut memory)).await {
                    Err(_) => return Ok(None),
                    Ok(read) => match read? {
                        0 => return Err(NoWay::Broken("the connection was closed".to_owned())),
                        length => decoder.extend_from_slice(&memory[..length]),
                    },
                }
            },
        }
    }
}

async fn connect(server: SocketAddr) -> Result<TcpStream, NoWay> {
    Ok(timeout(CONNECTING, TcpStream::connect(server)).await.map_err(|_| NoWay::Silent)??)
}

fn connector() -> Result<TlsConnector, NoWay> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| NoWay::Broken(error.to_string()))?
        .with_root_certificates(roots::of_system())
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
