//! The response to an animation request: all at once, or line by line.
//!
//! - `wave`: its audio as it grows (pure)

mod wave;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc;

use super::problem::Problem;
use super::sending::patiently;
use crate::admission::Permit;
use crate::animation::Spoken;
use crate::animation::animator::{Animator, Section, Timed};
use crate::audio::pcm;
use crate::avatar::cue::Mood;
use crate::avatar::face::Face;
use crate::avatar::shapes::NAMES;
use crate::avatar::source::Source;
use crate::engine::EngineError;
use crate::frame::OUT_RATE;
use crate::renderers::lines::Frame;
use wave::Wave;

/// Speech as it arrives.
pub(super) type Chunks = mpsc::Receiver<Result<Spoken, EngineError>>;

/// An animation that is being made and sent.
pub(super) struct Clip {
    chunks: Chunks,
    animator: Animator,
    fps: u32,
    source: Source,
    frames: usize,
    /// The first piece, made before the response began.
    ready: Option<Made>,
    permit: Permit,
}

/// The text of a segment that begins here, its audio, and the faces known so far.
type Made = (String, Section, Vec<Face>);

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    head: Head,
    duration: f64,
    source: Source,
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
    /// The number of the first frame.
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
    pub(super) fn new(fps: u32, mood: Option<Mood>, chunks: Chunks, permit: Permit) -> Self {
        let (animator, source) = (Animator::new(fps, mood), Source::Durations);
        Self { chunks, animator, fps, source, frames: 0, ready: None, permit }
    }

    /// Waits for the first audio, so that errors in the request are known.
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
        let section = self.animator.push(spoken);
        self.source = self.source.max(section.source);
        Some(Ok((text, section, self.animator.faces())))
    }

    fn source(&self) -> Source {
        // An empty animation has no measured times.
        if self.animator.seconds() > 0.0 { self.source } else { Source::Audio }
    }

    fn head(&self) -> Head {
        Head { rate: OUT_RATE, fps: self.fps, shapes: &NAMES }
    }

    /// Sends everything at once. Finished parts are kept only as text and sent in parts: a recording of ten minutes makes
    /// fifty megabytes.
    pub(super) async fn whole(mut self) -> Result<Response, Problem> {
        let (mut wave, mut said, mut sounds) = (Wave::default(), Vec::new(), Vec::new());
        let mut frames: Vec<Bytes> = Vec::new();
        while let Some(next) = self.next().await {
            let (_, section, faces) = next?;
            wave.push(&section.samples);
            said.extend(words(section.words));
            sounds.extend(phonemes(section.sounds));
            append_json(&mut frames, &faces);
        }
        append_json(&mut frames, &self.animator.finish());
        let (duration, source) = (self.animator.seconds(), self.source());
        let mut begin = json(&Whole { head: self.head(), duration, source });
        begin.truncate(begin.len() - 1);
        begin.push_str(r#","audio":""#);
        let between = format!(r#"","words":{},"phonemes":{},"frames":["#, json(&said), json(&sounds));
        let parts = std::iter::once(begin.into())
            .chain(wave.finish())
            .chain(std::iter::once(between.into()))
            .chain(frames)
            .chain(std::iter::once(Bytes::from_static(b"]}")));
        // Keep the permit until everything is sent: until then the response takes memory.
        let permit = self.permit;
        let parts = stream::iter(parts).inspect(move |_| _ = &permit);
        Ok(response("application/json", Body::from_stream(patiently(parts))))
    }

    /// Sends line by line as the animation is made.
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
        let lines = stream::iter([head]).chain(lines).map(Bytes::from);
        response("application/x-ndjson", Body::from_stream(patiently(lines)))
    }

    fn part(&mut self, (text, section, faces): Made) -> Part {
        let pcm: Vec<u8> = pcm::bytes(&section.samples).collect();
        Part {
            text,
            start: section.start,
            audio: STANDARD.encode(pcm),
            words: words(section.words).collect(),
            phonemes: phonemes(section.sounds).collect(),
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
    json(line) + "\n"
}

fn json(value: &impl Serialize) -> String {
    // Numbers and strings can always be serialised.
    serde_json::to_string(value).unwrap_or_default()
}

/// Appends faces to a JSON list, without its brackets.
fn append_json(list: &mut Vec<Bytes>, faces: &[Face]) {
    let mut text = String::new();
    for face in faces {
        if !text.is_empty() || !list.is_empty() {
            text.push(',');
        }
        text.push_str(&json(&Frame::from(face)));
    }
    if !text.is_empty() {
        text.shrink_to_fit();
        list.push(text.into());
    }
}

fn response(kind: &'static str, body: Body) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

fn words(words: Vec<Timed>) -> impl Iterator<Item = Word> {
    words.into_iter().map(|Timed { text, start, end }| Word { text, start, end })
}

fn phonemes(sounds: Vec<Timed>) -> impl Iterator<Item = Phoneme> {
    sounds.into_iter().map(|Timed { text, start, end }| Phoneme { symbol: text, start, end })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::Router;
    use axum::routing::get;
    use parking_lot::Mutex;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::admission::{self, Admission, Kind, Limit, Principal};
    use crate::api::listener::{self, Limits};
    use crate::frame::{ResponseId, Sounds, SpeechChunk, WordTime};

    /// A clip of `seconds` seconds of silence, which holds the only permit.
    fn clip(seconds: u32) -> (Clip, Arc<Admission>) {
        let (made, chunks): (_, Chunks) = mpsc::channel(1);
        let sounds =
            Sounds { times: vec![WordTime { text: "m".into(), start: 0, end: 2400 }], measured: true };
        tokio::spawn(async move {
            for segment in 0..seconds {
                let chunk = SpeechChunk {
                    response: ResponseId(1),
                    segment,
                    text: None,
                    samples: vec![0; OUT_RATE as usize],
                    words: Vec::new(),
                    sounds: sounds.clone(),
                    cues: Vec::new(),
                    last: true,
                };
                if made.send(Ok(chunk.into())).await.is_err() {
                    return;
                }
            }
        });
        let one = Limit { in_all: 1, per_principal: None };
        let admission = Admission::new(admission::Limits {
            calls: one,
            animations: one,
            samples: one,
            measurements: one,
            requests: one,
            followings: one,
        });
        let permit = admission.admit(Principal::Anonymous, Kind::Animation).unwrap();
        (Clip::new(1, None, chunks, permit), admission)
    }

    #[tokio::test]
    async fn a_reader_that_stops_loses_the_permit() {
        let (clip, admission) = clip(2_000);
        let clip = Arc::new(Mutex::new(Some(clip)));
        let lines = move || std::future::ready(clip.lock().take().unwrap().lines());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut reader = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let (routes, limits) = (Router::new().route("/", get(lines)), Limits { in_all: 9, of_address: 9 });
        tokio::spawn(listener::serve(socket, routes, limits, CancellationToken::new()));
        reader.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        // The clock may jump once the response is on its way.
        reader.readable().await.unwrap();
        tokio::time::pause();
        let given_back = async {
            while admission.active(Kind::Animation) > 0 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let free = tokio::time::timeout(Duration::from_secs(60), given_back).await;
        assert!(free.is_ok(), "the permit is still held");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_too_slow_loses_the_permit() {
        let (clip, admission) = clip(20);
        let mut lines = clip.lines().into_body().into_data_stream();
        let last = loop {
            match lines.next().await {
                Some(Ok(_)) => tokio::time::sleep(Duration::from_secs(50)).await,
                last => break last,
            }
        };
        assert!(matches!(last, Some(Err(_))), "it was sent whole");
        assert_eq!(admission.active(Kind::Animation), 0);
    }
}
