//! The UDP port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use super::shared::{Shared, count_dropped};
use crate::protocol::step::Reason;
use crate::protocol::{Client, LONGEST};

/// Requested from the kernel, which grants at most `net.core.rmem_max`.
const SOCKET_BUFFER: usize = 4 << 20;

/// The port.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
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

/// Sends at once or not at all, past tokio, which does not know yet that a new socket can be written to.
pub(super) fn send(socket: &UdpSocket, message: &[u8], to: SocketAddr) {
    if let Err(error) = SockRef::from(socket).send_to(message, &to.into()) {
        tracing::trace!(%to, %error, "UDP send");
    }
}

/// Reads the port for as long as the server runs, whatever a datagram does to the reader.
pub(super) async fn keep_reading(shared: Arc<Shared>) {
    loop {
        let reader = tokio::spawn(read(shared.clone()));
        let aborted = AbortOnDrop(reader.abort_handle());
        let ended = reader.await;
        drop(aborted);
        match ended {
            Err(error) if error.is_panic() => {
                metrics::counter!("visavis_task_restarts_total", "task" => "turn").increment(1);
                tracing::error!("the reader of the TURN port failed; it is started again");
            }
            _ => return,
        }
    }
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends at once if there is no port.
async fn read(shared: Arc<Shared>) {
    let Some(datagrams) = shared.datagrams() else { return };
    let mut memory = vec![0; LONGEST + 1];
    loop {
        match datagrams.socket.recv_from(&mut memory).await {
            Ok((length, _)) if length > LONGEST => count_dropped(Reason::Malformed.name()),
            Ok((length, from)) => {
                let address = SocketAddr::new(from.ip().to_canonical(), from.port());
                shared.receive(Client::Datagrams { address }, &memory[..length]);
            }
            Err(error) => {
                // The kernel reports a client's unreachable port here; it must neither stop this loop nor make it spin.
                tracing::debug!(%error, "UDP receive");
                tokio::task::yield_now().await;
            }
        }
    }
}
