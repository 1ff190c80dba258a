//! Validates requests. Pure; each refusal names the field, the limit and the valid values.

use tonic::Status;
use visavis_proto::v1::{Priority, SynthesizeRequest};

use crate::acoustic::Speaker;
use crate::catalogue::{Catalogue, Voice};

/// Longest text of one request, in characters.
pub(crate) const TEXT_LIMIT: usize = 5000;
/// Valid speeds; 1 is as recorded.
const SPEEDS: std::ops::RangeInclusive<f32> = 0.25..=4.0;

/// Slower speech makes longer sound of each symbol than the bounds of a run were measured with.
const MEASURED: f32 = 0.5;

/// How many of these symbols or characters a run may have at this speed, so that its memory and time stay within their bounds.
pub(crate) fn fitting(most: usize, speed: f32) -> usize {
    (most as f32 * (speed / MEASURED).min(1.0)) as usize
}

/// A valid request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checked {
    /// The voice, or the mix of voices.
    pub(crate) voice: Voice,
    /// 1: as recorded.
    pub(crate) speed: f32,
    /// Its priority in the queue.
    pub(crate) priority: Priority,
    /// It is work beside calls that leaves most of the cores to them.
    pub(crate) gentle: bool,
}

/// Checks a request against the installed voices.
///
/// # Errors
/// `INVALID_ARGUMENT` with the first field that is wrong.
#[allow(clippy::result_large_err)] // the service returns it as it is
pub(crate) fn check(request: &SynthesizeRequest, catalogue: &Catalogue) -> Result<Checked, Status> {
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
                "speed: {speed} is not between 0.25 and 4.0 (0 or 1: as recorded)"
            )));
        }
    };
    let priority = Priority::try_from(request.priority).map_err(|_| {
        Status::invalid_argument(format!(
            "priority: {} is not 0 (live), 1 (speculative) or 2 (batch)",
            request.priority
        ))
    })?;
    let gentle = request.gentle && priority != Priority::Live;
    Ok(Checked { voice: voice(request, catalogue)?, speed, priority, gentle })
}

#[allow(clippy::result_large_err)]
fn voice(request: &SynthesizeRequest, catalogue: &Catalogue) -> Result<Voice, Status> {
    let (name, language) = (request.voice.as_str(), request.language.as_str());
    let refused = |field: &str, why: &str| {
        let installed: Vec<String> =
            catalogue.speakers().map(|it| format!("{} ({})", it.name, it.language)).collect();
        Status::invalid_argument(format!("{field}: {why}; available: {}", installed.join(", ")))
    };
    if !name.is_empty() {
        let voice = catalogue.named(name).map_err(|why| refused("voice", &why))?;
        if !language.is_empty() && !speaks(catalogue.speaker(&voice), language) {
            return Err(refused("language", &format!("the voice {name:?} does not speak {language:?}")));
        }
        return Ok(voice);
    }
    let same = |a: &str| a.replace('-', "_").eq_ignore_ascii_case(&language.replace('-', "_"));
    // A language without a region asks for its first voice, not for a voice whose description names no region.
    let has_region = language.contains(['-', '_']);
    let exact = catalogue.first(|it| language.is_empty() || (has_region && same(&it.locale)));
    let found = exact.or_else(|| catalogue.first(|it| speaks(it, language)));
    found.ok_or_else(|| refused("language", &format!("no voice speaks {language:?}")))
}

/// Whether a speaker speaks the language; "en_US" asks for "en", its region being only a preference.
fn speaks(speaker: &Speaker, language: &str) -> bool {
    language.split(['-', '_']).next().is_some_and(|primary| primary.eq_ignore_ascii_case(&speaker.language))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::catalogue;

    fn installed() -> Catalogue {
        let mixing = [("alba", "en", "en_GB"), ("ben", "en", "en_GB"), ("eva", "de", "de_DE")];
        catalogue(&[&[("joe", "en", "en_US")], &mixing, &[("plain", "en", "en")]])
    }

    fn chosen(voice: &str, language: &str) -> Result<String, String> {
        let request = SynthesizeRequest {
            voice: voice.to_owned(),
            language: language.to_owned(),
            ..SynthesizeRequest::default()
        };
        let installed = installed();
        check(&request, &installed)
            .map(|checked| installed.speaker(&checked.voice).name.clone())
            .map_err(|status| status.message().to_owned())
    }

    #[test]
    fn the_first_voice_of_the_language_is_chosen_unless_one_is_named() {
        for (voice, language, name) in [
            ("", "", "joe"),
            ("", "en", "joe"),
            ("", "en-GB", "alba"),
            ("", "en-AU", "joe"),
            ("", "de", "eva"),
            ("alba", "", "alba"),
            ("alba", "en", "alba"),
            ("ben(2)+alba", "en", "ben"),
        ] {
            assert_eq!(chosen(voice, language), Ok(name.to_owned()), "{voice:?} {language:?}");
        }
        for (voice, language, field) in [
            ("bob", "", "voice:"),
            ("alba+eva", "", "voice:"),
            ("", "fr", "language:"),
            ("eva", "en", "language:"),
            ("alba+ben", "de", "language:"),
        ] {
            let message = chosen(voice, language).unwrap_err();
            assert!(message.starts_with(field) && message.contains("eva (de)"), "{message}");
        }
    }

    #[test]
    fn a_run_of_very_slow_speech_has_fewer_symbols() {
        for (speed, most) in [(4.0, 300), (1.0, 300), (0.5, 300), (0.25, 150)] {
            assert_eq!(fitting(300, speed), most, "{speed}");
        }
    }

    #[test]
    fn speed_priority_and_length_have_limits() {
        let ask = |text: &str, speed: f32, priority: i32| {
            let text = text.to_owned();
            check(&SynthesizeRequest { text, speed, priority, ..SynthesizeRequest::default() }, &installed())
                .map(|checked| checked.speed)
                .map_err(|status| status.message().split(':').next().unwrap_or_default().to_owned())
        };
        assert_eq!(ask("a", 0.0, 0), Ok(1.0));
        assert_eq!(ask("a", 0.25, 1), Ok(0.25));
        assert_eq!(ask("a", 4.0, 2), Ok(4.0));
        for speed in [0.2, 4.1, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(ask("a", speed, 0), Err("speed".to_owned()), "{speed}");
        }
        assert_eq!(ask("a", 1.0, 7), Err("priority".to_owned()));
        assert_eq!(ask(&"ü".repeat(TEXT_LIMIT), 1.0, 0), Ok(1.0));
        assert_eq!(ask(&"a".repeat(TEXT_LIMIT + 1), 1.0, 0), Err("text".to_owned()));
    }
}
