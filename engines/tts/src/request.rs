//! Validates requests. Pure; each refusal names the field, the limit and the valid values.

use tonic::Status;
use visavis_proto::v1::{Priority, SynthesizeRequest, Voice};

/// Longest text of one request, in characters.
pub(crate) const TEXT_LIMIT: usize = 5000;
/// Valid speeds; 1 is as recorded.
const SPEEDS: std::ops::RangeInclusive<f32> = 0.5..=2.0;

/// A valid request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Checked {
    /// Index among the installed voices.
    pub(crate) voice: usize,
    /// 1: as recorded.
    pub(crate) speed: f32,
    /// Its priority in the queue.
    pub(crate) priority: Priority,
}

/// Checks a request against the installed voices.
///
/// # Errors
/// `INVALID_ARGUMENT` with the first field that is wrong.
#[allow(clippy::result_large_err)] // the service returns it as it is
pub(crate) fn check(request: &SynthesizeRequest, voices: &[Voice]) -> Result<Checked, Status> {
    let length = request.text.chars().count();
    if length > TEXT_LIMIT {
        return Err(Status::invalid_argument(format!(
            "text: {length} characters exceed {TEXT_LIMIT}; split it into several requests"
        )));
    }
    let speed = match request.speed {
        0.0 => 1.0,
        speed if SPEEDS.contains(&speed) => speed,
        speed => {
            return Err(Status::invalid_argument(format!(
                "speed: {speed} is not between 0.5 and 2.0 (0 or 1: as recorded)"
            )));
        }
    };
    let priority = Priority::try_from(request.priority).map_err(|_| {
        Status::invalid_argument(format!(
            "priority: {} is not 0 (live), 1 (speculative) or 2 (batch)",
            request.priority
        ))
    })?;
    Ok(Checked { voice: voice(request, voices)?, speed, priority })
}

#[allow(clippy::result_large_err)]
fn voice(request: &SynthesizeRequest, voices: &[Voice]) -> Result<usize, Status> {
    let (name, language) = (request.voice.as_str(), request.language.as_str());
    let installed = || {
        let list: Vec<String> =
            voices.iter().map(|voice| format!("{} ({})", voice.name, voice.language)).collect();
        list.join(", ")
    };
    if !name.is_empty() {
        let Some(index) = voices.iter().position(|voice| voice.name == name) else {
            return Err(Status::invalid_argument(format!(
                "voice: {name:?} is not installed; available: {}",
                installed()
            )));
        };
        if !language.is_empty() && !speaks(&voices[index], language) {
            return Err(Status::invalid_argument(format!(
                "language: the voice {name:?} does not speak {language:?}; available: {}",
                installed()
            )));
        }
        return Ok(index);
    }
    let same = |a: &str| a.replace('-', "_").eq_ignore_ascii_case(&language.replace('-', "_"));
    let exact = voices.iter().position(|voice| language.is_empty() || same(&voice.locale));
    exact.or_else(|| voices.iter().position(|voice| speaks(voice, language))).ok_or_else(|| {
        Status::invalid_argument(format!(
            "language: no voice speaks {language:?}; available: {}",
            installed()
        ))
    })
}

/// Whether a voice speaks the language; "en_US" asks for "en", its region being only a preference.
fn speaks(voice: &Voice, language: &str) -> bool {
    language.split(['-', '_']).next().is_some_and(|primary| primary.eq_ignore_ascii_case(&voice.language))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voices() -> Vec<Voice> {
        [("joe", "en", "en_US"), ("alba", "en", "en_GB"), ("eva", "de", "de_DE")]
            .map(|(name, language, locale)| Voice {
                name: name.to_owned(),
                language: language.to_owned(),
                locale: locale.to_owned(),
                sample_rate: 22050,
            })
            .to_vec()
    }

    fn chosen(voice: &str, language: &str) -> Result<usize, String> {
        let request = SynthesizeRequest {
            voice: voice.to_owned(),
            language: language.to_owned(),
            ..SynthesizeRequest::default()
        };
        check(&request, &voices()).map(|checked| checked.voice).map_err(|status| status.message().to_owned())
    }

    #[test]
    fn the_first_voice_of_the_language_is_chosen_unless_one_is_named() {
        for (voice, language, index) in [
            ("", "", 0),
            ("", "en", 0),
            ("", "en-GB", 1),
            ("", "en-AU", 0),
            ("", "de", 2),
            ("alba", "", 1),
            ("alba", "en", 1),
        ] {
            assert_eq!(chosen(voice, language), Ok(index), "{voice:?} {language:?}");
        }
        for (voice, language, field) in
            [("bob", "", "voice:"), ("", "fr", "language:"), ("eva", "en", "language:")]
        {
            let message = chosen(voice, language).unwrap_err();
            assert!(message.starts_with(field) && message.contains("eva (de)"), "{message}");
        }
    }

    #[test]
    fn speed_priority_and_length_have_limits() {
        let ask = |text: &str, speed: f32, priority: i32| {
            let text = text.to_owned();
            check(&SynthesizeRequest { text, speed, priority, ..SynthesizeRequest::default() }, &voices())
                .map(|checked| checked.speed)
                .map_err(|status| status.message().split(':').next().unwrap_or_default().to_owned())
        };
        assert_eq!(ask("a", 0.0, 0), Ok(1.0));
        assert_eq!(ask("a", 2.0, 2), Ok(2.0));
        for speed in [0.4, 2.1, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(ask("a", speed, 0), Err("speed".to_owned()), "{speed}");
        }
        assert_eq!(ask("a", 1.0, 7), Err("priority".to_owned()));
        assert_eq!(ask(&"ü".repeat(TEXT_LIMIT), 1.0, 0), Ok(1.0));
        assert_eq!(ask(&"a".repeat(TEXT_LIMIT + 1), 1.0, 0), Err("text".to_owned()));
    }
}
