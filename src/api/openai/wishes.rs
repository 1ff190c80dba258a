//! What may be asked of the writing and sending of any response. Pure.

use serde_json::Value;

use super::error::ApiError;
use super::fields::Fields;
use super::reply::Streamed;
use crate::engine::Sampling;
use crate::engine::sampling::Length;

const MOST_STOPS: usize = 4;
/// Longest stop string in bytes, as our own engine takes it.
const LONGEST_STOP: usize = 256;
/// The least share of nucleus sampling: 0 is not a valid value; it asks for the likeliest token.
const LEAST_TOP_P: f64 = 1e-4;

/// Reads how a response is to be written, without its form and its calls.
pub(super) fn sampling(fields: &Fields<'_>) -> Result<Sampling, ApiError> {
    refuse_unsupported(fields)?;
    let temperature = fields.decimal("temperature", &(0.0..=2.0))?;
    let top_p = fields.decimal("top_p", &(0.0..=1.0))?;
    Ok(Sampling {
        temperature: temperature.map(|temperature| temperature as f32),
        top_p: top_p.map(|top_p| top_p.max(LEAST_TOP_P) as f32),
        seed: seed(fields)?,
        length: length(fields)?,
        stop: stop(fields)?,
        ..Sampling::default()
    })
}

/// Reads whether the response is to be streamed.
pub(super) fn streamed(fields: &Fields<'_>) -> Result<Option<Streamed>, ApiError> {
    let options = fields.inner("stream_options")?;
    let usage = options.map_or(Ok(false), |options| options.flag("include_usage"))?;
    Ok(fields.flag("stream")?.then_some(Streamed { usage }))
}

/// Refuses what would change the response's form and cannot be done here. Fields that only nudge the writing are ignored.
fn refuse_unsupported(fields: &Fields<'_>) -> Result<(), ApiError> {
    if fields.get("n").is_some_and(|n| *n != 1) {
        return Err(
            fields.fault("n", "one response is written for each request; leave it out, and ask again")
        );
    }
    for name in ["logprobs", "top_logprobs"] {
        let off = |value: &Value| matches!(value.as_i64(), Some(0)) || matches!(value.as_bool(), Some(false));
        if fields.get(name).is_some_and(|value| !off(value)) {
            return Err(fields.fault(name, "no engine here tells the probabilities of tokens; leave it out"));
        }
    }
    Ok(())
}

/// How long the response may be; without a wish as long as the context allows.
fn length(fields: &Fields<'_>) -> Result<Length, ApiError> {
    let range = 1..=i64::from(u32::MAX);
    let newer = fields.whole("max_completion_tokens", &range)?;
    let older = fields.whole("max_tokens", &range)?;
    let tokens = newer.or(older).map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX));
    Ok(tokens.map_or(Length::Rest, Length::AtMost))
}

/// The seed, of any 64 bits, as an engine takes it: neither 0 nor the largest, which ask for a new one each time.
fn seed(fields: &Fields<'_>) -> Result<Option<u32>, ApiError> {
    let Some(value) = fields.get("seed") else { return Ok(None) };
    let bits = value.as_i64().map(i64::cast_unsigned).or_else(|| value.as_u64());
    let bits = bits.ok_or_else(|| fields.fault("seed", "not a whole number"))?;
    let folded = (bits ^ (bits >> 32)) & u64::from(u32::MAX);
    Ok(Some(u32::try_from(folded).unwrap_or(1).clamp(1, u32::MAX - 1)))
}

/// Up to four strings, or a single one.
fn stop(fields: &Fields<'_>) -> Result<Vec<String>, ApiError> {
    let stops = match fields.get("stop") {
        None => return Ok(Vec::new()),
        Some(Value::String(stop)) => vec![stop.clone()],
        Some(Value::Array(list)) => {
            let text = |stop: &Value| stop.as_str().map(str::to_owned);
            let texts: Option<Vec<String>> = list.iter().map(text).collect();
            texts.ok_or_else(|| fields.fault("stop", "not a list of strings"))?
        }
        Some(_) => return Err(fields.fault("stop", "neither a string nor a list of strings")),
    };
    if stops.len() > MOST_STOPS {
        return Err(fields.fault("stop", format!("{} strings; at most {MOST_STOPS}", stops.len())));
    }
    if let Some(bad) = stops.iter().find(|stop| stop.is_empty() || stop.len() > LONGEST_STOP) {
        let what = format!("a string of {} bytes; 1 to {LONGEST_STOP} are allowed", bad.len());
        return Err(fields.fault("stop", what));
    }
    Ok(stops)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<Sampling, ApiError> {
        sampling(&Fields::of(body, "").unwrap())
    }

    #[test]
    fn without_wishes_only_the_length_differs_from_the_configuration() {
        let unasked = Sampling { length: Length::Rest, ..Sampling::default() };
        for body in [
            json!({}),
            json!({ "temperature": null, "stop": null, "n": 1, "logprobs": false, "top_logprobs": 0 }),
            json!({ "presence_penalty": 1.5, "user": "me", "store": true, "something_new": { "a": 1 } }),
        ] {
            assert_eq!(read(&body), Ok(unasked.clone()), "{body}");
        }
    }

    #[test]
    fn each_wish_is_read() {
        let body = json!({ "temperature": 0, "top_p": 0, "seed": -7, "stop": ["a", "b"], "max_tokens": 9 });
        let sampling = read(&body).unwrap();
        assert_eq!((sampling.temperature, sampling.length), (Some(0.0), Length::AtMost(9)));
        assert!(sampling.top_p.is_some_and(|top_p| top_p > 0.0 && top_p < 0.01));
        assert_eq!(sampling.stop, ["a", "b"]);
        let newer = read(&json!({ "max_tokens": 9, "max_completion_tokens": 5, "stop": "x" })).unwrap();
        assert_eq!((newer.length, newer.stop), (Length::AtMost(5), vec!["x".to_owned()]));
    }

    #[test]
    fn any_seed_is_taken_and_none_becomes_a_random_one() {
        let seed = |seed: Value| read(&json!({ "seed": seed })).unwrap().seed.unwrap();
        for value in [json!(0), json!(-1), json!(u64::MAX), json!(i64::MIN), json!(4_294_967_295_u64)] {
            assert!((1..u32::MAX).contains(&seed(value.clone())), "{value}");
        }
        assert_ne!(seed(json!(7)), seed(json!(8)));
        assert_eq!(seed(json!(42)), 42);
    }

    #[test]
    fn each_bad_wish_is_named() {
        for (body, param) in [
            (json!({ "temperature": 2.5 }), "temperature"),
            (json!({ "temperature": "hot" }), "temperature"),
            (json!({ "top_p": -0.1 }), "top_p"),
            (json!({ "seed": 1.5 }), "seed"),
            (json!({ "stop": ["a", "b", "c", "d", "e"] }), "stop"),
            (json!({ "stop": "" }), "stop"),
            (json!({ "stop": [1] }), "stop"),
            (json!({ "max_tokens": 0 }), "max_tokens"),
            (json!({ "max_completion_tokens": 1e9 }), "max_completion_tokens"),
            (json!({ "n": 2 }), "n"),
            (json!({ "logprobs": true }), "logprobs"),
            (json!({ "logprobs": 3 }), "logprobs"),
            (json!({ "top_logprobs": 5 }), "top_logprobs"),
        ] {
            let error = read(&body).unwrap_err().body();
            assert_eq!(error["error"]["param"], param, "{body}: {error}");
        }
    }

    #[test]
    fn a_stream_tells_its_usage_only_if_asked() {
        let read = |body: Value| streamed(&Fields::of(&body, "").unwrap()).unwrap();
        assert_eq!(read(json!({ "stream_options": { "include_usage": true } })), None);
        assert_eq!(read(json!({ "stream": true })), Some(Streamed { usage: false }));
        let asked = json!({ "stream": true, "stream_options": { "include_usage": true } });
        assert_eq!(read(asked), Some(Streamed { usage: true }));
    }
}
