//! Packets from this host to itself, and its addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use visavis_turn::addresses;

use crate::judge::udp::{Echo, Sent};

/// How long a packet may take, and how often it is sent.
const PATIENCE: Duration = Duration::from_millis(700);
const ATTEMPTS: usize = 3;
/// Most addresses that are tried.
const MOST: usize = 8;
const PACKET: &[u8] = b"visavis doctor";

/// The addresses of this host, without loopback and link-local ones.
pub(crate) fn own_addresses() -> Vec<IpAddr> {
    let is_usable = |ip: &IpAddr| {
        let is_link_local = match ip {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        !ip.is_loopback() && !ip.is_unspecified() && !is_link_local
    };
    let mut found: Vec<IpAddr> = addresses::of_host().into_iter().filter(is_usable).collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(MOST);
    found
}

/// Sends to an address of this host from another socket at that address.
pub(crate) async fn echo(to: IpAddr) -> Sent {
    let echo = match echoed(to).await {
        Ok(true) => Echo::Came,
        Ok(false) => Echo::Lost,
        Err(error) => Echo::Fault(error.to_string()),
    };
    Sent { to, echo }
}

async fn echoed(to: IpAddr) -> io::Result<bool> {
    let any = SocketAddr::new(to, 0);
    let (here, there) = (UdpSocket::bind(any).await?, UdpSocket::bind(any).await?);
    let (from, target) = (here.local_addr()?, there.local_addr()?);
    let mut memory = [0; 64];
    for _ in 0..ATTEMPTS {
        here.send_to(PACKET, target).await?;
        // Others may send to the port too: only our own packet counts.
        if let Ok(received) = timeout(PATIENCE, there.recv_from(&mut memory)).await {
            let (length, sender) = received?;
            if sender == from && &memory[..length] == PACKET {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn loopback_carries_udp() {
        let sent = echo(IpAddr::from([127, 0, 0, 1])).await;
        assert_eq!(sent.echo, Echo::Came);
        assert!(own_addresses().iter().all(|ip| !ip.is_loopback()));
    }
}
