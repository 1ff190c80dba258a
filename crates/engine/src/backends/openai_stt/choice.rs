//! Chooses between the words of two recognisers for one decode. Pure.

use crate::EngineError;
use crate::frame::Transcript;

/// The result of one of the two.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Side {
    /// Nothing yet.
    Awaited,
    /// These words.
    Words(Transcript),
    /// It failed.
    Failed(EngineError),
}

/// Why our own words are used instead of the endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The endpoint has failed.
    Failed,
    /// It is late.
    Late,
}

impl Reason {
    /// Its name in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Late => "late",
        }
    }
}

/// What to do with a decode.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// Wait for more.
    Wait,
    /// Use these words.
    Words(Transcript),
    /// Use our own words instead of the endpoint's.
    Instead(Transcript, Reason),
    /// Both have failed.
    Fails(EngineError),
    /// Return nothing for a partial without words; a later decode may have some.
    Skip,
}

/// One decode.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// Its number.
    pub(super) number: u32,
    /// False: a partial, which only our own recogniser makes.
    pub(super) last: bool,
    /// Our own recogniser.
    pub(super) own: Side,
    /// The endpoint.
    pub(super) endpoint: Side,
    /// The endpoint's deadline has passed.
    pub(super) late: bool,
}

impl Choice {
    /// Decides from the results so far.
    pub(super) fn verdict(&self) -> Verdict {
        match (self.last, &self.endpoint, &self.own) {
            (false, _, Side::Words(words)) => Verdict::Words(words.clone()),
            (false, _, Side::Failed(_)) => Verdict::Skip,
            (true, Side::Words(words), _) => Verdict::Words(words.clone()),
            (true, Side::Failed(error), Side::Failed(_)) => Verdict::Fails(error.clone()),
            (true, Side::Failed(_), Side::Words(words)) => Verdict::Instead(words.clone(), Reason::Failed),
            (true, Side::Awaited, Side::Words(words)) if self.late => {
                Verdict::Instead(words.clone(), Reason::Late)
            }
            _ => Verdict::Wait,
        }
    }
}

/// Fills figures and language that the endpoint did not report from our recogniser's last transcript, with its decode time.
pub(super) fn completed(words: Transcript, own: Option<&Transcript>) -> Transcript {
    let Some(own) = own.filter(|own| !own.text.is_empty() && !words.text.is_empty()) else { return words };
    let mut words = words;
    // The partial scheduler spaces partials by our recogniser's decode time, not the endpoint's latency.
    words.decode_ms = own.decode_ms;
    if words.average_log_probability == 0.0 && words.no_speech_probability == 0.0 {
        words.average_log_probability = own.average_log_probability;
        words.no_speech_probability = own.no_speech_probability;
    }
    if words.language.is_empty() {
        words.language.clone_from(&own.language);
        words.language_probability = own.language_probability;
        words.languages.clone_from(&own.languages);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Transcript {
        Transcript { text: text.into(), ..Transcript::default() }
    }

    fn failed() -> EngineError {
        EngineError::Failed("it broke".into())
    }

    #[test]
    fn the_endpoints_words_are_used_unless_they_fail_or_are_late() {
        let (heard, own) = (|| Side::Words(words("theirs")), || Side::Words(words("ours")));
        let fails = || Side::Failed(failed());
        let instead = |reason| Verdict::Instead(words("ours"), reason);
        for (last, endpoint, own, late, expected) in [
            (true, heard(), Side::Awaited, false, Verdict::Words(words("theirs"))),
            (true, heard(), own(), true, Verdict::Words(words("theirs"))),
            (true, Side::Awaited, own(), false, Verdict::Wait),
            (true, Side::Awaited, own(), true, instead(Reason::Late)),
            (true, Side::Awaited, Side::Awaited, true, Verdict::Wait),
            (true, Side::Awaited, fails(), true, Verdict::Wait),
            (true, fails(), own(), false, instead(Reason::Failed)),
            (true, fails(), Side::Awaited, true, Verdict::Wait),
            (true, fails(), fails(), false, Verdict::Fails(failed())),
            (false, Side::Awaited, own(), false, Verdict::Words(words("ours"))),
            (false, Side::Awaited, Side::Awaited, false, Verdict::Wait),
            (false, Side::Awaited, fails(), false, Verdict::Skip),
        ] {
            let choice = Choice { number: 1, last, own, endpoint, late };
            assert_eq!(choice.verdict(), expected, "{choice:?}");
        }
    }

    #[test]
    fn figures_and_language_that_the_endpoint_does_not_tell_are_our_own() {
        let own = Transcript {
            language: "de".into(),
            language_probability: 0.8,
            no_speech_probability: 0.1,
            average_log_probability: -0.3,
            decode_ms: 90,
            ..words("ours")
        };
        let slow = Transcript { decode_ms: 1400, ..words("theirs") };
        let plain = completed(slow, Some(&own));
        assert_eq!(plain, Transcript { text: "theirs".into(), ..own.clone() });
        let told = Transcript {
            language: "fr".into(),
            average_log_probability: -0.2,
            decode_ms: 90,
            ..words("theirs")
        };
        assert_eq!(completed(told.clone(), Some(&own)), told);
        assert_eq!(completed(words("theirs"), None), words("theirs"));
        assert_eq!(completed(words("theirs"), Some(&words(""))), words("theirs"));
    }
}
