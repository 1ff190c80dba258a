//! A dialect's packets on data channels.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::sleep;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage};
use webrtc::error::Error;

use crate::protocol::Packet;

/// Whether the channel is its connection's first, and its message; `None` when it has closed.
type Inbound = (bool, Option<RTCDataChannelMessage>);

/// A channel's message; `None` for a text that is not UTF-8.
pub(super) fn received(message: &RTCDataChannelMessage) -> Option<Packet> {
    if !message.is_string {
        return Some(Packet::Binary(Bytes::copy_from_slice(&message.data)));
    }
    std::str::from_utf8(&message.data).ok().map(|text| Packet::Text(text.to_owned()))
}

/// Sends packets in order until the channel fails.
pub(super) async fn send(channel: &dyn DataChannel, packets: Vec<Packet>) -> Result<(), Error> {
    for packet in packets {
        match packet {
            Packet::Text(text) => channel.send_text(&text).await?,
            Packet::Binary(bytes) => channel.send(BytesMut::from(bytes)).await?,
        }
    }
    Ok(())
}

/// A channel's messages until it closes.
pub(super) fn messages_of(channel: Arc<dyn DataChannel>, is_first: bool) -> BoxStream<'static, Inbound> {
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
pub(super) async fn flush(channel: &dyn DataChannel) {
    while channel.outstanding_bytes().await.is_ok_and(|bytes| bytes > 0) {
        sleep(Duration::from_millis(10)).await;
    }
}
