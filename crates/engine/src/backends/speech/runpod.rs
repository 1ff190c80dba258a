//! RunPod's serverless endpoints: a segment is a job, whose sound arrives in pieces or at its end.
//!
//! - this file: the requests
//! - `job`: a job at RunPod, which is cancelled when it is dropped
//! - `reply`: reads a job's state (pure)

mod job;
mod reply;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::{self, Answer, Api, Line, Piece};
use super::clip::{self, Clip, Recorded};
use super::encoded;
use super::listing::Listing;
use super::sound::Coding;
use crate::EngineError;
use crate::backends::http::{Http, Refused};
use crate::config::{TtsCloning, TtsEngine};
use job::Job;
use reply::{Reply, Stage};

/// Interval of polls for a job.
const PAUSE: Duration = Duration::from_millis(150);

/// A serverless endpoint.
pub(super) struct RunPod {
    pub(super) http: Arc<Http>,
    pub(super) settings: Arc<TtsEngine>,
    /// Tasks that start and cancel jobs; they outlive their requests.
    pub(super) tracker: TaskTracker,
    /// Ends the tasks that start jobs when the server stops.
    pub(super) stopping: CancellationToken,
}

#[async_trait]
impl Api for RunPod {
    fn does(&self) -> &'static str {
        if self.settings.stream { "/run" } else { "/runsync" }
    }

    fn cloning(&self) -> Result<(), String> {
        if self.settings.cloning == TtsCloning::Inline {
            return Ok(());
        }
        let section = self.http.section();
        Err(format!(
            "set {section}.cloning to inline, and {section}.fields.clip to the name of the worker's field, if the worker clones"
        ))
    }

    async fn look(&self) -> Result<Listing, Refused> {
        let http = &self.http;
        api::asked(http, http.get(http.url(&["health"])), "/health").await?;
        Ok(Listing::default())
    }

    async fn speak(&self, line: &Line) -> Result<Answer, Refused> {
        let recorded = match &line.clip {
            Some(clip) => Some(clip::read(clip).await?),
            None => None,
        };
        let input = input(&self.settings, line, recorded.as_ref());
        let begun = self.begin(json!({ "input": input })).await?;
        let coding = api::coding(&self.settings);
        match begun.reply.stage {
            Stage::Failed(why) => Err(failed(&self.http, &why).into()),
            Stage::Done => Ok(api::in_json(&self.http, &begun.reply.output, coding)?),
            Stage::Working => Ok(self.follow(begun.job, coding)),
        }
    }
}

/// A job that was started, and its first reply.
struct Begun {
    job: Job,
    reply: Reply,
}

impl RunPod {
    /// Starts a job. If its requester is gone by the time its id is known, the job is cancelled.
    async fn begin(&self, body: Value) -> Result<Begun, Refused> {
        let (http, does, tracker) = (self.http.clone(), self.does(), self.tracker.clone());
        let ((sender, begun), stopping) = (oneshot::channel(), self.stopping.clone());
        self.tracker.spawn(async move {
            if let Some(begun) = stopping.run_until_cancelled(begin(http, does, tracker, body)).await {
                // Dropping the unsent value drops the job, which cancels it.
                _ = sender.send(begun);
            }
        });
        let lost = |_| EngineError::Unavailable("the server stops".into());
        begun.await.map_err(lost)?
    }

    /// The pieces of a job's sound.
    fn follow(&self, job: Job, coding: Coding) -> Answer {
        let streams = self.settings.stream;
        let following =
            Following { http: self.http.clone(), job, stream: streams, heard: false, done: false };
        let pieces = stream::try_unfold(Some(following), |following| async move {
            let Some(mut following) = following else { return Ok::<_, EngineError>(None) };
            let found = following.next().await?;
            let next = (!found.last).then_some(following);
            Ok(Some((stream::iter(found.pieces.into_iter().map(Ok::<_, EngineError>)), next)))
        });
        let pieces = pieces.flat_map(|found| match found {
            Ok(pieces) => pieces.boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        });
        Answer { coding, pieces: pieces.boxed(), separate: true, whole: !streams, closing: false }
    }
}

/// Sends the request that starts a job.
async fn begin(
    http: Arc<Http>,
    does: &'static str,
    tracker: TaskTracker,
    body: Value,
) -> Result<Begun, Refused> {
    let request = http.post(http.url(&[does.trim_start_matches('/')])).json(&body);
    let response = api::asked(&http, request, does).await?;
    let reply = Reply::of(api::json(&http, response).await?);
    let job = Job::new(http.clone(), tracker, reply.id.clone());
    if reply.stage != Stage::Working {
        job.over();
    } else if reply.id.is_empty() {
        let at = http.address();
        let text = format!(
            "{at} started no job: it answered {does} without an id. Set its address to …/v2/ENDPOINT"
        );
        return Err(EngineError::Failed(text).into());
    }
    Ok(Begun { job, reply })
}

/// The error for a job that has ended without sound.
fn failed(http: &Http, why: &str) -> EngineError {
    api::told(http, &format!("has no sound for a job: {why}"))
}

/// A job whose sound is awaited.
struct Following {
    http: Arc<Http>,
    job: Job,
    /// The sound was requested in pieces.
    stream: bool,
    /// Some sound has arrived.
    heard: bool,
    /// RunPod has reported the end of the job.
    done: bool,
}

/// The result of a poll.
struct Found {
    pieces: Vec<Piece>,
    /// There are no more pieces.
    last: bool,
}

impl Following {
    /// Polls until sound arrives or none is left.
    async fn next(&mut self) -> Result<Found, EngineError> {
        loop {
            let reply = self.ask().await?;
            // A piece without sound reports progress.
            let told = reply.iter().flat_map(|reply| &reply.pieces);
            let found = told.filter_map(|piece| encoded::sound(piece).ok());
            let mut pieces: Vec<Piece> = found.flatten().map(Piece::from).collect();
            // A finished job may still have pieces: poll until a reply has none.
            let last = self.done && reply.as_ref().is_none_or(|reply| reply.pieces.is_empty());
            if last && !self.heard {
                pieces = self.result(reply).await?;
            }
            self.heard |= !pieces.is_empty();
            if last || !pieces.is_empty() {
                return Ok(Found { pieces, last });
            }
            sleep(PAUSE).await;
        }
    }

    /// Polls once; none: the job was finished, and RunPod has forgotten it.
    async fn ask(&mut self) -> Result<Option<Reply>, EngineError> {
        let reply = match self.job.ask(if self.stream { "stream" } else { "status" }).await {
            Err(error) if self.done && !error.is_passing() => return Ok(None),
            reply => reply?,
        };
        match &reply.stage {
            Stage::Failed(_) if self.done => return Ok(None),
            Stage::Failed(why) => {
                self.job.over();
                return Err(failed(&self.http, why));
            }
            Stage::Done => {
                self.job.over();
                self.done = true;
            }
            Stage::Working => {}
        }
        Ok(Some(reply))
    }

    /// The sound in the job's result, where a worker that streams no pieces puts all of it.
    async fn result(&self, reply: Option<Reply>) -> Result<Vec<Piece>, EngineError> {
        let output = match reply {
            Some(reply) if !self.stream => reply.output,
            _ => self.job.ask("status").await?.output,
        };
        let found = encoded::sound(&output).map_err(|why| api::silent(&self.http, &why))?;
        Ok(found.into_iter().map(Piece::from).collect())
    }
}

/// The input of a job.
fn input(own: &TtsEngine, line: &Line, recorded: Option<&Recorded>) -> Map<String, Value> {
    let mut input = Map::new();
    let mut set = |ours: &str, usual: &str, value: Value| {
        let name = own.fields.get(ours).map_or(usual, String::as_str);
        if !name.is_empty() {
            input.insert(name.into(), value);
        }
    };
    set("text", "text", line.text.clone().into());
    if !line.voice.is_empty() && line.clip.is_none() {
        set("voice", "voice", line.voice.clone().into());
    }
    set("language", "language", line.language.clone().into());
    set("format", "", own.format.name().into());
    let speed = line.speed.of(own.speed);
    if (speed - 1.0).abs() > 0.001 {
        set("speed", "speed", ((f64::from(speed) * 1e4).round() / 1e4).into());
    }
    if let (Some(recorded), Some(Clip { words, .. })) = (recorded, &line.clip) {
        set("clip", "reference_audio", STANDARD.encode(&recorded.bytes).into());
        if !words.is_empty() {
            set("clip_words", "reference_text", words.clone().into());
        }
    }
    input.extend(own.body.clone());
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_the_fields_of_its_worker() {
        let clip =
            Clip { name: "Anna".into(), language: "en".into(), file: "/a".into(), words: "Hi.".into() };
        let mut line = Line {
            text: "Hello.".into(),
            voice: "joe".into(),
            language: "en".into(),
            speed: Default::default(),
            clip: None,
        };
        let mut own = TtsEngine::default();
        let usual = json!({ "text": "Hello.", "voice": "joe", "language": "en" });
        assert_eq!(Value::from(input(&own, &line, None)), usual);
        own.fields = [("text", "prompt"), ("language", ""), ("clip", "audio_prompt")]
            .map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()))
            .into();
        own.body.insert("output_format".into(), json!("wav"));
        line.clip = Some(clip);
        let recorded = Recorded { bytes: b"RIFF".to_vec(), tag: "t".into() };
        let cloned = json!({
            "prompt": "Hello.", "audio_prompt": "UklGRg==", "reference_text": "Hi.", "output_format": "wav",
        });
        assert_eq!(Value::from(input(&own, &line, Some(&recorded))), cloned);
    }
}
