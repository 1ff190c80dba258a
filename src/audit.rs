//! Who did what to the server: a line in the log for each deed that deletes, adds or changes something, under a target of its
//! own.

/// The target of these lines, by which `log.filter` and collectors of logs tell them from others.
pub const TARGET: &str = "visavis::audit";
/// Longest name, in bytes, that a line holds: strangers choose addresses.
const LONGEST: usize = 200;
/// Who does what has no address: callers on this machine.
const LOCAL: &str = "this machine";

/// Something that somebody did, or was refused.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// The principal; empty: a caller on this machine.
    pub who: &'a str,
    /// What they did, such as `cancel-job`.
    pub action: &'static str,
    /// To what they did it.
    pub what: &'a str,
    /// What came of it.
    pub outcome: Outcome<'a>,
}

/// What came of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It was done.
    Done,
    /// It was not, for this reason.
    Refused(&'a str),
    /// The client left before that was known, or the server failed at it: it may have been done.
    Unknown,
}

/// Writes a line. Deeds that were not done, or perhaps not, are warnings, of which the log takes a bounded number, since any
/// stranger can cause them.
pub fn note(deed: Deed<'_>) {
    let Deed { who, action, what, outcome } = deed;
    let who = if who.is_empty() { LOCAL } else { who };
    let what = shortened(what);
    match outcome {
        Outcome::Done => tracing::info!(target: TARGET, who, action, what, result = "done", "audit"),
        Outcome::Refused(result) => tracing::warn!(target: TARGET, who, action, what, result, "audit"),
        Outcome::Unknown => tracing::warn!(target: TARGET, who, action, what, result = "unknown", "audit"),
    }
}

fn shortened(name: &str) -> &str {
    let end = (0..=name.len().min(LONGEST)).rev().find(|at| name.is_char_boundary(*at));
    &name[..end.unwrap_or_default()]
}

#[cfg(test)]
pub(crate) mod testing {
    //! Keeps the lines that a test causes.

    use std::fmt::{Debug, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::{Event, Subscriber};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};

    use super::TARGET;

    /// The lines of this thread, for as long as the guard lives.
    #[derive(Clone, Default)]
    pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

    impl Lines {
        pub(crate) fn kept() -> (Self, tracing::subscriber::DefaultGuard) {
            let lines = Self::default();
            let registry = tracing_subscriber::registry().with(lines.clone());
            (lines, tracing::subscriber::set_default(registry))
        }

        pub(crate) fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock())
        }
    }

    impl<S: Subscriber> Layer<S> for Lines {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            if event.metadata().target() == TARGET {
                let mut line = Line(event.metadata().level().to_string());
                event.record(&mut line);
                self.0.lock().push(line.0);
            }
        }
    }

    struct Line(String);

    impl Visit for Line {
        fn record_str(&mut self, field: &Field, value: &str) {
            _ = write!(self.0, " {}={value}", field.name());
        }

        // The message.
        fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Lines;
    use super::*;

    #[test]
    fn a_line_says_who_did_what_to_what_and_what_came_of_it() {
        let (lines, _guard) = Lines::kept();
        let deed = Deed { who: "192.0.2.7", action: "cancel-job", what: "7f", outcome: Outcome::Done };
        note(deed);
        note(Deed { who: "", outcome: Outcome::Refused("404"), ..deed });
        note(Deed { outcome: Outcome::Unknown, ..deed });
        let expected = [
            "INFO who=192.0.2.7 action=cancel-job what=7f result=done",
            "WARN who=this machine action=cancel-job what=7f result=404",
            "WARN who=192.0.2.7 action=cancel-job what=7f result=unknown",
        ];
        assert_eq!(lines.take(), expected);
    }

    #[test]
    fn a_name_that_a_stranger_chose_is_written_in_part() {
        assert_eq!(shortened("7f"), "7f");
        assert_eq!(shortened(&"é".repeat(500)), "é".repeat(100));
        assert_eq!(shortened(&format!("a{}", "é".repeat(500))).len(), 199);
    }
}
