//! A request's recordings, on their way to the disk: none is held in memory, and one that is too large is refused before it is there.

use std::error::Error as _;
use std::fs::File;
use std::io;
use std::path::Path;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Query, Request};
use axum::http::{StatusCode, header};
use futures_util::StreamExt;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::fault::Fault;
use super::fields::Fields;
use super::source::{Endless, Source};
use super::{Desk, MEBIBYTE};
use crate::api::body::{UPLOAD, discard, was_too_slow};

/// Most recordings of a request.
const MOST_RECORDINGS: usize = 64;
/// Most fields of a request beside them.
const MOST_FIELDS: usize = 256;
/// Most bytes of these fields together.
const FIELDS: u64 = 4 * MEBIBYTE;
/// Names of fields that are recordings, also without a file's name.
const FILES: [&str; 5] = ["file", "file[]", "files", "files[]", "audio"];
/// Names of fields that are text, also if it is sent as a file.
const TEXTS: [&str; 5] = ["text", "text[]", "texts", "texts[]", "prompt"];

/// A recording on the disk, in a file that vanishes with its handle.
#[derive(Debug)]
pub(in crate::api) struct Recording {
    /// The client's name for it; may be empty.
    pub(in crate::api) name: String,
    /// Stands at its beginning.
    pub(in crate::api) file: File,
}

/// A request with everything in it.
#[derive(Debug, Default)]
pub(in crate::api) struct Upload {
    pub(in crate::api) fields: Fields,
    pub(in crate::api) recordings: Vec<Recording>,
}

impl Upload {
    /// The one recording.
    pub(in crate::api) fn one(&mut self) -> Result<Recording, Fault> {
        let one = self.recordings.pop().ok_or_else(missing)?;
        if self.recordings.is_empty() {
            return Ok(one);
        }
        Err(Fault::of("file", "There is more than one recording; send each in a request of its own."))
    }
}

/// The fault of a request without a recording.
pub(in crate::api) fn missing() -> Fault {
    Fault::of("file", "There is no recording; send it as the form's field file.")
}

/// Receives a refused request's body for a while: its client may not read the refusal before all is sent.
pub(in crate::api) fn leave(request: Request) {
    // A client that waits for permission to send (`Expect: 100-continue`) does not get it.
    if !request.headers().contains_key(header::EXPECT) {
        discard(request.into_body().into_data_stream());
    }
}

/// Reads a request: a form with recordings, or one recording alone, whose fields are in the address.
pub(in crate::api) async fn read(desk: &Desk, request: Request) -> Result<Upload, Fault> {
    let told = request.body().size_hint().lower();
    if told > desk.largest + FIELDS {
        leave(request);
        return Err(too_large(desk.largest));
    }
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "multipart/form-data" => form(desk, request).await,
        "application/octet-stream" | "application/ogg" => alone(desk, request).await,
        kind if kind.starts_with("audio/") || kind.starts_with("video/") => alone(desk, request).await,
        _ => {
            leave(request);
            Err(Fault::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the recording as the field file of a form (multipart/form-data), or alone as audio/…, video/… \
                 or application/octet-stream.",
            ))
        }
    }
}

async fn form(desk: &Desk, request: Request) -> Result<Upload, Fault> {
    let (parts, body) = request.into_parts();
    let source = Source::new(body);
    let request = Request::from_parts(parts, Body::from_stream(source.clone()));
    let mut taking = Taking::new(desk);
    let taken = match Multipart::from_request(request, &()).await {
        Ok(mut form) => taking.form(&mut form, &source).await,
        Err(error) => Err(Fault::new(
            StatusCode::BAD_REQUEST,
            format!("The form cannot be read: {}.", error.body_text()),
        )),
    };
    if taken.is_err() {
        source.discard();
    }
    taken.map(|()| taking.upload)
}

async fn alone(desk: &Desk, request: Request) -> Result<Upload, Fault> {
    let mut taking = Taking::new(desk);
    match Query::<Vec<(String, String)>>::try_from_uri(request.uri()) {
        Ok(Query(query)) => {
            query.into_iter().for_each(|(name, value)| taking.upload.fields.push(name, value));
        }
        Err(error) => {
            leave(request);
            return Err(Fault::new(StatusCode::BAD_REQUEST, error.body_text()));
        }
    }
    let mut pieces = request.into_body().into_data_stream();
    let taken = taking.alone(&mut pieces).await;
    if taken.is_err() {
        discard(pieces);
    }
    taken.map(|()| taking.upload)
}

/// A request that is being read.
struct Taking<'a> {
    desk: &'a Desk,
    upload: Upload,
    /// Bytes that its recordings may still have.
    left: u64,
    /// The same of its other fields.
    fields_left: u64,
}

impl<'a> Taking<'a> {
    fn new(desk: &'a Desk) -> Self {
        Self { desk, upload: Upload::default(), left: desk.largest, fields_left: FIELDS }
    }

    async fn form(&mut self, form: &mut Multipart, source: &Source) -> Result<(), Fault> {
        let mut fields = 0;
        while let Some(part) = form.next_field().await.map_err(|error| unreadable(&error))? {
            source.passed();
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some() && !TEXTS.contains(&name.as_str());
            if is_file || FILES.contains(&name.as_str()) {
                self.recording(part, source).await?;
                continue;
            }
            fields += 1;
            if fields > MOST_FIELDS {
                let detail = format!("The form has more than {MOST_FIELDS} fields.");
                return Err(Fault::new(StatusCode::BAD_REQUEST, detail));
            }
            let value = self.text(part, source).await?;
            self.upload.fields.push(name, value);
        }
        Ok(())
    }

    async fn alone(&mut self, pieces: &mut BodyDataStream) -> Result<(), Fault> {
        let mut file = self.begin().await?;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| match was_too_slow(&error) {
                true => too_slow(),
                false => Fault::new(StatusCode::BAD_REQUEST, format!("The body cannot be read: {error}")),
            })?;
            self.more(&mut file, &piece).await?;
        }
        self.end(String::new(), file).await
    }

    async fn recording(&mut self, mut part: Field<'_>, source: &Source) -> Result<(), Fault> {
        if self.upload.recordings.len() == MOST_RECORDINGS {
            let detail =
                format!("There are more than {MOST_RECORDINGS} recordings; send them in several requests.");
            return Err(Fault::of("file", detail));
        }
        let name = part.file_name().unwrap_or_default().to_owned();
        let mut file = self.begin().await?;
        while let Some(piece) = part.chunk().await.map_err(|error| unreadable(&error))? {
            source.passed();
            self.more(&mut file, &piece).await?;
        }
        self.end(name, file).await
    }

    async fn text(&mut self, mut part: Field<'_>, source: &Source) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        while let Some(piece) = part.chunk().await.map_err(|error| unreadable(&error))? {
            source.passed();
            let left = self.fields_left.checked_sub(piece.len() as u64);
            self.fields_left = left.ok_or_else(|| {
                let detail = format!("The fields beside the recordings are larger than {FIELDS} bytes.");
                Fault::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
            })?;
            bytes.extend_from_slice(&piece);
        }
        String::from_utf8(bytes)
            .map_err(|_| Fault::new(StatusCode::BAD_REQUEST, "A field of the form is not UTF-8."))
    }

    async fn begin(&self) -> Result<tokio::fs::File, Fault> {
        let folder = self.desk.folder.clone();
        let made = tokio::task::spawn_blocking(move || temporary(&folder)).await;
        let file = made.map_err(|_| Fault::broken())?.map_err(|error| unwritten(&error))?;
        Ok(tokio::fs::File::from_std(file))
    }

    async fn more(&mut self, file: &mut tokio::fs::File, piece: &[u8]) -> Result<(), Fault> {
        let left = self.left.checked_sub(piece.len() as u64);
        self.left = left.ok_or_else(|| too_large(self.desk.largest))?;
        file.write_all(piece).await.map_err(|error| unwritten(&error))
    }

    async fn end(&mut self, name: String, mut file: tokio::fs::File) -> Result<(), Fault> {
        file.flush().await.map_err(|error| unwritten(&error))?;
        let length = file.stream_position().await.map_err(|error| unwritten(&error))?;
        if length == 0 {
            return Err(Fault::of("file", "The recording is empty: it has no bytes."));
        }
        file.rewind().await.map_err(|error| unwritten(&error))?;
        self.upload.recordings.push(Recording { name, file: file.into_std().await });
        Ok(())
    }
}

/// A file without a name in this folder: nothing is left of it when its handle is gone, even if the server is killed.
fn temporary(folder: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder)
}

fn unwritten(error: &io::Error) -> Fault {
    tracing::error!(%error, "an upload cannot be written (listening.dir)");
    let detail = "The server cannot keep the recording while it is heard: its disk is full, or its folder of uploads \
                  (listening.dir) cannot be written. Its log says more.";
    Fault::new(StatusCode::INSUFFICIENT_STORAGE, detail)
}

fn unreadable(error: &MultipartError) -> Fault {
    if was_too_slow(error) {
        return too_slow();
    }
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    if let Some(endless) = causes.find_map(|cause| cause.downcast_ref::<Endless>()) {
        return Fault::new(StatusCode::BAD_REQUEST, format!("The form cannot be read: {endless}."));
    }
    Fault::new(StatusCode::BAD_REQUEST, format!("The form cannot be read: {}.", error.body_text()))
}

fn too_slow() -> Fault {
    let detail = format!(
        "The recording did not arrive in time: it may fall {} seconds behind a pace of 64 KiB a second.",
        UPLOAD.as_secs()
    );
    Fault::new(StatusCode::REQUEST_TIMEOUT, detail)
}

fn too_large(largest: u64) -> Fault {
    let detail = format!(
        "The recordings are larger than {} MiB (listening.largest_upload_mib). Send them in parts, or compressed, such \
         as Opus or MP3.",
        largest / MEBIBYTE
    );
    Fault { field: Some("file"), ..Fault::new(StatusCode::PAYLOAD_TOO_LARGE, detail) }
}
