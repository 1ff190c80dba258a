//! Writes to the client: replies, events, sound and faces, and the last packets before the socket closes.

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, close_code};
use futures_util::{Sink, SinkExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::GOODBYE;
use super::voice::{PAUSE, Voice};
use crate::avatar::wire::Batch;
use crate::event::CallEvent;
use crate::frame::MediaOut;
use crate::protocol::{Packet, Protocol, Speech};
use crate::unix_time;

/// Why a writer has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The client was told that the call has ended.
    Told,
    /// The client cannot be reached any more.
    Lost,
}

/// The next batch of faces; never, if the client wants none or the pipeline makes none.
async fn next_of(faces: &mut Option<mpsc::Receiver<Batch>>) -> Batch {
    if let Some(waiting) = faces {
        match waiting.recv().await {
            Some(batch) => return batch,
            None => *faces = None,
        }
    }
    std::future::pending().await
}

/// What comes from the pipeline.
pub(super) struct Feeds {
    pub(super) media: mpsc::Receiver<MediaOut>,
    /// None: the client wants no face.
    pub(super) faces: Option<mpsc::Receiver<Batch>>,
    pub(super) events: mpsc::Receiver<CallEvent>,
}

/// What ends the writing.
pub(super) struct Stops {
    /// Why the reader has given the client up.
    pub(super) given_up: mpsc::Receiver<&'static str>,
    /// The call's.
    pub(super) token: CancellationToken,
}

/// Writes to one client.
pub(super) struct Writer<S> {
    pub(super) sink: S,
    pub(super) protocol: Arc<dyn Protocol>,
    /// From the reader: immediate replies to the client.
    pub(super) replies: mpsc::Receiver<Packet>,
    pub(super) voice: Voice,
}

impl<S: Sink<Message> + Unpin> Writer<S> {
    /// Writes until the call has ended, or the client cannot be reached any more.
    pub(super) async fn run(
        mut self,
        Feeds { mut media, mut faces, mut events }: Feeds,
        Stops { mut given_up, token }: Stops,
    ) -> Over {
        let mut sounded = Instant::now();
        loop {
            let sent = tokio::select! {
                biased;
                Some(reason) = given_up.recv() => {
                    let last = self.protocol.fatal(&format!("The call ends: {reason}."));
                    _ = tokio::time::timeout(GOODBYE, self.send(last)).await;
                    self.close(close_code::POLICY, reason).await;
                    return Over::Told;
                }
                () = token.cancelled() => {
                    let last = async {
                        while let Ok(event) = events.try_recv() {
                            _ = self.tell(&event).await;
                        }
                    };
                    _ = tokio::time::timeout(GOODBYE, last).await;
                    self.close(close_code::AWAY, "the server has ended the call").await;
                    return Over::Told;
                }
                Some(reply) = self.replies.recv() => self.send(vec![reply]).await,
                event = events.recv() => {
                    let Some(event) = event else {
                        self.close(close_code::NORMAL, "the call has ended").await;
                        return Over::Told;
                    };
                    if let CallEvent::Interrupted { .. } = event {
                        while media.try_recv().is_ok() {}
                        self.voice.cut();
                    }
                    self.tell(&event).await
                }
                Some(frame) = media.recv() => {
                    sounded = Instant::now();
                    let speech = self.voice.frame(&frame, self.protocol.speech_rate());
                    self.play(speech).await
                }
                () = tokio::time::sleep_until(sounded + PAUSE), if self.voice.is_open() => {
                    let rest = self.voice.rest();
                    self.play(rest).await
                }
                batch = next_of(&mut faces) => self.show(&batch).await,
            };
            if sent.is_err() {
                return Over::Lost;
            }
        }
    }

    async fn tell(&mut self, event: &CallEvent) -> Result<(), S::Error> {
        self.send(self.protocol.event(event, unix_time())).await
    }

    async fn play(&mut self, speech: Option<Speech>) -> Result<(), S::Error> {
        match speech {
            Some(speech) => self.send(self.protocol.speech(&speech)).await,
            None => Ok(()),
        }
    }

    async fn show(&mut self, batch: &Batch) -> Result<(), S::Error> {
        let packets = self.protocol.faces(batch, 0);
        let bytes = packets.iter().map(|packet| packet.size() as u64).sum();
        metrics::counter!("visavis_face_bytes_total").increment(bytes);
        self.send(packets).await
    }

    async fn send(&mut self, packets: Vec<Packet>) -> Result<(), S::Error> {
        for packet in packets {
            let message = match packet {
                Packet::Text(text) => Message::text(text),
                Packet::Binary(bytes) => Message::Binary(bytes),
            };
            self.sink.send(message).await?;
        }
        Ok(())
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        _ = tokio::time::timeout(GOODBYE, self.sink.send(Message::Close(Some(frame)))).await;
    }
}
