//! The real socket of the port: opens it, reads many datagrams at once, and sends one from the local address that is wanted.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use anyhow::Context as _;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use webrtc::runtime::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

/// Requested from the kernel, which grants at most `net.core.rmem_max`.
const SOCKET_BUFFER: usize = 4 << 20;
/// Messages read from the kernel at once, and bytes for each: 64 coalesced datagrams.
const BATCH: usize = 8;
const MESSAGE: usize = 64 * 1500;

/// The UDP port, open.
pub(super) struct Socket {
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
}

/// What was read from the kernel at once.
pub(super) struct Batch {
    memory: Vec<Vec<u8>>,
    metas: [RecvMeta; BATCH],
    /// How many of them were read.
    count: usize,
}

/// A datagram that was read.
pub(super) struct Received<'a> {
    pub(super) from: SocketAddr,
    /// The local address that it reached.
    pub(super) ours: Option<IpAddr>,
    pub(super) datagram: &'a [u8],
}

impl Batch {
    pub(super) fn new() -> Self {
        Self { memory: vec![vec![0; MESSAGE]; BATCH], metas: [RecvMeta::default(); BATCH], count: 0 }
    }

    /// The datagrams that were read last.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = Received<'_>> {
        self.memory.iter().zip(&self.metas[..self.count]).flat_map(|(buffer, meta)| {
            let from = unmapped(meta.addr);
            let datagrams = buffer[..meta.len].chunks(meta.stride.max(1));
            datagrams.map(move |datagram| Received { from, ours: meta.dst_ip, datagram })
        })
    }
}

impl Socket {
    pub(super) fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = open(address).with_context(|| {
            format!("cannot listen on UDP {address}: is another server running there? Stop it, or choose another port")
        })?;
        let socket = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let local = socket.local_addr()?;
        Ok(Self { socket, state, local })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Waits for datagrams, and reads them.
    pub(super) async fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        let Batch { memory, metas, count } = batch;
        (*metas, *count) = ([RecvMeta::default(); BATCH], 0);
        let read = self.socket.async_io(Interest::READABLE, || {
            let mut buffers = memory.iter_mut().map(|buffer| IoSliceMut::new(buffer));
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| buffers.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas[..])
        });
        *count = read.await?;
        Ok(())
    }

    /// Sends a datagram, from one of the host's addresses if it has several.
    pub(super) fn send(&self, to: SocketAddr, ours: Option<IpAddr>, datagram: &[u8]) {
        let destination = match (self.local.is_ipv6(), to) {
            (true, SocketAddr::V4(v4)) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
            _ => to,
        };
        let transmit =
            Transmit { destination, ecn: None, contents: datagram, segment_size: None, src_ip: ours };
        let sent = self
            .socket
            .try_io(Interest::WRITABLE, || self.state.try_send(UdpSockRef::from(&self.socket), &transmit));
        if let Err(error) = sent {
            tracing::trace!(%to, %error, "UDP send");
        }
    }
}

fn open(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(address),
        socket2::Type::DGRAM,
        Some(socket2::Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Unmaps an IPv4 address that a socket of both families reports.
fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
