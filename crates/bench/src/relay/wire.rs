//! A caller's end of a call: straight to the other end, or through a relay by the client of `rtc-turn`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use bytes::BytesMut;
use rtc_shared::error::Error;
use rtc_shared::{TransportContext, TransportMessage, TransportProtocol};
use rtc_turn::client::{Client, ClientConfig, Event};
use sansio::Protocol;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use visavis_turn::Credential;

/// How long the relay may take to answer a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often requests are looked after until they are answered.
const STEP: Duration = Duration::from_millis(50);
const LONGEST: usize = 2_048;

/// A caller's end.
pub(super) enum Line {
    /// Straight to the other end.
    Straight(Straight),
    /// Through a relay.
    Relayed(Box<Relayed>),
}

impl Line {
    /// Sends a packet to the other end.
    pub(super) async fn send(&mut self, packet: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Straight(line) => {
                line.socket.send(packet).await?;
                Ok(())
            }
            Self::Relayed(line) => line.send(packet).await,
        }
    }

    /// The next packet of the other end. No packet is lost if the wait is given up.
    pub(super) async fn receive(&mut self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Straight(line) => {
                let length = line.socket.recv(&mut line.memory).await?;
                Ok(line.memory[..length].to_vec())
            }
            Self::Relayed(line) => line.receive().await,
        }
    }
}

/// Straight to the other end.
pub(super) struct Straight {
    socket: UdpSocket,
    memory: Vec<u8>,
}

impl Straight {
    /// A line to the other end.
    pub(super) async fn open(peer: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { socket: connected(peer).await?, memory: vec![0; LONGEST] })
    }
}

async fn connected(to: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// Through a relay.
pub(super) struct Relayed {
    client: Client,
    socket: UdpSocket,
    memory: Vec<u8>,
    relay: SocketAddr,
    /// The address at the relay where the other end sends to.
    relayed: SocketAddr,
    peer: SocketAddr,
}

impl Relayed {
    /// Opens an allocation at the relay, with a permission for the other end.
    pub(super) async fn open(
        relay: SocketAddr,
        peer: SocketAddr,
        credential: Credential,
    ) -> anyhow::Result<Self> {
        let socket = connected(relay).await?;
        let local = socket.local_addr()?;
        let config = ClientConfig {
            turn_serv_addr: relay.to_string(),
            local_addr: local,
            username: credential.username,
            password: credential.password,
            ..ClientConfig::default()
        };
        let provider = rtc_turn::crypto::default_provider().map_err(|error| anyhow!("{error}"))?;
        let client = Client::new(config, provider).map_err(failed)?;
        // Until the relay tells another one.
        let relayed = local;
        let mut line = Self { client, socket, memory: vec![0; LONGEST], relay, relayed, peer };
        line.client.allocate(Instant::now()).map_err(failed)?;
        line.relayed = line
            .until(|event| match event {
                Event::AllocateResponse(_, relayed) => Some(Ok(relayed)),
                Event::AllocateError(_, error) => Some(Err(failed(error))),
                _ => None,
            })
            .await?;
        let mut at = line.client.relay(line.relayed).map_err(failed)?;
        at.create_permission(Instant::now(), peer).map_err(failed)?;
        line.until(|event| match event {
            Event::CreatePermissionResponse(..) => Some(Ok(())),
            Event::CreatePermissionError(_, error) => Some(Err(failed(error))),
            _ => None,
        })
        .await?;
        Ok(line)
    }

    /// Runs the client until it reports what is wanted.
    async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(Event) -> Option<anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            self.flush().await?;
            while let Some(event) = self.client.poll_event() {
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
            match timeout(STEP, self.socket.recv(&mut self.memory)).await {
                Ok(length) => self.take(length?)?,
                Err(_) => self.client.handle_timeout(Instant::now()).map_err(failed)?,
            }
        }
        bail!("the relay did not answer within {} s", PATIENCE.as_secs())
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        while let Some(transmit) = self.client.poll_write() {
            self.socket.send(&transmit.message).await?;
        }
        Ok(())
    }

    /// Takes a packet of the relay, which is the first so many bytes of the memory.
    fn take(&mut self, length: usize) -> anyhow::Result<()> {
        let transport = TransportContext {
            local_addr: self.socket.local_addr()?,
            peer_addr: self.relay,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        let message = BytesMut::from(&self.memory[..length]);
        self.client.handle_read(TransportMessage { now: Instant::now(), transport, message }).map_err(failed)
    }

    async fn send(&mut self, packet: &[u8]) -> anyhow::Result<()> {
        let mut at = self.client.relay(self.relayed).map_err(failed)?;
        at.send_to(Instant::now(), packet, self.peer).map_err(failed)?;
        self.flush().await
    }

    async fn receive(&mut self) -> anyhow::Result<Vec<u8>> {
        loop {
            while let Some(event) = self.client.poll_event() {
                if let Event::DataIndicationOrChannelData(_, _, data) = event {
                    return Ok(data.to_vec());
                }
            }
            let length = self.socket.recv(&mut self.memory).await?;
            self.take(length)?;
        }
    }
}

fn failed(error: Error) -> anyhow::Error {
    anyhow::Error::new(error).context("the relay")
}
