//! Dynamic time warping: which frames of two speeches belong together. Pure.

use super::features::{FEATURES, Features};

/// Cost of one of the two standing still for a frame.
const STANDSTILL: f32 = 1.0;

fn distance(a: &[f32; FEATURES], b: &[f32; FEATURES]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
}

const BOTH: u8 = 0;
const GUIDE: u8 = 1;

/// The position in the recording of each edge of the guide's frames, and the mean distance.
pub(super) fn path(guide: &Features, recording: &Features) -> (Vec<f64>, f32) {
    let width = recording.len();
    let (steps, sum) = steps(guide, recording);
    let (mut i, mut j) = (guide.len() - 1, width - 1);
    // For each guide frame, the first and last frame of the recording aligned with it.
    let mut met = vec![(usize::MAX, 0); guide.len()];
    let mut length = 0.0;
    loop {
        met[i] = (met[i].0.min(j), met[i].1.max(j));
        length += 1.0;
        if i == 0 && j == 0 {
            break;
        }
        match steps[i * width + j] {
            BOTH => (i, j) = (i - 1, j - 1),
            GUIDE => i -= 1,
            _ => j -= 1,
        }
    }
    let mut edges = vec![0.0];
    edges.extend(met.windows(2).map(|pair| (pair[0].1 + 1 + pair[1].0) as f64 / 2.0));
    edges.push(width as f64);
    (edges, sum / length)
}

/// The best step to each pair of a guide's and a recording's frame, and the sum of all distances to the last.
fn steps(guide: &Features, recording: &Features) -> (Vec<u8>, f32) {
    let width = recording.len();
    let mut steps = vec![BOTH; guide.len() * width];
    let mut before = vec![f32::INFINITY; width];
    let mut here = before.clone();
    for (i, row) in guide.iter().enumerate() {
        for (j, other) in recording.iter().enumerate() {
            let both = if i == 0 && j == 0 {
                0.0
            } else if j > 0 {
                before[j - 1]
            } else {
                f32::INFINITY
            };
            // Only the guide advances, or only the recording.
            let guide = before[j] + STANDSTILL;
            let recording = if j > 0 { here[j - 1] + STANDSTILL } else { f32::INFINITY };
            let (best, step) = if both <= guide && both <= recording {
                (both, BOTH)
            } else if guide <= recording {
                (guide, GUIDE)
            } else {
                (recording, GUIDE + 1)
            };
            here[j] = best + distance(row, other);
            steps[i * width + j] = step;
        }
        std::mem::swap(&mut before, &mut here);
        here.fill(f32::INFINITY);
    }
    (steps, before[width - 1])
}
