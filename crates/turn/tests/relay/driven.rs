//! The client of `rtc-turn`, which relays what Chromium-like peers do, driven over a [`Wire`].

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_shared::{TransportContext, TransportMessage, TransportProtocol};
use rtc_turn::client::{Client, ClientConfig, Event};
use sansio::Protocol;
use visavis_turn::Credential;

use crate::any_port;
use crate::wire::Wire;

/// How long any event may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Driven {
    client: Client,
    wire: Wire,
    server: SocketAddr,
}

/// Data of a peer, as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) from: SocketAddr,
    pub(crate) data: Vec<u8>,
    /// Whether it came on a channel.
    pub(crate) on_channel: bool,
}

impl Driven {
    pub(crate) fn new(wire: Wire, server: SocketAddr, credential: Credential) -> Self {
        let config = ClientConfig {
            turn_serv_addr: server.to_string(),
            local_addr: any_port(),
            username: credential.username,
            password: credential.password,
            ..ClientConfig::default()
        };
        let client = Client::new(config, rtc_turn::crypto::default_provider().unwrap()).unwrap();
        Self { client, wire, server }
    }

    /// Runs the client until it reports what is wanted.
    async fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            while let Some(transmit) = self.client.poll_write() {
                self.wire.send(&transmit.message).await;
            }
            while let Some(event) = self.client.poll_event() {
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
            match self.wire.receive(Duration::from_millis(50)).await {
                None => self.client.handle_timeout(Instant::now()).unwrap(),
                Some(message) => {
                    let transport = TransportContext {
                        local_addr: any_port(),
                        peer_addr: self.server,
                        transport_protocol: TransportProtocol::UDP,
                        ecn: None,
                    };
                    let message = BytesMut::from(message.as_slice());
                    self.client
                        .handle_read(TransportMessage { now: Instant::now(), transport, message })
                        .unwrap();
                }
            }
        }
        panic!("it never came");
    }

    /// Opens an allocation: its relayed address, or what was wrong.
    pub(crate) async fn allocate(&mut self) -> Result<SocketAddr, String> {
        self.client.allocate(Instant::now()).unwrap();
        self.until(|event| match event {
            Event::AllocateResponse(_, relayed) => Some(Ok(relayed)),
            Event::AllocateError(_, error) => Some(Err(error.to_string())),
            _ => None,
        })
        .await
    }

    pub(crate) async fn permit(&mut self, relayed: SocketAddr, peer: SocketAddr) -> Result<(), String> {
        self.client.relay(relayed).unwrap().create_permission(Instant::now(), peer).unwrap();
        self.until(|event| match event {
            Event::CreatePermissionResponse(..) => Some(Ok(())),
            Event::CreatePermissionError(_, error) => Some(Err(error.to_string())),
            _ => None,
        })
        .await
    }

    pub(crate) async fn send(&mut self, relayed: SocketAddr, peer: SocketAddr, data: &[u8]) {
        self.client.relay(relayed).unwrap().send_to(Instant::now(), data, peer).unwrap();
        while let Some(transmit) = self.client.poll_write() {
            self.wire.send(&transmit.message).await;
        }
    }

    /// The next data of a peer.
    pub(crate) async fn data(&mut self) -> Came {
        self.until(|event| match event {
            Event::DataIndicationOrChannelData(channel, from, data) => {
                Some(Came { from, data: data.to_vec(), on_channel: channel.is_some() })
            }
            _ => None,
        })
        .await
    }

    /// Gives the allocation back.
    pub(crate) async fn close(&mut self, relayed: SocketAddr) {
        self.client.relay(relayed).unwrap().close(Instant::now()).unwrap();
        while let Some(transmit) = self.client.poll_write() {
            self.wire.send(&transmit.message).await;
        }
    }
}
