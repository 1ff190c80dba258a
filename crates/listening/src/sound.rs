//! Reads a recording, piece by piece, in a thread of its own: decoding and voice activity keep a core busy.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use visavis_containers::Decoder;

use crate::ListenError;
use crate::cutter::{Cutter, Piece};
use crate::engine::{VAD_WINDOW, Vad};
use crate::level::Level;

/// Pieces that wait for recognition: sound is read no faster than it is recognised.
const AHEAD: usize = 1;

/// What is read of a recording.
#[derive(Debug)]
pub(crate) enum Sounding {
    /// A piece in which somebody speaks.
    Piece(Piece),
    /// The recording's end.
    End {
        /// Its length.
        samples: u64,
    },
}

/// Tells whether calls are served, for which recordings are cut shorter.
pub(crate) type Busy = Arc<dyn Fn() -> bool + Send + Sync>;

type Sender = mpsc::Sender<Result<Sounding, ListenError>>;

/// Reads a file from where it stands; `busy`: whether calls are served. On failure the last item is an error. Dropping the receiver
/// stops the work.
pub(crate) fn pieces(
    file: File,
    mut vad: Box<dyn Vad>,
    busy: Busy,
) -> mpsc::Receiver<Result<Sounding, ListenError>> {
    let (out, pieces) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let last = match read(file, vad.as_mut(), &busy, &out) {
            Ok(None) => return,
            Ok(Some(samples)) => Ok(Sounding::End { samples }),
            Err(error) => Err(error),
        };
        // A receiver that has gone wants no end.
        _ = out.blocking_send(last);
    });
    pieces
}

/// Sends the pieces; returns the recording's length, or `None` if the receiver is gone.
fn read(file: File, vad: &mut dyn Vad, busy: &Busy, out: &Sender) -> Result<Option<u64>, ListenError> {
    let unreadable = |error: visavis_containers::DecodeError| ListenError::Unreadable(error.to_string());
    let mut decoder = Decoder::open(file).map_err(unreadable)?;
    let (mut cutter, mut level, mut rest, mut samples) = (Cutter::default(), Level::default(), Vec::new(), 0);
    loop {
        let began = Instant::now();
        let Some(more) = decoder.read().map_err(unreadable)? else { break };
        if out.is_closed() {
            return Ok(None);
        }
        samples += more.len() as u64;
        let busy = busy();
        rest.extend(more);
        let (windows, left) = rest.as_chunks::<VAD_WINDOW>();
        let found: Vec<Piece> = windows
            .iter()
            .filter_map(|window| cutter.hear(window, vad.probability(&level.raised(window)), busy))
            .collect();
        rest = left.to_vec();
        let took = began.elapsed();
        for piece in found {
            if out.blocking_send(Ok(Sounding::Piece(piece))).is_err() {
                return Ok(None);
            }
        }
        if busy {
            // Without speech, recognition does not slow this loop down, and hours of silence would occupy a core that calls need.
            std::thread::sleep(took);
        }
    }
    if let Some(piece) = cutter.finish(&rest)
        && out.blocking_send(Ok(Sounding::Piece(piece))).is_err()
    {
        return Ok(None);
    }
    Ok(Some(samples))
}
