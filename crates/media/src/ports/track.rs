//! Further tracks of a call: video of the agent, the client's camera, a second sound.
//!
//! A track is a queue of encoded frames with its codec. The caller that starts the call adds it to [`Tracks`] and keeps the
//! other side. WebRTC carries it where the client's offer has a section for it. A transport that cannot carry it drops its
//! side, as does the end of the call; [`FrameSender::closed`] and [`FrameReceiver::recv`] report that to the other side.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

/// Frames of a track that wait for its sink: a third of a second of video.
const FRAME_QUEUE: usize = 10;

/// How a track's frames are encoded, in the terms of session descriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// For example `video/VP8`; the part before the slash is the kind of section that can carry it.
    pub mime_type: String,
    /// Ticks of a timestamp per second.
    pub clock_rate: u32,
    /// Channels of sound; 0 for video.
    pub channels: u16,
    /// Parameters that the client must offer as well, as `packetization-mode=1;profile-level-id=42e01f`; empty: any.
    pub fmtp: String,
}

/// A track's name and codec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its name in session descriptions and metrics: letters, digits and hyphens, unique in its call.
    pub name: &'static str,
    /// Its codec.
    pub codec: Codec,
}

/// One encoded frame, of any length: the transport splits it into packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// When it is shown, in ticks of [`Codec::clock_rate`], modulo 2³². To the client: counted from zero of the call's media
    /// clock ([`crate::frame::MEDIA_CLOCK`]); supply the frame when that moment is sent, as playout does with sound, because
    /// clients synchronise streams by when they were sent. From the client: on its own clock, which begins anywhere.
    pub timestamp: u32,
    /// It can be decoded without the frames before it. Every frame of sound can.
    pub is_key: bool,
    /// The encoder's output.
    pub data: Bytes,
}

/// The further tracks of a call, on its transport's side.
#[derive(Debug, Default)]
pub struct Tracks {
    /// To the client.
    pub outgoing: Vec<OutgoingTrack>,
    /// From the client.
    pub incoming: Vec<IncomingTrack>,
}

impl Tracks {
    /// Adds a track to the client and returns the sender of its frames.
    pub fn send(&mut self, track: Track) -> FrameSender {
        let (sender, frames) = frame_queue(track.name);
        self.outgoing.push(OutgoingTrack { track, frames });
        sender
    }

    /// Adds a track from the client and returns the receiver of its frames.
    pub fn receive(&mut self, track: Track) -> FrameReceiver {
        let (frames, receiver) = frame_queue(track.name);
        self.incoming.push(IncomingTrack { track, frames });
        receiver
    }
}

/// The transport's side of a track to the client.
#[derive(Debug)]
pub struct OutgoingTrack {
    /// Its name and codec.
    pub track: Track,
    /// Supplies the frames for the client.
    pub frames: FrameReceiver,
}

/// The transport's side of a track from the client.
#[derive(Debug)]
pub struct IncomingTrack {
    /// Its name and codec.
    pub track: Track,
    /// Receives the client's frames.
    pub frames: FrameSender,
}

/// Whether a decoder can use a frame: after a missing one only a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Continuity {
    is_broken: bool,
}

impl Continuity {
    /// A frame is missing, or the decoder is new.
    pub fn interrupt(&mut self) {
        self.is_broken = true;
    }

    /// Whether the decoder can use the next frame.
    pub fn admits(&mut self, is_key: bool) -> bool {
        self.is_broken &= !is_key;
        !self.is_broken
    }
}

/// The source's side of a track's queue.
#[derive(Debug)]
pub struct FrameSender {
    name: &'static str,
    frames: mpsc::Sender<EncodedFrame>,
    keyframe: Arc<Notify>,
    continuity: Continuity,
}

/// The sink's side of a track's queue.
#[derive(Debug)]
pub struct FrameReceiver {
    frames: mpsc::Receiver<EncodedFrame>,
    keyframe: Arc<Notify>,
}

/// Makes a track's queue.
fn frame_queue(name: &'static str) -> (FrameSender, FrameReceiver) {
    let (sender, receiver) = mpsc::channel(FRAME_QUEUE);
    let keyframe = Arc::new(Notify::new());
    let continuity = Continuity::default();
    let source = FrameSender { name, frames: sender, keyframe: keyframe.clone(), continuity };
    (source, FrameReceiver { frames: receiver, keyframe })
}

impl FrameSender {
    /// Queues a frame. A full queue drops it, and all frames that depend on it up to the next keyframe, which is then wanted.
    pub fn send(&mut self, frame: EncodedFrame) {
        if self.continuity.admits(frame.is_key) {
            match self.frames.try_send(frame) {
                // Without a sink no frame is late.
                Ok(()) | Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(_)) => self.continuity.interrupt(),
            }
        }
        metrics::counter!("visavis_track_frames_dropped_total", "track" => self.name).increment(1);
        self.keyframe.notify_one();
    }

    /// Reports that a frame was lost before this queue: the frames that depend on it are dropped.
    pub fn interrupt(&mut self) {
        self.continuity.interrupt();
        self.keyframe.notify_one();
    }

    /// Returns when the sink wants a keyframe, once for any number of requests. The first request comes when the track is first
    /// watched: until then no frame need be made. Clients may ask as often as they like; the source decides how often to
    /// comply. Cancel-safe.
    pub async fn keyframe_wanted(&self) {
        self.keyframe.notified().await;
    }

    /// Returns when the sink is gone: the call has ended, or its transport carries no further tracks.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }
}

impl FrameReceiver {
    /// The next frame, or `None` once the source is gone and all has been read. Cancel-safe.
    pub async fn recv(&mut self) -> Option<EncodedFrame> {
        self.frames.recv().await
    }

    /// Requests a keyframe from the source.
    pub fn request_keyframe(&self) {
        self.keyframe.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(timestamp: u32, is_key: bool) -> EncodedFrame {
        EncodedFrame { timestamp, is_key, data: Bytes::new() }
    }

    #[tokio::test]
    async fn a_late_sink_loses_all_frames_up_to_a_keyframe_which_is_requested() {
        let (mut source, mut sink) = frame_queue("face");
        (0..13).for_each(|timestamp| source.send(frame(timestamp, timestamp == 0)));
        for expected in 0..10 {
            assert_eq!(sink.recv().await.unwrap().timestamp, expected);
        }
        source.keyframe_wanted().await;
        for (timestamp, is_key) in [(13, false), (14, true), (15, false)] {
            source.send(frame(timestamp, is_key));
        }
        drop(source);
        let mut rest = Vec::new();
        while let Some(frame) = sink.recv().await {
            rest.push(frame.timestamp);
        }
        assert_eq!(rest, [14, 15], "13 needs what was dropped");
    }

    #[tokio::test]
    async fn a_source_learns_that_the_transport_does_not_carry_its_track() {
        let mut tracks = Tracks::default();
        let codec =
            Codec { mime_type: "video/VP8".into(), clock_rate: 90_000, channels: 0, fmtp: String::new() };
        let mut source = tracks.send(Track { name: "face", codec });
        drop(tracks);
        source.closed().await;
        source.send(frame(0, true));
    }
}
