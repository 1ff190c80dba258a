//! The results, and whether they are as they should be. Pure.

use serde::Serialize;

use super::super::statistics::Summary;
use super::attack::Attacked;
use super::victim::Heard;
use super::watch::{Health, Standing};

/// Largest accepted slowdown of a response beside attacks.
const SLOWER: f64 = 1.5;
/// Memory that the server may keep afterwards, in MiB, as in `tests/hostile.rs`: allocators keep some. Before its fix, each
/// attack alone took a gigabyte.
pub(super) const KEPT_MIB: f64 = 160.0;
/// Seconds after the drain within which a server's process must end.
const ENDS_WITHIN: f64 = 2.0;

/// Factors by which responses came later.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slower {
    /// Factor of the medians.
    pub p50: f64,
    /// Factor of the 95th percentiles.
    pub p95: f64,
}

impl Slower {
    /// Compares two calls; `None`: one of them has no latencies.
    #[must_use]
    pub fn between(quiet: Option<&Summary>, attacked: Option<&Summary>) -> Option<Self> {
        let (quiet, attacked) = (quiet?, attacked?);
        Some(Self {
            p50: attacked.p50 / quiet.p50.max(f64::EPSILON),
            p95: attacked.p95 / quiet.p95.max(f64::EPSILON),
        })
    }
}

/// The server's resources.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Holdings {
    /// After the quiet call.
    pub before: Standing,
    /// The maximum during the attacks.
    pub most: Standing,
    /// Afterwards.
    pub after: Standing,
    /// Seconds after the attacks until the server's memory was back and its connections were closed; `None`: never.
    pub back_after_s: Option<f64>,
}

/// A call that another client started during the attacks.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Newcomer {
    /// How long its set-up took, in ms.
    pub ready_ms: Option<f64>,
    /// Why it failed.
    pub fault: Option<String>,
}

/// SIGTERM during attacks, while the agent talks.
#[derive(Debug, Clone, Serialize)]
pub struct Stop {
    /// The assumed `server.drain_seconds`.
    pub drain_s: u64,
    /// Whether that is the default because it was not given.
    pub assumed: bool,
    /// Seconds until the process had ended; `None`: it did not.
    pub took_s: Option<f64>,
    /// Whether the call received the server's last message.
    pub told: bool,
}

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The call without attacks.
    pub quiet: Heard,
    /// The same call beside attacks.
    pub attacked: Heard,
    /// How much later its responses came.
    pub slower: Option<Slower>,
    /// Another client's call beside attacks.
    pub newcomer: Newcomer,
    /// The attacks.
    pub storm: Attacked,
    /// The server's resources.
    pub holdings: Holdings,
    /// The server's health checks.
    pub health: Health,
    /// How the server stopped, if that was tested.
    pub stop: Option<Stop>,
    /// What is not as it should be.
    pub faults: Vec<String>,
    /// Whether everything is as it should be.
    pub passed: bool,
}

impl Report {
    /// Finds what is not as it should be.
    #[must_use]
    pub fn judged(mut self) -> Self {
        let mut faults = Vec::new();
        for (which, heard) in [("without attacks", &self.quiet), ("beside the attacks", &self.attacked)] {
            let missing = heard.asked - heard.answered;
            if missing > 0 || heard.asked == 0 {
                faults.push(format!("{which}, {missing} of {} questions got no response", heard.asked));
            }
            faults.extend(heard.fault.iter().map(|fault| format!("the call {which}: {fault}")));
        }
        if self.slower.is_none_or(|slower| slower.p50.max(slower.p95) > SLOWER) {
            faults.push(format!("responses came more than {SLOWER} times as late as without attacks"));
        }
        if self.holdings.back_after_s.is_none() {
            faults.push(format!("the server kept more than {KEPT_MIB:.0} MiB, or connections"));
        }
        if self.health.unanswered > 0 {
            faults.push(format!("{} requests for /health got no answer", self.health.unanswered));
        }
        faults.extend(self.storm.attacks.iter().flat_map(|attack| attack.tally.breaches.iter().cloned()));
        faults.extend(self.stop.iter().flat_map(Stop::faults));
        self.passed = faults.is_empty();
        self.faults = faults;
        self
    }
}

impl Stop {
    fn faults(&self) -> Vec<String> {
        let limit = self.drain_s as f64 + ENDS_WITHIN;
        let late = self.took_s.is_none_or(|took| took > limit);
        let faults = [
            (late, format!("the server had not ended {limit:.0} s after SIGTERM")),
            (!self.told, "the call was cut off at SIGTERM without call-ended".to_owned()),
        ];
        faults.into_iter().filter_map(|(wrong, what)| wrong.then_some(what)).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::attack::Counted;
    use super::super::tally::Count;
    use super::*;

    fn heard(p50: f64, p95: f64) -> Heard {
        let voice_to_voice = Some(Summary { count: 5, p50, p95, max: p95 });
        Heard { asked: 5, answered: 5, early: 0, voice_to_voice, fault: None }
    }

    /// A report without faults.
    pub(in super::super) fn good() -> Report {
        let (quiet, attacked) = (heard(800.0, 1_000.0), heard(1_000.0, 1_400.0));
        let count = Count::default();
        count.sent(100);
        count.status(503);
        let attack = Counted { name: "idle connections", refused: 1, tally: count.read() };
        Report {
            slower: Slower::between(quiet.voice_to_voice.as_ref(), attacked.voice_to_voice.as_ref()),
            quiet,
            attacked,
            newcomer: Newcomer { ready_ms: Some(90.0), fault: None },
            storm: Attacked { from: Some([127, 0, 0, 2].into()), seconds: 60.0, attacks: vec![attack] },
            holdings: Holdings { back_after_s: Some(3.0), ..Holdings::default() },
            health: Health { asked: 100, unanswered: 0, slowest_ms: 40.0 },
            stop: Some(Stop { drain_s: 10, assumed: false, took_s: Some(9.1), told: true }),
            faults: Vec::new(),
            passed: false,
        }
        .judged()
    }

    #[test]
    fn percentiles_are_compared_with_those_of_the_quiet_call() {
        let slower = good().slower.unwrap();
        assert_eq!((slower.p50, slower.p95), (1.25, 1.4));
        assert_eq!(Slower::between(None, heard(1.0, 1.0).voice_to_voice.as_ref()), None);
    }

    #[test]
    fn a_report_passes_only_if_nothing_is_wrong() {
        assert!(good().passed, "{:?}", good().faults);
        type Spoil = fn(&mut Report);
        let wrong: [(&str, Spoil); 9] = [
            ("times as late", |one| one.slower = Some(Slower { p50: 1.0, p95: 1.6 })),
            ("times as late", |one| one.slower = None),
            ("1 of 5 questions", |one| one.attacked.answered = 4),
            ("cut off", |one| one.attacked.fault = Some("the call has ended: cut off".to_owned())),
            ("kept more than 160 MiB", |one| one.holdings.back_after_s = None),
            ("/health", |one| one.health.unanswered = 1),
            ("12 s after SIGTERM", |one| one.stop.as_mut().unwrap().took_s = Some(12.5)),
            ("without call-ended", |one| one.stop.as_mut().unwrap().told = false),
            ("answered 200", |one| {
                one.storm.attacks[0].tally.breaches.insert("a foreign name was answered 200".to_owned());
            }),
        ];
        for (told, spoil) in wrong {
            let mut report = good();
            spoil(&mut report);
            let report = report.judged();
            assert!(!report.passed && report.faults.len() == 1, "{told}: {:?}", report.faults);
            assert!(report.faults[0].contains(told), "{told}: {:?}", report.faults);
        }
    }

    #[test]
    fn a_server_that_was_not_to_stop_is_not_judged_for_it() {
        let report = Report { stop: None, ..good() }.judged();
        assert!(report.passed, "{:?}", report.faults);
    }
}
