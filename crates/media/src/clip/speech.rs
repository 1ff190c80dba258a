//! Whether the sound in a clip is speech. Speech is partly voiced, rises and falls with its syllables, and its pitch glides;
//! the level of a tone, a hum or noise does not swing, drums have no pitch, and instruments hold their notes.
//!
//! A song with words passes as speech: its voice is one.

use super::fault::Fault;
use super::level::Levels;
use super::limits::ACTIVE;

/// Lowest share of the loud frames that are voiced; speech has 0.5 to 0.9, a hoarse voice less, and noise or a whisper none.
const VOICED: f32 = 0.1;
/// Fewest swings of the level per second of sounding frames; speech has 2 to 6.
const SWINGS: f32 = 0.5;
/// A pitch is held if it stays within this many octaves (25 cents) for this many frames (200 ms). A voice trembles more, even
/// on a level pitch.
const NOTE: f32 = 25.0 / 1200.0;
const NOTE_FRAMES: usize = 20;
/// Largest share of the voiced frames with a held pitch; instruments have 0.8 to 1.
const HELD: f32 = 0.5;

/// Refuses sound that is not speech.
pub(super) fn check(levels: &Levels, pitches: &[Option<f32>]) -> Result<(), Fault> {
    let active = levels.active_share();
    if active < ACTIVE {
        return Err(Fault::Pauses(active));
    }
    let voiced = pitches.iter().flatten().count() as f32;
    if voiced < VOICED * levels.loud_frames() as f32 {
        return Err(Fault::NoVoice);
    }
    if levels.swings() < SWINGS {
        return Err(Fault::Held);
    }
    let on_notes: usize = pitches.split(Option::is_none).map(held).sum();
    if on_notes as f32 > HELD * voiced { Err(Fault::Music) } else { Ok(()) }
}

/// The number of frames with a held pitch in a span of voiced frames.
fn held(span: &[Option<f32>]) -> usize {
    let (mut held, mut begin) = (0, 0);
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for (at, pitch) in span.iter().flatten().enumerate() {
        (low, high) = (low.min(*pitch), high.max(*pitch));
        if high - low > NOTE {
            held += note(at - begin);
            (begin, low, high) = (at, *pitch, *pitch);
        }
    }
    held + note(span.len() - begin)
}

/// The frames of a note; none if it is too short to be one.
fn note(frames: usize) -> usize {
    if frames >= NOTE_FRAMES { frames } else { 0 }
}
