//! Streaming sample-rate conversion of mono speech.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Async, Fft, FixedAsync, FixedSync, SincInterpolationParameters, WindowFunction};

/// Shorter blocks at the lower rate would audibly cut into the pass band.
const SHORTEST_BLOCK: u32 = 160;

/// Converts a stream of mono PCM from one rate to another; equal rates pass through unchanged.
///
/// After [`flush`](Self::flush) the output has exactly the input's duration, and is aligned with it. While the stream runs,
/// output lags by the filter's delay of 5 to 10 ms. [`live`](Self::live) instead gives that delay as leading silence, so that
/// every 20 ms pushed give 20 ms at once.
pub struct Resampler {
    from: u32,
    to: u32,
    live: bool,
    /// None when the rates are equal.
    engine: Option<Engine>,
}

struct Engine {
    inner: Box<dyn rubato::Resampler<f32>>,
    pending: Vec<f32>,
    output: Vec<f32>,
    /// Output samples still to be skipped: the filter's delay.
    skip: usize,
    taken: u64,
    given: u64,
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Resampler {
    /// A converter whose output is aligned with its input.
    ///
    /// # Panics
    /// When a rate is not between 1 kHz and 384 kHz; external rates are checked where they are read.
    #[must_use]
    pub fn new(from: u32, to: u32) -> Self {
        Self::build(from, to, false)
    }

    /// A converter that returns 20 ms at once for every 20 ms, and starts with silence of the filter's delay.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub fn live(from: u32, to: u32) -> Self {
        Self::build(from, to, true)
    }

    fn build(from: u32, to: u32, live: bool) -> Self {
        for rate in [from, to] {
            assert!((1_000..=384_000).contains(&rate), "sample rate {rate} Hz is outside 1 to 384 kHz");
        }
        let engine = (from != to).then(|| Engine::new(from, to, live));
        Self { from, to, live, engine }
    }

    /// Takes any number of samples, and appends those that are ready to `out`.
    pub fn push(&mut self, input: &[i16], out: &mut Vec<i16>) {
        let Some(engine) = &mut self.engine else {
            return out.extend_from_slice(input);
        };
        engine.pending.extend(input.iter().map(|&sample| f32::from(sample)));
        engine.taken += input.len() as u64;
        engine.run(out, u64::MAX);
    }

    /// [`push`](Self::push) for samples between -1 and 1.
    pub fn push_f32(&mut self, input: &[f32], out: &mut Vec<i16>) {
        let Some(engine) = &mut self.engine else {
            return out.extend(input.iter().map(|&sample| to_i16(sample * 32768.0)));
        };
        engine.pending.extend(input.iter().map(|&sample| sample * 32768.0));
        engine.taken += input.len() as u64;
        engine.run(out, u64::MAX);
    }

    /// Appends all remaining samples, and resets the converter.
    pub fn flush(&mut self, out: &mut Vec<i16>) {
        let Some(engine) = &mut self.engine else { return };
        let due = (engine.taken * u64::from(self.to)).div_ceil(u64::from(self.from))
            + if self.live { engine.inner.output_delay() as u64 } else { 0 };
        while engine.given < due {
            let missing = engine.inner.input_frames_next().saturating_sub(engine.pending.len());
            engine.pending.extend(std::iter::repeat_n(0.0, missing));
            engine.run(out, due);
        }
        engine.reset(self.live);
    }
}

impl Engine {
    fn new(from: u32, to: u32, live: bool) -> Self {
        let inner = block_resampler(from, to).unwrap_or_else(|| sinc_resampler(from, to));
        let mut engine = Self { inner, pending: Vec::new(), output: Vec::new(), skip: 0, taken: 0, given: 0 };
        engine.reset(live);
        engine
    }

    fn reset(&mut self, live: bool) {
        self.inner.reset();
        self.pending.clear();
        self.skip = if live { 0 } else { self.inner.output_delay() };
        self.taken = 0;
        self.given = 0;
    }

    /// Converts all whole blocks, up to `due` samples of output since the last reset.
    fn run(&mut self, out: &mut Vec<i16>, due: u64) {
        let mut read = 0;
        loop {
            let need = self.inner.input_frames_next();
            if self.pending.len() - read < need {
                break;
            }
            let room = self.inner.output_frames_next();
            self.output.resize(room.max(self.output.len()), 0.0);
            let input =
                SequentialSlice::new(&self.pending[read..read + need], 1, need).expect("length is given");
            let mut output =
                SequentialSlice::new_mut(&mut self.output[..room], 1, room).expect("length is given");
            let (used, made) = self
                .inner
                .process_into_buffer(&input, &mut output, None)
                .expect("both buffers have the requested length");
            read += used;
            let cut = self.skip.min(made);
            self.skip -= cut;
            let left = usize::try_from(due - self.given).unwrap_or(usize::MAX);
            let samples = &self.output[cut..made];
            let samples = &samples[..samples.len().min(left)];
            out.extend(samples.iter().map(|&sample| to_i16(sample)));
            self.given += samples.len() as u64;
        }
        self.pending.drain(..read);
    }
}

/// An FFT resampler with blocks of 10 or 20 ms, if the rates have a suitable common divisor.
fn block_resampler(from: u32, to: u32) -> Option<Box<dyn rubato::Resampler<f32>>> {
    if !from.is_multiple_of(50) || !to.is_multiple_of(50) {
        return None;
    }
    let fits = from.is_multiple_of(100) && to.is_multiple_of(100) && from.min(to) / 100 >= SHORTEST_BLOCK;
    let block = (if fits { from / 100 } else { from / 50 }) as usize;
    let window = WindowFunction::BlackmanHarris2;
    let fft =
        Fft::<f32>::new_custom(from as usize, to as usize, block, 1, 1, window, FixedSync::Both).ok()?;
    Some(Box::new(fft))
}

fn sinc_resampler(from: u32, to: u32) -> Box<dyn rubato::Resampler<f32>> {
    let parameters = SincInterpolationParameters::new(128, WindowFunction::BlackmanHarris2);
    let ratio = f64::from(to) / f64::from(from);
    let block = (from / 50).max(1) as usize;
    let sinc = Async::<f32>::new_sinc(ratio, 1.0, &parameters, block, 1, FixedAsync::Input)
        .expect("the ratio of checked rates is valid");
    Box::new(sinc)
}

/// Saturates: loud sound clips instead of wrapping around.
#[allow(clippy::cast_possible_truncation)]
fn to_i16(sample: f32) -> i16 {
    sample.round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f64, count: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate);
        #[allow(clippy::cast_possible_truncation)]
        (0..count).map(|n| ((n as f64 * step).sin() * 16_000.0) as i16).collect()
    }

    fn convert(from: u32, to: u32, input: &[i16], piece: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to);
        let mut out = Vec::new();
        for part in input.chunks(piece) {
            resampler.push(part, &mut out);
        }
        resampler.flush(&mut out);
        out
    }

    fn rms(samples: impl Iterator<Item = f64>) -> f64 {
        let (sum, count) = samples.fold((0.0, 0.0), |(sum, count), x| (sum + x * x, count + 1.0));
        (sum / f64::max(count, 1.0)).sqrt()
    }

    /// Level and delay (in samples) of a tone in `samples`, and the level of the rest.
    fn fit(samples: &[i16], from: usize, rate: u32, hz: f64) -> (f64, f64, f64) {
        let step = std::f64::consts::TAU * hz / f64::from(rate);
        let angle = |n: usize| (from + n) as f64 * step;
        let sum = |part: fn(f64) -> f64| {
            let all = samples.iter().enumerate().map(|(n, &x)| f64::from(x) * part(angle(n)));
            all.sum::<f64>() * 2.0 / samples.len() as f64
        };
        let (sin, cos) = (sum(f64::sin), sum(f64::cos));
        let left = samples
            .iter()
            .enumerate()
            .map(|(n, &x)| f64::from(x) - sin * angle(n).sin() - cos * angle(n).cos());
        (sin.hypot(cos), (-cos).atan2(sin) / step, rms(left))
    }

    #[test]
    fn a_tone_keeps_its_position_and_level_at_every_rate_in_use() {
        for (from, to) in [
            (22_050, 24_000),
            (16_000, 24_000),
            (24_000, 16_000),
            (8_000, 16_000),
            (44_100, 16_000),
            (48_000, 16_000),
            (16_000, 48_000),
            (24_000, 48_000),
            (11_025, 24_000),
            (22_051, 24_000),
        ] {
            let got = convert(from, to, &tone(from, 450.0, from as usize), 333);
            assert_eq!(got.len(), to as usize, "{from} to {to}");
            // A whole number of periods away from the edges.
            let (start, end) = (to as usize / 10, to as usize * 9 / 10);
            let (level, delay, rest) = fit(&got[start..end], start, to, 450.0);
            assert!((level - 16_000.0).abs() < 30.0, "{from} to {to}: level {level}");
            assert!(delay.abs() < 1.5, "{from} to {to}: {delay} samples late");
            assert!(rest < 16.0, "{from} to {to}: noise {rest}");
        }
    }

    #[test]
    fn frequencies_above_the_lower_rates_limit_are_removed_not_aliased() {
        for (from, to) in [(44_100, 16_000), (48_000, 16_000), (24_000, 16_000)] {
            let got = convert(from, to, &tone(from, 9_500.0, from as usize), 960);
            let level = rms(got[1000..got.len() - 1000].iter().map(|&x| f64::from(x)));
            assert!(level < 12.0, "{from} to {to}: {level:.1} left of 11300");
        }
    }

    #[test]
    fn the_size_of_the_pieces_does_not_matter() {
        let input = tone(22_050, 300.0, 22_050);
        let whole = convert(22_050, 24_000, &input, input.len());
        for piece in [1, 7, 441, 5000] {
            assert_eq!(convert(22_050, 24_000, &input, piece), whole);
        }
    }

    #[test]
    fn live_gives_one_frame_per_frame() {
        for (from, to) in [(24_000, 16_000), (48_000, 16_000), (44_100, 16_000), (8_000, 16_000)] {
            let mut resampler = Resampler::live(from, to);
            let input = tone(from, 440.0, from as usize / 50);
            for _ in 0..20 {
                let mut out = Vec::new();
                resampler.push(&input, &mut out);
                assert_eq!(out.len(), to as usize / 50, "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_flushed_converter_starts_afresh() {
        let input = tone(22_050, 300.0, 4_000);
        let mut resampler = Resampler::new(22_050, 24_000);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        resampler.push(&input, &mut first);
        resampler.flush(&mut first);
        resampler.push(&input, &mut second);
        resampler.flush(&mut second);
        assert_eq!(first, second);
    }

    #[test]
    fn sound_that_is_too_loud_clips() {
        let square: Vec<i16> = (0..2400).map(|n| if n % 100 < 50 { i16::MAX } else { i16::MIN }).collect();
        for (n, sample) in convert(24_000, 16_000, &square, 480).into_iter().enumerate().skip(200).take(1200)
        {
            let phase = (n * 3 / 2) % 100;
            assert!(!(5..45).contains(&phase) || sample > 20_000, "{n}: {sample}");
            assert!(!(55..95).contains(&phase) || sample < -20_000, "{n}: {sample}");
        }
    }
}
