//! `POST /transcribe` and `POST /transcribe_batch`: recordings as text, segments and words.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use visavis_listening::ListenError;
use visavis_listening::listen::{End, Event, Order, listen};
use visavis_listening::segments::Segment;

use super::hearing::{
    Admitted, Desk, Fault, Fields, Heard, Recording, answer, heard, missing, named, read, rounded, shown,
    word,
};
use super::problem::Problem;
use super::sending::patiently;
use crate::admission::Permit;

/// A recording as text: all at once as JSON, or segment by segment as lines of JSON.
///
/// # Errors
/// As problem details.
pub(super) async fn transcribe(
    State(desk): State<Desk>,
    Admitted { request, permit }: Admitted,
) -> Result<Response, Problem> {
    Ok(one(desk, permit, request).await?)
}

/// Several recordings, one after the other. One that fails has its problem in its place.
///
/// # Errors
/// As problem details.
pub(super) async fn transcribe_batch(
    State(desk): State<Desk>,
    Admitted { request, permit: _permit }: Admitted,
) -> Result<Response, Problem> {
    Ok(several(desk, request).await?)
}

async fn one(desk: Desk, permit: Permit, request: Request) -> Result<Response, Fault> {
    let by_lines = wants_lines(request.headers());
    let mut upload = read(&desk, request).await?;
    let order = order(&desk, &upload.fields)?;
    let Recording { file, .. } = upload.one()?;
    if by_lines {
        return lines(listen(file, order, desk.engines), permit).await;
    }
    // Dropped when the client leaves, and the work with it.
    let heard = heard(file, order, desk.engines).await?;
    Ok(answer(&whole(&heard)))
}

async fn several(desk: Desk, request: Request) -> Result<Response, Fault> {
    let upload = read(&desk, request).await?;
    let order = order(&desk, &upload.fields)?;
    if upload.recordings.is_empty() {
        return Err(missing());
    }
    let mut results = Vec::new();
    for Recording { name, file } in upload.recordings {
        let done = heard(file, order.clone(), desk.engines.clone()).await;
        results.push(named(&name, done.map(|heard| whole(&heard))));
    }
    Ok(answer(&json!({ "results": results })))
}

/// Whether a client takes lines of JSON.
fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("application/x-ndjson"))
}

/// What a form's fields ask for.
pub(super) fn order(desk: &Desk, fields: &Fields) -> Result<Order, Fault> {
    let measured = match fields.one("times")? {
        None | Some("estimated") => false,
        Some("measured") => true,
        Some(other) => {
            let detail = format!("times must be estimated or measured, not {}", shown(other));
            return Err(Fault::of("times", detail));
        }
    };
    let translate = fields.flag("translate")?;
    if translate {
        desk.check_translates()?;
    }
    Ok(Order { language: desk.language(fields)?, prompt: fields.prompt()?, translate, measured })
}

/// A whole transcript.
pub(super) fn whole(heard: &Heard) -> Value {
    let segments: Vec<Value> =
        heard.segments.iter().enumerate().map(|(id, found)| segment(id, found)).collect();
    let mut body = end(&heard.end);
    body["text"] = json!(heard.text());
    body["segments"] = json!(segments);
    body["words"] = heard.words().map(word).collect();
    body
}

fn segment(id: usize, segment: &Segment) -> Value {
    json!({
        "id": id,
        "start": rounded(segment.start()),
        "end": rounded(segment.end()),
        "text": segment.text(),
        "language": segment.language,
    })
}

fn end(end: &End) -> Value {
    let times = if end.measured { "measured" } else { "estimated" };
    json!({ "language": end.language, "duration": rounded(end.seconds), "times": times })
}

type Events = mpsc::Receiver<Result<Event, ListenError>>;

/// Sends each segment as it is heard: lines with `segment`, then one with `end` or `error`.
async fn lines(mut events: Events, permit: Permit) -> Result<Response, Fault> {
    // Until the first event errors in the request have their status.
    let first = events.recv().await.ok_or_else(Fault::broken)??;
    let mut sent = 0;
    let mut line = move |event: Result<Event, ListenError>| {
        // Held until the last line is made.
        _ = &permit;
        let body = match event {
            Ok(Event::Segment(found)) => {
                sent += 1;
                let mut body = segment(sent - 1, &found);
                body["words"] = found.words.iter().map(word).collect();
                json!({ "segment": body })
            }
            Ok(Event::End(found)) => json!({ "end": end(&found) }),
            Err(error) => json!({ "error": Problem::from(Fault::from(error)).body() }),
        };
        Bytes::from(format!("{body}\n"))
    };
    let first = line(Ok(first));
    let rest = stream::poll_fn(move |context| events.poll_recv(context)).map(line);
    let lines = stream::iter([first]).chain(rest);
    let head = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    Ok((head, Body::from_stream(patiently(lines))).into_response())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::post;
    use visavis_scripted::{Hearing, ScriptedStt};

    use super::*;
    use crate::api::hearing::testing::{Sent, desk, form, permit, recording, send};
    use crate::engine::EngineError;

    /// The two routes over this recogniser.
    fn routes(stt: &Arc<ScriptedStt>) -> Router {
        let single = |State(desk): State<Desk>, request: Request| async move {
            one(desk, permit(), request).await.map_err(Problem::from)
        };
        let batch = |State(desk): State<Desk>, request: Request| async move {
            several(desk, request).await.map_err(Problem::from)
        };
        Router::new().route("/one", post(single)).route("/several", post(batch)).with_state(desk(stt))
    }

    #[tokio::test]
    async fn a_recording_becomes_text_segments_and_words() {
        let stt = Arc::new(ScriptedStt::new(["These are the words. And more of them."]));
        let body = form(&[("language", "en"), ("prompt", "Ada")], &[recording(3)]);
        let Sent { status, body, .. } = send(&routes(&stt), "/one", &[], body).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["text"], "These are the words. And more of them.");
        assert_eq!((&body["language"], &body["times"]), (&json!("en"), &json!("estimated")));
        assert_eq!(body["segments"].as_array().unwrap().len(), 2);
        assert_eq!(body["words"].as_array().unwrap().len(), 8);
        assert!((body["duration"].as_f64().unwrap() - 3.0).abs() < 0.01, "{body}");
        let asked = &stt.utterances()[0].request;
        assert_eq!((asked.language.as_str(), asked.prompt.as_str(), asked.ahead), ("en", "Ada", true));
    }

    #[tokio::test]
    async fn segments_are_sent_as_lines() {
        let stt = Arc::new(ScriptedStt::new(["These are the words. And more of them."]));
        let accept = [("accept", "application/x-ndjson")];
        let sent = send(&routes(&stt), "/one", &accept, form(&[], &[recording(3)])).await;
        let lines: Vec<Value> = sent.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3, "{}", sent.text);
        assert_eq!(lines[1]["segment"]["text"], "And more of them.");
        assert_eq!(lines[2]["end"]["language"], "en");
    }

    #[tokio::test]
    async fn a_recording_that_fails_leaves_the_others_of_its_batch() {
        let stt = Arc::new(ScriptedStt::new([
            Hearing::Fails(EngineError::Failed("it broke".into())),
            "These are the words.".into(),
        ]));
        let recordings = [recording(2), b"\x89PNG\r\n\x1a\n".to_vec(), recording(2)];
        let Sent { status, body, .. } = send(&routes(&stt), "/several", &[], form(&[], &recordings)).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["results"][0]["error"]["status"], 502);
        assert_eq!(body["results"][1]["error"]["status"], 400);
        assert_eq!(
            (&body["results"][2]["text"], &body["results"][2]["name"]),
            (&json!("These are the words."), &json!("2.wav"))
        );
    }
}
