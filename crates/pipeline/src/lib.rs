//! The pipeline of one call: one file per stage, connected here.
//!
//! Its queues, their bounds and what happens when they are full: ARCHITECTURE.md, "Queues". The conductor never waits for a
//! queue, so no cycle of full queues can form.

#![forbid(unsafe_code)]

pub mod animate;
pub mod animation;
pub mod conductor;
mod cues;
pub mod echo;
pub mod fit;
mod floor;
pub mod hallucination;
pub mod language;
pub mod llm;
pub mod local_agreement;
pub mod near_voice;
pub mod note;
mod observer;
pub mod options;
pub mod playout;
pub mod recording;
pub mod scope;
mod spans;
mod stages;
pub mod stt;
pub mod tools;
pub mod tts;
pub mod vad;

pub(crate) use visavis_config as config;
pub(crate) use visavis_core::{avatar, context, event, frame, plain, route, tool, voice};
pub(crate) use visavis_core::{conversation, interjection, invariants, slow};
pub(crate) use visavis_engine as engine;
pub(crate) use visavis_media::{audio, ports};
pub(crate) use visavis_text::{caption, private_text, segments, speakable};

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::avatar::performer::Pace;
use crate::config::Config;
use crate::engine::{Caller, Engines, LlmCapabilities, Voice};
use crate::event::{CallEnd, CallEvent, EndReason};
use crate::frame::{PlaybackPosition, UtteranceId};
use crate::plain::plain;
use crate::ports::PipelinePorts;
use animate::{FaceInput, FaceSender};
use conductor::Begin;
use conversation::{ModelAbilities, Settings};
use options::CallOptions;
use scope::Scope;

const FEED_QUEUE: usize = 64;
const VOICE_QUEUE: usize = 32;
const WORD_QUEUE: usize = 16;
const NOTE_QUEUE: usize = 64;
const JUDGED_QUEUE: usize = 8;
const RETURNED_QUEUE: usize = 8;
const SEGMENT_QUEUE: usize = 4;
const SPEECH_QUEUE: usize = 4;
const TOLD_QUEUE: usize = 64;
const FACE_QUEUE: usize = 128;

/// How long the start of a call waits for the engine's list of voices.
const VOICES: Duration = Duration::from_millis(300);

/// How long the end of a call waits to tell the client, and then for the recording to be written.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long the end of a call waits, when the server stops, for its context to be kept.
const KEPT: Duration = Duration::from_millis(800);

/// Runs a call's pipeline until the client leaves, the conversation or `scope` ends it, or a stage panics. When it returns,
/// all its tasks have ended and the client has been told why.
pub async fn run(
    call: String,
    ports: PipelinePorts,
    engines: Engines,
    config: &Config,
    options: CallOptions,
    scope: Scope,
) -> EndReason {
    let tasks = TaskTracker::new();
    let scope = scope.child();
    let events = ports.events.clone();
    let CallOptions { language, voice, context, remembered, hellos, moved, kept, times, caller } = options;
    // A caller without a name at least stays the same throughout the call.
    let user: Arc<str> = if caller.user.is_empty() { call.as_str().into() } else { caller.user };
    let caller = Caller { user, ..caller };
    let language =
        language.or_else(|| Some(config.conversation.language.clone()).filter(|language| language != "auto"));
    let settings = settings(config, language, engines.llm.capabilities());
    let voices = voices(&engines).await;
    let settings = Settings {
        voices: languages(&voices, &settings.voice),
        known_voices: voices.iter().map(Voice::known).collect(),
        chosen_voices: voice.into_iter().map(|voice| (voice.language, voice.name)).collect(),
        ..settings
    };
    let settings = match &context {
        Some(context) => context.over(settings),
        None => settings,
    };
    let (observer, written) = observer::Observer::new(&call, config, &settings, context.as_deref());
    let observer = observer.timing(times, caller.user.clone());
    let begin = Begin { settings, context, remembered, hellos, moved, observer, caller };
    let CallEnd { reason, message } = stages_of(&call, ports, &engines, config, begin, &tasks, &scope).await;
    scope.token.cancel();
    tasks.close();
    tasks.wait().await;
    if let Some(kept) = kept.filter(|_| reason == EndReason::ServerStopping) {
        // The client comes back at once, perhaps to another server.
        _ = tokio::time::timeout(KEPT, kept.cancelled()).await;
    }
    // The last event waits for room in the queue, so that a burst cannot lose it, but not for an engine.
    let last = CallEvent::Ended { reason, message: message.into() };
    let told = async move { _ = tokio::time::timeout(LAST_WORDS, events.send(last)).await };
    tokio::join!(told, engines.llm.release(&call));
    if let Some(written) = written {
        _ = tokio::time::timeout(LAST_WORDS, written).await;
    }
    reason
}

async fn stages_of(
    call: &str,
    ports: PipelinePorts,
    engines: &Engines,
    config: &Config,
    begin: Begin,
    tasks: &TaskTracker,
    scope: &Scope,
) -> CallEnd {
    let (feed, to_stt) = mpsc::channel(FEED_QUEUE);
    let (voice_out, voice) = mpsc::channel(VOICE_QUEUE);
    let (words_out, words) = mpsc::channel(WORD_QUEUE);
    let (told, playout_events) = mpsc::channel(TOLD_QUEUE);
    let (speech, to_play) = mpsc::channel(SPEECH_QUEUE);
    let (current, current_rx) = watch::channel(None);
    let (closed, closed_rx) = watch::channel(UtteranceId(0));
    let (position_out, position) = watch::channel(PlaybackPosition::default());
    let (language_out, language_rx) = watch::channel(begin.settings.language.clone());
    let origin = Instant::now();
    let played = echo::Played::default();
    let (face, face_inputs) = face(config);
    let context = stt::Context {
        stt: engines.stt.clone(),
        tts: engines.tts.clone(),
        language: language_rx,
        position: position.clone(),
        caller: begin.caller.clone(),
    };
    let channels = conductor::Channels {
        voice,
        words,
        commands: ports.commands,
        presence: ports.presence,
        playout: playout_events,
        position: position.clone(),
        events: ports.events,
        departure: ports.departure,
        hang_up: ports.hang_up,
        language: language_out,
        current,
        closed,
        speech,
        toolbox: Arc::new(tools::Toolbox::new(&config.tools, call)),
        face: face.clone(),
        cue_sources: cue_sources(config),
    };
    let (call, all, tasks) = (call.to_owned(), engines.clone(), tasks.clone());
    let hearing = stt::run(to_stt, context, words_out, tasks.clone(), scope.token.clone());
    let conductor = conductor::Conductor::new(call, begin, all, channels, tasks, scope.clone());
    let mut stages = Stages { running: JoinSet::new(), token: scope.token.clone() };
    let microphone = vad::Microphone { frames: ports.mic, echo: echo::Echo::new(played.clone()), origin };
    let (detector, gate) = ((engines.vad)(), config.vad.clone());
    let turns = vad::Turns { closed: closed_rx, current: current_rx.clone(), position };
    stages.start("vad", vad::run(microphone, detector, gate, feed, voice_out, turns));
    stages.start("stt", hearing);
    let clocked = playout::Context { origin, face, tap: echo::tap::Tap::new(played) };
    stages.start("playout", playout::run(clocked, to_play, current_rx, ports.media, position_out, told));
    if let Some(inputs) = face_inputs {
        let audience = animate::Audience { page: ports.faces, moments: ports.moments };
        stages.start("animate", animate::run(inputs, pace(config), origin, audience));
    }
    stages.end_with(tokio::spawn(Box::pin(conductor.run()))).await
}

/// The stages of one call except its conductor.
struct Stages {
    running: JoinSet<()>,
    /// Ends all stages.
    token: CancellationToken,
}

impl Stages {
    /// Runs a stage until it or the call ends.
    fn start(&mut self, stage: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        let (token, future) = (self.token.clone(), Box::pin(future));
        self.running.spawn(async move {
            tokio::select! {
                () = future => tracing::trace!(stage, "stage ended"),
                () = token.cancelled() => {}
            }
        });
    }

    /// Waits until the conductor ends or a stage panics; then ends all stages and waits for them.
    async fn end_with(mut self, mut conductor: JoinHandle<CallEnd>) -> CallEnd {
        let end = loop {
            tokio::select! {
                ended = &mut conductor => break ended.unwrap_or(FAULT),
                stage = self.running.join_next(), if !self.running.is_empty() => {
                    if matches!(stage, Some(Err(error)) if error.is_panic()) {
                        conductor.abort();
                        break FAULT;
                    }
                }
            }
        };
        self.token.cancel();
        while self.running.join_next().await.is_some() {}
        end
    }
}

/// The sender to the face, and its receiver if the avatar is enabled.
fn face(config: &Config) -> (FaceSender, Option<mpsc::Receiver<FaceInput>>) {
    if !config.avatar.enabled {
        return (FaceSender::default(), None);
    }
    let (inputs, queue) = mpsc::channel(FACE_QUEUE);
    (FaceSender::new(inputs), Some(queue))
}

fn pace(config: &Config) -> Pace {
    Pace { fps: config.avatar.fps, lead: f64::from(config.avatar.lead_ms) / 1000.0 }
}

/// The voices; none if the engine does not list them in time.
async fn voices(engines: &Engines) -> Vec<Voice> {
    let listed = tokio::time::timeout(VOICES, engines.tts.voices()).await;
    listed.ok().and_then(Result::ok).unwrap_or_default()
}

/// The languages of the voice, or the mix, with this name, or of all voices if it is empty; none if they are not known.
fn languages(voices: &[Voice], voice: &str) -> Vec<String> {
    let usable = voices.iter().filter(|known| voice.is_empty() || known.leads(voice));
    let mut languages: Vec<String> = usable.map(|voice| voice.language.clone()).collect();
    languages.dedup();
    // A voice that does not report its language may speak any.
    if languages.iter().any(String::is_empty) { Vec::new() } else { languages }
}

fn cue_sources(config: &Config) -> llm::CueSources {
    let avatar = &config.avatar;
    llm::CueSources { tags: avatar.enabled && avatar.tags, words: avatar.enabled && avatar.text_cues }
}

/// The system prompt of every call.
#[must_use]
pub fn instructions(config: &Config) -> String {
    let mut instructions = plain(&config.conversation.instructions).into_owned();
    if config.avatar.enabled && config.avatar.tags {
        instructions.push_str(&crate::avatar::tags::instructions());
    }
    instructions
}

fn settings(config: &Config, language: Option<String>, model: LlmCapabilities) -> Settings {
    let context = model.context.unwrap_or(config.llm.context);
    Settings {
        instructions: instructions(config),
        language,
        voice: config.tts.voice.clone(),
        voices: Vec::new(),
        known_voices: Vec::new(),
        chosen_voices: BTreeMap::new(),
        greeting: plain(&config.conversation.greeting).into_owned(),
        eagerness: config.conversation.eagerness,
        idle_ms: config.conversation.idle_seconds * 1000,
        idle_end_ms: config.conversation.idle_end_seconds * 1000,
        model: ModelAbilities { turn_end: model.turn_end, tools: model.tools },
        prompt_tokens: context.saturating_sub(config.llm.max_tokens) as usize,
        tools: if model.tools { tools::configured(&config.tools) } else { Vec::new() },
        tool_rounds: config.tools.rounds,
        summarise: config.conversation.summarise,
    }
}

const FAULT: CallEnd =
    CallEnd { reason: EndReason::Fault, message: "Something went wrong in this call. Please call again." };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_and_greeting_are_plain_text_whatever_the_configuration_holds() {
        let mut config = Config::default();
        config.conversation.instructions = "\u{feff}Be\0 brief.".into();
        config.conversation.greeting = "\u{feff}Hello\0 there.".into();
        let settings = settings(&config, None, LlmCapabilities::ALL);
        assert_eq!(settings.instructions, "Be brief.");
        assert_eq!(settings.greeting, "Hello there.");
    }
}
