//! A call over one WebSocket, for networks that block UDP: carries the packets of any dialect, which alone interprets them.
//!
//! - `reader`: reads from the client
//! - `writer`: writes to the client; `voice`: converts the agent's sound

mod reader;
#[cfg(test)]
mod tests;
mod voice;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Message;
use futures_util::{Sink, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::allowance::Allowance;
use super::ear::Ear;
use super::inbox::Inbox;
use super::protocol::Protocol;
use crate::ports::TransportPorts;
use reader::Reader;
use voice::Voice;
use writer::{Feeds, Over, Stops, Writer};

/// Largest text frame.
pub const LONGEST_TEXT: usize = 64 * 1024;
/// Time for a client to take the last packets.
const GOODBYE: Duration = Duration::from_secs(1);
/// Replies to the client that may wait for the writer; the reader waits when there are more.
const REPLIES: usize = 16;

/// Serves one call until the client leaves, the pipeline ends or `token` is cancelled.
pub async fn run<S, E>(
    socket: S,
    ports: TransportPorts,
    protocol: Arc<dyn Protocol>,
    faces_wanted: bool,
    token: CancellationToken,
) where
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E>,
{
    let (sink, stream) = socket.split();
    let TransportPorts {
        mic, commands, media, faces, events, tracks, presence, departure, comes_back, ..
    } = ports;
    // Further tracks are not carried here; dropping this side reports that to their owners.
    drop(tracks);
    // Without a receiver no faces are computed.
    let faces = faces_wanted.then_some(faces);
    let (replies, to_reply) = mpsc::channel(REPLIES);
    let reader = Reader {
        mic,
        commands,
        replies,
        protocol: protocol.clone(),
        inbox: Inbox::new(protocol.clone()),
        ear: Ear::new(),
        allowance: Allowance::new(comes_back),
        presence,
        departure: departure.clone(),
    };
    let voice = Voice::new(protocol.speech_rate());
    let writer = Writer { sink, protocol, replies: to_reply, voice };
    let (give_up, given_up) = mpsc::channel(1);
    tokio::select! {
        () = reader.run(stream, give_up) => {}
        over = writer.run(Feeds { media, faces, events }, Stops { given_up, token: token.clone() }) => {
            if over == Over::Lost {
                departure.lost();
            }
        }
        // Do not wait longer for a client that does not read.
        () = async { token.cancelled().await; tokio::time::sleep(3 * GOODBYE).await } => {}
    }
}
