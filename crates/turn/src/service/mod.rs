//! The sockets of a server.
//!
//! - `datagrams`: the UDP port, which `reader` reads; `streams`: a connection, over TCP or TLS, of ours or of another listener; `tls`: certificates
//! - `relaying`: the sockets of relayed addresses; `shared`: what all of these share
//! - `places`: how many connections there may be (pure); `counts`: metrics

mod counts;
mod datagrams;
mod places;
mod reader;
mod relaying;
mod shared;
mod streams;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use self::datagrams::Datagrams;
use self::shared::Shared;
use self::tls::Tls;
use crate::peers::OwnMedia;
use crate::protocol::step::Reason;
use crate::settings::Settings;
use crate::urls::Ports;

/// How often expired allocations are removed.
const SWEEP: Duration = Duration::from_secs(1);

/// A TURN server that runs; clones are the same server.
#[derive(Debug, Clone)]
pub struct Turn {
    shared: Arc<Shared>,
    ports: Ports,
}

impl Turn {
    /// Opens the sockets and serves.
    ///
    /// # Errors
    /// If a port is taken, a certificate cannot be read, or there is no cryptography. The message names the setting.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let datagrams = settings.udp.map(Datagrams::bind).transpose()?;
        let tcp = match settings.tcp {
            Some(address) => Some(listen(address, "turn.listen").await?),
            None => None,
        };
        let tls = match &settings.tls {
            Some(port) => Some((listen(port.listen, "turn.tls_listen").await?, Tls::read(port.clone())?)),
            None => None,
        };
        let port = |address: std::io::Result<SocketAddr>| address.map(|address| address.port());
        let ports = Ports {
            udp: datagrams.as_ref().map(|datagrams| datagrams.local.port()),
            tcp: tcp.as_ref().map(|listener| port(listener.local_addr())).transpose()?,
            tls: tls.iter().map(|(listener, _)| port(listener.local_addr())).collect::<Result<_, _>>()?,
            https: None,
        };
        let shared = Shared::new(settings, datagrams)?;
        begin_at_zero();
        shared.spawn(reader::keep_reading(shared.clone()));
        shared.spawn(sweep(shared.clone()));
        if let Some(listener) = tcp {
            shared.spawn(streams::accept(shared.clone(), listener, None));
        }
        if let Some((listener, tls)) = tls {
            let tls = Arc::new(tls);
            let kept = tls.clone();
            shared.spawn(async move { kept.keep().await });
            shared.spawn(streams::accept(shared.clone(), listener, Some(tls)));
        }
        Ok(Self { shared, ports })
    }

    /// The ports at which it listens itself.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Serves a stream that another listener has accepted, and whose first bytes are still to be read; for example one that HTTPS has
    /// decrypted and found to begin with STUN. Ends with the stream. One too many is closed at once.
    pub async fn serve<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        streams::serve(&self.shared, stream, peer).await;
    }

    /// Replaces the addresses of this host, which may change while the server runs: those of the port of our own calls, and those that are
    /// no peers otherwise.
    pub fn set_own(&self, own_media: Vec<OwnMedia>, own_addresses: Vec<IpAddr>) {
        self.shared.set_own(own_media, own_addresses);
    }

    /// Number of allocations.
    #[must_use]
    pub fn allocations(&self) -> usize {
        self.shared.allocations()
    }

    /// Ends all connections and allocations.
    pub async fn stop(&self) {
        self.shared.stop().await;
    }
}

async fn listen(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    let opened = TcpListener::bind(address).await;
    opened
        .with_context(|| format!("cannot listen on TCP {address} ({key}): another program may use the port"))
}

async fn sweep(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tick.tick().await;
        shared.sweep();
    }
}

/// Registers metrics that have counted nothing yet; otherwise they would be missing instead of 0.
fn begin_at_zero() {
    metrics::gauge!("visavis_turn_allocations").set(0.0);
    metrics::counter!("visavis_turn_allocations_total").absolute(0);
    for direction in ["to_peer", "to_client"] {
        metrics::counter!("visavis_turn_bytes_total", "direction" => direction).absolute(0);
    }
    for reason in Reason::ALL.map(Reason::name).into_iter().chain(["full"]) {
        metrics::counter!("visavis_turn_dropped_total", "reason" => reason).absolute(0);
    }
}
