//! What is told of an animation: all at once, or line by line.
//!
//! - `wave`: its sound as it grows (pure); `sending`: a reader must take what is sent

mod sending;
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
use crate::admission::Permit;
use crate::animation::Spoken;
use crate::animation::animator::{Animator, Stretch, Timed};
use crate::audio::pcm;
use crate::avatar::cue::Mood;
use crate::avatar::face::Face;
use crate::avatar::shapes::NAMES;
use crate::avatar::source::Source;
use crate::engine::EngineError;
use crate::frame::OUT_RATE;
use crate::renderers::lines::Frame;
use sending::patiently;
use wave::Wave;

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
    permit: Permit,
}

/// The text of a phrase that begins, its sound, and the faces that are known with it.
type Made = (String, Stretch, Vec<Face>);

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
    pub(super) fn new(fps: u32, mood: Option<Mood>, chunks: Chunks, permit: Permit) -> Self {
        let (animator, source) = (Animator::new(fps, mood), Source::Durations);
        Self { chunks, animator, fps, source, frames: 0, ready: None, permit }
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

    /// All of it at once. What is finished is kept as text alone, and sent in parts: a recording of ten minutes makes
    /// fifty megabytes of it.
    pub(super) async fn whole(mut self) -> Result<Response, Problem> {
        let (mut wave, mut said, mut sounds) = (Wave::default(), Vec::new(), Vec::new());
        let mut frames: Vec<Bytes> = Vec::new();
        while let Some(next) = self.next().await {
            let (_, stretch, faces) = next?;
            wave.push(&stretch.samples);
            said.extend(words(stretch.words));
            sounds.extend(phonemes(stretch.sounds));
            listed(&mut frames, &faces);
        }
        listed(&mut frames, &self.animator.finish());
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
        // The permit is kept until all is sent: that is where the memory is.
        let permit = self.permit;
        let parts = stream::iter(parts).inspect(move |_| _ = &permit);
        Ok(answer("application/json", Body::from_stream(patiently(parts))))
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
        let lines = stream::iter([head]).chain(lines).map(Bytes::from);
        answer("application/x-ndjson", Body::from_stream(patiently(lines)))
    }

    fn part(&mut self, (text, stretch, faces): Made) -> Part {
        let pcm: Vec<u8> = pcm::bytes(&stretch.samples).collect();
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
    json(line) + "\n"
}

fn json(value: &impl Serialize) -> String {
    // Numbers and texts can always be written.
    serde_json::to_string(value).unwrap_or_default()
}

/// Appends faces to a list in JSON, without its brackets.
fn listed(list: &mut Vec<Bytes>, faces: &[Face]) {
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

fn answer(kind: &'static str, body: Body) -> Response {
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

    /// A clip of so many seconds of silence, which has the only permit.
    fn clip(seconds: u32) -> (Clip, Arc<Admission>) {
        let (made, chunks): (_, Chunks) = mpsc::channel(1);
        let sounds =
            Sounds { times: vec![WordTime { text: "m".into(), start: 0, end: 2400 }], measured: true };
        tokio::spawn(async move {
            for sentence in 0..seconds {
                let chunk = SpeechChunk {
                    response: ResponseId(1),
                    sentence,
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
        let admission = Admission::new(admission::Limits { calls: one, animations: one });
        let permit = admission.admit(Principal::Anonymous, Kind::Animation).unwrap();
        (Clip::new(1, None, chunks, permit), admission)
    }

    #[tokio::test]
    async fn who_stops_reading_loses_the_permit() {
        let (clip, admission) = clip(2_000);
        let clip = Arc::new(Mutex::new(Some(clip)));
        let lines = move || std::future::ready(clip.lock().take().unwrap().lines());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut reader = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let (routes, limits) = (Router::new().route("/", get(lines)), Limits { in_all: 9, of_address: 9 });
        tokio::spawn(listener::serve(socket, routes, limits, CancellationToken::new()));
        reader.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        // The clock may jump once the answer is on its way.
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
    async fn who_takes_a_line_now_and_then_loses_the_permit() {
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
