//! One call's actor: everything that runs while it lasts, in one task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::RTCPeerConnectionState;
use webrtc::rtp_transceiver::RtpSender;

use super::connection::Connection;
use super::faces::Faces;
use super::messages::Messages;
use super::mic::MicPath;
use super::peer::Peer;
use super::speaker::SpeakerPath;
use crate::audio::opus::OpusError;
use crate::ends::{Departure, MicSender, TransportEnds};
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

/// Everything that runs in one call's task.
struct Actor {
    peer: Arc<Peer>,
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    state: watch::Receiver<RTCPeerConnectionState>,
    tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    messages: Messages,
    mic: Microphone,
    speaker: Speaker,
    faces: Faces,
    departure: Departure,
    token: CancellationToken,
}

/// The microphone's two ends.
struct Microphone {
    path: MicPath,
    out: MicSender,
}

/// The speaker's two ends.
struct Speaker {
    path: SpeakerPath,
    media: mpsc::Receiver<MediaOut>,
    interrupted: Arc<AtomicU32>,
}

impl Actor {
    async fn run(self) {
        let Self { peer, track, sender, state, tracks, messages, mic, speaker, faces, departure, token } =
            self;
        // Each cause is told before the others' ends are dropped, by which the pipeline sees that the client is gone.
        let told = &departure;
        let cause = tokio::select! {
            cause = async { told_of(messages.run().await, told) } => cause,
            cause = async { mic.run(state.clone(), tracks).await; told_of(Cause::Lost, told) } => cause,
            cause = async { speaker.run(state.clone(), track).await; told_of(Cause::Failed, told) } => cause,
            cause = async { faces.run().await; told_of(Cause::Failed, told) } => cause,
            cause = async { told_of(watch_over(&peer, sender, state.clone()).await, told) } => cause,
            cause = async { peer.gone.cancelled().await; told_of(Cause::Failed, told) } => cause,
            () = async { token.cancelled().await; sleep(FAREWELL).await } => Cause::Cancelled,
        };
        tracing::debug!(?cause, "WebRTC call over");
        metrics::counter!("visavis_webrtc_calls_ended_total", "cause" => cause.name()).increment(1);
        let _ = timeout(CLOSE, peer.pc.close()).await;
    }
}

/// Tells the pipeline what became of the client.
fn told_of(cause: Cause, departure: &Departure) -> Cause {
    if matches!(cause, Cause::Lost | Cause::Failed) {
        departure.lost();
    }
    cause
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
            let stale = media.response.0 < self.interrupted.load(Ordering::Relaxed);
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
    connection: Connection,
    ends: TransportEnds,
    codec: Arc<dyn MessageCodec>,
    expects_messages: bool,
    token: CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), OpusError> {
    let interrupted = Arc::new(AtomicU32::new(0));
    let path = SpeakerPath::new(connection.ssrc, peer.opus)?;
    let actor = Actor {
        mic: Microphone { path: MicPath::new()?, out: ends.mic },
        faces: Faces {
            channels: connection.signals.faces,
            batches: ends.faces,
            offset: path.offset(),
            interrupted: interrupted.clone(),
        },
        speaker: Speaker { path, media: ends.media, interrupted: interrupted.clone() },
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
        departure: ends.departure,
        token,
    };
    tasks.spawn(Box::pin(actor.run()));
    Ok(())
}
