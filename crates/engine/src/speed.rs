//! How fast a request is spoken, relative to the configured speed. Pure.

use std::fmt;

/// Hundredths of the usual speed.
const USUAL: u16 = 100;

/// A speed in hundredths, from [`Speed::SLOWEST`] to [`Speed::FASTEST`]; by default the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Speed(u16);

impl Default for Speed {
    fn default() -> Self {
        Self::USUAL
    }
}

impl Speed {
    /// As configured.
    pub const USUAL: Self = Self(USUAL);
    /// A quarter of the usual speed.
    pub const SLOWEST: Self = Self(USUAL / 4);
    /// Four times the usual speed.
    pub const FASTEST: Self = Self(USUAL * 4);

    /// The speed nearest to this factor; none if it is outside 0.25 to 4.
    #[must_use]
    pub fn new(factor: f64) -> Option<Self> {
        let hundredths = (factor * f64::from(USUAL)).round();
        let valid = f64::from(Self::SLOWEST.0)..=f64::from(Self::FASTEST.0);
        // NaN is in no range.
        valid.contains(&hundredths).then_some(Self(hundredths as u16))
    }

    /// The factor.
    #[must_use]
    pub fn factor(self) -> f32 {
        f32::from(self.0) / f32::from(USUAL)
    }

    /// Its hundredths.
    #[must_use]
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// Whether it is the usual one.
    #[must_use]
    pub fn is_usual(self) -> bool {
        self == Self::USUAL
    }

    /// This speed times a factor; none if that is outside 0.25 to 4.
    #[must_use]
    pub fn times(self, factor: f64) -> Option<Self> {
        Self::new(f64::from(self.0) / f64::from(USUAL) * factor)
    }

    /// What an engine is told that is configured to speak at `configured`.
    #[must_use]
    pub fn of(self, configured: f32) -> f32 {
        (configured * self.factor()).clamp(Self::SLOWEST.factor(), Self::FASTEST.factor())
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.factor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_from_a_quarter_to_four_times_the_usual_one() {
        for (factor, hundredths) in
            [(1.0, Some(100)), (0.25, Some(25)), (4.0, Some(400)), (1.5, Some(150)), (0.2, None), (4.1, None)]
        {
            assert_eq!(Speed::new(factor).map(Speed::hundredths), hundredths, "{factor}");
        }
        assert_eq!(Speed::new(f64::NAN), None);
        assert_eq!(Speed::new(f64::INFINITY), None);
        assert!(Speed::default().is_usual());
    }

    #[test]
    fn speeds_multiply_and_an_engine_is_never_told_more_than_it_takes() {
        assert_eq!(Speed::new(2.0).unwrap().times(0.5), Some(Speed::USUAL));
        assert_eq!(Speed::FASTEST.times(1.5), None);
        assert!((Speed::USUAL.of(1.2) - 1.2).abs() < 1e-6);
        assert!((Speed::FASTEST.of(2.0) - 4.0).abs() < 1e-6);
    }
}
