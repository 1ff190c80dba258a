//! `POST /align` and `POST /align_batch`: when each word of a known text is said in a recording.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use visavis_listening::align::{Alignment, Placed, align as aligned};
use visavis_listening::words::split;

use super::hearing::{
    Admitted, Desk, Fault, Fields, Recording, answer, missing, named, read, rounded, shown,
};
use super::problem::Problem;

/// Most words of a text: some ten hours of speech.
const MOST_WORDS: usize = 100_000;
/// Longest of them, in bytes: each is compared letter by letter with what was heard around it.
const LONGEST_WORD: usize = 1_000;

/// A text over a recording.
///
/// # Errors
/// As problem details.
pub(super) async fn align(
    State(desk): State<Desk>,
    Admitted { request, permit: _permit }: Admitted,
) -> Result<Response, Problem> {
    Ok(one(desk, request).await?)
}

/// Several texts, each over its recording, one after the other. One that fails has its problem in its place.
///
/// # Errors
/// As problem details.
pub(super) async fn align_batch(
    State(desk): State<Desk>,
    Admitted { request, permit: _permit }: Admitted,
) -> Result<Response, Problem> {
    Ok(several(desk, request).await?)
}

async fn one(desk: Desk, request: Request) -> Result<Response, Fault> {
    let mut upload = read(&desk, request).await?;
    let language = desk.language(&upload.fields)?;
    let text = upload.fields.one("text")?.map(str::to_owned);
    let text = checked(text.as_deref())?;
    let Recording { file, .. } = upload.one()?;
    // Dropped when the client leaves, and the work with it.
    let alignment = aligned(file, text, language, desk.engines).await?;
    Ok(answer(&body(&alignment)))
}

async fn several(desk: Desk, request: Request) -> Result<Response, Fault> {
    let upload = read(&desk, request).await?;
    let language = desk.language(&upload.fields)?;
    let texts = texts(&upload.fields);
    if upload.recordings.is_empty() {
        return Err(missing());
    }
    if texts.len() != upload.recordings.len() {
        let detail = format!(
            "There are {} recordings and {} texts; send a field text for each recording, in the same order.",
            upload.recordings.len(),
            texts.len()
        );
        return Err(Fault::of("text", detail));
    }
    let mut results = Vec::new();
    for (Recording { name, file }, text) in upload.recordings.into_iter().zip(texts) {
        let done = match checked(Some(&text)) {
            Ok(text) => {
                aligned(file, text, language.clone(), desk.engines.clone()).await.map_err(Fault::from)
            }
            Err(fault) => Err(fault),
        };
        results.push(named(&name, done.map(|alignment| body(&alignment))));
    }
    Ok(answer(&json!({ "results": results })))
}

/// The texts of a batch, as `text` or `texts`.
fn texts(fields: &Fields) -> Vec<String> {
    fields.all("text").chain(fields.all("texts")).map(str::to_owned).collect()
}

/// A text that can be aligned.
fn checked(text: Option<&str>) -> Result<&str, Fault> {
    let text = text.unwrap_or_default();
    if !text.chars().any(char::is_alphanumeric) {
        return Err(Fault::of("text", "There is no text to align; send it as the field text."));
    }
    // Split as for the alignment: scripts without spaces have a word for each letter.
    let words = split(text);
    if words.len() > MOST_WORDS {
        let detail = format!(
            "text has {} words; at most {MOST_WORDS}: send it and its recording in parts",
            words.len()
        );
        return Err(Fault::of("text", detail));
    }
    if let Some(long) = words.iter().find(|word| word.text.len() > LONGEST_WORD) {
        let detail = format!("text has a word of more than {LONGEST_WORD} bytes: {}", shown(&long.text));
        return Err(Fault::of("text", detail));
    }
    Ok(text)
}

fn body(alignment: &Alignment) -> Value {
    let Alignment { words, language, duration, measured } = alignment;
    let matched = words.iter().filter(|word| word.matched).count();
    json!({
        "language": language,
        "duration": rounded(*duration),
        "times": if *measured { "measured" } else { "estimated" },
        "matched": matched,
        "words": words.iter().map(word).collect::<Vec<_>>(),
    })
}

fn word(word: &Placed) -> Value {
    json!({
        "word": word.text,
        "start": rounded(word.start),
        "end": rounded(word.end),
        "score": rounded(f64::from(word.score)),
        "matched": word.matched,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::post;
    use visavis_scripted::ScriptedStt;

    use super::*;
    use crate::api::hearing::testing::{Sent, desk, form, recording, send};

    fn routes(stt: &Arc<ScriptedStt>) -> Router {
        let single = |State(desk): State<Desk>, request: Request| async move {
            one(desk, request).await.map_err(Problem::from)
        };
        let batch = |State(desk): State<Desk>, request: Request| async move {
            several(desk, request).await.map_err(Problem::from)
        };
        Router::new().route("/one", post(single)).route("/several", post(batch)).with_state(desk(stt))
    }

    fn matched(body: &Value) -> Vec<bool> {
        body["words"].as_array().unwrap().iter().map(|word| word["matched"].as_bool().unwrap()).collect()
    }

    #[tokio::test]
    async fn every_word_of_a_text_has_a_time_and_what_was_not_said_is_marked() {
        let stt = Arc::new(ScriptedStt::new(["The white cat sat down."]));
        let body = form(&[("text", "The black cat, sat down.")], &[recording(3)]);
        let Sent { status, body, .. } = send(&routes(&stt), "/one", &[], body).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(matched(&body), [true, false, true, true, true]);
        assert_eq!((&body["matched"], &body["words"][2]["word"]), (&json!(4), &json!("cat,")));
        let times = |name: &str| -> Vec<f64> {
            body["words"].as_array().unwrap().iter().map(|word| word[name].as_f64().unwrap()).collect()
        };
        let (starts, ends) = (times("start"), times("end"));
        assert!(starts.iter().zip(&ends).all(|(start, end)| start <= end), "{body}");
        assert!(ends.iter().zip(&starts[1..]).all(|(end, next)| end <= next), "{body}");
    }

    #[tokio::test]
    async fn a_text_and_a_recording_for_each_are_asked_for() {
        let stt = Arc::new(ScriptedStt::default());
        let (unspaced, endless) = ("東".repeat(MOST_WORDS + 1), "x".repeat(LONGEST_WORD + 1));
        for (path, fields, recordings, field, part) in [
            ("/one", vec![("text", unspaced.as_str())], 1, "text", "100001 words"),
            ("/one", vec![("text", endless.as_str())], 1, "text", "more than 1000 bytes"),
            ("/one", vec![], 1, "text", "no text"),
            ("/one", vec![("text", "… —")], 1, "text", "no text"),
            ("/one", vec![("text", "Hi")], 0, "file", "no recording"),
            ("/one", vec![("text", "Hi")], 2, "file", "more than one"),
            ("/several", vec![("text", "Hi")], 2, "text", "2 recordings and 1 texts"),
        ] {
            let recordings: Vec<Vec<u8>> = (0..recordings).map(|_| recording(1)).collect();
            let Sent { status, body, .. } = send(&routes(&stt), path, &[], form(&fields, &recordings)).await;
            assert_eq!((status, &body["field"]), (400, &json!(field)), "{body}");
            assert!(body["detail"].as_str().unwrap().contains(part), "{body}");
        }
        assert!(stt.utterances().is_empty(), "nothing was heard for them");
    }

    #[tokio::test]
    async fn a_batch_has_a_result_for_each_recording_in_order() {
        let stt = Arc::new(ScriptedStt::new(["One two three.", "Four five six."]));
        let fields = [("texts[]", "One two three."), ("texts[]", "Four five nine.")];
        let body = form(&fields, &[recording(2), recording(2)]);
        let Sent { status, body, .. } = send(&routes(&stt), "/several", &[], body).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(matched(&body["results"][0]), [true, true, true]);
        assert_eq!(matched(&body["results"][1]), [true, true, false]);
        assert_eq!(body["results"][1]["name"], "1.wav");
    }
}
