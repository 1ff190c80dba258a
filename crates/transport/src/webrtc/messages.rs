//! The data channel: carries the packets of any dialect, with events to the client and commands from it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::SelectAll;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use webrtc::data_channel::{DataChannel, RTCDataChannelMessage};
use webrtc::peer_connection::{PeerConnection, RTCPeerConnectionState};

use super::cause::Cause;
use super::kept::KeptSound;
use super::packets::{flush, messages_of, received, send};
use super::unannounced::{self, First, Unannounced, first_message};
use crate::event::{CallEvent, ClientCommand};
use crate::inbox::Inbox;
use crate::protocol::{Message, Protocol, Received, Sound};
use crate::unix_time;

/// Channels of one client; further ones are not read.
const MAX_CHANNELS: usize = 8;
/// Longer messages are not read.
const MAX_MESSAGE: usize = 64 << 10;
/// How long the last messages may take to reach the client.
const FLUSH: Duration = Duration::from_secs(1);
/// Time after connecting in which a client that offered a data channel must open it; then the call continues without.
const CHANNEL: Duration = Duration::from_secs(2);
/// Events that wait for a channel; the oldest are dropped if none opens.
const WAITING: usize = 256;

/// The message side of a call.
pub(super) struct Messages {
    pub(super) protocol: Arc<dyn Protocol>,
    pub(super) events: mpsc::Receiver<CallEvent>,
    pub(super) commands: mpsc::Sender<ClientCommand>,
    /// The first response that has not been interrupted.
    pub(super) interrupted: Arc<AtomicU32>,
    /// Events that have not been sent.
    pub(super) waiting: VecDeque<CallEvent>,
    /// The message of `Protocol::begin` has been carried out.
    pub(super) begun: bool,
    /// The pipeline knows that a client is present.
    pub(super) greeted: bool,
    /// A channel that the client may have without announcing it.
    pub(super) unannounced: Option<Unannounced>,
    /// The channel for events.
    pub(super) channel: Option<Arc<dyn DataChannel>>,
    /// Takes the sound that a client brings when it comes back.
    pub(super) kept: KeptSound,
}

/// A connection's signals for its messages.
pub(super) struct Opening<'a> {
    pub(super) pc: &'a dyn PeerConnection,
    pub(super) channels: &'a mut mpsc::Receiver<Arc<dyn DataChannel>>,
    pub(super) state: watch::Receiver<RTCPeerConnectionState>,
    /// The client asked for a data channel.
    pub(super) expected: bool,
    /// It has opened a data channel, of any kind.
    pub(super) announced: Arc<AtomicBool>,
}

impl Messages {
    /// Runs until the connection's first channel closes, or the events have ended and are sent.
    pub(super) async fn run(&mut self, mut opening: Opening<'_>) -> Cause {
        self.channel = None;
        if let Some(Unannounced { told, .. }) = self.unannounced.take() {
            // The client got these on the previous connection.
            self.waiting.drain(..told);
        }
        let Some(First { channel: first, message }) = self.open(&mut opening).await else {
            return Cause::Finished;
        };
        let channels = opening.channels;
        self.channel = Some(first.clone());
        self.kept.connected();
        let mut inbox = Inbox::new(self.protocol.clone());
        if !self.begin(&mut inbox, message, first.as_ref()).await {
            return Cause::HungUp;
        }
        let mut inbound = SelectAll::new();
        inbound.push(messages_of(first.clone(), true));
        if let Some(Unannounced { channel, .. }) = self.unannounced.take() {
            inbound.push(messages_of(channel, false));
        }
        loop {
            if !self.send_waiting(first.as_ref()).await {
                return Cause::HungUp;
            }
            tokio::select! {
                Some(channel) = channels.recv() => {
                    if inbound.len() < MAX_CHANNELS {
                        inbound.push(messages_of(channel, false));
                    }
                }
                Some((is_first, message)) = inbound.next() => {
                    let goes_on = match message {
                        Some(message) => self.take(&mut inbox, &message, first.as_ref()).await,
                        None => !is_first,
                    };
                    if !goes_on {
                        return Cause::HungUp;
                    }
                }
                event = self.events.recv() => match event {
                    Some(event) => self.keep(event),
                    None => return Cause::Finished,
                },
            }
        }
    }

    /// Begins the protocol unless it has begun, and handles the first message; false when the channel is closed.
    async fn begin(
        &mut self,
        inbox: &mut Inbox,
        message: Option<RTCDataChannelMessage>,
        channel: &dyn DataChannel,
    ) -> bool {
        if !self.begun && !self.obey(self.protocol.begin(), channel).await {
            return false;
        }
        self.begun = true;
        match message {
            Some(message) => self.take(inbox, &message, channel).await,
            None => true,
        }
    }

    /// Tells the client that the call is over, and waits until it has acknowledged everything.
    pub(super) async fn say_goodbye(&mut self) {
        let Some(channel) = self.channel.clone() else { return };
        let goodbye = self.protocol.goodbye();
        let said = async {
            if send(channel.as_ref(), goodbye).await.is_ok() {
                flush(channel.as_ref()).await;
            }
        };
        _ = timeout(FLUSH, said).await;
    }

    /// Waits for the first channel and queues events meanwhile; `None` when nothing is left to send. A client without a channel
    /// counts as present all the same.
    async fn open(&mut self, opening: &mut Opening<'_>) -> Option<First> {
        let Opening { pc, channels, state, expected, announced } = opening;
        let alone = connected_for(if *expected { CHANNEL } else { Duration::ZERO }, state.clone());
        tokio::pin!(alone);
        let mut is_alone = false;
        loop {
            self.tell_unannounced().await;
            tokio::select! {
                Some(channel) = channels.recv() => return Some(channel.into()),
                event = self.events.recv() => match event {
                    Some(event) => self.keep(event),
                    None if is_alone || self.waiting.is_empty() || !*expected => return None,
                    // The last events wait for the channel; the call's token ends this.
                    None => return channels.recv().await.map(First::from),
                },
                message = first_message(self.unannounced.as_ref()) => if message.is_some() {
                    let Unannounced { channel, told } = self.unannounced.take()?;
                    self.waiting.drain(..told);
                    return Some(First { channel, message });
                },
                () = &mut alone, if !is_alone => {
                    is_alone = true;
                    if *expected && !announced.load(Ordering::Relaxed) {
                        self.unannounced = Unannounced::open(*pc).await;
                        self.channel = self.unannounced.as_ref().map(|one| one.channel.clone());
                    }
                    if !std::mem::replace(&mut self.greeted, true) {
                        _ = self.commands.send(ClientCommand::Ready).await;
                    }
                }
            }
        }
    }

    /// Sends waiting events on the channel that the client may have; they are sent again if it opens another one.
    async fn tell_unannounced(&mut self) {
        let Some(Unannounced { channel, told }) = &mut self.unannounced else { return };
        if !unannounced::is_open(channel.as_ref()).await {
            return;
        }
        for event in self.waiting.range(*told..) {
            _ = send(channel.as_ref(), self.protocol.event(event, unix_time())).await;
        }
        *told = self.waiting.len();
    }

    /// Keeps an event until it is sent.
    fn keep(&mut self, event: CallEvent) {
        if let CallEvent::Interrupted { response, .. } = &event {
            self.interrupted.fetch_max(response.0.saturating_add(1), Ordering::Relaxed);
        }
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            if let Some(unannounced) = &mut self.unannounced {
                unannounced.told = unannounced.told.saturating_sub(1);
            }
        }
        self.waiting.push_back(event);
    }

    /// Sends the waiting events; false when the channel is closed. An event is removed only once it is sent, so that it is sent
    /// again on another connection if this one is given up meanwhile.
    async fn send_waiting(&mut self, channel: &dyn DataChannel) -> bool {
        while let Some(event) = self.waiting.front() {
            if send(channel, self.protocol.event(event, unix_time())).await.is_err() {
                return false;
            }
            self.waiting.pop_front();
        }
        true
    }

    /// Handles a message from the client; false when the channel is closed.
    async fn take(
        &mut self,
        inbox: &mut Inbox,
        message: &RTCDataChannelMessage,
        channel: &dyn DataChannel,
    ) -> bool {
        if message.data.len() > MAX_MESSAGE {
            return refused();
        }
        let Some(packet) = received(message) else { return true };
        let message = match inbox.read(packet).await {
            Received::Message(message) => message,
            Received::Fault(message) => {
                let bad = ClientCommand::Bad { id: None, message };
                Message { commands: vec![bad], replies: Vec::new() }
            }
            Received::Sound(sound) => return self.hear(&sound).await,
            Received::Unwanted => return refused(),
        };
        self.obey(message, channel).await
    }

    /// Takes sound that the client kept while it had no connection; other sound comes by RTP. The call goes on in any case.
    async fn hear(&mut self, sound: &Sound) -> bool {
        self.kept.take(sound, self.protocol.as_ref()).await || refused()
    }

    /// Carries out a message's commands after sending its immediate replies; false when the channel is closed.
    async fn obey(&mut self, message: Message, channel: &dyn DataChannel) -> bool {
        if send(channel, message.replies).await.is_err() {
            return false;
        }
        for command in message.commands {
            // Fails only when the pipeline is gone; the end of the events reports that in order.
            let _ = self.commands.send(command).await;
        }
        true
    }
}

/// Counts a message that is refused. The call continues.
fn refused() -> bool {
    metrics::counter!("visavis_messages_refused_total").increment(1);
    true
}

/// Returns when the client has been connected for this long.
async fn connected_for(time: Duration, mut state: watch::Receiver<RTCPeerConnectionState>) {
    _ = state.wait_for(|state| *state == RTCPeerConnectionState::Connected).await;
    sleep(time).await;
}
