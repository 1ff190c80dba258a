//! The results of a job: files in one archive, or JSON with sound in base64. Neither is ever whole in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use visavis_jobs::archive::Archive;
use visavis_jobs::{JobId, Kind, Progress, Store, StoreError};

use crate::admission::Permit;
use crate::api::sending::{Played, while_it_plays};

/// Bytes that are sent at once, and pieces of them that wait for their reader.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// Bytes a second below which a reader is too slow.
const SLOWEST_READER: f64 = 16_384.0;

/// What there is of a job.
struct Results {
    files: BTreeMap<u32, PathBuf>,
    failures: BTreeMap<u32, String>,
}

impl Results {
    fn of(store: &Store, id: JobId) -> Result<Self, StoreError> {
        Ok(Self { files: store.results(id)?, failures: store.failures(id)? })
    }
}

/// All results in an archive, with `index.json`, which says what each file is and what failed.
pub(super) async fn zip(
    store: Arc<Store>,
    id: JobId,
    progress: Progress,
    permit: Permit,
) -> Result<Response, StoreError> {
    let listed = tokio::task::spawn_blocking(move || archive(&store, id, &progress)).await;
    let Listed { archive, length } = listed.unwrap_or_else(|error| Err(io::Error::other(error).into()))?;
    let body = sent(permit, move |out| archive.write(out));
    let heads = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.zip\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let mut response = (heads, body).into_response();
    if let Some(length) = length {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    Ok(response)
}

/// All results as JSON.
pub(super) fn json(store: Arc<Store>, id: JobId, progress: Progress, permit: Permit) -> Response {
    let body = sent(permit, move |out| {
        let results = Results::of(&store, id).map_err(io::Error::other)?;
        write_json(out, id, &progress, &results)
    });
    let heads = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (heads, body).into_response()
}

/// An archive before it is written, and its length if that is known.
struct Listed {
    archive: Archive,
    length: Option<u64>,
}

fn archive(store: &Store, id: JobId, progress: &Progress) -> Result<Listed, StoreError> {
    let results = Results::of(store, id)?;
    let mut archive = Archive::default();
    let items: Vec<Value> = (0..progress.spec.items).map(|item| listed(item, &results)).collect();
    let mut index = about(id, progress);
    index["items"] = json!(items);
    archive.text("index.json", index.to_string());
    for (item, path) in &results.files {
        archive.file(name(*item, path), path.clone())?;
    }
    let length = archive.length()?;
    Ok(Listed { archive, length })
}

/// An item in the index.
fn listed(item: u32, results: &Results) -> Value {
    match (results.files.get(&item), results.failures.get(&item)) {
        (Some(path), _) => json!({ "index": item, "file": name(item, path) }),
        (None, Some(error)) => json!({ "index": item, "error": error }),
        (None, None) => json!({ "index": item }),
    }
}

/// Names of files sort as their items do.
fn name(item: u32, path: &Path) -> String {
    format!("{item:05}.{}", ending(path))
}

fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or("bin")
}

fn about(id: JobId, progress: &Progress) -> Value {
    let spec = &progress.spec;
    let (kind, status) = (spec.kind.as_str(), progress.status.as_str());
    json!({ "id": id.to_string(), "name": spec.name, "kind": kind, "status": status })
}

fn write_json(out: &mut impl Write, id: JobId, progress: &Progress, results: &Results) -> io::Result<()> {
    let about = about(id, progress).to_string();
    // The object goes on with the results.
    write!(out, "{},\"results\":[", about.trim_end_matches('}'))?;
    for item in 0..progress.spec.items {
        if item > 0 {
            out.write_all(b",")?;
        }
        match results.files.get(&item) {
            Some(path) => write_result(out, item, path, progress.spec.kind)?,
            None => write!(out, "{}", listed(item, results))?,
        }
    }
    out.write_all(b"]}\n")
}

fn write_result(out: &mut impl Write, item: u32, path: &Path, kind: Kind) -> io::Result<()> {
    let mut file = File::open(path)?;
    match kind {
        Kind::Transcription => {
            write!(out, "{{\"index\":{item},\"transcript\":")?;
            io::copy(&mut file, out)?;
        }
        Kind::Speech => {
            write!(out, "{{\"index\":{item},\"format\":\"{}\",\"audio\":\"", ending(path))?;
            encode(&mut file, out)?;
            out.write_all(b"\"")?;
        }
    }
    out.write_all(b"}")
}

/// A file of any length may be read at this pace.
fn at_pace(bytes: Bytes) -> Played {
    let lasts = Duration::from_secs_f64(bytes.len() as f64 / SLOWEST_READER);
    Played { bytes, lasts }
}

/// A file in base64.
fn encode(file: &mut File, out: &mut impl Write) -> io::Result<()> {
    let mut encoder = EncoderWriter::new(out, &STANDARD);
    copy(file, &mut encoder)?;
    encoder.finish().map(|_| ())
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            read => to.write_all(&piece[..read])?,
        }
    }
}

/// A body that a thread writes as it is read. The permit is held until all of it is written.
fn sent(permit: Permit, write: impl FnOnce(&mut BufWriter<Pipe>) -> io::Result<()> + Send + 'static) -> Body {
    let (sender, mut pieces) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut out = BufWriter::with_capacity(PIECE, Pipe(sender.clone()));
        if let Err(error) = write(&mut out).and_then(|()| out.flush()) {
            // Nobody takes the part for the whole.
            _ = sender.blocking_send(Err(error));
        }
        drop(permit);
    });
    let parts = stream::poll_fn(move |context| pieces.poll_recv(context));
    Body::from_stream(while_it_plays(parts.map(|part| part.map(at_pace))))
}

/// Where a thread writes a body.
struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
