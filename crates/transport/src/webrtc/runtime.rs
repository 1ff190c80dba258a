//! The `webrtc` crate's runtime for one call: tokio, but with virtual sockets behind the single port, and with tasks that are
//! tracked and end with the call.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime,
    TokioRuntime, Transmit,
};

use super::endpoint::Endpoint;
use super::mux::Mux;

/// A future of the crate's.
type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One call's runtime.
#[derive(Debug)]
pub(super) struct CallRuntime {
    pub(super) mux: Arc<Mux>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) tasks: TaskTracker,
    /// Cancelled when the call is over, or when a task of the crate has failed.
    pub(super) gone: CancellationToken,
}

impl Runtime for CallRuntime {
    fn spawn(&self, future: Task<()>) -> Box<dyn JoinHandle> {
        let gone = self.gone.clone();
        let guarded = async move {
            let work = std::panic::AssertUnwindSafe(future).catch_unwind();
            let result = tokio::select! {
                biased;
                () = gone.cancelled() => Ok(()),
                result = work => result,
            };
            if result.is_err() {
                tracing::error!("a WebRTC task failed; its call ends");
                gone.cancel();
            }
        };
        Box::new(Handle(self.tasks.spawn(guarded)))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        // The crate binds a socket and wraps it; only its address is kept, to name the virtual one.
        let name = socket.local_addr()?;
        Ok(Arc::new(VirtualSocket { mux: self.mux.clone(), endpoint: self.endpoint.clone(), name }))
    }

    fn wrap_tcp_listener(&self, _listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect_tcp<'a>(
        &'a self,
        _to: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn resolve_host<'a>(
        &'a self,
        _host: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn sleep(&self, duration: Duration) -> Task<()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn name(&self) -> &'static str {
        "visavis"
    }
}

struct Handle(tokio::task::JoinHandle<()>);

impl JoinHandle for Handle {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

#[derive(Debug)]
struct VirtualSocket {
    mux: Arc<Mux>,
    endpoint: Arc<Endpoint>,
    name: SocketAddr,
}

impl AsyncUdpSocket for VirtualSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.name)
    }

    fn poll_send(&self, _cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        self.mux.send(&self.endpoint, transmit.destination, transmit.contents);
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        match (bufs.first_mut(), meta.first_mut()) {
            (Some(buffer), Some(meta)) => self.endpoint.poll_recv(self.name.is_ipv6(), cx, buffer, meta),
            _ => Poll::Ready(Ok(0)),
        }
    }
}
