//! Changes seeds at random, the same way in each run.

use super::LONGEST;

/// Numbers at which lengths, counts and clocks often go wrong.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];
/// The same as text.
const WRITTEN: [&str; 10] = [
    "0",
    "-1",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551616",
    "1e999",
    "0.00001",
];
/// Most changes of one input.
const MOST_CHANGES: usize = 4;

/// Reproducible random numbers: splitmix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`; 0 when that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end as u64).max(1)).unwrap_or(0)
    }

    /// A random range within `length` bytes.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        // Short ranges are changes, long ones are mostly damage.
        let longest = if self.below(4) == 0 { length } else { 16 };
        start..start + self.below((length - start).min(longest) + 1)
    }
}

/// A seed after a few changes; parts of `other` may enter it.
pub(super) fn changed(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..=random.below(MOST_CHANGES) {
        change(&mut input, other, random);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let range = random.range(input.len());
    match random.below(10) {
        0 => drop(input.drain(range)),
        1 => input.truncate(range.start),
        2 => {
            let again = input[range.clone()].repeat(1 + random.below(64));
            input.splice(range.start..range.start, again);
        }
        3 => {
            let part = random.range(other.len());
            drop(input.splice(range, other[part].iter().copied()));
        }
        4 => {
            let bytes: Vec<u8> = (0..1 + random.below(8)).map(|_| random.next().to_le_bytes()[0]).collect();
            drop(input.splice(range.start..range.start, bytes));
        }
        5 => {
            let written = WRITTEN[random.below(WRITTEN.len())];
            let digits = digits(input, range.start);
            drop(input.splice(digits, written.bytes()));
        }
        6 | 7 => overwrite(input, range.start, random),
        _ => {
            if let Some(byte) = input.get_mut(range.start) {
                *byte ^=
                    if random.below(2) == 0 { 1 << random.below(8) } else { random.next().to_le_bytes()[0] };
            }
        }
    }
}

/// The range of the next decimal number from `from` on, or an empty range at `from`.
fn digits(input: &[u8], from: usize) -> std::ops::Range<usize> {
    let start = input[from..].iter().position(u8::is_ascii_digit).map_or(from, |at| from + at);
    let length = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    start..start + length
}

/// Overwrites bytes with a number.
fn overwrite(input: &mut [u8], at: usize, random: &mut Random) {
    let number = NUMBERS[random.below(NUMBERS.len())];
    let width = [1, 2, 4, 8][random.below(4)].min(input.len() - at);
    let (little, big) = (number.to_le_bytes(), number.to_be_bytes());
    let bytes = if random.below(3) == 0 { &big[8 - width..] } else { &little[..width] };
    input[at..at + width].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_repeat_stay_within_bounds_and_differ() {
        let (seed, other) = (b"count: 17, name: \x01\x00\x00\x00".as_slice(), b"another".as_slice());
        let all = || {
            let mut random = Random::new(7);
            (0..500).map(|_| changed(seed, other, &mut random)).collect::<Vec<_>>()
        };
        let first = all();
        assert_eq!(first, all());
        assert!(first.iter().all(|input| input.len() <= LONGEST));
        let distinct: std::collections::HashSet<_> = first.iter().collect();
        assert!(distinct.len() > 400, "{}", distinct.len());
        let large = changed(&[7; LONGEST], &[8; LONGEST], &mut Random::new(1));
        assert!(large.len() <= LONGEST);
    }

    #[test]
    fn an_empty_input_can_be_changed() {
        let mut random = Random::new(3);
        assert!((0..500).any(|_| !changed(&[], &[], &mut random).is_empty()));
    }
}
