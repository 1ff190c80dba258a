//! What is told of an animation: all at once, or line by line.

use axum::Json;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::animate::broken;
use super::problem::Problem;
use crate::animation::animator::{Animator, Stretch, Timed};
use crate::animation::{Spoken, recording};
use crate::avatar::cue::Mood;
use crate::avatar::face::Face;
use crate::avatar::shapes::NAMES;
use crate::avatar::source::Source;
use crate::engine::EngineError;
use crate::frame::OUT_RATE;
use crate::renderers::lines::Frame;

/// Speech as it comes.
pub(super) type Chunks = mpsc::Receiver<Result<Spoken, EngineError>>;

/// What has been made and not yet told.
pub(super) struct Clip {
    chunks: Chunks,
    animator: Animator,
    fps: u32,
    source: Source,
    frames: usize,
    /// Made before the answer began.
    ready: Option<Made>,
    _permit: OwnedSemaphorePermit,
}

/// The text of a phrase that begins, its sound, and the faces that are known with it.
type Made = (String, Stretch, Vec<Face>);

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    head: Head,
    duration: f64,
    source: Source,
    audio: String,
    words: Vec<Word>,
    phonemes: Vec<Phoneme>,
    frames: Vec<Frame>,
}

#[derive(Serialize)]
struct Head {
    rate: u32,
    fps: u32,
    shapes: &'static [&'static str],
}

#[derive(Serialize)]
struct Part {
    text: String,
    start: f64,
    audio: String,
    words: Vec<Word>,
    phonemes: Vec<Phoneme>,
    #[serde(flatten)]
    faces: Faces,
}

#[derive(Serialize)]
struct Faces {
    /// The number of the first.
    frame: usize,
    frames: Vec<Frame>,
}

#[derive(Serialize)]
struct End {
    #[serde(flatten)]
    faces: Faces,
    duration: f64,
    source: Source,
}

#[derive(Serialize)]
struct Failure {
    error: Value,
}

#[derive(Serialize)]
struct Word {
    text: String,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct Phoneme {
    symbol: String,
    start: f64,
    end: f64,
}

impl Clip {
    pub(super) fn new(fps: u32, mood: Option<Mood>, chunks: Chunks, permit: OwnedSemaphorePermit) -> Self {
        let (animator, source) = (Animator::new(fps, mood), Source::Durations);
        Self { chunks, animator, fps, source, frames: 0, ready: None, _permit: permit }
    }

    /// Waits for the first sound: what is wrong with the request is known then.
    pub(super) async fn first(&mut self) -> Result<(), Problem> {
        self.ready = self.next().await.transpose()?;
        Ok(())
    }

    async fn next(&mut self) -> Option<Result<Made, Problem>> {
        if let Some(ready) = self.ready.take() {
            return Some(Ok(ready));
        }
        let spoken = match self.chunks.recv().await? {
            Ok(spoken) => spoken,
            Err(error) => return Some(Err(error.into())),
        };
        let text = spoken.chunk.text.clone().unwrap_or_default();
        let stretch = self.animator.push(spoken);
        self.source = self.source.max(stretch.source);
        Some(Ok((text, stretch, self.animator.faces())))
    }

    fn source(&self) -> Source {
        // Of nothing, nothing was measured.
        if self.animator.seconds() > 0.0 { self.source } else { Source::Audio }
    }

    fn head(&self) -> Head {
        Head { rate: OUT_RATE, fps: self.fps, shapes: &NAMES }
    }

    /// All of it at once.
    pub(super) async fn whole(mut self) -> Result<Response, Problem> {
        let (mut samples, mut said, mut sounds, mut frames) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        while let Some(next) = self.next().await {
            let (_, stretch, faces) = next?;
            samples.extend(stretch.samples);
            said.extend(words(stretch.words));
            sounds.extend(phonemes(stretch.sounds));
            frames.extend(faces.iter().map(Frame::from));
        }
        frames.extend(self.animator.finish().iter().map(Frame::from));
        let wav = recording::encode(&samples).map_err(|_| broken())?;
        let whole = Whole {
            head: self.head(),
            duration: self.animator.seconds(),
            source: self.source(),
            audio: STANDARD.encode(wav),
            words: said,
            phonemes: sounds,
            frames,
        };
        Ok(([(header::CACHE_CONTROL, "no-store")], Json(whole)).into_response())
    }

    /// Line by line, as it is made.
    pub(super) fn lines(self) -> Response {
        let head = line(&self.head());
        let lines = stream::unfold(Some(self), |clip| async move {
            let mut clip = clip?;
            Some(match clip.next().await {
                Some(Ok(made)) => (line(&clip.part(made)), Some(clip)),
                Some(Err(problem)) => (line(&Failure { error: problem.body() }), None),
                None => (line(&clip.end()), None),
            })
        });
        let lines = stream::iter([head]).chain(lines).map(Ok::<_, std::convert::Infallible>);
        let heads = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
        (heads, Body::from_stream(lines)).into_response()
    }

    fn part(&mut self, (text, stretch, faces): Made) -> Part {
        let pcm: Vec<u8> = stretch.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Part {
            text,
            start: stretch.start,
            audio: STANDARD.encode(pcm),
            words: words(stretch.words).collect(),
            phonemes: phonemes(stretch.sounds).collect(),
            faces: self.faces(&faces),
        }
    }

    fn end(&mut self) -> End {
        let faces = self.animator.finish();
        End { faces: self.faces(&faces), duration: self.animator.seconds(), source: self.source() }
    }

    fn faces(&mut self, faces: &[Face]) -> Faces {
        let frame = self.frames;
        self.frames += faces.len();
        Faces { frame, frames: faces.iter().map(Frame::from).collect() }
    }
}

fn line(line: &impl Serialize) -> String {
    // Numbers and texts can always be written.
    serde_json::to_string(line).unwrap_or_default() + "\n"
}

fn words(words: Vec<Timed>) -> impl Iterator<Item = Word> {
    words.into_iter().map(|Timed { text, start, end }| Word { text, start, end })
}

fn phonemes(sounds: Vec<Timed>) -> impl Iterator<Item = Phoneme> {
    sounds.into_iter().map(|Timed { text, start, end }| Phoneme { symbol: text, start, end })
}
