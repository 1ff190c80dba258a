//! One call's actor: everything that runs while it lasts, in one task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::peer_connection::RTCPeerConnectionState;
use webrtc::rtp_transceiver::RtpSender;

use super::TransportSide;
use super::cause::Cause;
use super::faces::Faces;
use super::kept::KeptSound;
use super::line::{Line, Link};
use super::messages::{Messages, Opening};
use super::patience::Patience;
use super::peer::Peer;
use super::sound::{Microphone, Speaker};
use super::tracks::Tracks;
use crate::audio::opus::OpusError;
use crate::ports::{Departure, Presence};

/// How often the connection is checked.
const WATCH: Duration = Duration::from_millis(250);
/// How long a cancelled call may still send.
const FAREWELL: Duration = Duration::from_secs(1);
const CLOSE: Duration = Duration::from_secs(2);
/// How long to wait for a client that has left but is negotiating another connection.
const COMING_BACK: Duration = Duration::from_secs(2);

/// What ends the work with a connection.
enum Turn {
    /// The client has another connection.
    Replaced(Link),
    Over(Cause),
}

/// Everything that runs in one call's task.
struct Actor {
    rooms: Rooms,
    line: Arc<Line>,
    links: mpsc::Receiver<Link>,
    presence: watch::Sender<Presence>,
    departure: Departure,
    patience: Patience,
    token: CancellationToken,
    tasks: TaskTracker,
}

/// What a call's connections share.
struct Rooms {
    messages: Messages,
    mic: Microphone,
    speaker: Speaker,
    faces: Faces,
    tracks: Tracks,
}

impl Actor {
    async fn run(mut self, mut link: Link) {
        let cause = loop {
            let newer = match self.serve(&mut link).await {
                Turn::Replaced(newer) => newer,
                Turn::Over(cause @ (Cause::HungUp | Cause::Lost | Cause::Failed)) => {
                    match self.coming_back().await {
                        Some(newer) => newer,
                        None => break cause,
                    }
                }
                Turn::Over(cause) => break cause,
            };
            tracing::info!("the client continues with another connection");
            self.patience.renewed(Instant::now());
            self.rooms.speaker.path.move_to(newer.connection.ssrc, newer.peer.opus);
            let old = std::mem::replace(&mut link, newer);
            self.tasks.spawn(close(old.peer));
        };
        tracing::debug!(?cause, "WebRTC call over");
        metrics::counter!("visavis_webrtc_calls_ended_total", "cause" => cause.name()).increment(1);
        if matches!(cause, Cause::Finished | Cause::Cancelled) {
            self.rooms.messages.say_goodbye().await;
        }
        if cause != Cause::Finished {
            // A page that is loaded anew closes its connection too: whoever hangs up says so. This comes before the ports are
            // dropped, which tells the pipeline that the client is gone.
            self.departure.lost();
        }
        // What waits for the call to end need not wait for its connection to close.
        drop(self.rooms);
        drop(self.line);
        self.token.cancel();
        if self.patience.presence() != Presence::Awaited {
            close(link.peer).await;
        }
    }

    /// Serves one connection.
    async fn serve(&mut self, link: &mut Link) -> Turn {
        let Self { rooms, links, presence, patience, token, .. } = self;
        let Link { peer, connection } = link;
        let signals = &mut connection.signals;
        let state = signals.state.clone();
        let opening = Opening {
            pc: peer.pc.as_ref(),
            channels: &mut signals.channels,
            state: state.clone(),
            expected: peer.has_data.load(Ordering::Relaxed),
            announced: signals.announced.clone(),
        };
        let has_come = patience.presence() != Presence::Awaited;
        tokio::select! {
            cause = rooms.messages.run(opening) => Turn::Over(cause),
            () = rooms.mic.run(state.clone(), &mut signals.tracks, has_come) => Turn::Over(Cause::Lost),
            () = rooms.speaker.run(state.clone(), connection.track.as_ref(), &peer.hears) => Turn::Over(Cause::Failed),
            () = rooms.faces.run(&mut signals.faces) => Turn::Over(Cause::Failed),
            () = rooms.tracks.run(state.clone(), &peer.connection_tracks, &mut signals.further) => Turn::Over(Cause::Failed),
            cause = watch_over(peer, connection.sender.as_ref(), state.clone(), patience, presence) => Turn::Over(cause),
            Some(newer) = links.recv() => Turn::Replaced(newer),
            () = peer.gone.cancelled() => Turn::Over(Cause::Failed),
            () = farewell(token, &state) => Turn::Over(Cause::Cancelled),
        }
    }

    /// The connection that a client is negotiating to replace one that has ended.
    async fn coming_back(&mut self) -> Option<Link> {
        let line = &self.line;
        let settled = timeout(COMING_BACK, line.negotiations.lock()).await;
        drop(settled);
        self.links.try_recv().ok()
    }
}

/// Returns once a cancelled call has had time to send its last messages.
async fn farewell(token: &CancellationToken, state: &watch::Receiver<RTCPeerConnectionState>) {
    token.cancelled().await;
    if *state.borrow() == RTCPeerConnectionState::Connected {
        sleep(FAREWELL).await;
    }
}

async fn close(peer: Arc<Peer>) {
    _ = timeout(CLOSE, peer.pc.close()).await;
}

/// Reports whether the client is present. Returns when it is gone: it never connected, was cut off for too long, or closed its
/// connection.
async fn watch_over(
    peer: &Peer,
    sender: &dyn RtpSender,
    mut state: watch::Receiver<RTCPeerConnectionState>,
    patience: &mut Patience,
    presence: &watch::Sender<Presence>,
) -> Cause {
    use RTCPeerConnectionState::{Closed, Connected};
    let mut negotiations = peer.negotiations.load(Ordering::Relaxed);
    loop {
        let now = *state.borrow_and_update();
        let renewed = peer.negotiations.load(Ordering::Relaxed);
        if std::mem::replace(&mut negotiations, renewed) != renewed {
            patience.renewed(Instant::now());
        }
        let given_up = patience.look(now == Connected, Instant::now());
        tell(presence, patience.presence());
        if now == Closed || (now == Connected && is_closed(sender).await) {
            return Cause::HungUp;
        }
        if given_up {
            return Cause::Lost;
        }
        _ = timeout(WATCH, state.changed()).await;
    }
}

fn tell(presence: &watch::Sender<Presence>, now: Presence) {
    let changed = presence.send_if_modified(|before| std::mem::replace(before, now) != now);
    match now {
        Presence::CutOff if changed => {
            tracing::info!("a client was cut off; its call waits for it to return")
        }
        Presence::Here | Presence::Awaited | Presence::CutOff => {}
    }
}

/// The client's close reaches the DTLS transport long before the connection's state shows it.
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
    line: Arc<Line>,
    links: mpsc::Receiver<Link>,
    link: Link,
    side: TransportSide,
) -> Result<(), OpusError> {
    let TransportSide { ports, protocol, token, tasks } = side;
    let interrupted = Arc::new(AtomicU32::new(0));
    let speaker = Speaker::new(link.connection.ssrc, link.peer.opus, ports.media, interrupted.clone());
    let (kept, first) = KeptSound::new(ports.comes_back);
    let rooms = Rooms {
        mic: Microphone::new(ports.mic, ports.commands.clone(), first)?,
        faces: Faces {
            protocol: protocol.clone(),
            batches: ports.faces,
            offset: speaker.path.offset(),
            interrupted: interrupted.clone(),
        },
        tracks: Tracks::new(ports.tracks),
        speaker,
        messages: Messages {
            protocol,
            events: ports.events,
            commands: ports.commands,
            interrupted,
            waiting: std::collections::VecDeque::new(),
            begun: false,
            greeted: false,
            unannounced: None,
            channel: None,
            kept,
        },
    };
    let patience = Patience::new(Instant::now());
    let (presence, departure) = (ports.presence, ports.departure);
    let actor = Actor { rooms, line, links, presence, departure, patience, token, tasks: tasks.clone() };
    tasks.spawn(Box::pin(actor.run(link)));
    Ok(())
}
