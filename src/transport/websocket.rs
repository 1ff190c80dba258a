//! A call over one WebSocket: messages as text, audio as binary frames (`docs/protocol.md`). For where no UDP goes through.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::MessageCodec;
use crate::audio::resample::Resampler;
use crate::avatar::wire::Batch;
use crate::ends::{Departure, MicSender, Presence, TransportEnds};
use crate::event::{CallEvent, ClientCommand};
use crate::frame::{AudioFrame, MIC_FRAME, MIC_RATE, MediaOut, OUT_RATE};

/// The kind of a binary frame that holds faces.
const FACE: u8 = 2;
/// Bytes before the samples of a binary frame.
pub const HEADER: usize = 12;
/// Largest text frame.
pub const LONGEST_TEXT: usize = 64 * 1024;
/// Malformed frames after which a client is given up.
const PATIENCE: u32 = 10;
/// Without audio for this long the microphone counts as silent, so that an utterance ends even if its client has stalled.
const SILENT_AFTER: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(100);
const FRAMES_PER_TICK: usize = 5;

/// Sample rates that a client may send.
pub const RATES: [u32; 5] = [8_000, 16_000, 24_000, 44_100, 48_000];

/// Serves one call until the client goes, the pipeline ends or `token` is cancelled.
pub async fn run(
    socket: WebSocket,
    ends: TransportEnds,
    codec: Arc<dyn MessageCodec>,
    (rate, face): (u32, bool),
    token: CancellationToken,
) {
    let (sink, stream) = socket.split();
    let TransportEnds { mic, commands, media, faces, events, presence, departure, .. } = ends;
    // Without a receiver nobody computes faces.
    let faces = face.then_some(faces);
    let ear = Ear::new(rate);
    let reader = Reader { mic, commands, codec: codec.clone(), ear, faults: 0, presence, departure };
    let writer = Writer { sink, codec, resampler: Resampler::new(OUT_RATE, MIC_RATE), sequence: 0 };
    let (give_up, given_up) = mpsc::channel(1);
    tokio::select! {
        () = reader.run(stream, give_up) => {}
        () = writer.run((media, faces), events, given_up) => {}
        () = token.cancelled() => {}
    }
}

/// Binary frames in, 20 ms frames out.
struct Ear {
    rate: u32,
    resampler: Option<Resampler>,
    pending: Vec<i16>,
}

impl Ear {
    fn new(rate: u32) -> Self {
        let resampler = (rate != MIC_RATE).then(|| Resampler::new(rate, MIC_RATE));
        Self { rate, resampler, pending: Vec::new() }
    }

    /// The frames that are complete with this one, or what is wrong with it.
    fn take(&mut self, frame: &[u8]) -> Result<Vec<AudioFrame>, String> {
        let Some((header, body)) = frame.split_at_checked(HEADER) else {
            return Err(format!("a binary frame has at least {HEADER} bytes of header, not {}", frame.len()));
        };
        if header[0] != 1 || header[1] != 1 {
            return Err(format!(
                "byte 0 must be version 1 and byte 1 kind 1 (PCM16), not {} and {}",
                header[0], header[1]
            ));
        }
        let longest = self.rate as usize / 5 * 2;
        if body.is_empty() || body.len() % 2 == 1 || body.len() > longest {
            let size = body.len();
            return Err(format!(
                "the samples must be an even number of bytes from 2 to {longest} (200 ms), not {size}"
            ));
        }
        let samples = crate::engine::grpc::samples(body);
        match &mut self.resampler {
            Some(resampler) => resampler.push(&samples, &mut self.pending),
            None => self.pending.extend(samples),
        }
        let whole = self.pending.len() / MIC_FRAME * MIC_FRAME;
        let frames = self.pending[..whole].chunks(MIC_FRAME);
        let frames = frames.map(|samples| AudioFrame { samples: samples.to_vec(), received: true }).collect();
        self.pending.drain(..whole);
        Ok(frames)
    }
}

struct Reader {
    mic: MicSender,
    commands: mpsc::Sender<ClientCommand>,
    codec: Arc<dyn MessageCodec>,
    ear: Ear,
    faults: u32,
    presence: watch::Sender<Presence>,
    departure: Departure,
}

impl Reader {
    /// A client that has sent nothing yet may be none.
    fn is_here(&self) {
        self.presence
            .send_if_modified(|presence| std::mem::replace(presence, Presence::Here) != Presence::Here);
    }

    async fn run(mut self, mut stream: SplitStream<WebSocket>, give_up: mpsc::Sender<&'static str>) {
        let mut tick = tokio::time::interval(TICK);
        let mut heard = Instant::now();
        loop {
            let message = tokio::select! {
                message = stream.next() => message,
                _ = tick.tick() => {
                    if heard.elapsed() > SILENT_AFTER {
                        for _ in 0..FRAMES_PER_TICK {
                            self.mic.send(AudioFrame { samples: vec![0; MIC_FRAME], received: false });
                        }
                    }
                    continue;
                }
            };
            let fault = match message {
                Some(Ok(Message::Binary(frame))) => match self.ear.take(&frame) {
                    Ok(frames) => {
                        self.is_here();
                        heard = Instant::now();
                        frames.into_iter().for_each(|frame| self.mic.send(frame));
                        None
                    }
                    Err(fault) => Some(ClientCommand::Bad { id: None, message: fault }),
                },
                Some(Ok(Message::Text(text))) if text.len() > LONGEST_TEXT => {
                    _ = give_up.send("a text frame was over 64 KiB").await;
                    return std::future::pending().await;
                }
                Some(Ok(Message::Text(text))) => {
                    let command = self.codec.decode(&text);
                    match command {
                        Some(bad @ ClientCommand::Bad { id: None, .. }) => Some(bad),
                        Some(command) => {
                            self.is_here();
                            // A pipeline that has ended closes the socket by its events' end.
                            _ = self.commands.send(command).await;
                            None
                        }
                        None => None,
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
                Some(Ok(Message::Close(_))) => return,
                Some(Err(_)) | None => return self.departure.lost(),
            };
            if let Some(fault) = fault {
                self.faults += 1;
                _ = self.commands.try_send(fault);
                if self.faults >= PATIENCE {
                    _ = give_up.send("ten frames were malformed").await;
                    return std::future::pending().await;
                }
            }
        }
    }
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
    resampler: Resampler,
    sequence: u16,
}

impl Writer {
    async fn run(
        mut self,
        (mut media, mut faces): (mpsc::Receiver<MediaOut>, Option<mpsc::Receiver<Batch>>),
        mut events: mpsc::Receiver<CallEvent>,
        mut given_up: mpsc::Receiver<&'static str>,
    ) {
        loop {
            let sent = tokio::select! {
                biased;
                Some(reason) = given_up.recv() => {
                    let message = serde_json::json!({ "label": "rtvi-ai", "type": "error", "id": "0", "data": { "message": format!("The call ends: {reason}."), "fatal": true } });
                    _ = self.sink.send(Message::text(message.to_string())).await;
                    self.close(close_code::POLICY, reason).await;
                    return;
                }
                event = events.recv() => {
                    let Some(event) = event else {
                        self.close(close_code::NORMAL, "the call has ended").await;
                        return;
                    };
                    if let CallEvent::Interrupted { .. } = event {
                        while media.try_recv().is_ok() {}
                    }
                    self.tell(&event).await
                }
                Some(frame) = media.recv() => self.play(&frame).await,
                batch = next_of(&mut faces) => self.show(&batch).await,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    async fn tell(&mut self, event: &CallEvent) -> Result<(), axum::Error> {
        for text in self.codec.encode(event) {
            self.sink.send(Message::text(text)).await?;
        }
        Ok(())
    }

    async fn play(&mut self, frame: &MediaOut) -> Result<(), axum::Error> {
        let mut samples = Vec::with_capacity(MIC_FRAME);
        self.resampler.push(&frame.samples, &mut samples);
        if samples.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(HEADER + samples.len() * 2);
        bytes.extend([1, 1]);
        bytes.extend(self.sequence.to_le_bytes());
        bytes.extend(frame.timestamp.to_le_bytes());
        bytes.extend(frame.response.0.to_le_bytes());
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.sequence = self.sequence.wrapping_add(1);
        self.sink.send(Message::Binary(bytes.into())).await
    }

    async fn show(&mut self, batch: &Batch) -> Result<(), axum::Error> {
        let bytes = [&[1, FACE], batch.encode(0).as_slice()].concat();
        metrics::counter!("visavis_face_bytes_total").increment(bytes.len() as u64);
        self.sink.send(Message::Binary(bytes.into())).await
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        _ = tokio::time::timeout(Duration::from_secs(1), self.sink.send(Message::Close(Some(frame)))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(samples: usize) -> Vec<u8> {
        let mut bytes = vec![1, 1];
        bytes.resize(HEADER + samples * 2, 0);
        bytes
    }

    #[test]
    fn frames_of_any_length_and_rate_come_out_as_20_ms_of_16_khz() {
        for rate in RATES {
            let mut ear = Ear::new(rate);
            let odd = rate as usize / 70;
            let frames: usize = (0..70).map(|_| ear.take(&frame(odd)).unwrap().len()).sum();
            assert!((46..=50).contains(&frames), "{rate}: {frames}");
        }
    }

    #[test]
    fn a_frame_of_the_wrong_size_or_kind_is_refused_with_the_limit() {
        let mut ear = Ear::new(16_000);
        for (bytes, part) in [
            (vec![1; 5], "12 bytes"),
            (vec![2; 40], "version 1"),
            (frame(0), "2 to 6400"),
            (frame(3201), "2 to 6400"),
            ([frame(1), vec![0]].concat(), "even"),
        ] {
            assert!(ear.take(&bytes).unwrap_err().contains(part));
        }
    }
}
