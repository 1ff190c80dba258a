//! Blocks of quantised weights in ggml's layout. Uses plain arithmetic in a fixed order without fused operations, so that
//! every machine produces the same bytes.

use half::f16;

/// Weights that share a scale in the simple types.
const SMALL: usize = 32;
/// Weights per block of the K types.
const LARGE: usize = 256;
/// Bytes of 32 weights as IQ4_NL.
pub(super) const IQ4_NL_BYTES: usize = 18;
/// The 16 levels of IQ4_NL, denser where most weights are.
const LEVELS: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
/// The nearest level to every number from −128 to 127.
const NEAREST: [u8; 256] = nearest();
/// How many scales are tried on either side of the plain one.
const TRIES: i8 = 7;

/// The type in which a tensor's weights are stored. Numbers as in ggml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    F16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
    Iq4Nl,
}

impl Kind {
    pub(super) fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            8 => Self::Q8_0,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            20 => Self::Iq4Nl,
            _ => return None,
        })
    }

    pub(super) fn number(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q4_1 => 3,
            Self::Q5_0 => 6,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q5K => 13,
            Self::Q6K => 14,
            Self::Iq4Nl => 20,
        }
    }

    /// Weights and bytes of one block.
    pub(super) fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 => (1, 2),
            Self::Q4_0 => (SMALL, 18),
            Self::Q4_1 => (SMALL, 20),
            Self::Q5_0 => (SMALL, 22),
            Self::Q8_0 => (SMALL, 34),
            Self::Q4K => (LARGE, 144),
            Self::Q5K => (LARGE, 176),
            Self::Q6K => (LARGE, 210),
            Self::Iq4Nl => (SMALL, IQ4_NL_BYTES),
        }
    }
}

fn float(bytes: &[u8]) -> f32 {
    f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()
}

/// Appends the weights of a Q5_0 block.
pub(super) fn read_q5_0(block: &[u8], out: &mut Vec<f32>) {
    let scale = float(block);
    let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
    let weight = |at: usize, low: u8| {
        let fifth = (high >> at & 1) << 4;
        scale * (f32::from(low) + fifth as f32 - 16.0)
    };
    let low = &block[6..];
    out.extend((0..16).map(|at| weight(at, low[at] & 15)));
    out.extend((0..16).map(|at| weight(at + 16, low[at] >> 4)));
}

const fn nearest() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let (number, mut best) = (at as i32 - 128, 0);
        let mut level = 1;
        while level < 16 {
            if (LEVELS[level] as i32 - number).abs() < (LEVELS[best] as i32 - number).abs() {
                best = level;
            }
            level += 1;
        }
        table[at] = best as u8;
        at += 1;
    }
    table
}

/// Appends 32 weights as IQ4_NL, with the scale of least error among several.
pub(super) fn write_iq4_nl(weights: &[f32], out: &mut Vec<u8>) {
    let far = weights.iter().copied().fold(0.0_f32, |far, w| if w.abs() > far.abs() { w } else { far });
    if far == 0.0 || !far.is_finite() {
        out.extend([0; IQ4_NL_BYTES]);
        return;
    }
    let mut best = (f32::MIN, 0.0, 0.0);
    for attempt in -TRIES..=TRIES {
        // Map the largest weight to the lowest or the highest level, or to a number near it.
        for end in [LEVELS[0], LEVELS[15]] {
            let inverse = (f32::from(end) + f32::from(attempt)) / far;
            let (mut along, mut square) = (0.0_f32, 0.0_f32);
            for weight in weights {
                let level = f32::from(LEVELS[level(*weight, inverse)]);
                along += weight * level;
                square += level * level;
            }
            // The part of the weights' energy that the levels explain, scaled by along / square.
            let explained = along * along / square;
            if explained > best.0 {
                best = (explained, inverse, along / square);
            }
        }
    }
    let (_, inverse, scale) = best;
    out.extend(f16::from_f32(scale).to_le_bytes());
    let level = |at: usize| level(weights[at], inverse) as u8;
    out.extend((0..16).map(|at| level(at) | level(at + 16) << 4));
}

fn level(weight: f32, inverse: f32) -> usize {
    let number = (weight * inverse + 128.5).clamp(0.0, 255.0) as u8;
    usize::from(NEAREST[usize::from(number)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bits_are_assembled_in_ggmls_order() {
        let mut block = vec![0; 22];
        block[..2].copy_from_slice(&f16::ONE.to_le_bytes());
        // The fifth bits of the first and the last weight.
        block[2..6].copy_from_slice(&0x8000_0001_u32.to_le_bytes());
        (block[6], block[21]) = (0x21, 0xf3);
        let mut weights = Vec::new();
        read_q5_0(&block, &mut weights);
        assert_eq!(weights.len(), 32);
        assert_eq!([weights[0], weights[16], weights[15], weights[31]], [1.0, -14.0, -13.0, 15.0]);
    }

    #[test]
    fn weights_survive_within_half_the_widest_step() {
        let weights: Vec<f32> = (0..32).map(|at| (at as f32 * 0.7).sin() * 3.0).collect();
        let mut block = Vec::new();
        write_iq4_nl(&weights, &mut block);
        assert_eq!(block.len(), IQ4_NL_BYTES);
        let scale = float(&block);
        for (at, weight) in weights.iter().enumerate() {
            let byte = block[2 + at % 16];
            let level = if at < 16 { byte & 15 } else { byte >> 4 };
            let read = scale * f32::from(LEVELS[usize::from(level)]);
            assert!((read - weight).abs() <= scale.abs() * 13.0, "{at}: {read} for {weight}");
        }
    }

    #[test]
    fn a_block_of_zeros_stays_zero() {
        let mut block = Vec::new();
        write_iq4_nl(&[0.0; 32], &mut block);
        assert_eq!(block[..2], [0, 0]);
    }
}
