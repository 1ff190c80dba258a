//! The sockets of relayed addresses.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rand::Rng;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::counts::count_dropped;
use crate::protocol::step::Reason;
use crate::protocol::{Family, LONGEST};
use crate::settings::Relays;

/// Ports that are tried; when half of a range is taken, one in four billion requests finds none.
const ATTEMPTS: usize = 32;

/// A socket for a relayed address.
pub(super) struct OpenRelay {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) port: u16,
}

/// Opens a socket at a random port, so that a client's relayed address cannot be predicted.
pub(super) fn open(relays: &Relays, family: Family) -> io::Result<OpenRelay> {
    let relay = match family {
        Family::V4 => relays.v4,
        Family::V6 => relays.v6,
    };
    let bind = relay.ok_or(io::ErrorKind::AddrNotAvailable)?.bind;
    let mut failed = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..ATTEMPTS {
        let port = rand::rng().random_range(relays.ports.clone());
        match bound(SocketAddr::new(bind, port)) {
            Ok(socket) => return Ok(OpenRelay { socket: Arc::new(socket), port }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => failed = error,
            // Another port would fail as well.
            Err(error) => return Err(error),
        }
    }
    Err(failed)
}

/// What to do where no relayed address can be opened.
pub(super) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "give it more ports (turn.first_port, turn.last_port)",
        io::ErrorKind::AddrNotAvailable => "turn.relay_address is none of this host's",
        _ => "if no more files can be opened, raise their limit (ulimit -n) or lower turn.max_allocations",
    }
}

fn bound(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // A peer's IPv6 address must not contain a mapped IPv4 address.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Delivers what peers send to a relayed address, with the peer's address, until it is dropped.
pub(super) async fn read(socket: Arc<UdpSocket>, mut deliver: impl FnMut(SocketAddr, &[u8])) {
    let mut memory = vec![0; LONGEST + 1];
    loop {
        match socket.recv_from(&mut memory).await {
            Ok((length, _)) if length > LONGEST => count_dropped(Reason::Malformed.name()),
            Ok((length, from)) => deliver(from, &memory[..length]),
            Err(error) => {
                tracing::debug!(%error, "UDP receive of a relayed address");
                tokio::task::yield_now().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RelayAddress;

    #[tokio::test]
    async fn what_no_other_port_would_mend_is_told_as_it_is() {
        let elsewhere = "192.0.2.1".parse().unwrap();
        let relay = RelayAddress { bind: elsewhere, told: elsewhere };
        let relays = Relays { v4: Some(relay), v6: None, ports: 50_000..=50_001 };
        let told = |family| advice(&open(&relays, family).err().unwrap());
        assert!(told(Family::V4).contains("turn.relay_address"));
        let no_files = io::Error::from_raw_os_error(24);
        assert!(advice(&no_files).contains("turn.max_allocations"));
    }
}
