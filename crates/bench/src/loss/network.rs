//! A UDP proxy between a client and its server, which loses packets and delays others.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use visavis_client::turn::wait_until;

/// The longest packet.
const LONGEST: usize = 2_048;
/// Most packets on their way; further ones are lost.
const FLYING: usize = 4_096;

/// What a network does to packets, each way.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Weather {
    /// Share of packets lost.
    pub lost: f64,
    /// Longest delay, in ms; packets overtake each other.
    pub jitter_ms: u32,
}

impl Weather {
    /// How late a packet is; none: it is lost. `luck` and `lateness` are from 0 to 1.
    #[must_use]
    pub fn fate(self, luck: f64, lateness: f64) -> Option<Duration> {
        let late = lateness * f64::from(self.jitter_ms) / 1_000.0;
        (luck >= self.lost).then(|| Duration::from_secs_f64(late))
    }
}

/// A proxy. Ends when dropped.
#[derive(Debug)]
pub(super) struct Network {
    /// Where clients reach the server through it.
    pub(super) address: SocketAddr,
    weather: watch::Sender<Weather>,
    running: JoinHandle<()>,
}

impl Network {
    /// A network to the server's UDP port that loses nothing yet.
    pub(super) async fn start(server: SocketAddr) -> std::io::Result<Self> {
        let client_side = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let server_side = UdpSocket::bind(any).await?;
        server_side.connect(server).await?;
        let address = client_side.local_addr()?;
        let (weather, seen) = watch::channel(Weather::default());
        let running = tokio::spawn(carry(client_side, server_side, seen));
        Ok(Self { address, weather, running })
    }

    /// From now on it does this to packets.
    pub(super) fn be(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A packet on its way.
#[derive(Debug)]
enum Flying {
    ToServer(Vec<u8>),
    ToClient(Vec<u8>),
}

async fn carry(client_side: UdpSocket, server_side: UdpSocket, weather: watch::Receiver<Weather>) {
    let mut flying: BTreeMap<(Instant, u64), Flying> = BTreeMap::new();
    let (mut client, mut serial) = (None, 0);
    let (mut up, mut down) = (vec![0; LONGEST], vec![0; LONGEST]);
    loop {
        let due = flying.first_key_value().map(|((due, _), _)| *due);
        // Errors are those of packets that nobody received, as a lost one is.
        let packet = tokio::select! {
            received = client_side.recv_from(&mut up) => received.ok().map(|(length, from)| {
                client = Some(from);
                Flying::ToServer(up[..length].to_vec())
            }),
            received = server_side.recv(&mut down) => {
                received.ok().map(|length| Flying::ToClient(down[..length].to_vec()))
            }
            () = wait_until(due) => None,
        };
        let now = Instant::now();
        let weather = *weather.borrow();
        let late = weather.fate(rand::random(), rand::random());
        if let Some((packet, late)) = packet.zip(late).filter(|_| flying.len() < FLYING) {
            serial += 1;
            flying.insert((now + late, serial), packet);
        }
        while flying.first_key_value().is_some_and(|((due, _), _)| *due <= now) {
            let Some((_, packet)) = flying.pop_first() else { break };
            _ = match (packet, client) {
                (Flying::ToServer(packet), _) => server_side.send(&packet).await,
                (Flying::ToClient(packet), Some(client)) => client_side.send_to(&packet, client).await,
                (Flying::ToClient(_), None) => Ok(0),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_packets_are_lost_and_delayed_as_the_weather_says() {
        let bad = Weather { lost: 0.2, jitter_ms: 200 };
        assert_eq!((bad.fate(0.19, 0.5), bad.fate(0.2, 0.5)), (None, Some(Duration::from_millis(100))));
        assert_eq!(Weather::default().fate(0.0, 1.0), Some(Duration::ZERO));
    }

    #[tokio::test]
    async fn packets_go_both_ways_until_all_are_lost() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let network = Network::start(server.local_addr().unwrap()).await.unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut memory = [0; 16];
        client.send_to(b"ask", network.address).await.unwrap();
        let (length, from) = server.recv_from(&mut memory).await.unwrap();
        assert_eq!(&memory[..length], b"ask");
        server.send_to(b"answer", from).await.unwrap();
        assert_eq!(client.recv_from(&mut memory).await.unwrap(), (6, network.address));
        network.be(Weather { lost: 1.0, jitter_ms: 0 });
        client.send_to(b"gone", network.address).await.unwrap();
        let came = tokio::time::timeout(Duration::from_millis(300), server.recv_from(&mut memory)).await;
        assert!(came.is_err(), "nothing is let through");
    }
}
