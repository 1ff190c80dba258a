//! What a call and its transports have in common: what arrives, what is sent, and what is counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::message::ServerMessage;
use super::microphone::MicFrame;
use super::setup::SetupClock;
use super::surroundings::Loudspeaker;
use visavis_core::frame::ResponseId;

/// The length of a microphone frame.
pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// What the server sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A message.
    Message(ServerMessage),
    /// An invalid message; the text says why.
    BadMessage(String),
    /// Sound of a response, 16 kHz.
    Audio {
        /// The samples.
        samples: Vec<i16>,
        /// The response; unknown over WebRTC.
        response: Option<ResponseId>,
    },
    /// A packet of sound as it came over WebRTC, late ones included; only where they are asked for.
    Packet(Packet),
    /// The connection is closed; this is the last event.
    Closed(String),
}

/// A packet of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// When it arrived.
    pub at: Instant,
    /// Its number; wraps.
    pub sequence: u16,
    /// When its first sample sounds, on a 48 kHz clock that wraps.
    pub timestamp: u32,
    /// Opus.
    pub payload: Bytes,
}

/// An event and when it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// When it arrived.
    pub at: Instant,
    /// What arrived.
    pub event: Event,
}

/// Counters of one call.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) audio_dropped: AtomicU64,
    pub(crate) packets_lost: AtomicU64,
    pub(crate) latest_us: AtomicU64,
    pub(crate) late_frames: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) sent: AtomicU64,
}

impl Counters {
    /// Counts a microphone frame that was sent this late.
    pub(crate) fn frame_left(&self, late: Duration) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.late_frames.fetch_add(u64::from(late >= FRAME), Ordering::Relaxed);
        self.latest_us.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
    }
}

/// The sending side of a transport.
#[async_trait]
pub(crate) trait Uplink: Send {
    /// Sends a frame of the microphone; false: nothing is sent for it.
    async fn frame(&mut self, frame: MicFrame) -> Result<bool, String>;
    /// Sends a frame that was kept while there was no connection.
    async fn kept(&mut self, frame: MicFrame) -> Result<(), String> {
        self.frame(frame).await.map(|_| ())
    }
    /// Sends a message.
    async fn message(&mut self, text: String) -> Result<(), String>;
    /// Closes the connection.
    async fn close(&mut self);
    /// Closes it as a page that is loaded anew does, whose call may go on.
    async fn leave(&mut self) {
        self.close().await;
    }
}

/// Takes what the readers receive.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(crate) events: mpsc::Sender<Arrived>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) loudspeaker: Arc<Mutex<Loudspeaker>>,
    /// Whether packets are put as well.
    pub(crate) packets: bool,
}

impl Inbox {
    /// Puts an event into the queue; false when nobody reads any more.
    pub(crate) async fn put(&self, at: Instant, event: Event) -> bool {
        if let Event::Audio { samples, .. } = &event {
            self.loudspeaker.lock().play(at, samples);
            return match self.events.try_send(Arrived { at, event }) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    self.counters.audio_dropped.fetch_add(1, Ordering::Relaxed);
                    true
                }
            };
        }
        self.events.send(Arrived { at, event }).await.is_ok()
    }
}

/// What a transport needs from its call.
pub(crate) struct Wiring {
    pub(crate) inbox: Inbox,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) setup: SetupClock,
    /// Where packets are led over; none: they go straight to the server.
    pub(crate) via: Option<SocketAddr>,
    /// Over WebRTC, silence is not sent.
    pub(crate) dtx: bool,
}
