//! The loudness of a clip over time. A frame is 20 ms, every 10 ms; levels are in dBFS.

use super::RATE;
use super::fault::{Fault, Warning};
use super::limits::{CLIPPED, FALL, QUIET, SNR};

/// Samples from one frame to the next: 10 ms.
pub(super) const HOP: usize = RATE as usize / 100;
/// Seconds from one frame to the next.
const STEP: f32 = 0.01;
/// A clip whose loud moments are below this is silent.
const SILENT: f32 = -60.0;
/// A frame sounds if it is at most this far below the loud moments.
const RANGE: f32 = 30.0;
/// A frame counts as loud if it is at most this far below the loud moments: vowels are, and a hum behind the speech is not.
const LOUD: f32 = 20.0;
/// Share of clipped samples from which the clip could be better.
const CLIPPED_A_LITTLE: f32 = 0.0002;
/// Samples from this level on may be clipped. Fewer in a row than this are not clipping: a peak may be that high.
const FULL: u16 = 32_700;
const CUT_OFF: usize = 3;
/// A fall begins and ends this far below the loud moments.
const FALL_FROM: f32 = 10.0;
const FALL_TO: f32 = 30.0;
/// Fewest falls needed to judge a room.
const FALLS: usize = 3;
/// Smallest swing of the level from one syllable to the next, also in a room that fills the dips.
const SWING: f32 = 4.0;
/// Frames over which the level is smoothed before its swings are counted: the length of a short vowel.
const SMOOTH: usize = 5;

/// The levels of a clip.
pub(super) struct Levels {
    frames: Vec<f32>,
    /// The level that a twentieth of the frames exceed.
    loud: f32,
    /// The level that a tenth of the frames are below.
    floor: f32,
}

impl Levels {
    pub(super) fn of(samples: &[f32]) -> Self {
        let power = |part: &[f32]| part.iter().map(|sample| sample * sample).sum::<f32>() / part.len() as f32;
        let powers: Vec<f32> = samples.chunks_exact(HOP).map(power).collect();
        let frames: Vec<f32> =
            powers.windows(2).map(|pair| decibels(f32::midpoint(pair[0], pair[1]))).collect();
        let mut sorted = frames.clone();
        sorted.sort_by(f32::total_cmp);
        let at = |share: f32| {
            sorted.get((share * sorted.len() as f32) as usize).copied().unwrap_or(f32::NEG_INFINITY)
        };
        let (loud, floor) = (at(0.95), at(0.1));
        Self { frames, loud, floor }
    }

    /// The number of frames.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether a frame is sounding.
    pub(super) fn is_active(&self, frame: usize) -> bool {
        self.frames.get(frame).is_some_and(|level| *level > self.loud - RANGE)
    }

    /// Whether a frame is loud enough for its voice to be judged.
    pub(super) fn is_loud(&self, frame: usize) -> bool {
        self.frames.get(frame).is_some_and(|level| *level > self.loud - LOUD)
    }

    /// The number of loud frames.
    pub(super) fn loud_frames(&self) -> usize {
        (0..self.len()).filter(|frame| self.is_loud(*frame)).count()
    }

    /// Refuses silence, and sound that is too quiet.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.loud < SILENT {
            return Err(Fault::Silent);
        }
        let level = self.speech();
        if level < QUIET { Err(Fault::Quiet(level)) } else { Ok(()) }
    }

    /// The mean level of the sounding frames.
    pub(super) fn speech(&self) -> f32 {
        let bottom = self.loud - RANGE;
        let active = self.frames.iter().filter(|level| **level > bottom);
        let powers: Vec<f32> = active.map(|level| 10.0_f32.powf(level / 10.0)).collect();
        decibels(powers.iter().sum::<f32>() / powers.len().max(1) as f32)
    }

    /// The share of sounding frames.
    pub(super) fn active_share(&self) -> f32 {
        let active = (0..self.len()).filter(|frame| self.is_active(*frame)).count();
        active as f32 / self.len().max(1) as f32
    }

    /// Rises of the level after equal falls, per second of sounding frames: the syllables of speech, 3 to 6 per second.
    pub(super) fn swings(&self) -> f32 {
        let bottom = self.loud - RANGE;
        let smooth = self
            .frames
            .windows(SMOOTH)
            .map(|part| part.iter().map(|level| level.max(bottom)).sum::<f32>() / SMOOTH as f32);
        let (mut count, mut rising, mut turn) = (0_u32, false, f32::INFINITY);
        for level in smooth {
            if rising {
                turn = turn.max(level);
                if level < turn - SWING {
                    (rising, turn) = (false, level);
                }
            } else {
                turn = turn.min(level);
                if level > turn + SWING {
                    (rising, turn) = (true, level);
                    count += 1;
                }
            }
        }
        count as f32 / (self.active_share() * self.len() as f32 * STEP).max(STEP)
    }

    /// A warning if the background is loud.
    pub(super) fn background(&self) -> Option<Warning> {
        let below = self.speech() - self.floor;
        (below < SNR).then_some(Warning::Background(below))
    }

    /// A warning if the room is audible: sound falls slowly while its echoes continue. Only the faster falls count, since
    /// speech may fade by itself.
    pub(super) fn room(&self) -> Option<Warning> {
        let (mut loud_at, mut falls) = (None, Vec::new());
        for (at, level) in self.frames.iter().enumerate() {
            if *level >= self.loud - FALL_FROM {
                loud_at = Some(at);
            } else if *level <= self.loud - FALL_TO
                && let Some(from) = loud_at.take()
            {
                falls.push(at - from);
            }
        }
        falls.sort_unstable();
        let fall = *falls.get(falls.len() / 4).filter(|_| falls.len() >= FALLS)? as f32 * STEP;
        (fall > FALL).then_some(Warning::Room(fall))
    }
}

/// Refuses a clip with much clipping, and warns about a little.
pub(super) fn clipping(samples: &[i16]) -> Result<Option<Warning>, Fault> {
    let is_full = |sample: &i16| sample.unsigned_abs() >= FULL;
    let runs = samples.chunk_by(|one, next| is_full(one) == is_full(next));
    let cut = runs.filter(|run| run.len() >= CUT_OFF && is_full(&run[0]));
    let share = cut.map(<[i16]>::len).sum::<usize>() as f32 / samples.len().max(1) as f32;
    if share > CLIPPED {
        return Err(Fault::Clipped(share));
    }
    Ok((share > CLIPPED_A_LITTLE).then_some(Warning::Clipped(share)))
}

fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-12).log10()
}
