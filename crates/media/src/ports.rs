//! The ports of a call, where its two sides meet: all that a transport knows of the pipeline, and the pipeline of a transport.
//!
//! | queue | from → to | bound | when full |
//! |---|---|---|---|
//! | mic | transport → pipeline | 250 frames (5 s) | oldest frame dropped and counted: the pipeline has been late for long |
//! | commands | transport → pipeline | 64 | the transport waits: the client's own messages queue up |
//! | media | pipeline → transport | 10 frames (200 ms) | playout drops the frame and counts it: late audio is worth nothing |
//! | faces | pipeline → transport | 16 messages | the face's message is dropped and counted: a late face is worth nothing |
//! | moments | pipeline → renderers | 128 | whoever is late loses the oldest |
//! | events | pipeline → transport | 256 | the call ends: its client has stopped reading |
//! | a track's frames | its source → its sink | 10 frames | the frame is dropped and counted, and with it what follows up to a keyframe, which is asked for |
//!
//! - `mic`: the microphone's queue, `track`: further tracks, beside the sound of which they know nothing

mod mic;
mod track;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::mic::{Arrival, MicReceiver, MicSender};
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
const MOMENT_QUEUE: usize = 128;
const EVENT_QUEUE: usize = 256;

/// The face at one moment of the call, for whoever shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceMoment {
    /// The answer that sounds; 0: none.
    pub response: u32,
    /// When, on the call's [`crate::frame::MEDIA_CLOCK`]. A moment no later than one that came already replaces that and what follows it.
    pub timestamp: u32,
    /// When its sound leaves the server.
    pub at: Instant,
    /// The face.
    pub face: Face,
}

/// Whether a call's client is there, as its transport sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It has asked for the call, and nothing has come from it since.
    #[default]
    Awaited,
    /// It is connected.
    Here,
    /// It was, and is waited for.
    CutOff,
}

/// How a client went away, told by its transport before it drops its ports.
#[derive(Debug, Clone, Default)]
pub struct Departure(Arc<AtomicBool>);

impl Departure {
    /// The connection was lost: the client did not close it.
    pub fn lost(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Why a call ends whose transport is gone, for programs and for people.
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
    /// Takes what the person says, one frame every 20 ms.
    pub mic: MicSender,
    /// Takes what the client asks for.
    pub commands: mpsc::Sender<ClientCommand>,
    /// Gives what the person is to hear.
    pub media: mpsc::Receiver<MediaOut>,
    /// Gives the face that goes with it, ahead.
    pub faces: mpsc::Receiver<Batch>,
    /// Gives what the client is to know; ends after the last event.
    pub events: mpsc::Receiver<CallEvent>,
    /// What is carried beside the sound, if the transport can; none, unless whoever starts the call adds some.
    pub tracks: Tracks,
    /// Takes whether the client is there.
    pub presence: watch::Sender<Presence>,
    /// Says how the client went away.
    pub departure: Departure,
    /// Ends the call from outside it, whatever waits in its queues.
    pub hang_up: CancellationToken,
}

/// The pipeline's ports. Dropping them tells the transport to close once all events are sent.
#[derive(Debug)]
pub struct PipelinePorts {
    /// Gives what the person says.
    pub mic: MicReceiver,
    /// Gives what the client asks for.
    pub commands: mpsc::Receiver<ClientCommand>,
    /// Takes what the person is to hear.
    pub media: mpsc::Sender<MediaOut>,
    /// Takes the face that goes with it.
    pub faces: mpsc::Sender<Batch>,
    /// Takes it for everybody else, each at a pace of their own; computed only while somebody looks.
    pub moments: broadcast::Sender<FaceMoment>,
    /// Takes what the client is to know.
    pub events: mpsc::Sender<CallEvent>,
    /// Gives whether the client is there.
    pub presence: watch::Receiver<Presence>,
    /// Tells how the client went away, once the transport is gone.
    pub departure: Departure,
    /// The call is to end, by a word from outside it.
    pub hang_up: CancellationToken,
}

/// A new call's ports, of both sides.
#[must_use]
pub fn call_ports() -> (TransportPorts, PipelinePorts) {
    let (mic_tx, mic_rx) = mic_queue(MIC_QUEUE);
    let (commands_tx, commands_rx) = mpsc::channel(COMMAND_QUEUE);
    let (media_tx, media_rx) = mpsc::channel(MEDIA_QUEUE);
    let (faces_tx, faces_rx) = mpsc::channel(FACE_QUEUE);
    let (moments, _) = broadcast::channel(MOMENT_QUEUE);
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
        },
        PipelinePorts {
            mic: mic_rx,
            commands: commands_rx,
            media: media_tx,
            faces: faces_tx,
            moments,
            events: events_tx,
            presence: presence_rx,
            departure,
            hang_up,
        },
    )
}
