//! The UDP port.

use std::io;
use std::net::{IpAddr, SocketAddr};

use anyhow::Context;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

/// Requested from the kernel, which grants at most `net.core.rmem_max`.
const SOCKET_BUFFER: usize = 4 << 20;

/// The port.
#[derive(Debug)]
pub(super) struct Datagrams {
    pub(super) socket: UdpSocket,
    pub(super) local: SocketAddr,
}

impl Datagrams {
    pub(super) fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let opened = || -> io::Result<UdpSocket> {
            let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            if address.is_ipv6() {
                socket.set_only_v6(false)?;
            }
            socket.set_nonblocking(true)?;
            socket.set_recv_buffer_size(SOCKET_BUFFER)?;
            socket.set_send_buffer_size(SOCKET_BUFFER)?;
            socket.bind(&address.into())?;
            UdpSocket::from_std(socket.into())
        };
        let socket = opened().with_context(|| {
            format!("cannot listen on UDP {address} (turn.listen): another program may use the port")
        })?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local })
    }

    pub(super) fn send(&self, to: SocketAddr, message: &[u8]) {
        let to = match to.ip() {
            IpAddr::V4(v4) if self.local.is_ipv6() => SocketAddr::new(v4.to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        send(&self.socket, message, to);
    }
}

/// Sends at once or drops the datagram. It bypasses tokio, which does not yet consider a new socket writable.
pub(super) fn send(socket: &UdpSocket, message: &[u8], to: SocketAddr) {
    if let Err(error) = SockRef::from(socket).send_to(message, &to.into()) {
        tracing::trace!(%to, %error, "UDP send");
    }
}
