//! Reads a client's packets: limits the rate of messages, and parses long ones off the threads that carry calls.

use std::sync::Arc;

use tokio::time::Instant;

use super::bucket::Bucket;
use super::protocol::{Packet, Protocol, Received};

/// Messages per second, and in a burst.
const MESSAGES: (f64, f64) = (20.0, 200.0);
/// Bytes of messages per second, and in a burst. Declarations of tools are the slowest to parse: some milliseconds for 64 KiB.
const BYTES: (f64, f64) = (32.0 * 1024.0, 256.0 * 1024.0);
/// Longer texts are parsed on a separate thread, as are those that the dialect names.
const SHORT: usize = 2048;

/// The packets of one client.
pub struct Inbox {
    protocol: Arc<dyn Protocol>,
    began: Instant,
    messages: Bucket,
    bytes: Bucket,
}

impl Inbox {
    /// No packets yet.
    #[must_use]
    pub fn new(protocol: Arc<dyn Protocol>) -> Self {
        let (messages, bytes) = (Bucket::new(MESSAGES.0, MESSAGES.1), Bucket::new(BYTES.0, BYTES.1));
        Self { protocol, began: Instant::now(), messages, bytes }
    }

    /// Counts a message of this length, and waits while its sender is too fast: back-pressure slows the sender, and nothing is
    /// lost.
    pub async fn count(&mut self, bytes: usize) {
        let now = self.began.elapsed();
        let wait = self.messages.owe(now, 1.0).max(self.bytes.owe(now, bytes as f64));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads a packet. One that is not sound is counted as a message before it is returned; how much sound a client may send is
    /// limited by the caller, in seconds.
    pub async fn read(&mut self, packet: Packet) -> Received {
        let bytes = packet.size();
        let is_long = matches!(packet, Packet::Text(_)) && bytes > SHORT;
        let received = if is_long || self.protocol.may_take_long(&packet) {
            self.read_apart(packet).await
        } else {
            self.protocol.receive(packet)
        };
        if matches!(received, Received::Message(_) | Received::Fault(_)) {
            self.count(bytes).await;
        }
        received
    }

    async fn read_apart(&self, packet: Packet) -> Received {
        let protocol = self.protocol.clone();
        let read = tokio::task::spawn_blocking(move || protocol.receive(packet)).await;
        read.unwrap_or_else(|error| {
            tracing::error!(%error, "reading a message failed");
            Received::Fault("the server failed to read this message".into())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{CallEvent, ClientCommand};
    use crate::protocol::{Rtvi, Sound, Speech};

    async fn commands(inbox: &mut Inbox, text: &str) -> Vec<ClientCommand> {
        match inbox.read(text.to_owned().into()).await {
            Received::Message(message) => message.commands,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_messages_is_slowed_and_none_is_lost() {
        let mut inbox = Inbox::new(Arc::new(Rtvi::default()));
        let message = r#"{"type":"client-message","data":{"t":"interrupt"}}"#;
        for _ in 0..200 {
            assert_eq!(commands(&mut inbox, message).await, [ClientCommand::Interrupt]);
        }
        assert_eq!(inbox.began.elapsed(), Duration::ZERO, "a burst is taken at once");
        for _ in 0..40 {
            assert_eq!(commands(&mut inbox, message).await, [ClientCommand::Interrupt]);
        }
        assert!(inbox.began.elapsed().abs_diff(Duration::from_secs(2)) < Duration::from_millis(50));
    }

    /// A dialect in which every packet takes long, and says on which thread it was interpreted.
    struct Slow;

    impl Protocol for Slow {
        fn receive(&self, _: Packet) -> Received {
            Received::Fault(format!("{:?}", std::thread::current().id()))
        }

        fn may_take_long(&self, packet: &Packet) -> bool {
            *packet == Packet::Text("long".into())
        }

        fn samples(&self, _: &Sound) -> Result<Vec<i16>, String> {
            Ok(Vec::new())
        }

        fn event(&self, _: &CallEvent, _: Duration) -> Vec<Packet> {
            Vec::new()
        }

        fn speech_rate(&self) -> u32 {
            16_000
        }

        fn speech(&self, _: &Speech) -> Vec<Packet> {
            Vec::new()
        }

        fn fatal(&self, _: &str) -> Vec<Packet> {
            Vec::new()
        }
    }

    #[tokio::test]
    async fn what_may_take_long_is_read_apart_from_the_threads_that_carry_calls() {
        let mut inbox = Inbox::new(Arc::new(Slow));
        let here = Received::Fault(format!("{:?}", std::thread::current().id()));
        assert_eq!(inbox.read("short".to_owned().into()).await, here);
        assert_ne!(inbox.read("long".to_owned().into()).await, here);
    }

    #[tokio::test]
    async fn long_messages_are_read_like_short_ones() {
        let mut inbox = Inbox::new(Arc::new(Rtvi::default()));
        let text = "word ".repeat(700);
        let message = format!(r#"{{"type":"send-text","data":{{"content":"{text}"}}}}"#);
        assert_eq!(commands(&mut inbox, &message).await, [ClientCommand::Say(text.trim().into())]);
    }
}
