//! WebSocket mode: messages as text, audio as binary frames.

use std::time::Instant;

use async_trait::async_trait;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::comeback::Pass;
use super::error::ClientError;
use super::link::{Event, Inbox, Uplink, Wiring};
use super::message::parse;
use super::microphone::MicFrame;
use super::server::{Server, detail};
use super::setup::SetupStage;
use super::wire::{self, Header};
use visavis_core::frame::ResponseId;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) struct WebSocketUplink(SplitSink<Stream, Message>);

pub(crate) async fn connect(
    server: &Server,
    language: Option<&str>,
    resume: Option<&Pass>,
    wiring: &Wiring,
) -> Result<WebSocketUplink, ClientError> {
    let url = server.websocket_url(language, resume);
    // Nagle is off, so that a frame does not wait for the acknowledgement of the previous one.
    let connected = tokio_tungstenite::connect_async_with_config(url.as_str(), None, true).await;
    let (stream, _) = connected.map_err(|error| refused(server, &error))?;
    wiring.setup.reach(SetupStage::Open);
    let (sink, source) = stream.split();
    let (inbox, stop) = (wiring.inbox.clone(), wiring.stop.clone());
    wiring.tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = read(source, inbox) => {}
        }
    });
    Ok(WebSocketUplink(sink))
}

fn refused(server: &Server, error: &tungstenite::Error) -> ClientError {
    match error {
        tungstenite::Error::Http(response) => {
            let body = response.body().as_deref().unwrap_or_default();
            ClientError::Refused {
                what: "the WebSocket",
                status: response.status().as_u16(),
                detail: detail(&String::from_utf8_lossy(body)),
            }
        }
        other => ClientError::Unreachable { url: server.address().to_owned(), reason: other.to_string() },
    }
}

async fn read(mut source: SplitStream<Stream>, inbox: Inbox) {
    let mut last_sequence = None;
    let why = loop {
        let received = source.next().await;
        let at = Instant::now();
        let event = match received {
            Some(Ok(Message::Text(text))) => match parse(&text) {
                Ok(message) => Event::Message(message),
                Err(reason) => Event::BadMessage(reason),
            },
            Some(Ok(Message::Binary(frame))) => match wire::decode(&frame) {
                Ok((header, samples)) => {
                    count_gap(&inbox, &mut last_sequence, header.sequence);
                    Event::Audio { samples, response: Some(header.response) }
                }
                Err(reason) => Event::BadMessage(reason),
            },
            Some(Ok(Message::Close(frame))) => {
                break frame
                    .map_or_else(|| "closed".to_owned(), |close| format!("{} {}", close.code, close.reason));
            }
            Some(Ok(_)) => continue,
            Some(Err(error)) => break error.to_string(),
            None => break "closed".to_owned(),
        };
        if !inbox.put(at, event).await {
            return;
        }
    };
    inbox.put(Instant::now(), Event::Closed(why)).await;
}

fn count_gap(inbox: &Inbox, last: &mut Option<u16>, sequence: u16) {
    if let Some(previous) = *last {
        let gap = sequence.wrapping_sub(previous).wrapping_sub(1);
        inbox.counters.packets_lost.fetch_add(u64::from(gap), std::sync::atomic::Ordering::Relaxed);
    }
    *last = Some(sequence);
}

#[async_trait]
impl Uplink for WebSocketUplink {
    async fn frame(&mut self, frame: MicFrame) -> Result<bool, String> {
        let header =
            Header { sequence: frame.sequence, timestamp: frame.timestamp, response: ResponseId::default() };
        let bytes = wire::encode(header, &frame.pcm());
        self.0.send(Message::Binary(bytes.into())).await.map_err(|error| error.to_string())?;
        Ok(true)
    }

    async fn message(&mut self, text: String) -> Result<(), String> {
        self.0.send(Message::Text(text.into())).await.map_err(|error| error.to_string())
    }

    async fn close(&mut self) {
        // The server may be gone already.
        let _ = self.0.close().await;
    }

    async fn leave(&mut self) {
        let away = CloseFrame { code: CloseCode::Away, reason: "".into() };
        // As above.
        let _ = self.0.send(Message::Close(Some(away))).await;
    }
}
