//! A call over one WebSocket, for where no UDP goes through: carries the packets of any dialect, and what they are is the
//! dialect's business.
//!
//! - `reader`: what comes from the client; `ear`: its sound; `allowance`: how much of it (pure)
//! - `writer`: what goes to it; `voice`: the agent's sound

mod allowance;
mod ear;
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

use super::inbox::Inbox;
use super::protocol::Protocol;
use crate::ends::TransportEnds;
use ear::Ear;
use reader::Reader;
use voice::Voice;
use writer::{Over, Writer};

/// Largest text frame.
pub const LONGEST_TEXT: usize = 64 * 1024;
/// What a client gets to take the last words.
const GOODBYE: Duration = Duration::from_secs(1);
/// Replies to the client's messages that wait for the writer; more of them hold up the reader.
const REPLIES: usize = 16;

/// Serves one call until the client goes, the pipeline ends or `token` is cancelled.
pub async fn run<S, E>(
    socket: S,
    ends: TransportEnds,
    protocol: Arc<dyn Protocol>,
    faces_wanted: bool,
    token: CancellationToken,
) where
    S: Stream<Item = Result<Message, E>> + Sink<Message, Error = E>,
{
    let (sink, stream) = socket.split();
    let TransportEnds { mic, commands, media, faces, events, presence, departure, .. } = ends;
    // Without a receiver nobody computes faces.
    let faces = faces_wanted.then_some(faces);
    let (replies, to_reply) = mpsc::channel(REPLIES);
    let reader = Reader {
        mic,
        commands,
        replies,
        protocol: protocol.clone(),
        inbox: Inbox::new(protocol.clone()),
        ear: Ear::new(),
        presence,
        departure: departure.clone(),
    };
    let voice = Voice::new(protocol.speech_rate());
    let writer = Writer { sink, protocol, replies: to_reply, voice };
    let (give_up, given_up) = mpsc::channel(1);
    tokio::select! {
        () = reader.run(stream, give_up) => {}
        over = writer.run((media, faces), events, (given_up, token.clone())) => {
            if over == Over::Lost {
                departure.lost();
            }
        }
        // A client that does not read is not waited for.
        () = async { token.cancelled().await; tokio::time::sleep(3 * GOODBYE).await } => {}
    }
}
