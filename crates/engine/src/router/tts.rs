//! Routing of voices.
//!
//! Until the first sound another engine takes over the whole segment. After it another one speaks the rest: from the word after
//! the last one whose sound was returned or, for a voice that reports no words, from the one that sounds by the pace of speech.
//! An engine that stalls counts as failed while another one is fit, so that nobody waits in silence for what another engine can
//! say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::board::{Board, Picked, Plan};
use super::policy::{Ask, Fate};
use super::race::{self, Begun, Opening, Pieces};
use super::rest::Progress;
use super::shadow;
use crate::route::{Reason, Routed};
use crate::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice, VoiceRefusal};

/// Longest wait for an engine's list of voices: a call begins with it, and does not wait longer for all of them.
const LISTED: Duration = Duration::from_millis(250);
/// Silence within a segment, after all its sound so far has been heard, after which another engine speaks the rest.
const STALL: Duration = Duration::from_secs(3);
/// Pause between two looks whether another engine is fit to replace one that has stalled.
const LOOK: Duration = Duration::from_secs(1);

/// The voices that the configuration names.
#[derive(Debug, Clone, Default)]
pub struct Voices {
    /// The usual voice of requests, `tts.voice`.
    pub usual: String,
    /// The usual voice of each engine, in the board's order; empty: the language's first.
    pub own: Vec<String>,
}

/// The engines and their voices.
struct Desk {
    board: Arc<Board>,
    engines: Vec<Arc<dyn Tts>>,
    voices: Voices,
}

/// A voice that routes segments.
pub struct RoutedTts(Arc<Desk>);

impl RoutedTts {
    /// The engines of a board, in its order.
    #[must_use]
    pub fn new(board: Arc<Board>, engines: Vec<Arc<dyn Tts>>, voices: Voices) -> Self {
        Self(Arc::new(Desk { board, engines, voices }))
    }

    /// The capabilities of the engines that usually speak, in order.
    fn usual(&self) -> Vec<TtsCapabilities> {
        self.0.board.usual().into_iter().map(|engine| self.0.engines[engine].capabilities()).collect()
    }
}

impl Desk {
    fn plan(&self, request: &TtsRequest) -> Plan {
        let (user, tier) = (&*request.caller.user, &*request.caller.tier);
        let plan = self.board.plan(&Ask { language: &request.language, voice: &request.voice, user, tier });
        if request.ahead { plan.without_deadline() } else { plan }
    }

    /// The request adapted to an engine: its own usual voice replaces the configured one.
    fn of_engine(&self, engine: usize, request: &TtsRequest) -> TtsRequest {
        let mut request = request.clone();
        if request.voice == self.voices.usual {
            request.voice = self.own_voice(engine);
        }
        request
    }

    fn own_voice(&self, engine: usize) -> String {
        self.voices.own.get(engine).cloned().unwrap_or_default()
    }

    /// Makes a request to an engine. An engine that takes over uses its own voice if it does not have the requested one, and says so:
    /// another voice is better than silence. Its own voice is only a preference if no voice is requested.
    fn open(&self, engine: usize, reason: Reason, request: &TtsRequest) -> Opening<TtsPart> {
        let (tts, own) = (self.engines[engine].clone(), self.own_voice(engine));
        let asked = self.of_engine(engine, request);
        let (stands_in, named) = (!reason.is_planned(), !asked.voice.is_empty());
        let mut others = Vec::new();
        if stands_in && asked.voice != own {
            others.push(own);
        }
        if named && (stands_in || request.voice.is_empty()) {
            others.push(String::new());
        }
        // Each engine speaks with a voice of its own in place of the usual one; that is no refusal.
        let told = named && asked.voice == request.voice;
        async move {
            if others.is_empty() {
                return tts.synthesize(asked).await;
            }
            let mut opened = begun(tts.synthesize(asked.clone()).await, None).await;
            let mut reason = None;
            for voice in others {
                let Err(EngineError::Invalid(why)) = opened else { break };
                let refused = reason.get_or_insert(why).clone();
                let parts = tts.synthesize(TtsRequest { voice, ..asked.clone() }).await;
                opened = begun(parts, told.then_some(refused)).await;
            }
            opened
        }
        .boxed()
    }

    fn shadow(&self, plan: &Plan, request: &TtsRequest) {
        shadow::run_each(&self.board, plan, |engine| self.open(engine, Reason::Route, request));
    }
}

/// Waits for the first part: an engine may refuse a voice with it instead of with the request. `refused`: why it has refused another
/// voice, which the first part reports.
async fn begun(
    opened: Result<Pieces<TtsPart>, EngineError>,
    refused: Option<String>,
) -> Result<Pieces<TtsPart>, EngineError> {
    let mut parts = opened?;
    let first = parts.next().await.transpose()?;
    let refused = refused.map(|reason| VoiceRefusal { reason, everywhere: false });
    Ok(match first {
        Some(first) => stream::iter([Ok(TtsPart { refused, ..first })]).chain(parts).boxed(),
        None => stream::empty().boxed(),
    })
}

/// Speech that an engine makes.
struct Serving {
    picked: Picked,
    rest: Pieces<TtsPart>,
}

/// A segment, whichever engine speaks it.
struct Speech {
    desk: Arc<Desk>,
    plan: Plan,
    /// The text that is left to speak when an engine begins.
    request: TtsRequest,
    progress: Progress,
    /// When all its sound so far will have been heard, if playback began as soon as it arrived.
    heard: Instant,
    /// The first part of an engine, until it is passed on.
    first: Option<TtsPart>,
    /// The engine that has just begun, until a part reports it.
    routed: Option<Routed>,
    /// None: it has ended.
    now: Option<Serving>,
}

impl Speech {
    /// Starts the next engine.
    async fn begin(&mut self, after: Option<Fate>) -> Result<(), EngineError> {
        let (desk, request) = (&self.desk, &self.request);
        let open = |engine, reason| desk.open(engine, reason, request);
        let Begun { picked, first, rest } = race::first(&desk.board, &mut self.plan, after, open).await?;
        self.routed = Some(desk.board.serves(picked.engine, picked.reason));
        self.first = first;
        if let Some(TtsPart { refused: Some(refused), .. }) = &mut self.first {
            refused.everywhere = self.plan.is_refused_by_all_but(picked.engine);
        }
        self.now = Some(Serving { picked, rest });
        Ok(())
    }

    fn pass(&mut self, part: TtsPart) -> TtsPart {
        self.progress.take(&part);
        self.heard = self.heard.max(Instant::now()) + part.lasts();
        TtsPart { routed: self.routed.take(), ..part }
    }

    /// Whether another engine may speak the rest, should this one stall: somebody waits, and another one is fit now.
    fn is_replaceable(&self) -> bool {
        let Some(Serving { picked, .. }) = &self.now else { return false };
        let other = self.desk.board.peek(&self.plan.without(picked.engine), None);
        self.plan.first.is_some() && other.is_some_and(|other| other.reason != Reason::LastResort)
    }

    /// The engine's next part. Time in which nobody reads does not count as a stall.
    async fn given(&mut self) -> Option<Result<TtsPart, EngineError>> {
        let mut until = self.heard.max(Instant::now()) + STALL;
        loop {
            let next = self.now.as_mut()?.rest.next();
            match timeout_at(until, next).await {
                Ok(given) => return given,
                Err(_) if self.is_replaceable() => return Some(Err(EngineError::Deadline)),
                Err(_) => until = Instant::now() + LOOK,
            }
        }
    }

    async fn next(mut self) -> Option<(Result<TtsPart, EngineError>, Self)> {
        loop {
            if let Some(first) = self.first.take() {
                let part = self.pass(first);
                return Some((Ok(part), self));
            }
            match self.given().await {
                Some(Ok(part)) => {
                    let part = self.pass(part);
                    return Some((Ok(part), self));
                }
                None => {
                    self.now.take()?.picked.ticket.served();
                    return None;
                }
                Some(Err(error)) => {
                    let Serving { picked, .. } = self.now.take()?;
                    let fate = picked.ticket.failed(&error);
                    self.plan.lost(picked.engine);
                    if self.progress.is_begun() {
                        // If nothing is left, the engine failed after its last word.
                        let rest = self.progress.rest()?;
                        self.progress = Progress::new(rest.as_str());
                        self.request.text = rest;
                    }
                    if self.begin(Some(fate)).await.is_err() {
                        return Some((Err(error), self));
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Tts for RoutedTts {
    /// The common capabilities of the engines that usually speak: the rest of the pipeline relies on them for every segment.
    fn capabilities(&self) -> TtsCapabilities {
        let all = self.usual();
        let least = all.iter().map(|can| can.word_times).min_by_key(|times| *times as u8);
        TtsCapabilities {
            word_times: least.unwrap_or_default(),
            phonemes: all.iter().all(|can| can.phonemes),
        }
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let desk = self.0.clone();
        let plan = desk.plan(&request);
        if !request.ahead {
            desk.shadow(&plan, &request);
        }
        let progress = Progress::new(request.text.as_str());
        let heard = Instant::now();
        let mut speech =
            Speech { desk, plan, request, progress, heard, first: None, routed: None, now: None };
        speech.begin(None).await?;
        Ok(stream::unfold(speech, Speech::next).boxed())
    }

    async fn prepare(&self, request: TtsRequest) {
        let desk = &self.0;
        let plan = desk.plan(&request);
        if let Some(choice) = desk.board.peek(&plan, None) {
            desk.engines[choice.engine].prepare(desk.of_engine(choice.engine, &request)).await;
        }
    }

    /// The voices of all ready engines that serve, each once per language.
    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        let mut asked = Vec::new();
        for (engine, tts) in self.0.engines.iter().enumerate() {
            if self.0.board.is_ready(engine) && self.0.board.is_serving(engine) {
                asked.push(timeout(LISTED, tts.voices()));
            }
        }
        let (mut voices, mut fault, mut known) = (Vec::new(), None, BTreeSet::new());
        for listed in join_all(asked).await {
            match listed.unwrap_or(Err(EngineError::Deadline)) {
                Ok(listed) => {
                    let new = |voice: &Voice| known.insert((voice.name.clone(), voice.language.clone()));
                    voices.extend(listed.into_iter().filter(new));
                }
                Err(error) => fault = Some(error),
            }
        }
        match fault {
            Some(error) if voices.is_empty() => Err(error),
            _ => Ok(voices),
        }
    }
}
