//! What comes from the client: sound, messages, or nothing.

use std::time::Duration;

use axum::extract::ws::Message;
use futures_util::{Stream, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::LONGEST_TEXT;
use super::allowance::{Allowance, Verdict};
use super::ear::Ear;
use crate::ends::{Departure, MicSender, Presence};
use crate::event::ClientCommand;
use crate::frame::{AudioFrame, MIC_FRAME};
use crate::transport::Incoming;
use crate::transport::inbox::Inbox;
use crate::transport::stutter::Stutter;

/// Malformed frames after which a client is given up.
const PATIENCE: u32 = 10;
/// A client that has sent neither sound nor a message by then holds a seat for nothing.
const FIRST_SIGN: Duration = Duration::from_secs(10);
/// Without audio for this long the microphone was silent, so that an utterance ends even if its client has stalled. Silence
/// that is made up sooner splits words that are only late.
const SILENT_AFTER: Duration = Duration::from_millis(800);
/// Sound that comes so much later than the sound before arrives with gaps.
const GAP: Duration = Duration::from_millis(300);
/// A client that sends nothing for longer does so by intention.
const PAUSE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(100);
const FRAME: Duration = Duration::from_millis(20);

/// Reads one client.
pub(super) struct Reader {
    pub(super) mic: MicSender,
    pub(super) commands: mpsc::Sender<ClientCommand>,
    /// To the writer: what the client is told at once.
    pub(super) replies: mpsc::Sender<String>,
    pub(super) inbox: Inbox,
    pub(super) ear: Ear,
    pub(super) presence: watch::Sender<Presence>,
    pub(super) departure: Departure,
}

/// What has come so far.
struct Seen {
    began: Instant,
    heard: Instant,
    silent_until: Instant,
    allowance: Allowance,
    stutter: Stutter,
    /// Something useful came.
    useful: bool,
    faults: u32,
}

impl Reader {
    /// Reads until the client goes, or is given up for the reason that is told.
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
            allowance: Allowance::new(),
            stutter: Stutter::default(),
            useful: false,
            faults: 0,
        };
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
            if matches!(message, Message::Close(_)) {
                return;
            }
            if let Err(reason) = self.take(message, &mut seen).await {
                _ = give_up.send(reason).await;
                break;
            }
        }
        // The writer says goodbye and ends the call.
        std::future::pending().await
    }

    /// A client that has sent nothing yet may be none.
    fn is_useful(&self, seen: &mut Seen) {
        if !std::mem::replace(&mut seen.useful, true) {
            self.presence.send_replace(Presence::Here);
        }
    }

    /// Makes up for the time without sound.
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

    async fn take(&mut self, message: Message, seen: &mut Seen) -> Result<(), &'static str> {
        let fault = match message {
            Message::Binary(frame) => self.sound(&frame, seen)?,
            Message::Text(text) if text.len() > LONGEST_TEXT => return Err("a text frame was over 64 KiB"),
            Message::Text(text) => self.text(&text, seen).await,
            // Each is answered, so a flood of them must wait like one of messages.
            Message::Ping(data) | Message::Pong(data) => {
                self.inbox.count(data.len()).await;
                None
            }
            Message::Close(_) => None,
        };
        if let Some(fault) = fault {
            seen.faults += 1;
            _ = self.commands.try_send(fault);
            if seen.faults >= PATIENCE {
                return Err("ten frames were malformed");
            }
        }
        Ok(())
    }

    /// Takes a message; one that is none is given back.
    async fn text(&mut self, text: &str, seen: &mut Seen) -> Option<ClientCommand> {
        let Incoming { command, replies } = self.inbox.read(text).await;
        if let Some(ClientCommand::Bad { id: None, .. }) = command {
            return command;
        }
        self.is_useful(seen);
        for reply in replies {
            // A writer that has ended ends the call.
            _ = self.replies.send(reply).await;
        }
        if let Some(command) = command {
            // A pipeline that has ended closes the socket by its events' end.
            _ = self.commands.send(command).await;
        }
        None
    }

    fn sound(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Option<ClientCommand>, &'static str> {
        let (body, seconds) = match self.ear.samples(frame) {
            Ok(samples) => samples,
            Err(message) => return Ok(Some(ClientCommand::Bad { id: None, message })),
        };
        self.is_useful(seen);
        let gap = std::mem::replace(&mut seen.heard, Instant::now()).elapsed();
        if (GAP..PAUSE).contains(&gap) && seen.stutter.faults(seen.began.elapsed(), 1) {
            // With a full queue there is more to tell than this.
            _ = self.commands.try_send(ClientCommand::MicrophoneStutters);
        }
        match seen.allowance.frame(seen.began.elapsed(), seconds) {
            Verdict::Heard => self.ear.take(body).into_iter().for_each(|frame| self.mic.send(frame)),
            Verdict::Dropped => {
                metrics::counter!("visavis_mic_excess_frames_dropped_total").increment(1);
            }
            Verdict::End => return Err("sound came much faster than it is spoken"),
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use futures_util::stream;

    use super::super::REPLIES;
    use super::*;
    use crate::ends::{PipelineEnds, TransportEnds, call_ends};
    use crate::event::EndReason;
    use crate::transport::protocol::Rtvi;

    /// A reader, what its client is told at once, and the pipeline's end.
    fn reader() -> (Reader, mpsc::Receiver<String>, PipelineEnds) {
        let (ends, pipeline) = call_ends();
        let inbox = Inbox::new(Arc::new(Rtvi::default()));
        let TransportEnds { mic, commands, presence, departure, .. } = ends;
        let (replies, told) = mpsc::channel(REPLIES);
        let ear = Ear::new(16_000);
        (Reader { mic, commands, replies, inbox, ear, presence, departure }, told, pipeline)
    }

    /// Why a client that sends these messages, and then nothing, is given up; what it is told at once; and the pipeline's
    /// end.
    async fn given_up(
        messages: Vec<Message>,
    ) -> (Option<&'static str>, mpsc::Receiver<String>, PipelineEnds) {
        let (reader, told, pipeline) = reader();
        let (give_up, mut reason) = mpsc::channel(1);
        let messages = stream::iter(messages.into_iter().map(Ok::<_, Infallible>)).chain(stream::pending());
        tokio::select! {
            () = reader.run(messages, give_up) => (None, told, pipeline),
            reason = reason.recv() => (reason, told, pipeline),
            () = tokio::time::sleep(FIRST_SIGN * 3) => (None, told, pipeline),
        }
    }

    fn sound(samples: usize) -> Message {
        let mut bytes = vec![1, 1];
        bytes.resize(super::super::HEADER + samples * 2, 0);
        Message::Binary(bytes.into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_no_use_is_given_up_with_the_reason() {
        let hello = || Message::text(r#"{"type":"client-ready","data":{}}"#);
        for (messages, part) in [
            (vec![], Some("nothing came")),
            (vec![Message::text("{")], Some("nothing came")),
            (vec![Message::Ping("x".into()); 30], Some("nothing came")),
            (vec![hello()], None),
            (vec![sound(320)], None),
            (vec![Message::text("{"); 10], Some("ten frames were malformed")),
            (vec![Message::text("x".repeat(LONGEST_TEXT + 1))], Some("64 KiB")),
            (vec![sound(3200); 400], Some("much faster")),
        ] {
            let count = messages.len();
            let (reason, ..) = given_up(messages).await;
            assert_eq!(reason.is_some(), part.is_some(), "{count} messages: {reason:?}");
            assert!(reason.unwrap_or("").contains(part.unwrap_or("")), "{count} messages: {reason:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ping_is_a_sign_of_life_and_answered_without_the_pipeline() {
        let ping = r#"{"label":"rtvi-ai","type":"client-message","id":"c1","data":{"t":"ping"}}"#;
        let (reason, mut told, mut pipeline) = given_up(vec![Message::text(ping)]).await;
        assert_eq!(reason, None);
        let reply = told.try_recv().unwrap();
        assert!(reply.contains("server-response") && reply.contains(r#""id":"c1""#), "{reply}");
        assert!(pipeline.commands.try_recv().is_err());
    }

    /// How long a reader takes to come to the end of what a client sends, and the pipeline's end.
    async fn read_all(
        messages: impl Stream<Item = Result<Message, &'static str>> + Unpin,
    ) -> (Duration, PipelineEnds) {
        let (reader, _told, pipeline) = reader();
        let (give_up, _reason) = mpsc::channel(1);
        let began = Instant::now();
        let read = tokio::time::timeout(Duration::from_secs(60), reader.run(messages, give_up));
        read.await.expect("the reader ends with its stream");
        (began.elapsed(), pipeline)
    }

    #[tokio::test(start_paused = true)]
    async fn who_closes_the_socket_has_hung_up_and_whose_stream_just_ends_was_lost() {
        for (last, expected) in [
            (Some(Ok(Message::Close(None))), EndReason::HungUp),
            (Some(Err("connection reset")), EndReason::ConnectionLost),
            (None, EndReason::ConnectionLost),
        ] {
            let messages = [Ok(sound(320))].into_iter().chain(last.clone());
            let (_, pipeline) = read_all(stream::iter(messages)).await;
            assert_eq!(pipeline.departure.reason().0, expected, "{last:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_pings_is_read_no_faster_than_one_of_messages() {
        let pings = [Message::Ping("x".into()), Message::Pong("x".into())].into_iter().cycle().take(300);
        let (took, _) = read_all(stream::iter(pings.map(Ok))).await;
        assert!((4..6).contains(&took.as_secs()), "a burst of 200, and 20 in each second: {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn sound_that_keeps_coming_with_gaps_is_told_of() {
        for (pause, frames, told) in [(400, 6, true), (400, 4, false), (100, 40, false), (3_000, 6, false)] {
            let late = stream::repeat(sound(320)).take(frames).then(|frame| async move {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                Ok(frame)
            });
            let (_, mut pipeline) = read_all(Box::pin(late)).await;
            let command = pipeline.commands.try_recv().ok();
            let expected = told.then_some(ClientCommand::MicrophoneStutters);
            assert_eq!(command, expected, "{frames} frames, {pause} ms apart");
        }
    }
}
