//! Explains an HTTP response that is not the expected one: an error that says what to do, and when to retry. Pure.

use std::time::Duration;

use super::advice::{Advice, Models};
use super::fault::Fault;
use crate::EngineError;
use crate::config::variable;

/// Pause after "too many requests" or "overloaded" if the endpoint gives no time.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// Why an endpoint did not serve a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::backends) struct Refused {
    /// The error for the pipeline.
    pub(in crate::backends) error: EngineError,
    /// The shortest pause before the next attempt.
    pub(in crate::backends) after: Option<Duration>,
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        let after = matches!(error, EngineError::Busy(_)).then_some(BUSY_PAUSE);
        Self { error, after }
    }
}

/// The request, as far as error messages mention it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::backends) struct Asked {
    /// The section of the configuration, such as `llm`.
    pub(in crate::backends) section: String,
    /// Its `url`, without query.
    pub(in crate::backends) address: String,
    /// The requested path below it, such as `/chat/completions`.
    pub(in crate::backends) does: String,
    /// Its `model`; empty: the request names none.
    pub(in crate::backends) model: String,
    /// A key was sent.
    pub(in crate::backends) keyed: bool,
    /// What its API has.
    pub(in crate::backends) advice: Advice,
}

/// An HTTP response that is not a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::backends) struct Answer {
    pub(in crate::backends) status: u16,
    /// `Content-Type` in lower case.
    pub(in crate::backends) kind: String,
    /// `Retry-After`.
    pub(in crate::backends) retry_after: Option<String>,
    /// The body without secrets.
    pub(in crate::backends) body: String,
}

impl Answer {
    /// Whether its status is a success.
    pub(in crate::backends) fn is_success(&self) -> bool {
        (200..=299).contains(&self.status)
    }

    /// Whether it is a web page.
    pub(in crate::backends) fn is_page(&self) -> bool {
        self.kind.starts_with("text/html") || self.body.trim_start().starts_with('<')
    }

    /// Explains the response; `error` maps its status and its fault to an error.
    pub(in crate::backends) fn explain(
        &self,
        asked: &Asked,
        error: impl FnOnce(u16, &Fault) -> EngineError,
    ) -> Refused {
        if self.status < 500 && self.is_page() {
            let Asked { section, address, does, advice, .. } = asked;
            return EngineError::Invalid(format!(
                "{address} answers with a web page ({}), not with an API. Set {section}.url to the address before \
                 {does}, {}",
                self.status, advice.address
            ))
            .into();
        }
        let fault = Fault::of_body(&self.body);
        let status = match self.status {
            200..=299 => fault.status.unwrap_or(self.status),
            status => status,
        };
        let told = self.retry_after.as_deref().and_then(seconds);
        let after = match status {
            429 | 529 => Some(told.unwrap_or(BUSY_PAUSE)),
            503 => told,
            _ => None,
        };
        let error = match (error(status, &fault), told) {
            (EngineError::Busy(text), Some(told)) => {
                EngineError::Busy(format!("{text}. Retry after {} s", told.as_secs_f32().ceil()))
            }
            (error, _) => error,
        };
        Refused { error, after }
    }
}

/// Parses seconds; dates, which no known endpoint sends, are ignored.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f32(text.trim().parse().ok()?).ok()
}

/// Maps a status and a fault to an error, for every kind of endpoint.
pub(in crate::backends) fn error(status: u16, fault: &Fault, asked: &Asked) -> EngineError {
    if let Some(error) = account(status, fault, asked) {
        return error;
    }
    let Asked { section, address: at, does, advice, .. } = asked;
    let said = fault.said();
    let invalid = EngineError::Invalid;
    match status {
        404 if fault.mentions(&["model"]) => {
            let which = if asked.model.is_empty() {
                "such model".to_string()
            } else {
                format!("model {:?}", asked.model)
            };
            invalid(format!("{at} has no {which} (404){said}. {}", advice.no_model(section)))
        }
        404 | 405 => invalid(format!(
            "{at} has no {does} ({status}){said}. Set {section}.url to the address before it, {}",
            advice.address
        )),
        429 => EngineError::Busy(format!(
            "{at} takes no more requests for now (429){said}. Raise its limit, or lower server.max_calls"
        )),
        529 => EngineError::Busy(format!("{at} is overloaded (529){said}")),
        408 | 502..=504 => EngineError::Unavailable(format!("{at} is not ready ({status}){said}")),
        200..=299 => invalid(format!(
            "{at} answers {does} with something else{said}. Set {section}.url to an endpoint that has {does}"
        )),
        300..=399 => invalid(format!(
            "{at} redirects ({status}). Set {section}.url to the address that it redirects to"
        )),
        400..=499 => invalid(format!("{at} refuses the request ({status}){said}")),
        _ => EngineError::Failed(format!("{at} failed ({status}){said}. Its log says more")),
    }
}

/// The error of a request whose key or account is at fault.
pub(in crate::backends) fn account(status: u16, fault: &Fault, asked: &Asked) -> Option<EngineError> {
    let Asked { section, address: at, advice, .. } = asked;
    let said = fault.said();
    // The endpoint's message is omitted: it often repeats a part of the key.
    let wrong_key =
        || format!("{at} refuses the key ({status}). Set {section}.key or {section}.key_file to a valid one");
    let no_credit = || {
        format!("the account at {at} has no credit left ({status}){said}. Add some, or change {section}.url")
    };
    let text = match status {
        401 if !asked.keyed => format!("{at} wants a key (401). Set {}", key_settings(section)),
        401 => wrong_key(),
        400 if fault.mentions(&["api key", "api_key"]) => wrong_key(),
        402 => no_credit(),
        429 if fault.mentions(&["quota", "credit", "billing"]) => no_credit(),
        403 => {
            let does = match (advice.model, asked.model.as_str()) {
                (Models::Started, _) => "do this".to_string(),
                (_, "") => "use the model".to_string(),
                (_, model) => format!("use {model:?}"),
            };
            format!("{at} does not let the key {does} (403){said}. {}", advice.forbidden(section))
        }
        _ => return None,
    };
    Some(EngineError::Invalid(text))
}

/// The settings that hold a key; a backend's key has no variable of its own.
fn key_settings(section: &str) -> String {
    let key = format!("{section}.key");
    if section.contains('.') {
        format!("{section}.key_file or {key}")
    } else {
        format!("{section}.key_file, or {}", variable(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(section: &str, status: u16, body: &str) -> Refused {
        let asked = Asked {
            section: section.into(),
            address: "http://host/v1".into(),
            does: "/audio/speech".into(),
            model: String::new(),
            keyed: false,
            advice: Advice::OPENAI,
        };
        let answer = Answer { status, kind: "application/json".into(), retry_after: None, body: body.into() };
        answer.explain(&asked, |status, fault| error(status, fault, &asked))
    }

    #[test]
    fn each_message_names_the_section_in_which_the_endpoint_stands() {
        for (section, status, part) in [
            ("tts", 401, "Set tts.key_file, or VISAVIS_TTS_KEY"),
            ("backends.cloud", 401, "Set backends.cloud.key_file or backends.cloud.key"),
            ("stt", 402, "change stt.url"),
            ("tts", 403, "does not let the key use the model (403). Allow it there, or set tts.model"),
            (
                "backends.cloud",
                404,
                "has no /audio/speech (404). Set backends.cloud.url to the address before it, usually one that ends in /v1",
            ),
            ("tts", 405, "Set tts.url"),
            ("tts", 308, "Set tts.url to the address that it redirects to"),
            ("tts", 200, "answers /audio/speech with something else"),
            ("tts", 422, "refuses the request (422)"),
        ] {
            let Refused { error, after } = refused(section, status, "{}");
            assert!(matches!(error, EngineError::Invalid(_)) && after.is_none(), "{error:?}");
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        let named = refused("tts", 404, r#"{"error":"no such model"}"#).error.to_string();
        assert!(named.contains("has no such model (404): no such model. Set tts.model"), "{named}");
    }

    #[test]
    fn what_passes_is_told_apart_from_what_failed() {
        for status in [408, 429, 502, 503, 504, 529] {
            assert!(refused("tts", status, "{}").error.is_passing(), "{status}");
        }
        assert!(matches!(refused("tts", 500, "{}").error, EngineError::Failed(_)));
    }
}
