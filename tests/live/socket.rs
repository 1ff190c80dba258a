//! A call over a WebSocket whose messages the test writes and reads itself.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::Live;

const PATIENCE: Duration = Duration::from_secs(90);

/// A client that sends raw messages.
pub struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Begins a call with this query, such as `?language=en`.
    pub async fn call(live: &Live, query: &str) -> Self {
        let address = format!("ws://{}/ws{query}", live.address);
        Self(tokio_tungstenite::connect_async(address).await.unwrap().0)
    }

    /// The same; the status of the response, if the server refuses the call.
    pub async fn try_call(live: &Live, query: &str) -> Result<Self, u16> {
        match tokio_tungstenite::connect_async(format!("ws://{}/ws{query}", live.address)).await {
            Ok((connection, _)) => Ok(Self(connection)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn send(&mut self, kind: &str, id: &str, data: Value) {
        let message = json!({ "label": "rtvi-ai", "type": kind, "id": id, "data": data });
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message that matches.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let message = self.0.next().await.expect("the call goes on").unwrap();
                let Message::Text(text) = message else { continue };
                let value: Value = serde_json::from_str(&text).unwrap();
                if wanted(&value) {
                    return value;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it comes in time")
    }
}
