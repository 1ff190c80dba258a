//! The face's data channel: sends batches, on the clock of the call's RTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;
use webrtc::data_channel::{DataChannel, DataChannelEvent};

use super::packets::send;
use crate::avatar::wire::Batch;
use crate::protocol::Protocol;

/// A client with more unacknowledged bytes than this gets no faces until it catches up: a late face is useless.
const BACKLOG: usize = 8 << 10;

/// The face's side of a call.
pub(super) struct Faces {
    pub(super) protocol: Arc<dyn Protocol>,
    pub(super) batches: mpsc::Receiver<Batch>,
    /// The RTP timestamp at zero of the media clock.
    pub(super) offset: u32,
    /// The first response that has not been interrupted.
    pub(super) interrupted: Arc<AtomicU32>,
}

impl Faces {
    /// Sends faces while a connection lasts, on its newest channel for them.
    pub(super) async fn run(&mut self, channels: &mut mpsc::Receiver<Arc<dyn DataChannel>>) {
        let sent = metrics::counter!("visavis_face_bytes_total");
        let mut channel: Option<Arc<dyn DataChannel>> = None;
        loop {
            tokio::select! {
                Some(newer) = channels.recv() => channel = Some(newer),
                // A channel's events must be read, or the connection reads nothing more, including sound.
                event = told(channel.as_deref()) => if event.is_none() {
                    channel = None;
                },
                batch = self.batches.recv() => {
                    let Some(batch) = batch else { break };
                    let stale = batch.response != 0 && batch.response < self.interrupted.load(Ordering::Relaxed);
                    let Some(open) = channel.as_ref().filter(|_| !stale) else { continue };
                    if open.outstanding_bytes().await.is_ok_and(|bytes| bytes > BACKLOG) {
                        metrics::counter!("visavis_face_messages_dropped_total").increment(1);
                        continue;
                    }
                    let packets = self.protocol.faces(&batch, self.offset);
                    let length = packets.iter().map(|packet| packet.size() as u64).sum();
                    match send(open.as_ref(), packets).await {
                        Ok(()) => sent.increment(length),
                        Err(_) => channel = None,
                    }
                }
            }
        }
        // The pipeline has ended or makes no faces; the call continues without them.
        loop {
            match told(channel.as_deref()).await {
                Some(_) => {}
                None => channel = None,
            }
        }
    }
}

/// The channel's next event; never returns without a channel.
async fn told(channel: Option<&dyn DataChannel>) -> Option<DataChannelEvent> {
    match channel {
        Some(channel) => channel.poll().await,
        None => std::future::pending().await,
    }
}
