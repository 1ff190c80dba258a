//! When an engine is wedged, by its answers to questions of health and by the time that passes. Pure.

use std::time::Duration;

/// How often [`Health`] wants to hear that time has passed.
pub const TICK: Duration = Duration::from_millis(250);
/// A tick that comes later than this counts no more: what holds this process back holds the engine back as well.
const MOST_COUNTED: Duration = Duration::from_millis(500);
/// A new process that has not said a word: it links its libraries, and a GPU's take seconds.
const STARTING: Duration = Duration::from_secs(30);
/// An engine that loads is asked too, but a machine that reads gigabytes answers late.
const LOADING_SILENCE: Duration = Duration::from_secs(10);
/// The largest models from the slowest disk.
const LOADING: Duration = Duration::from_secs(15 * 60);
/// An engine that was ready and says nothing.
const SILENCE: Duration = Duration::from_secs(2);
/// One step of a model's work: a batch of tokens, a window of speech, a clause. Longer is worth nothing to a call.
const STEP: Duration = Duration::from_secs(60);

/// What an engine says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It loads its model.
    Loading,
    /// It works, and has been at one step of its work for so long; zero: it is idle.
    Ready(Duration),
    /// It cannot load its model, and says why.
    Failed,
}

/// What happens to an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Its process begins.
    Started,
    /// Its process has ended; it is nobody's fault that it does not answer.
    Ended,
    /// It answers.
    Answered(Answer),
    /// Time passes.
    Tick,
}

/// In what way an engine is wedged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wedge {
    /// It does not answer.
    Silent,
    /// It answers, but its model does not get on.
    Stuck,
    /// It answers, but does not get ready.
    Loads,
}

impl Wedge {
    /// Words for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "does not answer",
            Self::Stuck => "has been at one step of its work for a minute",
            Self::Loads => "has not loaded its model in 15 minutes",
        }
    }
}

/// A wedged engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wedged {
    /// Which of its processes, in the order of their starts; 0 for one that runs elsewhere.
    pub number: u32,
    /// In what way.
    pub wedge: Wedge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Down,
    Starting,
    Loading,
    Serving(Duration),
    Failed,
}

/// One engine's health.
#[derive(Debug)]
pub struct Health {
    stage: Stage,
    /// Since its last answer.
    silent: Duration,
    /// Since its stage began.
    stayed: Duration,
    at: Duration,
}

impl Health {
    /// An engine that begins now; `at` counts from any moment.
    #[must_use]
    pub fn new(at: Duration) -> Self {
        Self { stage: Stage::Starting, silent: Duration::ZERO, stayed: Duration::ZERO, at }
    }

    /// Takes an event at its time.
    pub fn on(&mut self, at: Duration, event: Event) {
        let passed = at.saturating_sub(self.at).min(MOST_COUNTED);
        self.at = at;
        self.silent += passed;
        self.stayed += passed;
        let stage = match event {
            Event::Started => Stage::Starting,
            Event::Ended => Stage::Down,
            Event::Answered(Answer::Loading) => Stage::Loading,
            Event::Answered(Answer::Ready(step)) => Stage::Serving(step),
            Event::Answered(Answer::Failed) => Stage::Failed,
            Event::Tick => return,
        };
        self.silent = Duration::ZERO;
        if std::mem::discriminant(&stage) != std::mem::discriminant(&self.stage) || event == Event::Started {
            self.stayed = Duration::ZERO;
        }
        self.stage = stage;
    }

    /// Whether it is wedged, and how.
    #[must_use]
    pub fn wedge(&self) -> Option<Wedge> {
        let limit = match self.stage {
            Stage::Down => return None,
            Stage::Starting => STARTING,
            Stage::Loading | Stage::Failed => LOADING_SILENCE,
            Stage::Serving(_) => SILENCE,
        };
        match self.stage {
            _ if self.silent >= limit => Some(Wedge::Silent),
            Stage::Loading if self.stayed >= LOADING => Some(Wedge::Loads),
            Stage::Serving(step) if step >= STEP => Some(Wedge::Stuck),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Event = Event::Answered(Answer::Ready(Duration::ZERO));
    const LOADS: Event = Event::Answered(Answer::Loading);

    /// When an engine that says nothing after these events is found wedged; none within the time.
    fn found(events: &[Event], within: Duration) -> Option<(Duration, Wedge)> {
        let mut health = Health::new(Duration::ZERO);
        events.iter().for_each(|event| health.on(Duration::ZERO, *event));
        let ticks = u32::try_from(within.as_millis() / TICK.as_millis()).unwrap();
        (1..=ticks).map(|n| TICK * n).find_map(|at| {
            health.on(at, Event::Tick);
            health.wedge().map(|wedge| (at, wedge))
        })
    }

    #[test]
    fn silence_is_forgiven_as_long_as_the_stage_of_its_life_explains_it() {
        let cases: [(&[Event], Option<Duration>); 7] = [
            (&[], Some(STARTING)),
            (&[Event::Started, LOADS], Some(LOADING_SILENCE)),
            (&[LOADS, IDLE], Some(SILENCE)),
            (&[IDLE, Event::Ended], None),
            (&[IDLE, Event::Ended, Event::Started], Some(STARTING)),
            (&[Event::Answered(Answer::Failed)], Some(LOADING_SILENCE)),
            (&[IDLE, Event::Started], Some(STARTING)),
        ];
        for (events, when) in cases {
            let found = found(events, Duration::from_secs(100));
            assert_eq!(found, when.map(|when| (when, Wedge::Silent)), "{events:?}");
        }
    }

    #[test]
    fn an_answer_ends_the_silence_and_a_new_process_begins_afresh() {
        let mut health = Health::new(Duration::ZERO);
        health.on(Duration::ZERO, IDLE);
        for second in 1..100 {
            health.on(Duration::from_secs(second), Event::Tick);
            health.on(Duration::from_secs(second), IDLE);
            assert_eq!(health.wedge(), None);
        }
        let mut at = Duration::from_secs(100);
        while health.wedge().is_none() {
            at += TICK;
            health.on(at, Event::Tick);
        }
        health.on(at, Event::Ended);
        assert_eq!(health.wedge(), None);
        health.on(at, Event::Started);
        assert_eq!(health.wedge(), None);
    }

    #[test]
    fn a_held_up_server_takes_its_own_delay_for_nobodys() {
        let mut health = Health::new(Duration::ZERO);
        health.on(Duration::ZERO, IDLE);
        health.on(Duration::from_secs(3600), Event::Tick);
        assert_eq!(health.wedge(), None, "the machine slept");
    }

    #[test]
    fn an_engine_that_answers_is_wedged_when_its_model_does_not_get_on() {
        let mut health = Health::new(Duration::ZERO);
        let working = |step| Event::Answered(Answer::Ready(step));
        health.on(Duration::ZERO, working(STEP - TICK));
        assert_eq!(health.wedge(), None);
        health.on(Duration::ZERO, working(STEP));
        assert_eq!(health.wedge(), Some(Wedge::Stuck));
        health.on(Duration::ZERO, IDLE);
        assert_eq!(health.wedge(), None);

        health.on(Duration::ZERO, LOADS);
        let mut at = Duration::ZERO;
        while health.wedge().is_none() {
            at += TICK;
            health.on(at, Event::Tick);
            health.on(at, LOADS);
        }
        assert_eq!((at, health.wedge()), (LOADING, Some(Wedge::Loads)));
    }
}
