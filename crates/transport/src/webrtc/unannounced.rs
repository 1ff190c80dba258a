//! The data channel of a client that announces none (`negotiated` in browsers): both sides must know its number, and clients
//! choose 0. Only its first message shows whether a client has one.

use std::sync::Arc;

use webrtc::data_channel::{
    DataChannel, DataChannelEvent, RTCDataChannelInit, RTCDataChannelMessage, RTCDataChannelState,
};
use webrtc::peer_connection::PeerConnection;

const NUMBER: u16 = 0;

/// A channel that the client may have.
pub(super) struct Unannounced {
    pub(super) channel: Arc<dyn DataChannel>,
    /// Number of waiting events that were already sent on it.
    pub(super) told: usize,
}

impl Unannounced {
    /// Opens it; `None` when the connection is over.
    pub(super) async fn open(pc: &dyn PeerConnection) -> Option<Self> {
        let init = RTCDataChannelInit { negotiated: Some(NUMBER), ..Default::default() };
        let channel = pc.create_data_channel("messages", Some(init)).await.ok()?;
        Some(Self { channel, told: 0 })
    }
}

/// Whether something can be sent on a channel.
pub(super) async fn is_open(channel: &dyn DataChannel) -> bool {
    channel.ready_state().await.is_ok_and(|state| state == RTCDataChannelState::Open)
}

/// The client's first message, which proves that it has the channel; `None` for any other event.
pub(super) async fn first_message(unannounced: Option<&Unannounced>) -> Option<RTCDataChannelMessage> {
    let Some(Unannounced { channel, .. }) = unannounced else { return std::future::pending().await };
    match channel.poll().await {
        Some(DataChannelEvent::OnMessage(message)) => Some(message),
        Some(_) => None,
        None => std::future::pending().await,
    }
}

/// The first channel of a connection.
pub(super) struct First {
    pub(super) channel: Arc<dyn DataChannel>,
    /// Its first message, if that was read already.
    pub(super) message: Option<RTCDataChannelMessage>,
}

impl From<Arc<dyn DataChannel>> for First {
    fn from(channel: Arc<dyn DataChannel>) -> Self {
        Self { channel, message: None }
    }
}
