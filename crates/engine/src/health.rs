//! Decides whether an engine is wedged, from its health replies and elapsed time. Pure.

use std::time::Duration;

/// How often [`Health`] needs a tick.
pub const TICK: Duration = Duration::from_millis(250);
/// Longest time that one tick counts for: whatever delays this process delays the engine too.
const MOST_COUNTED: Duration = Duration::from_millis(500);
/// Silence allowed to a new process: it loads its libraries, and a GPU's take seconds.
const STARTING: Duration = Duration::from_secs(30);
/// Silence allowed to an engine that loads: a machine that reads gigabytes responds late.
const LOADING_SILENCE: Duration = Duration::from_secs(10);
/// Time allowed for loading: the largest models from the slowest disk.
const LOADING: Duration = Duration::from_secs(15 * 60);
/// Silence allowed to an engine that was ready.
const SILENCE: Duration = Duration::from_secs(2);
/// Time allowed for one step of a model's work, such as a batch of tokens, a window of speech or a clause. A longer one is
/// useless to a call.
const STEP: Duration = Duration::from_secs(60);

/// What an engine reports of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It loads its model.
    Loading,
    /// It is ready, and has been at the current step of its work for this long; zero: it is idle.
    Ready(Duration),
    /// It cannot load its model.
    Failed,
}

/// What happens to an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Its process has started.
    Started,
    /// Its process has ended, so its silence is expected.
    Ended,
    /// It replied.
    Answered(Answer),
    /// Time passes.
    Tick,
}

/// How an engine is wedged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wedge {
    /// It is silent.
    Silent,
    /// It replies, but its model makes no progress.
    Stuck,
    /// It replies, but does not finish loading.
    Loads,
}

impl Wedge {
    /// The predicate of a sentence for operators.
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
    /// The number of its process, counting starts; 0 for one that runs elsewhere.
    pub number: u32,
    /// How it is wedged.
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
    /// Time since its last reply.
    silent: Duration,
    /// Time since its stage began.
    stayed: Duration,
    at: Duration,
}

impl Health {
    /// An engine that starts now; `at` counts from any moment.
    #[must_use]
    pub fn new(at: Duration) -> Self {
        Self { stage: Stage::Starting, silent: Duration::ZERO, stayed: Duration::ZERO, at }
    }

    /// Takes an event and its time.
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

    /// When an engine that is silent after these events is found wedged; none: not within this time.
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
    fn the_silence_allowed_depends_on_the_engines_stage() {
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
    fn a_reply_ends_the_silence_and_a_new_process_starts_afresh() {
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
    fn a_delay_of_the_server_itself_does_not_count_as_silence() {
        let mut health = Health::new(Duration::ZERO);
        health.on(Duration::ZERO, IDLE);
        health.on(Duration::from_secs(3600), Event::Tick);
        assert_eq!(health.wedge(), None, "the machine slept");
    }

    #[test]
    fn an_engine_that_replies_is_wedged_when_its_model_makes_no_progress() {
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
