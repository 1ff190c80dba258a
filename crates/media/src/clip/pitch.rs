//! The pitch of a clip's voiced frames, by normalised correlation of a frame with the samples one period later.

use super::RATE;
use super::level::{HOP, Levels};

/// Length of the compared window in samples: 25 ms.
const WINDOW: usize = RATE as usize / 40;
/// Shortest and longest period in samples: 400 and 60 Hz. One period beyond each end is computed as well, to find the peaks.
const SHORTEST: usize = RATE as usize / 400;
const LONGEST: usize = RATE as usize / 60;
/// A frame is voiced if its correlation with the samples one period later is at least this. White noise reaches 0.2, clear
/// vowels 0.8 to 1.
const ALIKE: f32 = 0.5;
/// The shortest period within this factor of the best one is chosen, because every multiple of a period also correlates.
const NEARLY: f32 = 0.9;
/// Samples multiplied at once.
const LANES: usize = 8;

/// The pitch of each frame in octaves above 1 Hz; none for frames that are unvoiced or too quiet.
pub(super) fn pitches(samples: &[f32], levels: &Levels) -> Vec<Option<f32>> {
    let pitch = |frame: usize| {
        let start = frame * HOP;
        let part = samples.get(start..start + WINDOW + LONGEST + 1).filter(|_| levels.is_loud(frame))?;
        Some((RATE as f32 / period(part)?).log2())
    };
    (0..levels.len()).map(pitch).collect()
}

/// The period in samples, interpolated between lags.
fn period(part: &[f32]) -> Option<f32> {
    let head = &part[..WINDOW];
    let own = dot(head, head);
    let alike = |lag: usize| {
        let later = &part[lag..lag + WINDOW];
        dot(head, later) / (own * dot(later, later)).sqrt().max(f32::MIN_POSITIVE)
    };
    let alike: Vec<f32> = (SHORTEST - 1..=LONGEST + 1).map(alike).collect();
    let peaks = || alike.windows(3).enumerate().filter(|(_, near)| near[1] >= near[0] && near[1] > near[2]);
    let best = peaks().map(|(_, near)| near[1]).fold(0.0, f32::max);
    if best < ALIKE {
        return None;
    }
    let (at, near) = peaks().find(|(_, near)| near[1] >= NEARLY * best)?;
    // The vertex of the parabola through the three points.
    let bend = near[0] - 2.0 * near[1] + near[2];
    let shift = if bend < 0.0 { (0.5 * (near[0] - near[2]) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    Some((SHORTEST + at) as f32 + shift)
}

/// The sum of products, in lanes that the compiler can compute at once.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (a, b) in one.as_chunks::<LANES>().0.iter().zip(other.as_chunks::<LANES>().0) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}
