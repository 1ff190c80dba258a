//! The data channel: events out, commands in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream, SelectAll};
use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage};

use super::actor::Cause;
use crate::event::{CallEvent, ClientCommand};
use crate::transport::MessageCodec;
use crate::transport::inbox::Inbox;

/// Channels of one client; more are not read.
const MAX_CHANNELS: usize = 8;
/// Longer messages are not read.
const MAX_MESSAGE: usize = 64 << 10;
/// How long the last messages may take to reach the client.
const FLUSH: Duration = Duration::from_secs(1);

/// What a channel brings; `None` when it has closed.
type Inbound = (bool, Option<RTCDataChannelMessage>);

/// The message side of a call.
pub(super) struct Messages {
    pub(super) codec: Arc<dyn MessageCodec>,
    pub(super) channels: mpsc::Receiver<Arc<dyn DataChannel>>,
    pub(super) events: mpsc::Receiver<CallEvent>,
    pub(super) commands: mpsc::Sender<ClientCommand>,
    /// The first response that has not been interrupted.
    pub(super) interrupted: Arc<AtomicU32>,
    /// The client asked for a data channel.
    pub(super) expected: bool,
}

impl Messages {
    /// Runs until the first channel closes, or the events have ended and reached the client.
    pub(super) async fn run(mut self) -> Cause {
        if !self.expected {
            while self.events.recv().await.inspect(|event| self.note(event)).is_some() {}
            return Cause::Finished;
        }
        let Some((first, waiting)) = self.open().await else {
            return Cause::Finished;
        };
        if let Some(event) = waiting
            && !self.tell(first.as_ref(), &event).await
        {
            return Cause::HungUp;
        }
        let mut inbox = Inbox::new(self.codec.clone());
        let mut inbound = SelectAll::new();
        inbound.push(messages_of(first.clone(), true));
        loop {
            tokio::select! {
                Some(channel) = self.channels.recv() => {
                    if inbound.len() < MAX_CHANNELS {
                        inbound.push(messages_of(channel, false));
                    }
                }
                Some((is_first, message)) = inbound.next() => match message {
                    Some(message) => self.command(&mut inbox, &message).await,
                    None if is_first => return Cause::HungUp,
                    None => {}
                },
                event = self.events.recv() => match event {
                    Some(event) => {
                        if !self.tell(first.as_ref(), &event).await {
                            return Cause::HungUp;
                        }
                    }
                    None => {
                        flush(first.as_ref()).await;
                        return Cause::Finished;
                    }
                },
            }
        }
    }

    /// Waits for the first channel. Until then events stay in their queue but for one, by which we see whether more
    /// come; `None` when there is nothing left to say.
    async fn open(&mut self) -> Option<(Arc<dyn DataChannel>, Option<CallEvent>)> {
        tokio::select! {
            Some(channel) = self.channels.recv() => Some((channel, None)),
            event = self.events.recv() => {
                let event = event?;
                let channel = self.channels.recv().await?;
                Some((channel, Some(event)))
            }
        }
    }

    /// Sends an event; false when the client's end is closed.
    async fn tell(&self, channel: &dyn DataChannel, event: &CallEvent) -> bool {
        self.note(event);
        for text in self.codec.encode(event) {
            if channel.send_text(&text).await.is_err() {
                return false;
            }
        }
        true
    }

    fn note(&self, event: &CallEvent) {
        if let CallEvent::Interrupted { response, .. } = event {
            self.interrupted.fetch_max(response.0.saturating_add(1), Ordering::Relaxed);
        }
    }

    async fn command(&self, inbox: &mut Inbox, message: &RTCDataChannelMessage) {
        if !message.is_string || message.data.len() > MAX_MESSAGE {
            metrics::counter!("visavis_messages_refused_total").increment(1);
            return;
        }
        let Ok(text) = std::str::from_utf8(&message.data) else { return };
        if let Some(command) = inbox.read(text).await {
            // The pipeline is gone when this fails; the end of the events tells so in order.
            let _ = self.commands.send(command).await;
        }
    }
}

fn messages_of(channel: Arc<dyn DataChannel>, is_first: bool) -> BoxStream<'static, Inbound> {
    stream::unfold(Some(channel), move |channel| async move {
        let channel = channel?;
        loop {
            match channel.poll().await {
                Some(DataChannelEvent::OnMessage(message)) => {
                    return Some(((is_first, Some(message)), Some(channel)));
                }
                None | Some(DataChannelEvent::OnClosing | DataChannelEvent::OnClose) => {
                    return Some(((is_first, None), None));
                }
                Some(_) => {}
            }
        }
    })
    .boxed()
}

/// Waits until the client has acknowledged everything.
async fn flush(channel: &dyn DataChannel) {
    let drained = async {
        while channel.outstanding_bytes().await.is_ok_and(|bytes| bytes > 0) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(FLUSH, drained).await;
}
