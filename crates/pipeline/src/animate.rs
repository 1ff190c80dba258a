//! Stage 6b, the face: follows playout and sends faces ahead of the sound. [`Performer`] makes the decisions.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::avatar::cue::{Cue, DueCue};
use crate::avatar::expression::State;
use crate::avatar::performer::{Due, Moment, Pace, Performer};
use crate::avatar::sound::Sound;
use crate::avatar::source;
use crate::avatar::wire::Batch;
use crate::event::{AgentState, CallEvent};
use crate::frame::{CueTime, FRAME_TICKS, MEDIA_CLOCK, OUT_RATE, ResponseId, Sounds, WordTime};
use crate::ports::{FaceMoment, Moments};

/// Added to each wake-up: one slightly too early would find nothing due and cause another.
const ROUNDING: Duration = Duration::from_micros(50);

/// Input of the face.
#[derive(Debug, Clone)]
pub enum FaceInput {
    /// Speech is queued for playout.
    Speech {
        /// The response.
        response: ResponseId,
        /// Position of the first sample within the response.
        start: u64,
        /// The audio.
        samples: Arc<Vec<i16>>,
        /// Its speech sounds.
        sounds: Sounds,
        /// What the face shows during it.
        cues: Vec<CueTime>,
    },
    /// A frame of sound was sent.
    Sounds {
        /// The response.
        response: ResponseId,
        /// Position within the response of the frame's first sample.
        sample: u64,
        /// The frame's position on the media clock, in frames.
        frame: u64,
    },
    /// Playout is paused and may go on.
    Paused,
    /// The last frame was sent.
    Finished(ResponseId),
    /// The response is no longer current.
    Dropped(ResponseId),
    /// What the agent is doing.
    State(AgentState),
    /// The person has ended a clause.
    Clause,
    /// Something to show now.
    Cue(Cue),
}

/// Sends inputs to the face; never waits, so that the face cannot delay the sound.
#[derive(Debug, Clone, Default)]
pub struct FaceSender(Option<mpsc::Sender<FaceInput>>);

impl FaceSender {
    /// Sends to the face that reads this queue.
    #[must_use]
    pub fn new(inputs: mpsc::Sender<FaceInput>) -> Self {
        Self(Some(inputs))
    }

    /// Sends an input, if there is a face.
    pub fn send(&self, input: impl FnOnce() -> FaceInput) {
        if let Some(inputs) = &self.0
            && inputs.try_send(input()).is_err()
        {
            metrics::counter!("visavis_face_inputs_dropped_total").increment(1);
        }
    }

    /// Passes on the events that show in the face.
    pub fn told(&self, event: &CallEvent) {
        match event {
            CallEvent::State(state) => self.send(|| FaceInput::State(*state)),
            CallEvent::UserStoppedSpeaking => self.send(|| FaceInput::Clause),
            _ => {}
        }
    }
}

/// Where faces go.
pub struct Audience {
    /// The client's page; a message is dropped and counted when it is full.
    pub page: mpsc::Sender<Batch>,
    /// Renderers and streams, each at its own pace.
    pub moments: Moments,
}

/// Moves the face until the pipeline ends. `origin` is the media clock's zero.
pub async fn run(mut inputs: mpsc::Receiver<FaceInput>, pace: Pace, origin: Instant, audience: Audience) {
    let mut task = FaceTask { performer: Performer::new(rand::random(), pace), origin, audience };
    loop {
        let watched = task.audience.moments.is_watched();
        task.performer.watched(watched, task.now());
        let wake = task.performer.wake().map(|at| origin + Duration::from_secs_f64(at.max(0.0)) + ROUNDING);
        tokio::select! {
            biased;
            input = inputs.recv() => match input {
                Some(input) => task.take(input),
                None => return,
            },
            () = sleep_until(wake.unwrap_or(origin)), if wake.is_some() => {}
            // It is watched even while it is still.
            () = task.audience.moments.viewer() => {}
        }
        task.perform();
    }
}

struct FaceTask {
    performer: Performer,
    origin: Instant,
    audience: Audience,
}

impl FaceTask {
    fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }

    fn take(&mut self, input: FaceInput) {
        let now = self.now();
        match input {
            FaceInput::Speech { response, start, samples, sounds, cues } => {
                self.speech(response, start, &samples, &sounds, &cues);
            }
            FaceInput::Sounds { response, sample, frame } => {
                let media = frame as f64 * f64::from(FRAME_TICKS) / f64::from(MEDIA_CLOCK);
                self.performer.sounds(response.0, seconds(sample), media);
            }
            FaceInput::Paused => self.performer.paused(now),
            FaceInput::Finished(response) => self.performer.finished(response.0, now),
            FaceInput::Dropped(response) => self.performer.dropped(response.0, now),
            FaceInput::State(state) => {
                let state = match state {
                    AgentState::Listening => State::Listening,
                    AgentState::Thinking => State::Thinking,
                    AgentState::Speaking => State::Speaking,
                };
                self.performer.expression().state(state, now);
            }
            FaceInput::Clause => self.performer.expression().clause(now),
            FaceInput::Cue(cue) => self.performer.expression().cue(cue, now),
        }
    }

    fn speech(
        &mut self,
        response: ResponseId,
        start: u64,
        samples: &[i16],
        sounds: &Sounds,
        cues: &[CueTime],
    ) {
        let began = cpu_time();
        let told: Vec<Sound> = sounds.times.iter().map(sound).collect();
        let (sounds, source) = source::choose(&told, sounds.measured, &[], samples, OUT_RATE);
        metrics::counter!("visavis_speech_sounds_total", "source" => source.name())
            .increment(sounds.len() as u64);
        let cues: Vec<_> = cues.iter().map(|due| DueCue { at: seconds(due.at), cue: due.cue }).collect();
        self.performer.speech(response.0, seconds(start), &sounds, samples, OUT_RATE, &cues);
        count(began);
    }

    fn perform(&mut self) {
        let began = cpu_time();
        let Due { batches, moments } = self.performer.advance(self.now());
        if moments.is_empty() && batches.is_empty() {
            return;
        }
        count(began);
        metrics::counter!("visavis_faces_total").increment(moments.len() as u64);
        for batch in batches {
            if let Err(mpsc::error::TrySendError::Full(_)) = self.audience.page.try_send(batch) {
                metrics::counter!("visavis_face_messages_dropped_total").increment(1);
            }
        }
        for Moment { at, response, face } in moments {
            let timestamp = ((at * f64::from(MEDIA_CLOCK)).round() as u64 & 0xFFFF_FFFF) as u32;
            let at = self.origin + Duration::from_secs_f64(at.max(0.0));
            self.audience.moments.send(FaceMoment { response, timestamp, face, at });
        }
    }
}

fn sound(time: &WordTime) -> Sound {
    Sound { symbol: time.text.clone(), start: seconds(time.start), end: seconds(time.end) }
}

/// Samples of a response as seconds.
fn seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(OUT_RATE)
}

/// Counts the CPU time of animation.
fn count(began: Duration) {
    let micros = u64::try_from(cpu_time().saturating_sub(began).as_micros()).unwrap_or(u64::MAX);
    metrics::counter!("visavis_animation_microseconds_total").increment(micros);
}

/// CPU time of this thread, so that preemption does not count.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}
