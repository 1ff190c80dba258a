//! What is known of each call in progress.

use std::collections::HashMap;

use tokio_util::sync::CancellationToken;

use super::ended::EndedCalls;
use super::resume::Line;
use crate::admission::Permit;
use crate::ports::{Moments, PipelinePorts};
use crate::transport::webrtc::PeerHandle;

/// The calls in progress by their ids, and those that have ended recently.
#[derive(Default)]
pub(super) struct Table {
    pub(super) active: HashMap<String, Entry>,
    pub(super) ended: EndedCalls,
    entered: u64,
}

impl Table {
    /// The entry of this id, if it has this number.
    pub(super) fn own(&mut self, id: &str, number: u64) -> Option<&mut Entry> {
        self.active.get_mut(id).filter(|entry| entry.number == number)
    }

    /// Enters a call of this id, instead of one whose `line` it goes on from; returns its number.
    pub(super) fn enter(&mut self, id: &str, permit: Permit, line: Option<Line>) -> u64 {
        self.entered += 1;
        let (permit, hang_up, number) = (Some(permit), CancellationToken::new(), self.entered);
        let entry = Entry { number, line, permit, hang_up, peer: None, face: None };
        self.active.insert(id.to_owned(), entry);
        number
    }
}

/// A call in progress.
pub(super) struct Entry {
    number: u64,
    /// How it is taken over. Until it has begun, that of the connection that it goes on from, if there was one.
    pub(super) line: Option<Line>,
    /// None once it was hung up: the end of the call needs no permit.
    pub(super) permit: Option<Permit>,
    /// Ends the call, bypassing its client's queues.
    pub(super) hang_up: CancellationToken,
    pub(super) peer: Option<PeerHandle>,
    pub(super) face: Option<Moments>,
}

impl Entry {
    /// The call has a connection, by which it can be reached and ended from outside.
    pub(super) fn connect(
        &mut self,
        ports: &PipelinePorts,
        peer: Option<PeerHandle>,
        transport: &CancellationToken,
    ) {
        if self.hang_up.is_cancelled() {
            ports.hang_up.cancel();
        }
        if let Some(permit) = &self.permit {
            permit.cancel_when_revoked(transport.clone());
        }
        (self.hang_up, self.peer, self.face) = (ports.hang_up.clone(), peer, Some(ports.moments.clone()));
    }
}
