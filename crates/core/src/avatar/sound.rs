//! A speech sound in time.

/// A phoneme and when it sounds, in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    /// One sound in espeak-ng's IPA, with its stress and length marks: "ˈɜː", "t", "ʃ", "aɪ".
    pub symbol: String,
    /// When it begins.
    pub start: f64,
    /// When it ends.
    pub end: f64,
}

impl Sound {
    /// A sound.
    #[must_use]
    pub fn new(symbol: &str, start: f64, end: f64) -> Self {
        Self { symbol: symbol.into(), start, end }
    }

    /// How long it sounds.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.end - self.start
    }
}
