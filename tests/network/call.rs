//! A whole call on tokio's paused clock: a person with a microphone and a loudspeaker, the network between, and the
//! server's real path from the first packet to the last.

use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use visavis::audio::opus::{Encoder, MAX_PACKET};
use visavis::config::Config;
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis::transport::webrtc::mic::MicPath;
use visavis_core::event::{CallEvent, ClientCommand, EndReason};
use visavis_core::frame::{FRAME_TICKS, MediaOut, ResponseId};

use super::engines::{GREETING, Recorded, engines};
use super::microphone::Microphone;
use super::net::{Link, Profile};
use super::player::{Player, Sent};

pub const FRAME: Duration = Duration::from_millis(20);

/// A word that the person has said.
#[derive(Debug, Clone)]
pub struct Spoken {
    pub word: &'static str,
    /// When its first and last samples were spoken.
    pub from: Duration,
    pub to: Duration,
    /// The packets that hold it.
    pub packets: std::ops::Range<usize>,
}

/// A packet of the microphone.
#[derive(Debug, Clone)]
pub struct Rtp {
    pub sequence: u16,
    pub timestamp: u32,
    pub payload: Bytes,
}

/// A frame as it left the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub at: Duration,
    pub response: ResponseId,
    pub timestamp: u32,
}

/// Both sides of a call, and everything that happened.
pub struct Call {
    pub profile: Profile,
    pub began: Instant,
    ports: Option<TransportPorts>,
    run: JoinHandle<EndReason>,
    ticks: Interval,
    mic: MicPath,
    /// When the microphone is asked next, unless a packet comes while it is at rest.
    due: Duration,
    pub up: Link<Rtp>,
    pub down: Link<Sent>,
    /// The client's encoder, the server's, the length of a client's frame, and the end of its last one.
    pub microphone: Microphone,
    speaker: Encoder,
    pub period: Duration,
    pub clock: Duration,
    /// Every event: when it was sent, and when the client knows of it.
    pub events: Vec<(Duration, Duration, CallEvent)>,
    pub left: Vec<Left>,
    pub spoken: Vec<Spoken>,
    pub player: Player,
    pub recorded: Recorded,
    /// Responses in the order the person waited for them, with the time from the person's last word to the first sound.
    pub responses: Vec<(ResponseId, Duration)>,
}

enum Happened {
    Frame(MediaOut),
    Event(CallEvent),
    Tick,
    Time,
}

impl Call {
    /// A call whose client has just connected.
    pub async fn begin(profile: &Profile, seed: u64) -> Self {
        let (engines, recorded) = engines();
        let (ports, pipeline) = call_ports();
        let mut config = Config::default();
        config.avatar.enabled = false;
        config.conversation.language = "en".into();
        config.conversation.greeting = GREETING.into();
        let scope = Scope { drain: CancellationToken::new(), token: CancellationToken::new() };
        let run = tokio::spawn(async move {
            Box::pin(pipeline::run("test".into(), pipeline, engines, &config, CallOptions::default(), scope))
                .await
        });
        ports.commands.send(ClientCommand::Ready).await.unwrap();
        let millionths = u64::try_from(1_000_000 + profile.drift).unwrap();
        Self {
            profile: *profile,
            began: Instant::now(),
            ports: Some(ports),
            run,
            ticks: interval(FRAME),
            mic: MicPath::new().unwrap(),
            due: Duration::ZERO,
            up: Link::new(profile, seed),
            down: Link::new(profile, !seed),
            microphone: Microphone::new(profile.dtx),
            speaker: Encoder::new().unwrap(),
            period: Duration::from_nanos(20_000_000_000_000 / millionths),
            clock: Duration::ZERO,
            events: Vec::new(),
            left: Vec::new(),
            spoken: Vec::new(),
            player: Player::new(profile.spread() + FRAME),
            recorded,
            responses: Vec::new(),
        }
    }

    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Runs the server and the network until this time.
    pub async fn run_until(&mut self, end: Instant) {
        let mut ports = self.ports.take().expect("the call goes on");
        loop {
            let happened = tokio::select! {
                biased;
                Some(frame) = ports.media.recv() => Happened::Frame(frame),
                Some(event) = ports.events.recv() => Happened::Event(event),
                _ = self.ticks.tick() => Happened::Tick,
                () = sleep_until(end) => Happened::Time,
            };
            match happened {
                Happened::Frame(frame) => self.leaves(&frame),
                Happened::Event(event) => self.told(event),
                Happened::Tick => self.tick(&ports),
                Happened::Time => break,
            }
        }
        self.ports = Some(ports);
    }

    /// A frame of a response leaves the server, as `webrtc::speaker` sends it.
    fn leaves(&mut self, media: &MediaOut) {
        let at = self.now();
        if self.left.last().is_none_or(|last| last.timestamp + FRAME_TICKS != media.timestamp) {
            self.speaker.reset().unwrap();
        }
        let MediaOut { response, timestamp, .. } = *media;
        let payload = encode(&mut self.speaker, &media.samples).to_vec();
        let index = self.left.len();
        self.left.push(Left { at, response, timestamp });
        self.down.send(at, Sent { index, timestamp, response, payload });
    }

    fn told(&mut self, event: CallEvent) {
        let (at, known) = (self.now(), self.down.reliable(self.now()));
        if matches!(event, CallEvent::Ended { .. }) {
            panic!("the call ends at {at:?}: {event:?}");
        }
        self.events.push((at, known, event));
    }

    /// The server's 20 ms tick: hears what has arrived, as `webrtc::sound` does, and feeds the client's loudspeaker.
    fn tick(&mut self, ports: &TransportPorts) {
        let (now, mut comes) = (self.now(), false);
        while let Some((at, Rtp { sequence, timestamp, payload })) = self.up.arrived(now) {
            assert!(self.mic.packet(at, sequence, timestamp, payload));
            comes = true;
        }
        // Ticks are a frame apart, give or take the clock's resolution.
        if now + FRAME / 2 >= self.due || (comes && self.mic.rests()) {
            self.mic.tick(now).into_iter().for_each(|frame| ports.mic.send(frame));
            self.due = now + self.mic.pause();
        }
        if self.mic.stutters(now) {
            ports.commands.try_send(ClientCommand::MicrophoneStutters).unwrap();
        }
        while let Some((at, sent)) = self.down.arrived(now) {
            self.player.frame(at, sent);
        }
        let before = now.saturating_sub(FRAME);
        for (_, known, event) in &self.events {
            if let CallEvent::Interrupted { response, .. } = event
                && (before..now).contains(known)
            {
                self.player.interrupted(now, *response);
            }
        }
    }

    pub async fn hang_up(&mut self) -> EndReason {
        drop(self.ports.take());
        timeout(Duration::from_secs(5), &mut self.run).await.expect("the pipeline ends").unwrap()
    }

    /// How many of these packets of the microphone were lost.
    pub fn lost(&self, packets: std::ops::Range<usize>) -> usize {
        self.up.missing(packets, Duration::MAX / 2)
    }

    /// Whether a frame of a response was lost on the way, or came too late to be played.
    pub fn lost_of(&self, index: usize) -> bool {
        self.down.missing(index..index + 1, self.profile.worst()) > 0
    }

    /// The longest transit time of a packet while nothing stalls.
    pub fn worst(&self) -> Duration {
        self.profile.worst()
    }

    /// What the client was told, in order.
    pub fn told_of<T>(&self, what: impl Fn(&CallEvent) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(|(_, _, event)| what(event)).collect()
    }
}

/// A frame of 20 ms as a packet.
pub fn encode(encoder: &mut Encoder, samples: &[i16]) -> Bytes {
    let mut packet = [0; MAX_PACKET];
    let length = encoder.encode(samples, &mut packet).unwrap();
    Bytes::copy_from_slice(&packet[..length])
}
