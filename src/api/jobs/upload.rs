//! Requests on their way to the disk.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use futures_util::StreamExt;
use serde_json::json;
use visavis_jobs::actor::now;
use visavis_jobs::{Draft, JobId, Jobs, Kind, Refusal, Spec};

use super::places::{Place, Seated, fill};
use super::refused::of_store;
use super::texts::{Form, Texts, checked_name};
use super::worker::Recorded;
use super::{MEBIBYTE, Office};
use crate::api::body::discard;
use crate::api::hearing::{self, Recording};
use crate::api::problem::{Problem, broken, unread};
use crate::api::transcribe;

/// Most bytes of a prompt, which each recording is kept with; the recogniser takes far fewer.
const LARGEST_PROMPT: usize = 16 << 10;

/// Takes a job of texts.
pub(super) async fn texts(
    office: &Office,
    jobs: &Arc<Jobs>,
    seated: Seated,
    form: Form,
) -> Result<JobId, Problem> {
    let Seated { request, place } = seated;
    let body = whole(request, u64::from(office.settings.largest_body_mib)).await?;
    let (store, speech) = (jobs.store().clone(), office.speech.clone());
    let written = tokio::task::spawn_blocking(move || {
        let texts = Texts::read(form, &body)?;
        let mut draft = store.draft().map_err(|error| of_store(&error))?;
        for line in texts.lines(|asked| speech.check(asked)) {
            draft.item(&line?).map_err(|error| of_store(&error))?;
        }
        Ok::<_, Problem>(Written { draft, name: texts.name })
    });
    let Written { draft, name } = written.await.map_err(|_| broken())??;
    let spec = Spec { name, kind: Kind::Speech, created: now(), items: draft.items() };
    added(office, jobs, draft, spec, place).await
}

/// Takes a job of recordings.
pub(super) async fn recordings(office: &Office, jobs: &Arc<Jobs>, seated: Seated) -> Result<JobId, Problem> {
    let Seated { request, place } = seated;
    let upload = hearing::read(&office.hearing, request).await?;
    if upload.recordings.is_empty() {
        return Err(hearing::missing().into());
    }
    if let Some(kind) = upload.fields.one("kind")?.filter(|kind| *kind != Kind::Transcription.as_str()) {
        let detail =
            format!("kind of a form with recordings must be transcription, not {}", hearing::shown(kind));
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("kind"));
    }
    let name = checked_name(upload.fields.one("name")?.unwrap_or_default().to_owned())?;
    let order = transcribe::order(&office.hearing, &upload.fields)?;
    if order.prompt.len() > LARGEST_PROMPT {
        let detail = format!(
            "prompt has {} bytes; at most {LARGEST_PROMPT} in a job: each of its recordings is kept with it",
            order.prompt.len()
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).field("prompt"));
    }
    let store = jobs.store().clone();
    let written = tokio::task::spawn_blocking(move || {
        let mut draft = store.draft().map_err(|error| of_store(&error))?;
        for Recording { name, file } in upload.recordings {
            let line = json!(Recorded::new(name, &order)).to_string();
            draft.recording(&line, file).map_err(|error| of_store(&error))?;
        }
        Ok::<_, Problem>(Written { draft, name })
    });
    let Written { draft, name } = written.await.map_err(|_| broken())??;
    let spec = Spec { name, kind: Kind::Transcription, created: now(), items: draft.items() };
    added(office, jobs, draft, spec, place).await
}

/// A job with all its items on the disk.
struct Written {
    draft: Draft,
    name: String,
}

/// Adds a job, which comes also if its client leaves, and has its place then.
async fn added(
    office: &Office,
    jobs: &Arc<Jobs>,
    draft: Draft,
    spec: Spec,
    place: Option<Place>,
) -> Result<JobId, Problem> {
    let jobs = jobs.clone();
    let adding = tokio::spawn(async move {
        let job = jobs.add(draft, spec).await?;
        fill(place, job);
        Ok::<_, Refusal>(job)
    });
    adding.await.map_err(|_| broken())?.map_err(|refusal| office.refused(refusal))
}

/// A body of at most this many mebibytes.
async fn whole(request: Request, most: u64) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!(
            "The body is larger than {most} MiB (jobs.largest_body_mib). Send the texts in several jobs: there may be any \
             number of them."
        );
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let told = request.body().size_hint().lower();
    let waits = request.headers().contains_key(header::EXPECT);
    let mut pieces = request.into_body().into_data_stream();
    if told > most * MEBIBYTE {
        // A client that waits for permission to send does not get it.
        if !waits {
            discard(pieces);
        }
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| unread(&error))?;
        if (body.len() + piece.len()) as u64 > most * MEBIBYTE {
            discard(pieces);
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
