//! Which calls hold permits on a full server: calls with scripted engines and real WebRTC peers.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use visavis::admission::{Admission, Kind, Limits, Principal, Refusal};
use visavis::config::Config;
use visavis::ports::call_ports;
use visavis::session::{Calls, Wishes};
use visavis::transport::webrtc::{PeerHandle, TransportSide, WebRtcHost};
use visavis_core::event::EndReason;
use visavis_scripted::Scripted;
use webrtc_support::{Client, PATIENCE, PlainCodec, host, until, within};

/// An offer of a client that never connects.
const NEVER: &str = include_str!("webrtc_support/offer-chromium.sdp");

/// A call server without HTTP.
struct CallServer {
    admission: Arc<Admission>,
    calls: Arc<Calls>,
    host: Arc<WebRtcHost>,
}

/// A call that was requested.
struct Asked {
    id: String,
    answer: String,
    peer: PeerHandle,
    token: CancellationToken,
}

impl CallServer {
    async fn with_permits(max_calls: usize) -> Self {
        let mut config = Config::default();
        config.server.max_calls = max_calls;
        let admission = Admission::new(Limits::from(&config.server));
        let calls = Calls::new(Arc::new(config), Scripted::default().engines(), admission.clone(), None);
        Self { admission, calls, host: host().await }
    }

    /// Requests a call with this offer.
    async fn ask(&self, offer: &str) -> Result<Asked, Refusal> {
        let call = self.calls.open(self.admission.admit(Principal::Anonymous, Kind::Call)?);
        let (ports, pipeline) = call_ports();
        let token = self.calls.transport_token();
        let tasks = self.calls.tasks().clone();
        let side = TransportSide { ports, protocol: Arc::new(PlainCodec), token: token.clone(), tasks };
        let (answer, peer) = self.host.answer(offer, side).await.unwrap();
        let id = call.id().to_owned();
        self.calls.start(call, pipeline, Some(peer.clone()), Wishes::default(), token.clone());
        Ok(Asked { id, answer, peer, token })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_that_never_connect_keep_nobody_out_and_an_ended_call_returns_its_permit_at_once() {
    let server = CallServer::with_permits(6).await;
    for _ in 0..20 {
        server.ask(NEVER).await.unwrap();
    }
    assert_eq!(server.admission.active(Kind::Call), 6);
    let mut joined = Vec::new();
    for awaited in [5, 4] {
        let mut client = Client::new().await;
        let call = server.ask(&client.offer(false).await).await.unwrap();
        client.accept(call.answer.clone()).await;
        client.connected().await;
        until("its client has connected", async || server.admission.awaited(Kind::Call) == awaited).await;
        joined.push((client, call));
    }
    for _ in 0..20 {
        server.ask(NEVER).await.unwrap();
    }
    assert!(joined.iter().all(|(_, call)| call.peer.is_open()), "connected clients stay");
    let (_, ended) = &joined[0];
    assert!(server.calls.hang_up(&ended.id));
    assert_eq!(server.admission.active(Kind::Call), 5, "its permit is given back at once");
    within(PATIENCE, ended.token.cancelled()).await;
    assert!(server.calls.hang_up(&ended.id), "hanging up twice is no error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_gives_way_ends_and_leaves_nothing_behind() {
    let server = CallServer::with_permits(4).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(server.ask(NEVER).await.unwrap());
    }
    within(PATIENCE, calls[0].token.cancelled()).await;
    until("the first is gone", async || !calls[0].peer.is_open()).await;
    assert_eq!(server.calls.over(&calls[0].id), None, "its client may begin another one");
    for call in &calls[1..] {
        assert!(server.calls.hang_up(&call.id));
        assert_eq!(server.calls.over(&call.id), Some(EndReason::EndedByOperator));
    }
    assert_eq!(server.admission.active(Kind::Call), 0);
    until("all are gone", async || server.host.routes() == 0).await;
}
