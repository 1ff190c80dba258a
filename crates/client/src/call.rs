//! One call from the client's side: a handle that speaks, types and hears.
//!
//! Its queues, what bounds them and what happens when they are full: ARCHITECTURE.md, "Queues".

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clip::Clip;
use super::comeback::{Pass, Recalled};
use super::error::ClientError;
use super::link::{Arrived, Counters, Event, FRAME, Inbox, Uplink, Wiring};
use super::message::{ClientMessage, ServerMessage};
use super::microphone::Microphone;
use super::server::Server;
use super::setup::{SetupClock, SetupStage, SetupTimes};
use super::surroundings::{Loudspeaker, Surroundings};
use super::{rtc, websocket};

const ORDERS: usize = 64;
const EVENTS: usize = 4_096;
const READY_WITHIN: Duration = Duration::from_secs(10);
/// Frames of kept sound sent in the time of one: the page sends as many.
const KEPT_AT_ONCE: usize = 4;
const HANG_UP_WITHIN: Duration = Duration::from_secs(3);

/// How a call reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Opus over RTP, messages on a data channel.
    #[value(name = "webrtc")]
    WebRtc,
    /// PCM and messages over one WebSocket.
    #[value(name = "websocket")]
    WebSocket,
}

/// Options of a call.
#[derive(Debug, Clone)]
pub struct CallOptions {
    /// The language, if fixed (ISO 639-1).
    pub language: Option<String>,
    /// What the microphone hears while nobody speaks; it loops.
    pub background: Arc<Clip>,
    /// What it hears throughout.
    pub surroundings: Surroundings,
    /// The call to go on with; none: a new one.
    pub resume: Option<Pass>,
    /// Over WebRTC, the address through which packets reach the server; none: its own.
    pub via: Option<SocketAddr>,
    /// Over WebRTC, packets of sound are events as well.
    pub packets: bool,
    /// Over WebRTC, silence is not sent, as by browsers (DTX), unless there is sound besides.
    pub dtx: bool,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self {
            language: None,
            background: Clip::silence(),
            surroundings: Surroundings::default(),
            resume: None,
            via: None,
            packets: false,
            dtx: false,
        }
    }
}

/// Counters of one call, as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct CallStats {
    /// Frames of audio that the caller did not read in time.
    pub audio_dropped: u64,
    /// Packets that never arrived.
    pub packets_lost: u64,
    /// Microphone frames that were due.
    pub frames: u64,
    /// Those of them for which a packet was sent.
    pub sent: u64,
    /// Frames that left at least a frame's length late: if they are many, this machine is too busy for its measurements to
    /// be trusted.
    pub late_frames: u64,
    /// Lateness of the latest, in microseconds.
    pub latest_frame_us: u64,
}

pub(crate) enum Order {
    Speak(Arc<Clip>, oneshot::Sender<Instant>),
    HandOver(Arc<Clip>, oneshot::Sender<Instant>),
    Send(ClientMessage),
    /// Close the connection of a call that may go on.
    Leave,
}

/// A call in progress. Dropping it closes the connection without a goodbye.
pub struct Call {
    orders: mpsc::Sender<Order>,
    events: mpsc::Receiver<Arrived>,
    counters: Arc<Counters>,
    tasks: TaskTracker,
    stop: CancellationToken,
    id: String,
    ready_in: Duration,
    setup: SetupTimes,
    pass: Option<Pass>,
    recalled: Option<Recalled>,
}

impl Call {
    /// Starts a call; returns once the server has answered `bot-ready`.
    pub async fn start(server: &Server, mode: Mode, options: CallOptions) -> Result<Self, ClientError> {
        let (began, setup) = (Instant::now(), SetupClock::begin());
        let (events_tx, events) = mpsc::channel(EVENTS);
        let (orders, orders_rx) = mpsc::channel(ORDERS);
        let counters = Arc::new(Counters::default());
        let loudspeaker = Arc::new(Mutex::new(Loudspeaker::new(options.surroundings, began)));
        let packets = options.packets;
        let inbox = Inbox { events: events_tx, counters: counters.clone(), loudspeaker, packets };
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let wiring = Wiring { inbox, tasks, stop, setup: setup.clone(), via: options.via, dtx: options.dtx };
        let tasks = wiring.tasks.clone();
        let guard = wiring.stop.clone().drop_guard();
        let (language, resume) = (options.language.as_deref(), options.resume.as_ref());
        let uplink: Box<dyn Uplink> = match mode {
            Mode::WebRtc => Box::new(rtc::connect(server, language, resume, &wiring).await?),
            Mode::WebSocket => Box::new(websocket::connect(server, language, resume, &wiring).await?),
        };
        let microphone = Microphone::new(options.background, rand::random(), rand::random());
        tasks.spawn(run_uplink(uplink, microphone, orders_rx, wiring));
        let stop = guard.disarm();
        let mut call = Self {
            orders,
            events,
            counters,
            tasks,
            stop,
            id: String::new(),
            ready_in: Duration::ZERO,
            setup: SetupTimes::new(),
            pass: None,
            recalled: None,
        };
        call.send(ClientMessage::Ready).await?;
        call.id = call.await_ready().await?;
        setup.reach(SetupStage::Ready);
        call.ready_in = began.elapsed();
        call.setup = setup.times();
        Ok(call)
    }

    async fn await_ready(&mut self) -> Result<String, ClientError> {
        let deadline = Instant::now() + READY_WITHIN;
        while let Some(arrived) = self.next_before(deadline).await {
            match arrived.event {
                Event::Message(ServerMessage::BotReady { call, .. }) => return Ok(call),
                Event::Message(ServerMessage::CallEnded { message, .. }) | Event::Closed(message) => {
                    return Err(ClientError::Ended(message));
                }
                Event::Message(ServerMessage::Error { message, .. }) => {
                    return Err(ClientError::Ended(message));
                }
                _ => {}
            }
        }
        Err(ClientError::TimedOut { what: "bot-ready", seconds: READY_WITHIN.as_secs() })
    }

    /// The call's id at the server.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How long it took until the server was ready.
    #[must_use]
    pub fn ready_in(&self) -> Duration {
        self.ready_in
    }

    /// How long after its begin each stage of its set-up was reached.
    #[must_use]
    pub fn setup(&self) -> &SetupTimes {
        &self.setup
    }

    /// How to come back to the call if its connection is lost, as the server said last.
    #[must_use]
    pub fn pass(&self) -> Option<&Pass> {
        self.pass.as_ref()
    }

    /// What the call went on from, once the server has said it; none: it is a new one.
    #[must_use]
    pub fn recalled(&self) -> Option<&Recalled> {
        self.recalled.as_ref()
    }

    /// The counters so far.
    #[must_use]
    pub fn stats(&self) -> CallStats {
        CallStats {
            audio_dropped: self.counters.audio_dropped.load(Ordering::Relaxed),
            packets_lost: self.counters.packets_lost.load(Ordering::Relaxed),
            frames: self.counters.frames.load(Ordering::Relaxed),
            sent: self.counters.sent.load(Ordering::Relaxed),
            late_frames: self.counters.late_frames.load(Ordering::Relaxed),
            latest_frame_us: self.counters.latest_us.load(Ordering::Relaxed),
        }
    }

    /// Speaks a clip in real time, after those still being spoken. The receiver resolves to the time of the last spoken
    /// sample, once that has been sent.
    pub async fn speak(&self, clip: Arc<Clip>) -> Result<oneshot::Receiver<Instant>, ClientError> {
        let (done, spoken) = oneshot::channel();
        self.order(Order::Speak(clip, done)).await?;
        Ok(spoken)
    }

    /// Hands a clip over that was said while there was no connection, before all else and several times faster, as the page does once
    /// its call goes on. The receiver resolves when its last spoken sample has been sent.
    pub async fn hand_over(&self, clip: Arc<Clip>) -> Result<oneshot::Receiver<Instant>, ClientError> {
        let (done, spoken) = oneshot::channel();
        self.order(Order::HandOver(clip, done)).await?;
        Ok(spoken)
    }

    /// Sends a message.
    pub async fn send(&self, message: ClientMessage) -> Result<(), ClientError> {
        self.order(Order::Send(message)).await
    }

    async fn order(&self, order: Order) -> Result<(), ClientError> {
        self.orders.send(order).await.map_err(|_| ClientError::Ended("the connection is closed".to_owned()))
    }

    /// The next event; `None` once the call is closed and all events are read.
    pub async fn next(&mut self) -> Option<Arrived> {
        let arrived = self.events.recv().await;
        self.note(arrived.as_ref());
        arrived
    }

    fn note(&mut self, arrived: Option<&Arrived>) {
        match arrived.map(|arrived| &arrived.event) {
            Some(Event::Message(ServerMessage::Resume(pass))) => self.pass = Some(pass.clone()),
            Some(Event::Message(ServerMessage::Resumed(recalled))) => self.recalled = Some(recalled.clone()),
            _ => {}
        }
    }

    /// The next event, or `None` at the deadline or the end.
    pub async fn next_before(&mut self, deadline: Instant) -> Option<Arrived> {
        tokio::time::timeout_at(deadline.into(), self.next()).await.ok().flatten()
    }

    /// Reads and discards events for this long; false when the call ended.
    pub async fn idle(&mut self, how_long: Duration) -> bool {
        let deadline = Instant::now() + how_long;
        while let Some(arrived) = self.next_before(deadline).await {
            if matches!(arrived.event, Event::Closed(_)) {
                return false;
            }
        }
        Instant::now() >= deadline
    }

    /// Hangs up and waits for the server's last message; returns whether it came.
    pub async fn hang_up(mut self) -> bool {
        let mut said_goodbye = false;
        if self.send(ClientMessage::Disconnect).await.is_ok() {
            let deadline = Instant::now() + HANG_UP_WITHIN;
            while let Some(arrived) = self.next_before(deadline).await {
                match arrived.event {
                    Event::Message(ServerMessage::CallEnded { .. }) => said_goodbye = true,
                    Event::Closed(_) => break,
                    _ => {}
                }
                if said_goodbye {
                    break;
                }
            }
        }
        self.stop.cancel();
        self.ended().await;
        said_goodbye
    }

    /// Leaves without hanging up, as a page that is loaded anew: the call may go on over another connection.
    pub async fn leave(mut self) {
        if self.order(Order::Leave).await.is_err() {
            self.stop.cancel();
        }
        self.ended().await;
    }

    async fn ended(&mut self) {
        self.tasks.close();
        // A reader with more events must not wait for a queue that nobody reads.
        self.events.close();
        self.tasks.wait().await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Sends what was kept, or else what the microphone hears now; false: nothing is sent for it.
async fn send_due(
    uplink: &mut dyn Uplink,
    microphone: &mut Microphone,
    now: Instant,
    beside: Vec<i16>,
) -> Result<bool, String> {
    let Some(first) = microphone.next_kept(now) else {
        return uplink.frame(microphone.next(now, beside)).await;
    };
    uplink.kept(first).await?;
    for _ in 1..KEPT_AT_ONCE {
        let Some(frame) = microphone.next_kept(now) else { break };
        uplink.kept(frame).await?;
    }
    Ok(true)
}

/// Sends frames when due and messages at once, until the call stops or its handle is dropped.
async fn run_uplink(
    mut uplink: Box<dyn Uplink>,
    mut microphone: Microphone,
    mut orders: mpsc::Receiver<Order>,
    wiring: Wiring,
) {
    let mut pace = tokio::time::interval(FRAME);
    // As with a real microphone, frames that a busy machine does not fetch in time are buffered, not lost.
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut message_id, mut may_go_on) = (0_u64, false);
    let fault = loop {
        let sent = tokio::select! {
            biased;
            () = wiring.stop.cancelled() => break None,
            order = orders.recv() => match order {
                None => break None,
                Some(Order::Leave) => {
                    may_go_on = true;
                    break None;
                }
                Some(Order::Speak(clip, done)) => {
                    microphone.speak(clip, done);
                    Ok(())
                }
                Some(Order::HandOver(clip, done)) => {
                    microphone.keep(clip, done);
                    Ok(())
                }
                Some(Order::Send(message)) => {
                    message_id += 1;
                    uplink.message(message.to_text(&message_id.to_string())).await
                }
            },
            due = pace.tick() => {
                let now = Instant::now();
                wiring.inbox.counters.frame_left(now.saturating_duration_since(due.into_std()));
                let beside = wiring.inbox.loudspeaker.lock().heard(now);
                let sent = send_due(uplink.as_mut(), &mut microphone, now, beside).await;
                if sent == Ok(true) {
                    wiring.inbox.counters.sent.fetch_add(1, Ordering::Relaxed);
                }
                sent.map(|_| ())
            }
        };
        if let Err(fault) = sent {
            break Some(fault);
        }
    };
    if let Some(fault) = fault {
        wiring.inbox.put(Instant::now(), Event::Closed(fault)).await;
    }
    wiring.stop.cancel();
    if may_go_on { uplink.leave().await } else { uplink.close().await }
}
