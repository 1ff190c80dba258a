//! A client's way to a server: UDP, TCP or TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rtc_shared::turn_framing::TurnStreamDecoder;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(crate) enum Wire {
    Datagrams(UdpSocket),
    Stream { stream: Box<dyn Duplex>, decoder: TurnStreamDecoder },
}

impl Wire {
    pub(crate) async fn udp(server: SocketAddr) -> Self {
        let own: IpAddr =
            if server.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let socket = UdpSocket::bind((own, 0)).await.unwrap();
        socket.connect(server).await.unwrap();
        Self::Datagrams(socket)
    }

    pub(crate) async fn tcp(server: SocketAddr) -> Self {
        Self::over(TcpStream::connect(server).await.unwrap())
    }

    pub(crate) async fn tls(server: SocketAddr, trusted: &CertificateDer<'static>) -> Self {
        Self::try_tls(server, trusted).await.unwrap()
    }

    /// The same; an error if the server shows another certificate.
    pub(crate) async fn try_tls(server: SocketAddr, trusted: &CertificateDer<'static>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(server).await?;
        let name = ServerName::try_from("localhost").unwrap();
        Ok(Self::over(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
    }

    pub(crate) fn over(stream: impl Duplex + 'static) -> Self {
        Self::Stream { stream: Box::new(stream), decoder: TurnStreamDecoder::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Datagrams(socket) => _ = socket.send(bytes).await.unwrap(),
            Self::Stream { stream, .. } => {
                stream.write_all(bytes).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    }

    /// The next message; none if it does not come in time, or the connection has ended.
    pub(crate) async fn receive(&mut self, patience: Duration) -> Option<Vec<u8>> {
        let mut memory = vec![0; 4096];
        match self {
            Self::Datagrams(socket) => {
                let length = timeout(patience, socket.recv(&mut memory)).await.ok()?.ok()?;
                memory.truncate(length);
                Some(memory)
            }
            Self::Stream { stream, decoder } => loop {
                if let Some(message) = decoder.next_message().unwrap() {
                    return Some(message);
                }
                match timeout(patience, stream.read(&mut memory)).await.ok()?.ok()? {
                    0 => return None,
                    length => decoder.extend_from_slice(&memory[..length]),
                }
            },
        }
    }

    /// Whether the server has ended the connection.
    pub(crate) async fn is_over(&mut self, patience: Duration) -> bool {
        let Self::Stream { stream, .. } = self else { return false };
        let read = timeout(patience, stream.read(&mut [0; 64])).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }
}
