//! Further tracks of a call: a picture of the agent, the client's camera, a second sound.
//!
//! A track is a queue of encoded frames with its codec; whoever starts the call adds it to [`Tracks`] and keeps the other
//! side. WebRTC carries it where the client's offer has a section for it. A transport that cannot carry it drops its side,
//! and so does the end of the call; [`FrameSender::closed`] and [`FrameReceiver::recv`] tell the other side of that.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

/// Frames of a track that its sink has not taken: a third of a second of video.
const FRAME_QUEUE: usize = 10;

/// How a track's frames are encoded, in the words of session descriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// Such as `video/VP8`; what stands before the slash is the kind of the section that can carry it.
    pub mime_type: String,
    /// Ticks of a timestamp in a second.
    pub clock_rate: u32,
    /// Of sound; 0 of a picture.
    pub channels: u16,
    /// Parameters that the client has to name as well, as `packetization-mode=1;profile-level-id=42e01f`; empty: any will do.
    pub fmtp: String,
}

/// What a track is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its name in session descriptions and metrics: letters, digits and hyphens, one of a kind in its call.
    pub name: &'static str,
    /// Its codec.
    pub codec: Codec,
}

/// One frame as its encoder wrote it, of any length: whoever carries it makes packets of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    /// When it is shown, in ticks of [`Codec::clock_rate`], modulo 2³². To the client: since zero of the call's media clock
    /// ([`crate::frame::MEDIA_CLOCK`]), and it is given when that moment is sent, as playout does with sound, for a client
    /// lines up streams by when they left. From the client: on its own clock, which begins anywhere.
    pub timestamp: u32,
    /// It can be shown without the frames before it. Every frame of sound is one.
    pub is_key: bool,
    /// What the encoder wrote.
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
    /// Adds a track to the client; what is returned takes its frames.
    pub fn send(&mut self, track: Track) -> FrameSender {
        let (sender, frames) = frame_queue(track.name);
        self.outgoing.push(OutgoingTrack { track, frames });
        sender
    }

    /// Adds a track from the client; what is returned gives its frames.
    pub fn receive(&mut self, track: Track) -> FrameReceiver {
        let (frames, receiver) = frame_queue(track.name);
        self.incoming.push(IncomingTrack { track, frames });
        receiver
    }
}

/// A track to the client, as its transport has it.
#[derive(Debug)]
pub struct OutgoingTrack {
    /// What it is.
    pub track: Track,
    /// Gives what the client is to see.
    pub frames: FrameReceiver,
}

/// A track from the client, as its transport has it.
#[derive(Debug)]
pub struct IncomingTrack {
    /// What it is.
    pub track: Track,
    /// Takes what the client shows.
    pub frames: FrameSender,
}

/// Whether a frame is of use to a decoder: behind one that it did not get only a keyframe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Continuity {
    is_broken: bool,
}

impl Continuity {
    /// A frame is missing, or the decoder is a new one.
    pub fn interrupt(&mut self) {
        self.is_broken = true;
    }

    /// Whether the next frame is of use.
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

/// A track's queue.
fn frame_queue(name: &'static str) -> (FrameSender, FrameReceiver) {
    let (sender, receiver) = mpsc::channel(FRAME_QUEUE);
    let keyframe = Arc::new(Notify::new());
    let continuity = Continuity::default();
    let source = FrameSender { name, frames: sender, keyframe: keyframe.clone(), continuity };
    (source, FrameReceiver { frames: receiver, keyframe })
}

impl FrameSender {
    /// Queues a frame. Where there is no room it is late, and dropped; so are the frames that need it, up to the next
    /// keyframe, which is then wanted.
    pub fn send(&mut self, frame: EncodedFrame) {
        if self.continuity.admits(frame.is_key) {
            match self.frames.try_send(frame) {
                // Without a sink nothing is late.
                Ok(()) | Err(TrySendError::Closed(_)) => return,
                Err(TrySendError::Full(_)) => self.continuity.interrupt(),
            }
        }
        metrics::counter!("visavis_track_frames_dropped_total", "track" => self.name).increment(1);
        self.keyframe.notify_one();
    }

    /// A frame is missing on the way here: what needs it is dropped.
    pub fn interrupt(&mut self) {
        self.continuity.interrupt();
        self.keyframe.notify_one();
    }

    /// Returns when the sink wants a keyframe, be it asked for once or often. The first time is when somebody begins to look:
    /// until then no frame need be made. Clients may ask as often as they like; at which pace they get any is the source's
    /// matter. Cancel-safe.
    pub async fn keyframe_wanted(&self) {
        self.keyframe.notified().await;
    }

    /// Returns when the sink is gone: with the call, or because its transport carries no further tracks.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }
}

impl FrameReceiver {
    /// The next frame, or `None` once the source is gone and all has been read. Cancel-safe.
    pub async fn recv(&mut self) -> Option<EncodedFrame> {
        self.frames.recv().await
    }

    /// Asks the source for a keyframe.
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
    async fn a_late_sink_loses_whole_groups_of_frames_and_a_keyframe_is_asked_for() {
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
    async fn a_source_learns_that_nobody_carries_its_track() {
        let mut tracks = Tracks::default();
        let codec =
            Codec { mime_type: "video/VP8".into(), clock_rate: 90_000, channels: 0, fmtp: String::new() };
        let mut source = tracks.send(Track { name: "face", codec });
        drop(tracks);
        source.closed().await;
        source.send(frame(0, true));
    }
}
