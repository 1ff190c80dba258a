//! The ports of a call, where its two sides meet: all that transport and pipeline know of each other.
//!
//! Their queues, what bounds them and what happens when they are full: ARCHITECTURE.md, "Queues".
//!
//! - `mic`: the microphone's queue; `moments`: the face for who watches it; `track`: further tracks, independent of the sound

mod mic;
mod moments;
mod track;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::mic::{Arrival, MicReceiver, MicSender};
pub use self::moments::Moments;
pub use self::track::{
    Codec, Continuity, EncodedFrame, FrameReceiver, FrameSender, IncomingTrack, OutgoingTrack, Track, Tracks,
};

use self::mic::mic_queue;
use crate::avatar::face::Face;
use crate::avatar::wire::Batch;
use crate::event::{CallEvent, ClientCommand, EndReason};
use crate::frame::MediaOut;

const MIC_QUEUE: usize = 250;
const COMMAND_QUEUE: usize = 64;
const MEDIA_QUEUE: usize = 10;
const FACE_QUEUE: usize = 16;
const EVENT_QUEUE: usize = 256;

/// The face at one moment of the call, for renderers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceMoment {
    /// The response that sounds; 0: none.
    pub response: u32,
    /// When, on the call's [`crate::frame::MEDIA_CLOCK`]. A moment no later than an earlier one replaces it and all after it.
    pub timestamp: u32,
    /// When its sound leaves the server.
    pub at: Instant,
    /// The face.
    pub face: Face,
}

/// Whether a call's client is present, as its transport sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It has requested the call and not connected yet.
    #[default]
    Awaited,
    /// It is connected.
    Here,
    /// It was connected; the call waits for it to return.
    CutOff,
}

/// How a client left, reported by its transport before it drops its ports.
#[derive(Debug, Clone, Default)]
pub struct Departure(Arc<AtomicBool>);

impl Departure {
    /// The connection was lost: the client did not close it.
    pub fn lost(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Why a call whose transport is gone ends, for programs and for people.
    #[must_use]
    pub fn reason(&self) -> (EndReason, &'static str) {
        if self.0.load(Ordering::Relaxed) {
            (EndReason::ConnectionLost, "The connection was lost.")
        } else {
            (EndReason::HungUp, "The connection was closed.")
        }
    }
}

/// The transport's ports. Dropping them tells the pipeline that the client is gone.
#[derive(Debug)]
pub struct TransportPorts {
    /// Receives the person's speech, one frame every 20 ms.
    pub mic: MicSender,
    /// Receives the client's commands.
    pub commands: mpsc::Sender<ClientCommand>,
    /// Supplies the sound for the person.
    pub media: mpsc::Receiver<MediaOut>,
    /// Supplies the face for that sound, ahead of it.
    pub faces: mpsc::Receiver<Batch>,
    /// Supplies the events for the client; ends after the last one.
    pub events: mpsc::Receiver<CallEvent>,
    /// Further tracks, if the transport can carry them; empty unless the caller that starts the call adds some.
    pub tracks: Tracks,
    /// Receives whether the client is present.
    pub presence: watch::Sender<Presence>,
    /// Reports how the client left.
    pub departure: Departure,
    /// Ends the call from outside, whatever its queues hold.
    pub hang_up: CancellationToken,
    /// The client comes back to its call, and may first send what the person said while it had no connection, faster than it was spoken.
    pub comes_back: bool,
}

/// The pipeline's ports. Dropping them tells the transport to close once all events are sent.
#[derive(Debug)]
pub struct PipelinePorts {
    /// Supplies the person's speech.
    pub mic: MicReceiver,
    /// Supplies the client's commands.
    pub commands: mpsc::Receiver<ClientCommand>,
    /// Receives the sound for the person.
    pub media: mpsc::Sender<MediaOut>,
    /// Receives the face for that sound.
    pub faces: mpsc::Sender<Batch>,
    /// Receives the face for renderers, each of which reads at its own pace; computed only while one is subscribed.
    pub moments: Moments,
    /// Receives the events for the client.
    pub events: mpsc::Sender<CallEvent>,
    /// Supplies whether the client is present.
    pub presence: watch::Receiver<Presence>,
    /// Tells how the client left, once the transport is gone.
    pub departure: Departure,
    /// Cancelled from outside to end the call.
    pub hang_up: CancellationToken,
}

/// Makes both sides of a new call's ports.
#[must_use]
pub fn call_ports() -> (TransportPorts, PipelinePorts) {
    let (mic_tx, mic_rx) = mic_queue(MIC_QUEUE);
    let (commands_tx, commands_rx) = mpsc::channel(COMMAND_QUEUE);
    let (media_tx, media_rx) = mpsc::channel(MEDIA_QUEUE);
    let (faces_tx, faces_rx) = mpsc::channel(FACE_QUEUE);
    let (events_tx, events_rx) = mpsc::channel(EVENT_QUEUE);
    let (presence_tx, presence_rx) = watch::channel(Presence::default());
    let (departure, hang_up) = (Departure::default(), CancellationToken::new());
    (
        TransportPorts {
            mic: mic_tx,
            commands: commands_tx,
            media: media_rx,
            faces: faces_rx,
            events: events_rx,
            tracks: Tracks::default(),
            presence: presence_tx,
            departure: departure.clone(),
            hang_up: hang_up.clone(),
            comes_back: false,
        },
        PipelinePorts {
            mic: mic_rx,
            commands: commands_rx,
            media: media_tx,
            faces: faces_tx,
            moments: Moments::default(),
            events: events_tx,
            presence: presence_rx,
            departure,
            hang_up,
        },
    )
}
