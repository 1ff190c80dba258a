//! One call's actor, and the handle that the HTTP side holds.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, RTCIceCandidateInit, RTCPeerConnectionState, RTCSessionDescription,
};
use webrtc::rtp_transceiver::RtpSender;

use super::messages::Messages;
use super::mic::MicPath;
use super::mux::Endpoint;
use super::sdp::{self, Offer};
use super::speaker::SpeakerPath;
use super::{OfferError, RemoteCandidate, WebRtcHost};
use crate::ends::{MicSender, TransportEnds};
use crate::frame::MediaOut;
use crate::transport::MessageCodec;

/// A client that does not connect in this time is gone.
const CONNECT: Duration = Duration::from_secs(15);
/// A client that is cut off for this time is gone, unless it restarts ICE.
const CUT_OFF: Duration = Duration::from_secs(10);
/// How often the connection is looked at.
const WATCH: Duration = Duration::from_millis(250);
/// What a cancelled call may still say.
const FAREWELL: Duration = Duration::from_secs(1);
const CLOSE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(20);
/// Candidates that a client may send in all.
const MAX_CANDIDATES: usize = 64;

/// Why a peer's actor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The client closed its end.
    HungUp,
    /// The pipeline has said its last.
    Finished,
    /// The connection never came up, or was lost.
    Lost,
    /// The server stops.
    Cancelled,
    /// The connection's own task failed.
    Failed,
}

/// What one call has of the host; all of it is given back on drop.
pub(super) struct Peer {
    pub(super) host: Arc<WebRtcHost>,
    pub(super) pc: Arc<dyn PeerConnection>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) gone: CancellationToken,
    pub(super) opus: u8,
    /// One negotiation at a time; counts them.
    pub(super) negotiations: tokio::sync::Mutex<()>,
    pub(super) restarts: AtomicUsize,
    pub(super) candidates: AtomicUsize,
    pub(super) _permit: OwnedSemaphorePermit,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.host.mux.remove(&self.endpoint);
        self.gone.cancel();
    }
}

impl Peer {
    /// Answers an offer: the first, or a later one of the same call.
    pub(super) async fn negotiate(&self, offer: Offer) -> Result<String, OfferError> {
        let _one = self.negotiations.lock().await;
        let work = async {
            let refused =
                |error| OfferError::Malformed { detail: format!("the offer cannot be used: {error}") };
            let offer = RTCSessionDescription::offer(offer.sdp).map_err(refused)?;
            self.pc.set_remote_description(offer).await.map_err(refused)?;
            let answer = self.pc.create_answer(None).await.map_err(refused)?;
            let text = answer.sdp.clone();
            self.pc.set_local_description(answer).await.map_err(refused)?;
            Ok(text)
        };
        let answer = contain(work).await?;
        let (ufrag, password) = sdp::credentials(&answer)
            .ok_or_else(|| OfferError::Internal { detail: "the answer has no ICE credentials".to_owned() })?;
        self.host.mux.admit(&self.endpoint, &ufrag, &password);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        Ok(sdp::finish_answer(&answer, &self.host.addresses(), self.opus))
    }

    async fn add_candidate(&self, candidate: RemoteCandidate) -> Result<(), OfferError> {
        let text = candidate.candidate.trim();
        // An empty one says that no more come.
        if text.is_empty() || !sdp::is_usable_candidate(text) {
            return Ok(());
        }
        if self.candidates.fetch_add(1, Ordering::Relaxed) >= MAX_CANDIDATES {
            return Ok(());
        }
        let init = RTCIceCandidateInit {
            candidate: text.to_owned(),
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_mline_index,
            ..Default::default()
        };
        let added = async {
            let refused =
                |error| OfferError::Malformed { detail: format!("the candidate cannot be used: {error}") };
            self.pc.add_ice_candidate(init).await.map_err(refused)
        };
        contain(added).await
    }
}

/// Runs the crate on what a client sent; a panic there is an error here.
async fn contain<T>(work: impl Future<Output = Result<T, OfferError>>) -> Result<T, OfferError> {
    let caught = std::panic::AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|_| Err(OfferError::Malformed { detail: "the offer cannot be read".to_owned() }))
}

/// A running call, as the HTTP side sees it. Holding one does not keep the call alive.
#[derive(Clone)]
pub struct PeerHandle(pub(super) Weak<Peer>);

impl std::fmt::Debug for PeerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerHandle").field("open", &(self.0.strong_count() > 0)).finish()
    }
}

impl PeerHandle {
    /// Takes candidates that the client has found since its offer. Those that cannot be used are ignored.
    ///
    /// # Errors
    /// When the call is over, or a candidate is not one.
    pub async fn add_candidates(&self, candidates: Vec<RemoteCandidate>) -> Result<(), OfferError> {
        let peer = self.0.upgrade().ok_or(OfferError::Closed)?;
        for candidate in candidates {
            peer.add_candidate(candidate).await?;
        }
        Ok(())
    }

    /// Answers a further offer of the same call, such as an ICE restart.
    ///
    /// # Errors
    /// When the call is over, or the offer is refused; the call then goes on as before.
    pub async fn renegotiate(&self, offer_sdp: &str) -> Result<String, OfferError> {
        let peer = self.0.upgrade().ok_or(OfferError::Closed)?;
        let offer = sdp::check_offer(offer_sdp)?;
        if offer.opus != peer.opus {
            return Err(OfferError::Unsupported {
                detail: "the payload type of opus cannot change in a call".to_owned(),
            });
        }
        peer.negotiate(offer).await
    }
}

/// Everything that runs in one call's task.
pub(super) struct Actor {
    pub(super) peer: Arc<Peer>,
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) sender: Arc<dyn RtpSender>,
    pub(super) state: watch::Receiver<RTCPeerConnectionState>,
    pub(super) tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    pub(super) messages: Messages,
    pub(super) mic: Microphone,
    pub(super) speaker: Speaker,
    pub(super) token: CancellationToken,
}

/// The microphone's two ends.
pub(super) struct Microphone {
    pub(super) path: MicPath,
    pub(super) out: MicSender,
}

/// The speaker's two ends.
pub(super) struct Speaker {
    pub(super) path: SpeakerPath,
    pub(super) media: mpsc::Receiver<MediaOut>,
    pub(super) interrupted: Arc<AtomicU32>,
}

impl Actor {
    pub(super) async fn run(self) {
        let Self { peer, track, sender, state, tracks, messages, mic, speaker, token } = self;
        let cause = tokio::select! {
            cause = messages.run() => cause,
            () = mic.run(state.clone(), tracks) => Cause::Lost,
            () = speaker.run(state.clone(), track) => Cause::Failed,
            cause = watch_over(&peer, sender, state) => cause,
            () = peer.gone.cancelled() => Cause::Failed,
            () = async { token.cancelled().await; sleep(FAREWELL).await } => Cause::Cancelled,
        };
        tracing::debug!(?cause, "WebRTC call over");
        metrics::counter!("visavis_webrtc_calls_ended_total", "cause" => cause.name()).increment(1);
        let _ = timeout(CLOSE, peer.pc.close()).await;
    }
}

impl Cause {
    fn name(self) -> &'static str {
        match self {
            Self::HungUp => "hung-up",
            Self::Finished => "finished",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl Microphone {
    /// Gives a frame every 20 ms from the moment that the call is connected.
    async fn run(
        mut self,
        mut state: watch::Receiver<RTCPeerConnectionState>,
        mut tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    ) {
        if state.wait_for(|state| *state == RTCPeerConnectionState::Connected).await.is_err() {
            return;
        }
        let received = metrics::counter!("visavis_rtp_packets_total", "direction" => "in");
        let started = Instant::now();
        let mut track: Option<Arc<dyn TrackRemote>> = None;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                biased;
                Some(newer) = tracks.recv() => track = Some(newer),
                event = next_event(track.as_deref()) => match event {
                    Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                        let header = &packet.header;
                        received.increment(1);
                        self.path.packet(started.elapsed(), header.sequence_number, header.timestamp, packet.payload);
                    }
                    Some(_) => {}
                    None => track = None,
                },
                _ = ticks.tick() => {
                    self.out.send(self.path.tick(started.elapsed()));
                    self.path.report();
                }
            }
        }
    }
}

async fn next_event(track: Option<&dyn TrackRemote>) -> Option<TrackRemoteEvent> {
    match track {
        Some(track) => track.poll().await,
        None => std::future::pending().await,
    }
}

impl Speaker {
    async fn run(mut self, state: watch::Receiver<RTCPeerConnectionState>, track: Arc<TrackLocalStaticRTP>) {
        let sent = metrics::counter!("visavis_rtp_packets_total", "direction" => "out");
        while let Some(media) = self.media.recv().await {
            let stale = media.response.0 <= self.interrupted.load(Ordering::Relaxed);
            if stale || *state.borrow() != RTCPeerConnectionState::Connected {
                continue;
            }
            match self.path.packet(&media) {
                Ok(packet) => {
                    if track.write_rtp(packet).await.is_ok() {
                        sent.increment(1);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, samples = media.samples.len(), "a frame cannot be encoded")
                }
            }
        }
        // The pipeline has ended; its last events may still be on their way.
        std::future::pending().await
    }
}

/// Returns when the client is gone: never came, was cut off for too long, or closed its connection.
async fn watch_over(
    peer: &Peer,
    sender: Arc<dyn RtpSender>,
    mut state: watch::Receiver<RTCPeerConnectionState>,
) -> Cause {
    use RTCPeerConnectionState::{Closed, Connected, Disconnected, Failed};
    let up = state.wait_for(|state| matches!(state, Connected | Failed | Closed));
    match timeout(CONNECT, up).await.map(|state| state.map(|state| *state)) {
        Ok(Ok(Connected)) => {}
        _ => return Cause::Lost,
    }
    let mut cut_off: Option<(Instant, usize)> = None;
    loop {
        sleep(WATCH).await;
        if is_closed(sender.as_ref()).await {
            return Cause::HungUp;
        }
        let now = *state.borrow();
        let restarts = peer.restarts.load(Ordering::Relaxed);
        match (now, cut_off) {
            (Closed, _) => return Cause::HungUp,
            (Disconnected | Failed, Some((since, seen))) if seen == restarts => {
                if since.elapsed() > CUT_OFF {
                    return Cause::Lost;
                }
            }
            (Disconnected | Failed, _) => cut_off = Some((Instant::now(), restarts)),
            _ => cut_off = None,
        }
    }
}

/// The client's farewell reaches the DTLS transport long before the connection's state tells of it.
async fn is_closed(sender: &dyn RtpSender) -> bool {
    use rtc::peer_connection::transport::RTCDtlsTransportState;
    match sender.transport().await {
        Ok(Some(transport)) => matches!(
            transport.state().await,
            Ok(RTCDtlsTransportState::Closed | RTCDtlsTransportState::Failed) | Err(_)
        ),
        Ok(None) => false,
        Err(_) => true,
    }
}

/// Puts a call's parts together and starts it.
pub(super) fn spawn(
    peer: Arc<Peer>,
    connection: super::connection::Connection,
    ends: TransportEnds,
    codec: Arc<dyn MessageCodec>,
    expects_messages: bool,
    token: CancellationToken,
    tasks: &tokio_util::task::TaskTracker,
) -> Result<(), crate::audio::opus::OpusError> {
    let interrupted = Arc::new(AtomicU32::new(0));
    let actor = Actor {
        mic: Microphone { path: MicPath::new()?, out: ends.mic },
        speaker: Speaker {
            path: SpeakerPath::new(connection.ssrc, peer.opus)?,
            media: ends.media,
            interrupted: interrupted.clone(),
        },
        messages: Messages {
            codec,
            channels: connection.signals.channels,
            events: ends.events,
            commands: ends.commands,
            interrupted,
            expected: expects_messages,
        },
        peer,
        track: connection.track,
        sender: connection.sender,
        state: connection.signals.state,
        tracks: connection.signals.tracks,
        token,
    };
    tasks.spawn(Box::pin(actor.run()));
    Ok(())
}
