//! Detects two clearly different voices in a clip: its spans form two groups of pitch, far apart and with nothing in between,
//! and the groups also differ in spectrum. A voice that becomes livelier has pitches in between, and its spectrum stays. Two
//! voices of the same pitch are not distinguished. A clip that may be one person acting two is accepted, with a warning.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};
use visavis_core::mel::hann;

use super::RATE;
use super::fault::{Fault, Warning};
use super::level::HOP;

/// Samples of a spectrum.
const SIZE: usize = 512;
/// Edges of the bands in Hz. They begin above the first overtones, whose positions depend on the pitch.
const EDGES: [f32; 9] = [300.0, 700.0, 1100.0, 1600.0, 2200.0, 3000.0, 4000.0, 5500.0, 7500.0];
const BANDS: usize = EDGES.len() - 1;
/// Most and fewest voiced frames of a span: 0.6 and 0.3 s.
const LONGEST: usize = 60;
const SHORTEST: usize = 30;
/// A pause of this many frames ends a span: the other voice may follow it.
const PAUSE: usize = 30;
/// Fewest spans for which groups are searched. The smaller group has at least a fifth of them, and two.
const SPANS: usize = 6;
const SHARE: usize = 5;
/// Groups are two voices if their mean pitches are this many octaves apart, their nearest spans this many, and their spectra
/// differ by this many decibels.
const APART: f32 = 0.75;
const BETWEEN: f32 = 0.4;
const COLOUR: f32 = 6.0;
/// From this distance on there may be two voices.
const MAYBE_APART: f32 = 0.45;
const MAYBE_BETWEEN: f32 = 0.15;

/// Levels of the bands in decibels, without their mean.
type Colour = [f32; BANDS];

/// A span of neighbouring voiced frames.
#[derive(Debug, Clone, PartialEq)]
struct Span {
    /// The median, in octaves.
    pitch: f32,
    colour: Colour,
}

/// Refuses two clearly different voices, and warns where there may be two.
pub(super) fn check(samples: &[f32], pitches: &[Option<f32>]) -> Result<Option<Warning>, Fault> {
    let mut spans = spans(samples, pitches);
    spans.sort_by(|one, other| one.pitch.total_cmp(&other.pitch));
    let Some(at) = widest(&spans) else { return Ok(None) };
    let (lower, higher) = spans.split_at(at);
    let (low, high) = (mean_pitch(lower), mean_pitch(higher));
    let between = higher[0].pitch - lower[at - 1].pitch;
    let unlike = difference(&mean_colour(lower), &mean_colour(higher));
    if high - low >= APART && between >= BETWEEN && unlike >= COLOUR {
        return Err(Fault::TwoVoices { low: low.exp2(), high: high.exp2() });
    }
    let maybe = high - low >= MAYBE_APART && between >= MAYBE_BETWEEN;
    Ok(maybe.then(|| Warning::TwoPitches { low: low.exp2(), high: high.exp2() }))
}

/// The index of the widest step between sorted spans that leaves enough of them on each side.
fn widest(spans: &[Span]) -> Option<usize> {
    if spans.len() < SPANS {
        return None;
    }
    let least = (spans.len() / SHARE).max(2);
    let step = |at: &usize| spans[*at].pitch - spans[at - 1].pitch;
    (least..=spans.len() - least).max_by(|one, other| step(one).total_cmp(&step(other)))
}

fn mean_pitch(spans: &[Span]) -> f32 {
    spans.iter().map(|span| span.pitch).sum::<f32>() / spans.len() as f32
}

fn mean_colour(spans: &[Span]) -> Colour {
    let sum = |band: usize| spans.iter().map(|span| span.colour[band]).sum::<f32>();
    std::array::from_fn(|band| sum(band) / spans.len() as f32)
}

/// The root mean square of the bands' differences.
fn difference(one: &Colour, other: &Colour) -> f32 {
    let squares = one.iter().zip(other).map(|(one, other)| (one - other).powi(2));
    (squares.sum::<f32>() / BANDS as f32).sqrt()
}

/// The spans of a clip, in order.
fn spans(samples: &[f32], pitches: &[Option<f32>]) -> Vec<Span> {
    let spectra = Spectra::new();
    let (mut found, mut frames, mut last) = (Vec::new(), Vec::<Frame>::new(), 0);
    for (at, pitch) in pitches.iter().enumerate() {
        let Some(pitch) = *pitch else { continue };
        if frames.len() == LONGEST || at - last > PAUSE {
            found.extend(span(&std::mem::take(&mut frames)));
        }
        last = at;
        let colour = samples.get(at * HOP..at * HOP + SIZE).and_then(|part| spectra.colour(part));
        frames.extend(colour.map(|colour| Frame { pitch, colour }));
    }
    found.extend(span(&frames));
    found
}

/// A voiced frame.
struct Frame {
    pitch: f32,
    colour: Colour,
}

/// The span of these frames; none if they are too few.
fn span(frames: &[Frame]) -> Option<Span> {
    if frames.len() < SHORTEST {
        return None;
    }
    let mut pitches: Vec<f32> = frames.iter().map(|frame| frame.pitch).collect();
    pitches.sort_by(f32::total_cmp);
    let sum = |band: usize| frames.iter().map(|frame| frame.colour[band]).sum::<f32>();
    let colour = std::array::from_fn(|band| sum(band) / frames.len() as f32);
    Some(Span { pitch: pitches[pitches.len() / 2], colour })
}

/// Computes spectra.
struct Spectra {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
}

impl Spectra {
    fn new() -> Self {
        Self { fft: RealFftPlanner::new().plan_fft_forward(SIZE), window: hann(SIZE) }
    }

    /// The spectrum of [`SIZE`] samples.
    fn colour(&self, samples: &[f32]) -> Option<Colour> {
        let mut input: Vec<f32> =
            samples.iter().zip(&self.window).map(|(one, weight)| one * weight).collect();
        let mut output = self.fft.make_output_vec();
        self.fft.process(&mut input, &mut output).ok()?;
        let bin = |hz: f32| (hz * SIZE as f32 / RATE as f32) as usize;
        let level = |band: usize| {
            let bins = &output[bin(EDGES[band])..bin(EDGES[band + 1])];
            10.0 * bins.iter().map(|value| value.norm_sqr()).sum::<f32>().max(1e-9).log10()
        };
        let levels: Colour = std::array::from_fn(level);
        let mean = levels.iter().sum::<f32>() / BANDS as f32;
        Some(levels.map(|level| level - mean))
    }
}
