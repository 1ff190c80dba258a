//! One call's endpoint behind the single port: its datagrams, and the names that route to it.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use webrtc::runtime::RecvMeta;

use super::checks::Unasked;
use super::ways::Path;

/// Datagrams that wait for one call; more are dropped, as by any full socket.
const INBOX: usize = 256;
/// One call's endpoint behind the port. Its routes are removed when it is closed.
#[derive(Default)]
pub(super) struct Endpoint {
    v4: Mutex<Inbox>,
    v6: Mutex<Inbox>,
    pub(super) names: Mutex<Names>,
    /// Checks sent to unproven addresses.
    pub(super) unasked: Mutex<Unasked>,
}

/// The addresses and ICE user names that route to this endpoint.
#[derive(Default)]
pub(super) struct Names {
    pub(super) paths: VecDeque<Path>,
    pub(super) ufrags: VecDeque<String>,
    pub(super) closed: bool,
}

#[derive(Default)]
struct Inbox {
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
    /// Buffers for reuse.
    spare: Vec<Vec<u8>>,
    waker: Option<Waker>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").finish_non_exhaustive()
    }
}

impl Endpoint {
    fn inbox(&self, v6: bool) -> &Mutex<Inbox> {
        if v6 { &self.v6 } else { &self.v4 }
    }

    /// Queues a datagram for the call.
    pub(super) fn deliver(&self, from: SocketAddr, datagram: &[u8]) {
        let mut inbox = self.inbox(from.is_ipv6()).lock();
        if inbox.datagrams.len() == INBOX {
            metrics::counter!("visavis_udp_dropped_total", "reason" => "full").increment(1);
            return;
        }
        let mut buffer = inbox.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(datagram);
        inbox.datagrams.push_back((from, buffer));
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The next datagram for the virtual socket of one address family.
    pub(super) fn poll_recv(
        &self,
        v6: bool,
        cx: &Context<'_>,
        buffer: &mut IoSliceMut<'_>,
        meta: &mut RecvMeta,
    ) -> Poll<io::Result<usize>> {
        let mut inbox = self.inbox(v6).lock();
        let Some((from, datagram)) = inbox.datagrams.pop_front() else {
            inbox.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        *meta = RecvMeta::default();
        (meta.addr, meta.len, meta.stride) = (from, length, length.max(1));
        if inbox.spare.len() < 8 {
            inbox.spare.push(datagram);
        }
        Poll::Ready(Ok(1))
    }
}
