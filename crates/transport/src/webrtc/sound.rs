//! The two streams of sound: from the client's track to the pipeline, and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::RTCPeerConnectionState;

use super::mic::MicPath;
use super::order::{FRAMES_PER_TICK, Order};
use super::rest::TICK;
use super::speaker::SpeakerPath;
use crate::audio::opus::OpusError;
use crate::event::ClientCommand;
use crate::frame::{AudioFrame, MediaOut};
use crate::ports::MicSender;

/// Time without sound for the client after which the encoder's memory is freed.
const SPOKEN: Duration = Duration::from_secs(1);

/// Connects the client's track with the pipeline's microphone queue.
pub(super) struct Microphone {
    path: MicPath,
    out: MicSender,
    commands: mpsc::Sender<ClientCommand>,
    /// What the client kept while it had no connection.
    kept: mpsc::Receiver<AudioFrame>,
}

impl Microphone {
    pub(super) fn new(
        out: MicSender,
        commands: mpsc::Sender<ClientCommand>,
        kept: mpsc::Receiver<AudioFrame>,
    ) -> Result<Self, OpusError> {
        Ok(Self { path: MicPath::new()?, out, commands, kept })
    }

    /// Passes on sound from the moment that the client connects, or at once if it has been connected before.
    pub(super) async fn run(
        &mut self,
        mut state: watch::Receiver<RTCPeerConnectionState>,
        tracks: &mut mpsc::Receiver<Arc<dyn TrackRemote>>,
        has_come: bool,
    ) {
        if !has_come && state.wait_for(|state| *state == RTCPeerConnectionState::Connected).await.is_err() {
            return;
        }
        let Ok(path) = MicPath::new() else { return };
        self.path = path;
        let received = metrics::counter!("visavis_rtp_packets_total", "direction" => "in");
        let (started, mut order) = (Instant::now(), Order::default());
        let mut track: Option<Arc<dyn TrackRemote>> = None;
        // Ticks that were missed are made up for.
        let mut due = started;
        let alarm = sleep_until(due);
        tokio::pin!(alarm);
        loop {
            tokio::select! {
                biased;
                Some(newer) = tracks.recv() => {
                    track = Some(newer);
                    continue;
                }
                event = next_event(track.as_deref()) => {
                    match event {
                        Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                            let header = &packet.header;
                            received.increment(1);
                            self.path.packet(started.elapsed(), header.sequence_number, header.timestamp, packet.payload);
                        }
                        Some(_) => {}
                        None => track = None,
                    }
                    if !self.path.rests() {
                        continue;
                    }
                    due = Instant::now();
                }
                () = &mut alarm => {}
            }
            let now = started.elapsed();
            self.tick(now, &mut order);
            due += if order.waits(now) { TICK } else { self.path.pause() };
            alarm.as_mut().reset(due);
        }
    }

    /// Passes on what is due: what the client kept, and then what it says now.
    fn tick(&mut self, now: Duration, order: &mut Order) {
        for _ in 0..FRAMES_PER_TICK {
            let Ok(frame) = self.kept.try_recv() else { break };
            order.kept(now);
            self.out.send(frame);
        }
        let live = self.path.tick(now);
        order.tick(now, live).into_iter().for_each(|frame| self.out.send(frame));
        self.path.report(now);
        if self.path.stutters(now) {
            // A full queue has more important commands than this.
            _ = self.commands.try_send(ClientCommand::MicrophoneStutters);
        }
    }
}

async fn next_event(track: Option<&dyn TrackRemote>) -> Option<TrackRemoteEvent> {
    match track {
        Some(track) => track.poll().await,
        None => std::future::pending().await,
    }
}

/// Connects the pipeline's sound with the track to the client.
pub(super) struct Speaker {
    pub(super) path: SpeakerPath,
    media: mpsc::Receiver<MediaOut>,
    /// The first response that has not been interrupted.
    interrupted: Arc<AtomicU32>,
}

impl Speaker {
    pub(super) fn new(
        ssrc: u32,
        payload_type: u8,
        media: mpsc::Receiver<MediaOut>,
        interrupted: Arc<AtomicU32>,
    ) -> Self {
        Self { path: SpeakerPath::new(ssrc, payload_type), media, interrupted }
    }

    /// Sends sound while the client is connected and `hears` us.
    pub(super) async fn run(
        &mut self,
        state: watch::Receiver<RTCPeerConnectionState>,
        track: &dyn TrackLocal,
        hears: &AtomicBool,
    ) {
        let sent = metrics::counter!("visavis_rtp_packets_total", "direction" => "out");
        while let Some(media) = self.next().await {
            let stale = media.response.0 < self.interrupted.load(Ordering::Relaxed);
            let is_up = *state.borrow() == RTCPeerConnectionState::Connected;
            if stale || !is_up || !hears.load(Ordering::Relaxed) {
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
        // The pipeline has ended; its last events may still be in transit.
        std::future::pending().await
    }

    /// The next frame. After a while without one the path rests.
    async fn next(&mut self) -> Option<MediaOut> {
        if !self.path.rests() {
            if let Ok(media) = timeout(SPOKEN, self.media.recv()).await {
                return media;
            }
            self.path.rest();
        }
        self.media.recv().await
    }
}
