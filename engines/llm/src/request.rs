//! Checks a request's settings and fills in defaults. Pure.

use std::time::Duration;

use serde_json::Value;
use tonic::Status;
use visavis_proto::v1::{self, GenerateRequest};

use crate::fault::invalid;
use crate::scheduler::{Kind, Priority, Token};
use crate::tools;

const MAX_STOPS: usize = 16;
const MAX_STOP_BYTES: usize = 256;
const MAX_TEMPERATURE: f32 = 5.0;
const MAX_CONVERSATION_BYTES: usize = 256;
const MAX_CLIENT_BYTES: usize = 256;
const MAX_SCHEMA_BYTES: usize = 16 * 1024;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampling {
    /// 0: always the likeliest token.
    pub(crate) temperature: f32,
    /// 1: off.
    pub(crate) top_p: f32,
    /// None: a new one for each response.
    pub(crate) seed: Option<u32>,
}

/// The settings of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) max_tokens: usize,
    pub(crate) sampling: Sampling,
    pub(crate) stop: Vec<String>,
    /// Those of `stop` that are tokens without text.
    pub(crate) stop_tokens: Vec<Token>,
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Duration>,
    pub(crate) turn_end: bool,
    pub(crate) open: bool,
    pub(crate) tools: Vec<v1::Tool>,
    /// The response is JSON by a schema.
    pub(crate) json: bool,
    /// The response is a call.
    pub(crate) must_call: bool,
    /// The grammar of the whole response, until it is in force.
    pub(crate) rules: Option<String>,
    /// The response may end with the context.
    pub(crate) fill: bool,
}

impl Settings {
    /// Whether the response follows a grammar from its first token on.
    pub(crate) fn is_whole(&self) -> bool {
        self.json || self.must_call
    }
}

/// Bounds that come from the command line and the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Tokens that a conversation can hold.
    pub(crate) context: usize,
    pub(crate) default_max_tokens: usize,
}

/// Reads all settings; the messages' content is checked elsewhere.
pub(crate) fn settings(request: &GenerateRequest, kind: Kind, limits: Limits) -> Result<Settings, Status> {
    if request.conversation.len() > MAX_CONVERSATION_BYTES {
        return Err(invalid(format!("conversation: longer than {MAX_CONVERSATION_BYTES} bytes")));
    }
    if request.client.len() > MAX_CLIENT_BYTES {
        return Err(invalid(format!("client: longer than {MAX_CLIENT_BYTES} bytes")));
    }
    let context = limits.context;
    let max_tokens = match request.max_tokens as usize {
        0 => limits.default_max_tokens.min(context / 2),
        n if request.fill => n.min(context),
        n if n >= context => {
            return Err(invalid(format!(
                "max_tokens: {n} leaves no room for a prompt in the context of {context} tokens; ask for fewer"
            )));
        }
        n => n,
    };
    let sampling = sampling(request)?;
    check_stops(&request.stop)?;
    check_last_message(request, kind)?;
    tools::check(&request.tools)?;
    check_form(request, kind)?;
    let priority = Priority::try_from(request.priority)
        .map_err(|_| invalid(format!("priority: {} is not known", request.priority)))?;
    Ok(Settings {
        max_tokens,
        sampling,
        stop: request.stop.clone(),
        // Only the vocabulary knows them.
        stop_tokens: Vec::new(),
        priority,
        deadline: (request.deadline_ms > 0).then(|| Duration::from_millis(request.deadline_ms.into())),
        turn_end: request.turn_end,
        open: request.open,
        tools: request.tools.clone(),
        json: !request.schema.is_empty(),
        must_call: request.must_call,
        // Only the model's form of calls says how it is written.
        rules: None,
        fill: request.fill,
    })
}

/// Checks what the whole response has to be.
fn check_form(request: &GenerateRequest, kind: Kind) -> Result<(), Status> {
    let schema = request.schema.as_str();
    if request.must_call && request.tools.is_empty() {
        return Err(invalid("must_call: there are no tools to call"));
    }
    if request.must_call && !schema.is_empty() {
        return Err(invalid(
            "must_call: a response cannot be a call and follow a schema; leave one of them out",
        ));
    }
    if kind != Kind::Generate && (request.must_call || !schema.is_empty()) {
        return Err(invalid("schema: only Generate follows one; leave it and must_call out"));
    }
    if schema.len() > MAX_SCHEMA_BYTES {
        let bytes = schema.len();
        return Err(invalid(format!("schema: {bytes} bytes; at most {MAX_SCHEMA_BYTES}")));
    }
    let is_object = |schema: &str| serde_json::from_str::<Value>(schema).is_ok_and(|json| json.is_object());
    if !schema.is_empty() && !is_object(schema) {
        return Err(invalid("schema: not a JSON object"));
    }
    Ok(())
}

fn sampling(request: &GenerateRequest) -> Result<Sampling, Status> {
    let GenerateRequest { temperature, top_p, seed, .. } = *request;
    if !(0.0..=MAX_TEMPERATURE).contains(&temperature) {
        return Err(invalid(format!("temperature: {temperature} is not within 0 to {MAX_TEMPERATURE}")));
    }
    if !(0.0..=1.0).contains(&top_p) {
        return Err(invalid(format!("top_p: {top_p} is not within 0 to 1")));
    }
    let top_p = if top_p == 0.0 { 1.0 } else { top_p };
    Ok(Sampling { temperature, top_p, seed: (seed != 0).then_some(seed) })
}

fn check_stops(stops: &[String]) -> Result<(), Status> {
    if stops.len() > MAX_STOPS {
        return Err(invalid(format!("stop: {} strings; at most {MAX_STOPS}", stops.len())));
    }
    if let Some(bad) = stops.iter().find(|stop| stop.is_empty() || stop.len() > MAX_STOP_BYTES) {
        return Err(invalid(format!(
            "stop: a string of {} bytes; 1 to {MAX_STOP_BYTES} are allowed",
            bad.len()
        )));
    }
    Ok(())
}

/// `turn_end` and `open` require that the last message is the person's.
fn check_last_message(request: &GenerateRequest, kind: Kind) -> Result<(), Status> {
    let for_users = [
        ("turn_end", request.turn_end, Kind::Generate, "only Generate reports it"),
        ("open", request.open, Kind::Prefill, "a response needs a complete message; use Prefill"),
    ];
    let of_user = request.messages.last().is_some_and(|last| last.role == "user");
    for (field, _, right, why) in for_users.iter().filter(|(_, set, ..)| *set) {
        if kind != *right {
            return Err(invalid(format!("{field}: {why}")));
        }
        if !of_user {
            return Err(invalid(format!("{field}: needs a last message whose role is user")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { context: 100, default_max_tokens: 256 };

    #[test]
    fn missing_fields_get_defaults_and_the_default_max_tokens_fits_a_small_context() {
        let settings = settings(&GenerateRequest::default(), Kind::Generate, LIMITS).unwrap();
        assert_eq!((settings.max_tokens, settings.deadline), (50, None));
        assert_eq!(settings.sampling, Sampling { temperature: 0.0, top_p: 1.0, seed: None });
    }

    #[test]
    fn a_response_that_may_fill_the_context_asks_for_as_much_as_it_likes() {
        let request = GenerateRequest { max_tokens: u32::MAX, fill: true, ..GenerateRequest::default() };
        let settings = settings(&request, Kind::Generate, LIMITS).unwrap();
        assert_eq!((settings.max_tokens, settings.fill), (100, true));
    }

    #[test]
    fn each_bad_field_is_named() {
        let good = GenerateRequest::default;
        let user = || v1::ChatMessage { role: "user".into(), content: "Well".into(), call: None };
        let said = || GenerateRequest { messages: vec![user()], ..good() };
        let bad = [
            ("conversation", GenerateRequest { conversation: "x".repeat(300), ..good() }),
            ("client", GenerateRequest { client: "x".repeat(300), ..good() }),
            ("max_tokens", GenerateRequest { max_tokens: 100, ..good() }),
            ("temperature", GenerateRequest { temperature: f32::NAN, ..good() }),
            ("temperature", GenerateRequest { temperature: -0.1, ..good() }),
            ("top_p", GenerateRequest { top_p: 1.5, ..good() }),
            ("stop", GenerateRequest { stop: vec![String::new()], ..good() }),
            ("stop", GenerateRequest { stop: vec!["a".into(); 17], ..good() }),
            ("priority", GenerateRequest { priority: 9, ..good() }),
            ("turn_end", GenerateRequest { turn_end: true, ..good() }),
            ("open", GenerateRequest { open: true, ..said() }),
            ("tools[0]", GenerateRequest { tools: vec![v1::Tool::default()], ..good() }),
            ("must_call", GenerateRequest { must_call: true, ..good() }),
            ("schema", GenerateRequest { schema: "[]".into(), ..good() }),
            ("schema", GenerateRequest { schema: "{".into(), ..good() }),
            ("schema", GenerateRequest { schema: format!("{{\"a\":\"{}\"}}", "x".repeat(20_000)), ..good() }),
        ];
        for (field, request) in bad {
            let status = settings(&request, Kind::Generate, LIMITS).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument);
            assert!(status.message().starts_with(field), "{field}: {}", status.message());
        }
        let open = GenerateRequest { open: true, ..said() };
        assert!(settings(&open, Kind::Prefill, LIMITS).unwrap().open);
        assert!(settings(&GenerateRequest { turn_end: true, ..said() }, Kind::Generate, LIMITS).is_ok());
        let status =
            settings(&GenerateRequest { turn_end: true, ..said() }, Kind::Prefill, LIMITS).unwrap_err();
        assert!(status.message().starts_with("turn_end"), "{}", status.message());
    }
}
