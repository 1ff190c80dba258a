//! Reads the UDP port.

use std::net::SocketAddr;
use std::sync::Arc;

use super::counts::count_dropped;
use super::shared::Shared;
use crate::protocol::step::Reason;
use crate::protocol::{Client, LONGEST};

/// Reads the port for as long as the server runs; a reader that panics is restarted.
pub(super) async fn keep_reading(shared: Arc<Shared>) {
    loop {
        let reader = tokio::spawn(read(shared.clone()));
        let aborted = AbortOnDrop(reader.abort_handle());
        let ended = reader.await;
        drop(aborted);
        match ended {
            Err(error) if error.is_panic() => {
                metrics::counter!("visavis_task_restarts_total", "task" => "turn").increment(1);
                tracing::error!("the reader of the TURN port failed; it is restarted");
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
