//! Streams in place of UDP: which clients are reached over one.

use std::collections::HashMap;
use std::net::SocketAddr;

use parking_lot::RwLock;
use tokio::sync::mpsc;

/// Datagrams that wait for one stream; more are dropped, as by a full socket: late sound is useless.
const OUTBOX: usize = 64;

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
