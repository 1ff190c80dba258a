//! The ways to clients: UDP, and streams in place of it.

use std::collections::HashMap;
use std::net::SocketAddr;

use parking_lot::RwLock;
use tokio::sync::mpsc;

/// Datagrams that wait for one stream; more are dropped, as by a full socket: late sound is useless.
const OUTBOX: usize = 64;

/// Where a client is, and what leads there. A port of TCP is not the port of UDP with the same number, and may be another client's:
/// behind a NAT many share one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Path {
    pub(super) address: SocketAddr,
    over_stream: bool,
}

impl Path {
    pub(super) fn over_udp(address: SocketAddr) -> Self {
        Self { address, over_stream: false }
    }

    pub(super) fn over_stream(address: SocketAddr) -> Self {
        Self { address, over_stream: true }
    }

    pub(super) fn is_stream(&self) -> bool {
        self.over_stream
    }
}

/// The streams, by their clients' addresses.
#[derive(Debug, Default)]
pub(super) struct Ways {
    open: RwLock<HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>>,
}

impl Ways {
    /// From now on what is sent to this address comes here, each datagram behind its length; `None` if it has a stream already.
    pub(super) fn open(&self, address: SocketAddr) -> Option<mpsc::Receiver<Vec<u8>>> {
        let mut open = self.open.write();
        if open.contains_key(&address) {
            return None;
        }
        let (inbox, outbox) = mpsc::channel(OUTBOX);
        open.insert(address, inbox);
        Some(outbox)
    }

    pub(super) fn close(&self, address: &SocketAddr) {
        self.open.write().remove(address);
    }

    /// Gives a datagram to the stream of this address; `false` if it has none.
    pub(super) fn send(&self, to: &SocketAddr, datagram: &[u8]) -> bool {
        let open = self.open.read();
        let Some(inbox) = open.get(to) else { return false };
        let framed =
            u16::try_from(datagram.len()).map(|length| [&length.to_be_bytes()[..], datagram].concat());
        if framed.is_ok_and(|framed| inbox.try_send(framed).is_err()) {
            metrics::counter!("visavis_udp_dropped_total", "reason" => "full").increment(1);
        }
        true
    }
}
