//! Reads from the client: sound, messages, or nothing. `continuity` finds sound that the client has left out (pure).

mod continuity;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, close_code};
use futures_util::{Stream, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::LONGEST_TEXT;
use crate::allowance::{Allowance, Verdict};
use crate::ear::Ear;
use crate::event::ClientCommand;
use crate::frame::{AudioFrame, MIC_FRAME};
use crate::inbox::Inbox;
use crate::ports::{Departure, MicSender, Presence};
use crate::protocol::{self, Packet, Protocol, Received, Sound};
use crate::stutter::Stutter;
use continuity::Continuity;

/// Malformed frames after which a client is given up.
const PATIENCE: u32 = 10;
/// A client that has sent neither sound nor a message by then is given up, to free its permit.
const FIRST_SIGN: Duration = Duration::from_secs(10);
/// Without audio for this long, silence is inserted, so that an utterance ends even if its client has stalled. Inserted
/// sooner, silence would split words that are only late.
const SILENT_AFTER: Duration = Duration::from_millis(800);
/// Time between packets of sound that counts as a gap.
const GAP: Duration = Duration::from_millis(300);
/// A client that sends nothing for longer has paused on purpose.
const PAUSE: Duration = Duration::from_secs(2);
/// Sound that a client has left out which counts as a gap.
const LEFT_OUT: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_millis(100);
const FRAME: Duration = Duration::from_millis(20);

/// Reads one client.
pub(super) struct Reader {
    pub(super) mic: MicSender,
    pub(super) commands: mpsc::Sender<ClientCommand>,
    /// To the writer: immediate replies to the client.
    pub(super) replies: mpsc::Sender<Packet>,
    pub(super) protocol: Arc<dyn Protocol>,
    pub(super) inbox: Inbox,
    pub(super) ear: Ear,
    /// How much sound the client may still send.
    pub(super) allowance: Allowance,
    pub(super) presence: watch::Sender<Presence>,
    pub(super) departure: Departure,
}

/// What has been received so far.
struct Seen {
    began: Instant,
    heard: Instant,
    silent_until: Instant,
    stutter: Stutter,
    /// Sound or a valid message was received.
    useful: bool,
    faults: u32,
    continuity: Continuity,
    /// When silence was last inserted for sound that was left out.
    filled: Instant,
}

/// Why a message cannot be accepted.
enum Trouble {
    /// It is invalid, and its sender is told.
    Fault(String),
    /// Its sender is given up for this reason.
    GivenUp(&'static str),
}

impl Reader {
    /// Reads until the client leaves, or is given up for the reason sent to `give_up`.
    pub(super) async fn run<E>(
        mut self,
        mut stream: impl Stream<Item = Result<Message, E>> + Unpin,
        give_up: mpsc::Sender<&'static str>,
    ) {
        let now = Instant::now();
        let mut seen = Seen {
            began: now,
            heard: now,
            silent_until: now,
            stutter: Stutter::default(),
            useful: false,
            faults: 0,
            continuity: Continuity::default(),
            filled: now,
        };
        self.obey(self.protocol.begin()).await;
        let mut tick = tokio::time::interval(TICK);
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                _ = tick.tick() => {
                    if !seen.useful && seen.began.elapsed() >= FIRST_SIGN {
                        _ = give_up.send("nothing came from the client for ten seconds").await;
                        break;
                    }
                    self.silence(&mut seen);
                    continue;
                }
            };
            let Some(Ok(message)) = message else { return self.departure.lost() };
            if let Message::Close(frame) = message {
                if !is_goodbye(frame.as_ref()) {
                    self.departure.lost();
                }
                return;
            }
            if let Err(reason) = self.take(message, &mut seen).await {
                _ = give_up.send(reason).await;
                break;
            }
        }
        // The writer sends the last packets and ends the call.
        std::future::pending().await
    }

    /// Marks the client as present, once it has sent something useful.
    fn is_useful(&self, seen: &mut Seen) {
        if !std::mem::replace(&mut seen.useful, true) {
            self.presence.send_replace(Presence::Here);
        }
    }

    /// Inserts silence for the time without sound.
    fn silence(&self, seen: &mut Seen) {
        let now = Instant::now();
        if now < seen.heard + SILENT_AFTER {
            return;
        }
        let mut until = seen.silent_until.max(seen.heard);
        while until + FRAME <= now {
            until += FRAME;
            self.mic.send(AudioFrame { samples: vec![0; MIC_FRAME], received: false });
        }
        seen.silent_until = until;
    }

    /// Takes a message; the error says why the client is given up.
    async fn take(&mut self, message: Message, seen: &mut Seen) -> Result<(), &'static str> {
        match self.accept(message, seen).await {
            Ok(()) => Ok(()),
            Err(Trouble::GivenUp(reason)) => Err(reason),
            Err(Trouble::Fault(message)) => {
                seen.faults += 1;
                _ = self.commands.try_send(ClientCommand::Bad { id: None, message });
                if seen.faults >= PATIENCE { Err("ten frames were malformed") } else { Ok(()) }
            }
        }
    }

    async fn accept(&mut self, message: Message, seen: &mut Seen) -> Result<(), Trouble> {
        let packet = match message {
            Message::Text(text) if text.len() > LONGEST_TEXT => {
                return Err(Trouble::GivenUp("a text frame was over 64 KiB"));
            }
            Message::Text(text) => Packet::Text(text.as_str().to_owned()),
            Message::Binary(bytes) => Packet::Binary(bytes),
            // Each is answered, so they are limited like messages.
            Message::Ping(data) | Message::Pong(data) => {
                self.inbox.count(data.len()).await;
                return Ok(());
            }
            Message::Close(_) => return Ok(()),
        };
        match self.inbox.read(packet).await {
            Received::Message(message) => {
                self.is_useful(seen);
                self.obey(message).await;
                Ok(())
            }
            Received::Sound(sound) => self.sound(&sound, seen),
            Received::Fault(fault) => Err(Trouble::Fault(fault)),
            Received::Unwanted => {
                metrics::counter!("visavis_messages_refused_total").increment(1);
                Ok(())
            }
        }
    }

    /// Carries out a message.
    async fn obey(&mut self, message: protocol::Message) {
        for reply in message.replies {
            // Fails only if the writer has ended, which ends the call.
            _ = self.replies.send(reply).await;
        }
        for command in message.commands {
            // Fails only if the pipeline has ended, which closes its events and so the socket.
            _ = self.commands.send(command).await;
        }
    }

    /// Inserts silence for sound that the client has left out before this one; returns how much was missing. Silence that was
    /// inserted while nothing came, since `before`, stands for it already. No more is inserted than the time since the last insertion.
    fn fill(&mut self, sound: &Sound, before: Instant, seen: &mut Seen) -> Duration {
        let Some(timestamp) = sound.timestamp else { return Duration::ZERO };
        let missing = seen.continuity.missing(timestamp, sound.seconds());
        let inserted = seen.silent_until.saturating_duration_since(before);
        let silence = missing.saturating_sub(inserted).min(seen.filled.elapsed());
        if !silence.is_zero() {
            seen.filled = Instant::now();
            let samples = (silence.as_secs_f64() * f64::from(sound.rate)).round() as usize;
            for frame in self.ear.take(sound.rate, &vec![0; samples]) {
                self.mic.send(AudioFrame { received: false, ..frame });
            }
        }
        missing
    }

    /// Hears sound within the client's allowance.
    fn sound(&mut self, sound: &Sound, seen: &mut Seen) -> Result<(), Trouble> {
        self.is_useful(seen);
        let before = std::mem::replace(&mut seen.heard, Instant::now());
        let missing = self.fill(sound, before, seen);
        let is_gap = (GAP..PAUSE).contains(&before.elapsed()) || missing >= LEFT_OUT;
        if is_gap && seen.stutter.faults(seen.began.elapsed(), 1) {
            // If the queue is full, this is the least important command.
            _ = self.commands.try_send(ClientCommand::MicrophoneStutters);
        }
        match self.allowance.frame(seen.began.elapsed(), sound.seconds()) {
            Verdict::Heard => {
                let samples = self.protocol.samples(sound).map_err(Trouble::Fault)?;
                self.ear.take(sound.rate, &samples).into_iter().for_each(|frame| self.mic.send(frame));
            }
            Verdict::Dropped => {
                metrics::counter!("visavis_mic_excess_frames_dropped_total").increment(1);
            }
            Verdict::End => return Err(Trouble::GivenUp("sound came much faster than it is spoken")),
        }
        Ok(())
    }
}

/// Whether a client that closes its socket so has hung up. Browsers close that of a page that goes away with 1001, and the page
/// that of a connection that it gives up with 4000: both may come back to the call.
fn is_goodbye(frame: Option<&CloseFrame>) -> bool {
    frame.is_none_or(|frame| matches!(frame.code, close_code::NORMAL | close_code::STATUS))
}

#[cfg(test)]
mod tests;
