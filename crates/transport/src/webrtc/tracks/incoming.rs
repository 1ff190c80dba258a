//! A track from the client: passes its packets to the sink as frames, and keyframe requests back.

use std::sync::Arc;
use std::time::Duration;

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::assembly::{Assembled, Assembly};
use crate::ports::{FrameSender, IncomingTrack, Track};

/// Pause between two keyframe requests: the keyframe needs time to arrive.
const PAUSE: Duration = Duration::from_millis(300);

/// A track from the client.
pub(super) struct Incoming {
    track: Track,
    frames: FrameSender,
}

impl Incoming {
    pub(super) fn new(IncomingTrack { track, frames }: IncomingTrack) -> Self {
        Self { track, frames }
    }

    /// Passes on the frames of the client's newest stream for this track while a connection lasts.
    pub(super) async fn run(&mut self, arrivals: &mut mpsc::Receiver<Arc<dyn TrackRemote>>) {
        let received =
            metrics::counter!("visavis_track_frames_total", "direction" => "in", "track" => self.track.name);
        let mut assembly = Assembly::new(&self.track.codec);
        let mut stream: Option<Arc<dyn TrackRemote>> = None;
        let (began, mut may_ask) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                Some(newer) = arrivals.recv() => {
                    stream = Some(newer);
                    assembly = Assembly::new(&self.track.codec);
                    self.frames.interrupt();
                }
                event = next_event(stream.as_deref()) => match event {
                    Some(TrackRemoteEvent::OnRtpPacket(packet)) => {
                        for assembled in assembly.packet(began.elapsed(), packet) {
                            match assembled {
                                Assembled::Frame(frame) => {
                                    received.increment(1);
                                    self.frames.send(frame);
                                }
                                Assembled::Lost => self.frames.interrupt(),
                            }
                        }
                    }
                    Some(_) => {}
                    None => stream = None,
                },
                () = wish(&self.frames, may_ask), if stream.is_some() => {
                    may_ask = Instant::now() + PAUSE;
                    if let Some(stream) = &stream {
                        request_keyframe(stream.as_ref()).await;
                    }
                }
            }
        }
    }
}

/// Returns when the sink wants a keyframe, but not before `may_ask`.
async fn wish(frames: &FrameSender, may_ask: Instant) {
    sleep_until(may_ask).await;
    frames.keyframe_wanted().await;
}

async fn request_keyframe(stream: &dyn TrackRemote) {
    for media_ssrc in stream.ssrcs().await {
        // Fails only when the connection is over, which is reported elsewhere.
        _ = stream.write_rtcp(vec![Box::new(PictureLossIndication { sender_ssrc: 0, media_ssrc })]).await;
    }
}

async fn next_event(stream: Option<&dyn TrackRemote>) -> Option<TrackRemoteEvent> {
    match stream {
        Some(stream) => stream.poll().await,
        None => std::future::pending().await,
    }
}
