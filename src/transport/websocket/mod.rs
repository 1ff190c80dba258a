//! A call over one WebSocket: messages as text, audio as binary frames (`docs/protocol.md`). For where no UDP goes through.
//!
//! - `reader`: what comes from the client; `ear`: its sound; `allowance`: how much of it (pure)
//! - `voice`: the agent's sound as frames

mod allowance;
mod ear;
mod reader;
mod voice;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::MessageCodec;
use super::inbox::Inbox;
use crate::avatar::wire::Batch;
use crate::ends::TransportEnds;
use crate::event::CallEvent;
use crate::frame::MediaOut;
use ear::Ear;
use reader::Reader;
use voice::{PAUSE, Voice};

/// The kind of a binary frame that holds faces.
const FACE: u8 = 2;
/// Bytes before the samples of a binary frame.
pub const HEADER: usize = 12;
/// Largest text frame.
pub const LONGEST_TEXT: usize = 64 * 1024;
/// What a client gets to take the last words.
const GOODBYE: Duration = Duration::from_secs(1);
/// Replies to the client's messages that wait for the writer; more of them hold up the reader.
const REPLIES: usize = 16;
/// Sample rates that a client may send.
pub const RATES: [u32; 5] = [8_000, 16_000, 24_000, 44_100, 48_000];

/// What a client has asked for in its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Samples per second of what it sends: one of [`RATES`].
    pub rate: u32,
    /// It wants faces.
    pub faces: bool,
}

/// Serves one call until the client goes, the pipeline ends or `token` is cancelled.
pub async fn run(
    socket: WebSocket,
    ends: TransportEnds,
    codec: Arc<dyn MessageCodec>,
    asked: Asked,
    token: CancellationToken,
) {
    let (sink, stream) = socket.split();
    let TransportEnds { mic, commands, media, faces, events, presence, departure, .. } = ends;
    // Without a receiver nobody computes faces.
    let faces = asked.faces.then_some(faces);
    let (inbox, ear) = (Inbox::new(codec.clone()), Ear::new(asked.rate));
    let (replies, to_reply) = mpsc::channel(REPLIES);
    let reader = Reader { mic, commands, replies, inbox, ear, presence, departure: departure.clone() };
    let writer = Writer { sink, codec, replies: to_reply, voice: Voice::new() };
    let (give_up, given_up) = mpsc::channel(1);
    tokio::select! {
        () = reader.run(stream, give_up) => {}
        over = writer.run((media, faces), events, (given_up, token.clone())) => {
            if over == Over::Lost {
                departure.lost();
            }
        }
        // A client that does not read is not waited for.
        () = async { token.cancelled().await; tokio::time::sleep(3 * GOODBYE).await } => {}
    }
}

/// Why a writer has nothing more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The client was told that the call is over.
    Told,
    /// Nothing reaches the client any more.
    Lost,
}

/// The next batch of a client that wants any, and of a pipeline that makes any.
async fn next_of(faces: &mut Option<mpsc::Receiver<Batch>>) -> Batch {
    if let Some(waiting) = faces {
        match waiting.recv().await {
            Some(batch) => return batch,
            None => *faces = None,
        }
    }
    std::future::pending().await
}

struct Writer {
    sink: SplitSink<WebSocket, Message>,
    codec: Arc<dyn MessageCodec>,
    replies: mpsc::Receiver<String>,
    voice: Voice,
}

impl Writer {
    async fn run(
        mut self,
        (mut media, mut faces): (mpsc::Receiver<MediaOut>, Option<mpsc::Receiver<Batch>>),
        mut events: mpsc::Receiver<CallEvent>,
        (mut given_up, token): (mpsc::Receiver<&'static str>, CancellationToken),
    ) -> Over {
        let mut sounded = Instant::now();
        loop {
            let sent = tokio::select! {
                biased;
                Some(reason) = given_up.recv() => {
                    let error = format!("The call ends: {reason}.");
                    let data = serde_json::json!({ "error": error, "message": error, "fatal": true });
                    let message = serde_json::json!({ "label": "rtvi-ai", "type": "error", "id": "0", "data": data });
                    _ = tokio::time::timeout(GOODBYE, self.sink.send(Message::text(message.to_string()))).await;
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
                Some(reply) = self.replies.recv() => self.sink.send(Message::text(reply)).await,
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
                    let frame = self.voice.frame(&frame);
                    self.play(frame).await
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

    async fn tell(&mut self, event: &CallEvent) -> Result<(), axum::Error> {
        for text in self.codec.encode(event) {
            self.sink.send(Message::text(text)).await?;
        }
        Ok(())
    }

    async fn play(&mut self, frame: Option<Vec<u8>>) -> Result<(), axum::Error> {
        match frame {
            Some(bytes) => self.sink.send(Message::Binary(bytes.into())).await,
            None => Ok(()),
        }
    }

    async fn show(&mut self, batch: &Batch) -> Result<(), axum::Error> {
        let bytes = [&[1, FACE], batch.encode(0).as_slice()].concat();
        metrics::counter!("visavis_face_bytes_total").increment(bytes.len() as u64);
        self.sink.send(Message::Binary(bytes.into())).await
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        _ = tokio::time::timeout(GOODBYE, self.sink.send(Message::Close(Some(frame)))).await;
    }
}
