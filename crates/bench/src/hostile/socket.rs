//! A hostile call over WebSocket.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connection::{Parts, Spent};
use super::tally::Count;
use super::target::{FORWARDED_FOR, Target};
use visavis_client::ClientMessage;

const OPEN_WITHIN: Duration = Duration::from_secs(15);
/// The code that stands for a connection closed without a close frame.
const NO_CODE: u16 = 1005;

/// A call. Dropping it cuts the connection.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    spent: Spent,
    count: Count,
    _place: OwnedSemaphorePermit,
}

impl Socket {
    /// Opens a WebSocket, and counts the server's response; `None`: the server refused it.
    pub async fn open(target: &Target, count: &Count) -> Option<Self> {
        let address = format!("ws://{}{}", target.host(), target.path("ws?rate=16000"));
        let mut request = address.into_client_request().ok()?;
        request.headers_mut().insert("x-forwarded-for", FORWARDED_FOR.parse().ok()?);
        count.sent(0);
        let Ok(connection) = target.connect().await else {
            count.cut();
            return None;
        };
        let Parts { stream, spent, place } = connection.into_parts();
        let opening = Box::pin(tokio_tungstenite::client_async(request, stream));
        match tokio::time::timeout(OPEN_WITHIN, opening).await {
            Ok(Ok((stream, response))) => {
                count.status(response.status().as_u16());
                Some(Self { stream, spent, count: count.clone(), _place: place })
            }
            Ok(Err(Error::Http(response))) => {
                count.status(response.status().as_u16());
                None
            }
            Ok(Err(_)) | Err(_) => {
                count.cut();
                None
            }
        }
    }

    /// Opens one and says hello, as a client does.
    pub async fn call(target: &Target, count: &Count) -> Option<Self> {
        let mut socket = Self::open(target, count).await?;
        socket.say(&ClientMessage::Ready).await.then_some(socket)
    }

    /// Sends a message; false: the call has ended.
    pub async fn say(&mut self, message: &ClientMessage) -> bool {
        let text = message.to_text("hostile");
        self.count.sent(text.len());
        if self.spent.spend(text.len()).is_err() {
            return false;
        }
        self.stream.send(Message::text(text)).await.is_ok()
    }

    /// Sends frames of sound together; false: the call has ended.
    pub async fn sound(&mut self, frames: Vec<Vec<u8>>) -> bool {
        for frame in frames {
            self.count.sent(frame.len());
            if self.spent.spend(frame.len()).is_err()
                || self.stream.feed(Message::binary(frame)).await.is_err()
            {
                return false;
            }
        }
        self.stream.flush().await.is_ok()
    }

    /// Reads a message and counts it; false: the call has ended.
    pub async fn read(&mut self) -> bool {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => {
                if is_error(&text) {
                    self.count.error();
                }
                true
            }
            Some(Ok(Message::Close(frame))) => {
                self.count.closed(frame.map_or(NO_CODE, |frame| frame.code.into()));
                false
            }
            Some(Ok(_)) => true,
            Some(Err(_)) | None => {
                self.count.cut();
                false
            }
        }
    }

    /// Reads for this long; false: the call has ended.
    pub async fn listen(&mut self, how_long: Duration) -> bool {
        let listening = async { while self.read().await {} };
        tokio::time::timeout(how_long, listening).await.is_err()
    }
}

/// Whether a message tells of an error.
fn is_error(text: &str) -> bool {
    text.contains(r#""type":"error-response""#) || text.contains(r#""type":"error""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_other_messages() {
        assert!(is_error(r#"{"data":{"error":"no"},"id":"1","label":"rtvi-ai","type":"error-response"}"#));
        assert!(is_error(r#"{"label":"rtvi-ai","type":"error","data":{"error":"no"}}"#));
        assert!(!is_error(r#"{"label":"rtvi-ai","type":"bot-ready","data":{"version":"2.1.0"}}"#));
    }
}
