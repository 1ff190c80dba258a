//! Scores lip animation by the gap between the lips of the project's heads, which follows exactly from the weights, without
//! rendering. Pure.

use serde::Serialize;

use super::face::Face;
use super::lips::viseme::Viseme;
use super::lips::{Lips, ipa};
use super::shapes::Shape::{self, JawForward, JawOpen, MouthClose};
use super::shapes::Weights;
use super::sound::Sound;
use super::wire::Batch;

/// Largest gap of closed lips, in mm.
pub const CLOSED: f32 = 0.5;
/// Smallest gap of open lips, in mm.
pub const OPEN: f32 = 2.5;
/// The gap at rest, in mm.
const REST: f32 = 0.67;
/// What each shape at weight 1 adds to the gap, in mm.
const GAP: [(Shape, f32); 21] = [
    (JawOpen, 34.5),
    (MouthClose, -34.5),
    (Shape::MouthFunnel, 14.0),
    (Shape::MouthShrugUpper, 4.1),
    (Shape::MouthShrugLower, -4.9),
    (Shape::MouthRollLower, -3.8),
    (Shape::MouthRollUpper, -2.8),
    (Shape::MouthUpperUpLeft, 2.4),
    (Shape::MouthUpperUpRight, 2.4),
    (Shape::MouthLowerDownLeft, 1.9),
    (Shape::MouthLowerDownRight, 1.9),
    (Shape::MouthSmileLeft, -1.5),
    (Shape::MouthSmileRight, -1.5),
    (Shape::MouthPressLeft, -1.4),
    (Shape::MouthPressRight, -1.4),
    (JawForward, 1.4),
    (Shape::MouthLeft, -1.1),
    (Shape::MouthRight, -1.1),
    (Shape::CheekPuff, -1.1),
    (Shape::MouthPucker, -0.9),
    (Shape::MouthStretchLeft, 0.2),
];
/// How far the lower lip of a held f rises above rest, in mm: to the edge of the upper teeth.
const TO_TEETH: f32 = 3.69;
/// Largest gap between the lips at an f, in mm.
const TEETH_GAP: f32 = 2.0;
/// Points per second at which sound and lips are compared, and the largest lag, in points.
const GRID: f64 = 200.0;
const LAGS: usize = 60;

/// The gap between the lips in mm; below 0 they are pressed together.
#[must_use]
pub fn gap(weights: &Weights) -> f32 {
    let right = weights[Shape::MouthStretchRight] * 0.2;
    REST + right + GAP.iter().map(|&(shape, mm)| weights[shape] * mm).sum::<f32>()
}

/// How far the lower lip is above its rest, in mm.
#[must_use]
pub fn lower_lip(weights: &Weights) -> f32 {
    4.9 * weights[Shape::MouthShrugLower] + 3.8 * weights[Shape::MouthRollLower]
        - 34.5 * (weights[JawOpen] - weights[MouthClose])
        - 1.9 * (weights[Shape::MouthLowerDownLeft] + weights[Shape::MouthLowerDownRight])
}

/// Whether the lower lip is at the upper teeth: at least 80 % of the way from rest.
#[must_use]
pub fn touches_teeth(weights: &Weights) -> bool {
    lower_lip(weights) >= 0.8 * TO_TEETH && gap(weights) <= TEETH_GAP
}

/// Sums of squares, by which correlations are normalised.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Squares {
    gap: f64,
    loudness: f64,
}

/// The third derivatives of the gap.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Jerks {
    /// The sum of their squares, in (mm/s³)².
    squares: f64,
    count: usize,
}

/// How the opening of the lips follows loudness.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lag {
    /// Milliseconds by which it lags behind; below 0 the lips lead.
    pub ms: f64,
    /// The correlation at this lag.
    pub correlation: f64,
}

/// Scores of a piece of speech; those of several texts can be added.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LipScores {
    /// Number of p, b and m.
    pub bilabials: usize,
    /// Of these, those during which the lips closed.
    pub closed: usize,
    /// Number of f and v.
    pub labiodentals: usize,
    /// Of these, those during which the lower lip reached the upper teeth.
    pub touched: usize,
    /// Number of vowels of at least 80 ms.
    pub vowels: usize,
    /// Of these, those during which the lips were open.
    pub opened: usize,
    /// Number of frames sent.
    pub frames: usize,
    /// Number of frames in which `mouthClose` exceeded `jawOpen`.
    pub overclosed: usize,
    /// Gap times loudness at each lag, both with their means removed.
    #[serde(skip)]
    products: Vec<f64>,
    #[serde(skip)]
    squares: Squares,
    #[serde(skip)]
    jerks: Jerks,
}

impl LipScores {
    /// The share of p, b and m at which the lips closed.
    #[must_use]
    pub fn closure(&self) -> f64 {
        ratio(self.closed, self.bilabials)
    }

    /// The share of f and v at which the lower lip met the teeth.
    #[must_use]
    pub fn contact(&self) -> f64 {
        ratio(self.touched, self.labiodentals)
    }

    /// The share of longer vowels at which the lips opened: a mouth that never opens would have perfect closure.
    #[must_use]
    pub fn opening(&self) -> f64 {
        ratio(self.opened, self.vowels)
    }

    /// The lag of the highest correlation.
    #[must_use]
    pub fn lag(&self) -> Lag {
        let Some((at, &top)) = self.products.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) else {
            return Lag::default();
        };
        let side = |at: Option<usize>| at.and_then(|at| self.products.get(at)).copied().unwrap_or(top);
        let (before, after) = (side(at.checked_sub(1)), side(at.checked_add(1)));
        let bend = before - 2.0 * top + after;
        let shift = if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 };
        let norm = (self.squares.gap * self.squares.loudness).sqrt();
        let correlation = if norm > 0.0 { top / norm } else { 0.0 };
        Lag { ms: (at as f64 + shift - LAGS as f64) * 1000.0 / GRID, correlation }
    }

    /// The root mean square of the gap's third derivative, in m/s³.
    #[must_use]
    pub fn jerk(&self) -> f64 {
        let Jerks { squares, count } = self.jerks;
        if count == 0 { 0.0 } else { (squares / count as f64).sqrt() / 1000.0 }
    }

    /// Adds the scores of another text.
    pub fn add(&mut self, other: &Self) {
        self.bilabials += other.bilabials;
        self.closed += other.closed;
        self.labiodentals += other.labiodentals;
        self.touched += other.touched;
        self.vowels += other.vowels;
        self.opened += other.opened;
        self.frames += other.frames;
        self.overclosed += other.overclosed;
        self.products.resize(self.products.len().max(other.products.len()), 0.0);
        self.products.iter_mut().zip(&other.products).for_each(|(sum, product)| *sum += product);
        self.squares.gap += other.squares.gap;
        self.squares.loudness += other.squares.loudness;
        self.jerks.squares += other.jerks.squares;
        self.jerks.count += other.jerks.count;
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// Animates a piece of speech at `fps` and scores it, encoded as it is sent and interpolated between frames as a client does.
#[must_use]
pub fn score(sounds: &[Sound], samples: &[i16], rate: u32, fps: u8) -> LipScores {
    score_as(sounds, sounds, samples, rate, fps)
}

/// As [`score`], for an animation from sounds other than those spoken, such as guessed ones.
#[must_use]
pub fn score_as(known: &[Sound], spoken: &[Sound], samples: &[i16], rate: u32, fps: u8) -> LipScores {
    let mut lips = Lips::new();
    lips.push(0.0, known, samples, rate);
    let length = samples.len() as f64 / f64::from(rate.max(1));
    let count = (length * f64::from(fps)).ceil() as usize + 1;
    let frames = (0..count).map(|n| as_sent(lips.at(n as f64 / f64::from(fps)).weights)).collect();
    let frames = Frames { fps: f64::from(fps), frames };
    let mut scores = LipScores {
        frames: frames.frames.len(),
        overclosed: frames.frames.iter().filter(|w| w[MouthClose] > w[JawOpen]).count(),
        ..LipScores::default()
    };
    contacts(&frames, spoken, &mut scores);
    correlate(&frames, &lips, length, &mut scores);
    let gaps: Vec<f64> = frames.frames.iter().map(|weights| f64::from(gap(weights))).collect();
    for four in gaps.windows(4) {
        let jerk = (four[3] - 3.0 * four[2] + 3.0 * four[1] - four[0]) * f64::from(fps).powi(3);
        scores.jerks.squares += jerk * jerk;
        scores.jerks.count += 1;
    }
    scores
}

/// The weights after transmission: eight bits each.
fn as_sent(weights: Weights) -> Weights {
    let faces = vec![Face { weights, ..Face::default() }];
    let batch = Batch { response: 1, timestamp: 0, fps: 60, epoch: 0, last: false, faces };
    Batch::decode(&batch.encode(0)).map_or(weights, |batch| batch.faces[0].weights)
}

struct Frames {
    fps: f64,
    frames: Vec<Weights>,
}

impl Frames {
    /// The weights shown at `t`: interpolated between the frames around it.
    fn at(&self, t: f64) -> Weights {
        let at = (t * self.fps).max(0.0);
        let last = self.frames.len() - 1;
        let (before, after) =
            (&self.frames[(at as usize).min(last)], &self.frames[(at as usize + 1).min(last)]);
        let part = (at - at.floor()) as f32;
        let mut shown = *before;
        shown.0.iter_mut().zip(after.0).for_each(|(weight, after)| *weight += (after - *weight) * part);
        shown
    }
}

fn contacts(frames: &Frames, sounds: &[Sound], scores: &mut LipScores) {
    for sound in sounds {
        let held = |met: &dyn Fn(&Weights) -> bool| {
            let steps = (sound.length() * 1000.0).max(1.0) as usize;
            (0..=steps).any(|n| met(&frames.at(sound.start + sound.length() * n as f64 / steps as f64)))
        };
        match ipa::phones(&sound.symbol).first() {
            Some((phone, _)) if phone.viseme == Viseme::PP && phone.weight >= 1.0 => {
                scores.bilabials += 1;
                scores.closed += usize::from(held(&|weights| gap(weights) <= CLOSED));
            }
            Some((phone, _)) if phone.viseme == Viseme::FF && phone.weight >= 1.0 => {
                scores.labiodentals += 1;
                scores.touched += usize::from(held(&touches_teeth));
            }
            Some((phone, _)) if phone.is_vowel() && sound.length() >= 0.08 => {
                scores.vowels += 1;
                scores.opened += usize::from(held(&|weights| gap(weights) >= OPEN));
            }
            _ => {}
        }
    }
}

fn correlate(frames: &Frames, lips: &Lips, length: f64, scores: &mut LipScores) {
    let count = (length * GRID) as usize;
    let centred = |mut values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        values
    };
    let gaps = centred((0..count).map(|n| f64::from(gap(&frames.at(n as f64 / GRID)))).collect());
    let levels = centred((0..count).map(|n| f64::from(lips.at(n as f64 / GRID).level)).collect());
    // Positive lag: the lips are later than the sound.
    let product = |lag: usize| {
        let (gap_from, level_from) = (lag.saturating_sub(LAGS), LAGS.saturating_sub(lag));
        let gaps = gaps.iter().skip(gap_from);
        gaps.zip(levels.iter().skip(level_from)).map(|(gap, level)| gap * level).sum()
    };
    scores.products = (0..=2 * LAGS).map(product).collect();
    let squares = |values: &[f64]| values.iter().map(|value| value * value).sum();
    scores.squares = Squares { gap: squares(&gaps), loudness: squares(&levels) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_that_of_the_heads() {
        let mut weights = Weights::NEUTRAL;
        assert_eq!(gap(&weights), 0.67);
        weights[JawOpen] = 0.2;
        weights[Shape::MouthStretchLeft] = 1.0;
        weights[Shape::MouthStretchRight] = 1.0;
        assert!((gap(&weights) - (0.67 + 6.9 + 0.4)).abs() < 1e-4);
        weights[MouthClose] = 0.2;
        weights[Shape::MouthPressLeft] = 1.0;
        assert!((gap(&weights) - (0.67 + 0.4 - 1.4)).abs() < 1e-4);
        assert!(!touches_teeth(&weights));
        weights[Shape::MouthShrugLower] = 0.52;
        weights[Shape::MouthRollLower] = 0.3;
        assert!(touches_teeth(&weights));
    }

    /// Syllables of 200 ms, each a quiet b and a loud vowel.
    #[test]
    fn late_lips_have_a_positive_lag() {
        let (mut sounds, mut samples) = (Vec::new(), Vec::new());
        for n in 0..20 {
            let at = f64::from(n) * 0.2;
            sounds.extend([Sound::new("b", at, at + 0.08), Sound::new("a", at + 0.08, at + 0.2)]);
            for (count, level) in [(640, 30_i16), (960, 9_000)] {
                samples.extend((0..count).map(|n| if n % 2 == 0 { level } else { -level }));
            }
        }
        let late: Vec<Sound> = sounds
            .iter()
            .map(|sound| Sound::new(&sound.symbol, sound.start + 0.06, sound.end + 0.06))
            .collect();
        let (good, bad) =
            (score(&sounds, &samples, 8_000, 60), score_as(&late, &sounds, &samples, 8_000, 60));
        assert_eq!((good.closure(), good.opening(), good.bilabials, good.vowels), (1.0, 1.0, 20, 20));
        assert!(good.lag().ms.abs() < 40.0 && good.lag().correlation > 0.5, "{:?}", good.lag());
        assert!(bad.lag().ms > good.lag().ms + 20.0, "{:?} and {:?}", bad.lag(), good.lag());
        let mut both = good.clone();
        both.add(&good);
        assert!(both.bilabials == 40 && (both.lag().ms - good.lag().ms).abs() < 1e-6);
    }
}
