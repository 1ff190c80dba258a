//! A speech sound and its time.

/// A phoneme and when it sounds, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// One sound in espeak-ng's IPA, with its stress and length marks: "ˈɜː", "t", "ʃ", "aɪ".
    pub symbol: String,
    /// Start, in seconds.
    pub start: f64,
    /// End, in seconds.
    pub end: f64,
}

impl Sound {
    /// A sound with this symbol and time.
    #[must_use]
    pub fn new(symbol: &str, start: f64, end: f64) -> Self {
        Self { symbol: symbol.into(), start, end }
    }

    /// Duration, in seconds.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.end - self.start
    }
}
