//! Maps a response without a transcript to an error that says what to do, and when to retry. Pure.

use serde_json::Value;

use crate::EngineError;
use crate::backends::http::Refused;
use crate::backends::http::answer::{self, Answer, Asked};
use crate::backends::http::fault::Fault;

/// Whether the endpoint refuses detailed responses.
pub(super) fn is_of_format(answer: &Answer) -> bool {
    !answer.is_success() && Fault::of_body(&answer.body).mentions(&["response_format", "verbose_json"])
}

/// Explains a response without a transcript to a request with this many `seconds` of sound.
pub(super) fn of(answer: &Answer, asked: &Asked, seconds: usize) -> Refused {
    if answer.is_success() && !answer.is_page() && !reports_a_fault(&answer.body) {
        // The body may contain what was said, so none of it is quoted.
        let Asked { section, address: at, does, .. } = asked;
        return EngineError::Failed(format!(
            "{at} answers {does} without a transcript in JSON, or broke off. If its log shows no fault, set {section}.url to \
             an OpenAI-compatible endpoint"
        ))
        .into();
    }
    answer.explain(asked, |status, fault| error(status, fault, asked, seconds))
}

/// Some endpoints report a fault with a success status.
fn reports_a_fault(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|value| Fault::of_event(&value).is_some())
}

fn error(status: u16, fault: &Fault, asked: &Asked, seconds: usize) -> EngineError {
    answer::account(status, fault, asked)
        .or_else(|| of_sound(status, fault, asked, seconds))
        .unwrap_or_else(|| answer::error(status, fault, asked))
}

/// Explains a fault of the audio or the fields, if it is recognised.
fn of_sound(status: u16, fault: &Fault, asked: &Asked, seconds: usize) -> Option<EngineError> {
    let Asked { section, address: at, model, .. } = asked;
    let said = fault.said();
    let text = match status {
        413 => format!(
            "{at} does not take {seconds} s of sound (413){said}. Raise its limit, or lower vad.max_utterance_seconds"
        ),
        400 | 422 if fault.mentions(&["language"]) => format!(
            "{at} does not take the language for {model:?} ({status}){said}. Set conversation.language to one that it \
             recognises, or leave the field out by {section}.omit"
        ),
        200..=299 => return Some(EngineError::Failed(format!("{at} failed{said}. Its log says more"))),
        404 | 405 | 408 | 429 => return None,
        400..=499 => format!(
            "{at} refuses the request ({status}){said}. If this names a field, leave it out by {section}.omit or set it \
             in {section}.body"
        ),
        _ => return None,
    };
    Some(EngineError::Invalid(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::http::Advice;

    fn refused(status: u16, body: &str) -> Refused {
        let asked = Asked {
            section: "stt".into(),
            address: "http://host/v1".into(),
            does: "/audio/transcriptions".into(),
            model: "small".into(),
            keyed: true,
            advice: Advice::OPENAI,
        };
        let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
        of(&Answer { status, kind: kind.into(), retry_after: None, body: body.into() }, &asked, 7)
    }

    #[test]
    fn each_refusal_says_what_to_set() {
        for (status, body, part) in [
            (401, "{}", "Set stt.key or stt.key_file"),
            (404, r#"{"detail":"Model 'small' is not installed locally."}"#, "Set stt.model"),
            (404, "Not Found", "has no /audio/transcriptions (404): Not Found. Set stt.url"),
            (200, "<!doctype html><h1>Welcome</h1>", "web page"),
            (413, "{}", "7 s of sound"),
            (400, r#"{"error":{"message":"Invalid language 'tlh'."}}"#, "conversation.language"),
            (422, r#"{"detail":[{"loc":["body","temperature"],"msg":"no"}]}"#, "stt.omit"),
        ] {
            let Refused { error, .. } = refused(status, body);
            assert!(matches!(error, EngineError::Invalid(_)), "{error:?}");
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn words_in_another_form_than_json_are_not_repeated_and_faults_are() {
        for body in ["My password is swordfish.", r#"{"text": "My password is"#, r#"{"words":["swordfish"]}"#]
        {
            let text = refused(200, body).error.to_string();
            assert!(text.contains("without a transcript") && !text.contains("password"), "{text}");
            assert!(!text.contains("swordfish"), "{text}");
        }
        let told = refused(200, r#"{"error":"no 'file' field in the request"}"#).error;
        assert!(matches!(&told, EngineError::Failed(text) if text.contains("no 'file' field")), "{told:?}");
    }

    #[test]
    fn a_refused_form_of_response_is_known_by_its_name() {
        let answer =
            |status, body: &str| Answer { status, kind: String::new(), retry_after: None, body: body.into() };
        let message = "response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe'";
        let body = format!(r#"{{"error":{{"message":"{message}"}}}}"#);
        assert!(is_of_format(&answer(400, &body)));
        assert!(is_of_format(&answer(422, r#"{"detail":[{"loc":["body","response_format"]}]}"#)));
        assert!(!is_of_format(&answer(400, r#"{"error":"no such language"}"#)));
        assert!(!is_of_format(&answer(200, r#"{"text":"Say verbose_json."}"#)));
    }
}
