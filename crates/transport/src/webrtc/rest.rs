//! How often a microphone is asked for its sound: as often as it has frames, and less often where it has been quiet for so long
//! that nobody waits for its silence. Pure; time is passed in.
//!
//! A person who is silent or muted sends a packet or two every 400 ms (DTX), or quiet ones all the time. To ask for their silence
//! one frame at a time would be most of what such a call costs.

use std::time::Duration;

use crate::frame::AudioFrame;

/// Time between two ticks.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// The same at rest. Its silence and the first packet of a word fit into one tick.
const AT_REST: Duration = Duration::from_millis(80);
/// Quiet time that begins a rest: longer than any pause that ends an utterance or a turn.
const CALM: Duration = Duration::from_secs(5);
/// Level (-55 dBFS, root mean square) below which a frame is quiet. Voice activity detection hears nothing below it.
const QUIET: u64 = 58;

/// When one microphone was last heard.
#[derive(Debug, Default)]
pub(super) struct Rest {
    sounded: Duration,
    begun: bool,
}

impl Rest {
    /// Takes the frames of a tick at `now`; `held`: there are more, or packets that wait for others.
    pub(super) fn hear(&mut self, now: Duration, frames: &[AudioFrame], held: bool) {
        if frames.iter().any(|frame| !is_quiet(&frame.samples)) {
            self.sounded = now;
        }
        self.begun = !held && now >= self.sounded + CALM;
    }

    /// Whether the microphone is at rest: each packet is then to be heard as it comes, for it may begin a word.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Time from the last tick to the next one.
    pub(super) fn pause(&self) -> Duration {
        if self.begun { AT_REST } else { TICK }
    }
}

fn is_quiet(samples: &[i16]) -> bool {
    let power: u64 = samples.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
    power < QUIET * QUIET * samples.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(level: i16) -> AudioFrame {
        AudioFrame { samples: vec![level; 320], received: true }
    }

    /// The seconds at whose end a microphone of these levels, one for each second, is at rest.
    fn rests(levels: &[i16], held: bool) -> Vec<usize> {
        let mut rest = Rest::default();
        let mut is_at_rest = |second: usize| {
            rest.hear(Duration::from_secs(second as u64), &[frame(0), frame(levels[second])], held);
            assert_eq!(rest.pause() > TICK, rest.has_begun());
            rest.has_begun()
        };
        (0..levels.len()).filter(|second| is_at_rest(*second)).collect()
    }

    #[test]
    fn a_microphone_rests_after_five_quiet_seconds_until_it_is_heard() {
        assert_eq!(rests(&[0; 8], false), [5, 6, 7]);
        assert_eq!(rests(&[0, 0, -900, 0, 57, 57, -57, 0, 0, 900, 0], false), [7, 8]);
    }

    #[test]
    fn packets_that_wait_for_others_are_looked_at_as_often_as_ever() {
        assert_eq!(rests(&[0; 8], true), [] as [usize; 0]);
    }
}
