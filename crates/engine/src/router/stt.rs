//! Routing of recognisers.
//!
//! The router keeps an utterance's audio, so that another engine gets all of it: at once if the first fails, and beside the
//! first if no transcript has arrived in time after a pause. The first engine that transcribes keeps the utterance. While the
//! last one is waited for, engines that were not ready or were too busy are asked again.

mod copy;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use self::copy::Shadow;
use super::board::{Board, Picked, Plan};
use super::line::{Decode, Event, Line, Sound, any};
use super::policy::{Ask, Fate};
use super::shadow;
use crate::retry::{at_once, patiently};
use crate::{Decoded, EngineError, Stt, SttCapabilities, SttInput, SttRequest, SttStream};

/// Audio and requests queued for the router; the pipeline waits when the queue is full.
const INPUTS: usize = 256;
/// Pause before more is sent to a recogniser whose queue is full.
const ROOM: Duration = Duration::from_millis(20);
/// First and longest interval of asking again engines that were not ready or were too busy.
const AGAIN: Duration = Duration::from_millis(250);
const LONGEST_AGAIN: Duration = Duration::from_secs(2);

/// The engines.
struct Desk {
    board: Arc<Board>,
    engines: Vec<Arc<dyn Stt>>,
}

/// A recogniser that routes utterances.
pub struct RoutedStt(Arc<Desk>);

impl RoutedStt {
    /// The engines of a board, in its order.
    #[must_use]
    pub fn new(board: Arc<Board>, engines: Vec<Arc<dyn Stt>>) -> Self {
        Self(Arc::new(Desk { board, engines }))
    }
}

impl Desk {
    fn plan(&self, request: &SttRequest) -> Plan {
        let (user, tier) = (&*request.caller.user, &*request.caller.tier);
        let plan = self.board.plan(&Ask { language: language(request), user, tier, voice: "" });
        if request.ahead { plan.without_deadline() } else { plan }
    }

    /// The request adapted to an engine: only languages that it recognises are expected.
    fn of_engine(&self, engine: usize, request: &SttRequest) -> SttRequest {
        let known = self.engines[engine].capabilities().languages;
        let mut request = request.clone();
        request.expected.retain(|expected| known.is_empty() || known.contains(&expected.language));
        request
    }

    /// Makes copies of an utterance; returns the senders for its audio.
    fn shadow(&self, plan: &Plan, request: &SttRequest) -> Vec<mpsc::Sender<SttInput>> {
        let copied = plan.shadows.iter().map(|engine| {
            let (sound, inputs) = mpsc::channel(INPUTS);
            let (board, stt) = (self.board.clone(), self.engines[*engine].clone());
            let copy = Shadow { board, engine: *engine, inputs };
            shadow::run(&self.board, *engine, copy.run(stt, self.of_engine(*engine, request)));
            sound
        });
        copied.collect()
    }
}

/// The likely language of an utterance: the one that was set, or one that outweighs all other expected ones together.
fn language(request: &SttRequest) -> &str {
    let all: f32 = request.expected.iter().map(|expected| expected.weight).sum();
    let likely = request.expected.iter().find(|expected| expected.weight * 2.0 > all);
    match request.language.as_str() {
        "" => likely.map_or("", |expected| expected.language.as_str()),
        language => language,
    }
}

/// An utterance, whichever engine transcribes it.
struct Utterance {
    desk: Arc<Desk>,
    plan: Plan,
    request: SttRequest,
    inputs: mpsc::Receiver<SttInput>,
    /// No more inputs come.
    over: bool,
    sound: Sound,
    /// The recognisers at work: more than one while the first is late.
    lines: Vec<Line>,
    /// When the newest one is late or, after the last one, when one that was beaten before is given up and absent ones are asked
    /// again.
    due: Option<Instant>,
    /// Engines that were not ready or were too busy, and were not waited for.
    absent: Vec<usize>,
    /// The pause before they are asked again, after the first time.
    pause: Duration,
    error: Option<EngineError>,
    shadows: Vec<mpsc::Sender<SttInput>>,
}

impl Utterance {
    /// Starts the next engine.
    fn start(&mut self, after: Option<Fate>) {
        if let Some(picked) = self.desk.board.pick(&mut self.plan, after) {
            self.absent.retain(|absent| *absent != picked.engine);
            self.ask(picked);
        }
        self.await_transcript();
    }

    /// Starts this engine.
    fn ask(&mut self, picked: Picked) {
        let stt = self.desk.engines[picked.engine].clone();
        let (can, request) = (stt.capabilities(), self.desk.of_engine(picked.engine, &self.request));
        let opening = if picked.last {
            async move { patiently(|| stt.open(request.clone()), EngineError::is_passing).await }.boxed()
        } else {
            at_once(async move { stt.open(request).await }).boxed()
        };
        self.lines.push(Line::new(picked, can, opening));
    }

    /// Sets the deadline for the wanted transcript, if another engine could make it.
    fn await_transcript(&mut self) {
        let wanted = self.sound.wanted.as_ref().is_some_and(|wanted| wanted.last);
        let another = self.desk.board.peek(&self.plan, None).is_some();
        let beaten = self.lines.iter().find_map(|line| line.picked.within).filter(|_| !another);
        let wait = beaten.or(self.plan.first.filter(|_| another || !self.absent.is_empty()));
        self.pause = AGAIN;
        self.due = wait.filter(|_| wanted).map(|wait| Instant::now() + wait);
    }

    fn take(&mut self, input: SttInput) {
        self.shadows.retain(|shadow| shadow.try_send(input.clone()).is_ok());
        match input {
            SttInput::Audio(audio) => self.sound.audio.extend(audio),
            SttInput::Decode { number, last, stable, phrases } => {
                self.sound.wanted = Some(Decode { number, last, stable, phrases });
                self.await_transcript();
            }
        }
    }

    /// The newest engine is late: the next one is asked as well or, after the last one, the absent ones.
    fn is_late(&mut self) {
        if self.desk.board.peek(&self.plan, None).is_some() {
            if let Some(newest) = self.lines.last_mut() {
                newest.late = true;
            }
            return self.start(Some(Fate::Late));
        }
        // One that was beaten before may hang, and is not waited for to its own end.
        if let Some(line) = self.lines.iter().position(|line| line.picked.within.is_some()) {
            self.lost(line, EngineError::Deadline);
        }
        self.again();
    }

    /// Asks absent engines again that are ready now.
    fn again(&mut self) {
        for engine in std::mem::take(&mut self.absent) {
            if self.desk.board.is_ready(engine) {
                let picked = self.desk.board.again(engine);
                self.ask(picked);
            } else {
                self.absent.push(engine);
            }
        }
        self.pause = (self.pause * 2).min(LONGEST_AGAIN);
        self.due = Some(Instant::now() + self.pause);
    }

    /// An engine has failed: the next one is asked, unless another is at work and not late.
    fn lost(&mut self, line: usize, error: EngineError) {
        let Line { picked: Picked { engine, last, ticket, .. }, begun, .. } = self.lines.remove(line);
        let fate = match &error {
            EngineError::Deadline if self.request.ahead => ticket.passed_over(),
            error => ticket.failed(error),
        };
        if begun {
            self.plan.lost(engine);
        } else {
            self.plan.failed(engine, fate);
        }
        if fate == Fate::Absent && !last {
            self.absent.push(engine);
        }
        let refused = |error: &EngineError| matches!(error, EngineError::Invalid(_));
        if self.error.as_ref().is_none_or(|kept| refused(kept) && !refused(&error)) {
            self.error = Some(error);
        }
        if self.lines.iter().all(|line| line.late) {
            self.start(Some(fate));
        }
    }

    /// Takes a transcript; returns it unless another engine's is awaited.
    fn decoded(&mut self, line: usize, decoded: Decoded) -> Option<Decoded> {
        let wanted = self.sound.wanted.as_ref().is_some_and(|wanted| wanted.number == decoded.number);
        if !wanted && self.lines.len() > 1 {
            return None;
        }
        let mut serving = self.lines.swap_remove(line);
        if wanted {
            (self.sound.wanted, self.due) = (None, None);
            for Line { picked, late, .. } in self.lines.drain(..) {
                // It may be asked again if this one fails.
                self.plan.spare(picked.engine);
                if late {
                    picked.ticket.was_late();
                }
            }
            self.plan.goes_on();
        }
        (self.error, serving.late, serving.picked.within) = (None, false, None);
        let mut routed = None;
        if !std::mem::replace(&mut serving.begun, true) {
            serving.picked.ticket.begins();
            routed = Some(self.desk.board.serves(serving.picked.engine, serving.picked.reason));
        }
        self.lines.push(serving);
        Some(Decoded { routed, ..decoded })
    }

    async fn next(mut self) -> Option<(Result<Decoded, EngineError>, Self)> {
        loop {
            if self.lines.is_empty() {
                let error = self.error.take()?;
                return Some((Err(error), self));
            }
            if self.over && self.sound.wanted.is_none() {
                return None;
            }
            let mut full = false;
            for line in &mut self.lines {
                full |= line.pump(&self.sound);
            }
            let due = self.due;
            tokio::select! {
                biased;
                input = self.inputs.recv(), if !self.over => match input {
                    Some(input) => self.take(input),
                    None => self.over = true,
                },
                (line, event) = any(&mut self.lines) => match event {
                    Event::Opened => {}
                    Event::Decoded(Err(error)) => self.lost(line, error),
                    Event::Decoded(Ok(decoded)) => {
                        if let Some(decoded) = self.decoded(line, decoded) {
                            return Some((Ok(decoded), self));
                        }
                    }
                },
                () = async { sleep_until(due.expect("guarded")).await }, if due.is_some() => self.is_late(),
                () = sleep(ROOM), if full => {}
            }
        }
    }
}

#[async_trait]
impl Stt for RoutedStt {
    /// The capabilities of the engines that usually recognise, combined: each engine is asked only for what it supports.
    fn capabilities(&self) -> SttCapabilities {
        let usual = self.0.board.usual();
        let all: Vec<_> = usual.into_iter().map(|engine| self.0.engines[engine].capabilities()).collect();
        let mut languages: Vec<String> = Vec::new();
        if all.iter().all(|can| !can.languages.is_empty()) {
            for language in all.iter().flat_map(|can| &can.languages) {
                if !languages.contains(language) {
                    languages.push(language.clone());
                }
            }
        }
        SttCapabilities {
            partials: all.iter().any(|can| can.partials),
            phrases: all.iter().any(|can| can.phrases),
            translates: all.iter().any(|can| can.translates),
            languages,
        }
    }

    async fn open(&self, request: SttRequest) -> Result<SttStream, EngineError> {
        let desk = self.0.clone();
        let plan = desk.plan(&request);
        let shadows = if request.ahead { Vec::new() } else { desk.shadow(&plan, &request) };
        let (input, inputs) = mpsc::channel(INPUTS);
        let mut utterance = Utterance {
            desk,
            plan,
            request,
            inputs,
            over: false,
            sound: Sound::default(),
            lines: Vec::new(),
            due: None,
            absent: Vec::new(),
            pause: AGAIN,
            error: None,
            shadows,
        };
        utterance.start(None);
        Ok(SttStream { input, output: stream::unfold(utterance, Utterance::next).boxed() })
    }
}
