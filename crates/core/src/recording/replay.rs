//! Runs a recording's inputs, at their recorded times, through a new conversation and compares its commands. Pure.

use std::io::BufRead;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{End, FORMAT, FORMAT_VERSION, Header};
use crate::context::{CallContext, ContextError};
use crate::conversation::{Conversation, Input, Settings};
use crate::frame::PlaybackPosition;
use crate::invariants::{Invariants, Violation};

/// Latest time in milliseconds, some 35 years: later ones could overflow, since the conversation adds to times.
const LATEST: u64 = 1 << 40;
/// Most tokens of a prompt: more could overflow, since the conversation multiplies them.
const MOST_TOKENS: usize = 1 << 32;

/// Why a file cannot be replayed, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is not a recording.
    #[error("is not a recording of a call: its first line does not say \"format\":\"{FORMAT}\"")]
    Foreign,
    /// It was made by another version.
    #[error(
        "was recorded by format {0}; this program reads {FORMAT_VERSION}. Replay it with the version that recorded it, visavis {1}"
    )]
    OtherVersion(u64, String),
    /// It does not name the version that made it.
    #[error(
        "was recorded by an unknown format: its first line names no \"format_version\"; this program reads {FORMAT_VERSION}"
    )]
    NoVersion,
    /// The call resumed from a context that this program cannot read.
    #[error("cannot be replayed: {0}")]
    Context(#[from] ContextError),
    /// A line is not valid.
    #[error("line {line} is broken: {reason}{hint}")]
    Broken {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
        /// The possible cause.
        hint: String,
    },
    /// The last line is cut off.
    #[error("line {0} is cut off: the file was not written to its end. The lines before it were replayed")]
    CutOff(usize),
}

/// The first step whose commands differ from the recorded ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Counted from 1.
    pub line: usize,
    /// Milliseconds since the call began.
    pub at: u64,
    /// What happened.
    pub input: Value,
    /// Number of the first command that differs, from 1.
    pub command: usize,
    /// The recorded command; `None`: there was none.
    pub expected: Option<Value>,
    /// The command now; `None`: there is none.
    pub got: Option<Value>,
}

/// A violated invariant, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Counted from 1.
    pub line: usize,
    /// Milliseconds since the call began.
    pub at: u64,
    /// The invariant, and what happened.
    #[serde(flatten)]
    pub violation: Violation,
}

/// What a replay showed.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The call's id.
    pub call: String,
    /// The version that recorded it.
    pub recorded_by: String,
    /// Number of inputs replayed.
    pub inputs: u64,
    /// The recording is complete, up to the call's end.
    pub complete: bool,
    /// The first difference, where the replay stops.
    pub difference: Option<Difference>,
    /// Invariants that were violated.
    pub violations: Vec<Found>,
    /// Why it was not replayed to its end.
    #[serde(serialize_with = "as_text")]
    pub fault: Option<Fault>,
}

impl Report {
    /// The same commands to the end, no fault and no violation.
    #[must_use]
    pub fn good(&self) -> bool {
        self.difference.is_none() && self.violations.is_empty() && self.fault.is_none()
    }

    /// Reads a line after the first: a step, or the end, which it notes. Errors say what is wrong with the line.
    fn read(&mut self, line: &[u8]) -> Result<Option<Recorded>, String> {
        if self.complete {
            return Err("it comes after the last line".into());
        }
        if let Ok(end) = serde_json::from_slice::<End>(line) {
            if end.steps != self.inputs {
                return Err(format!("{} lines should be before it, not {}", end.steps, self.inputs));
            }
            self.complete = true;
            return Ok(None);
        }
        let step: Recorded = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if step.at > LATEST {
            return Err(format!("no call lasts {} ms", step.at));
        }
        Ok(Some(step))
    }
}

fn as_text<S: serde::Serializer>(fault: &Option<Fault>, serializer: S) -> Result<S::Ok, S::Error> {
    fault.as_ref().map(Fault::to_string).serialize(serializer)
}

#[derive(Deserialize)]
struct Recorded {
    at: u64,
    position: PlaybackPosition,
    input: Input,
    commands: Vec<Value>,
}

/// Replays a recording up to its end, its first difference, or its first fault.
pub fn replay(lines: impl BufRead) -> Report {
    let mut report = Report::default();
    report.fault = run(lines, &mut report).err();
    report
}

fn run(mut lines: impl BufRead, report: &mut Report) -> Result<(), Fault> {
    let mut text = Vec::new();
    lines.read_until(b'\n', &mut text)?;
    let header = header(&text)?;
    let by = header.visavis.clone();
    (report.call, report.recorded_by) = (header.call.clone(), by.clone());
    let (mut conversation, mut invariants) = begin(header);
    for number in 2.. {
        text.clear();
        if lines.read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if text.last() != Some(&b'\n') {
            return Err(Fault::CutOff(number));
        }
        let broken = |reason: String| broken(number, reason, &by);
        let Some(step) = report.read(&text).map_err(broken)? else { continue };
        let commands = conversation.handle(step.at, step.position, step.input.clone());
        let violations = invariants.step(step.at, &step.input, &commands);
        let found = violations.into_iter().map(|violation| Found { line: number, at: step.at, violation });
        report.violations.extend(found);
        report.inputs += 1;
        let got: Vec<Value> = commands
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()
            .map_err(|error| broken(error.to_string()))?;
        if got != step.commands {
            report.difference = Some(difference(number, &step, &got));
            return Ok(());
        }
    }
    Ok(())
}

/// A line that is not valid, in a recording of this version.
fn broken(line: usize, reason: String, recorded_by: &str) -> Fault {
    let ours = env!("CARGO_PKG_VERSION");
    let hint = if recorded_by == ours {
        String::new()
    } else {
        format!(" (recorded by visavis {recorded_by}, this is {ours})")
    };
    Fault::Broken { line, reason, hint }
}

/// Begins as the call did: new, or from a context.
fn begin(header: Header) -> (Conversation, Invariants) {
    let Header { call, settings, context, .. } = header;
    match context {
        Some(context) => (Conversation::resume(settings, call, &context), Invariants::resumed(&context)),
        None => (Conversation::new(settings, call), Invariants::default()),
    }
}

fn header(line: &[u8]) -> Result<Header, Fault> {
    let value: Value = serde_json::from_slice(line).map_err(|_| Fault::Foreign)?;
    if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(Fault::Foreign);
    }
    let version = value.get("format_version").and_then(Value::as_u64).ok_or(Fault::NoVersion)?;
    if version != u64::from(FORMAT_VERSION) {
        let by = value.get("visavis").and_then(Value::as_str).unwrap_or("of an unknown version");
        return Err(Fault::OtherVersion(version, by.into()));
    }
    if let Some(context) = value.get("context").filter(|context| !context.is_null()) {
        CallContext::from_value(context.clone())?;
    }
    let broken =
        |error: serde_json::Error| Fault::Broken { line: 1, reason: error.to_string(), hint: String::new() };
    let header: Header = serde_json::from_value(value).map_err(broken)?;
    if is_plausible(&header.settings) {
        return Ok(header);
    }
    let reason = "its settings contain impossible numbers".into();
    Err(Fault::Broken { line: 1, reason, hint: String::new() })
}

fn is_plausible(settings: &Settings) -> bool {
    let timeouts = settings.tools.iter().all(|tool| tool.timeout_ms <= LATEST);
    let idle = settings.idle_ms.max(settings.idle_end_ms) <= LATEST;
    timeouts && idle && settings.prompt_tokens <= MOST_TOKENS
}

fn difference(line: usize, step: &Recorded, got: &[Value]) -> Difference {
    let same = step.commands.iter().zip(got).take_while(|(a, b)| a == b).count();
    let input = serde_json::to_value(&step.input).unwrap_or(Value::Null);
    let (expected, got) = (step.commands.get(same).cloned(), got.get(same).cloned());
    Difference { line, at: step.at, input, command: same + 1, expected, got }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"format":"visavis-recording","format_version":6,"visavis":"0.1.0","call":"c","settings":{"instructions":"","language":null,"voice":"","greeting":"","eagerness":"medium","idle_ms":0,"idle_end_ms":0,"prompt_tokens":2000,"tools":[],"tool_rounds":1,"summarise":false}}"#;
    const BAD: &str = r#"{"at":5,"position":{"response":0,"samples":0,"finished":false},"input":{"Client":{"Bad":{"id":null,"message":"c"}}},"commands":[{"Emit":{"BadMessage":{"id":null,"message":"c"}}}]}"#;

    fn of(lines: &[&str]) -> Report {
        replay((lines.join("\n") + "\n").as_bytes())
    }

    #[test]
    fn the_first_difference_is_reported_with_its_line_and_both_sides() {
        assert!(of(&[HEADER, BAD, r#"{"end":"hung-up","steps":1}"#]).complete);
        let other = BAD.replace(r#""message":"c"}}}]"#, r#""message":"d"}}}]"#);
        let report = of(&[HEADER, &other, BAD]);
        let difference = report.difference.expect("they differ");
        assert_eq!((difference.line, difference.command, difference.at), (2, 1, 5));
        assert_eq!(difference.expected.unwrap()["Emit"]["BadMessage"]["message"], "d");
        assert_eq!(difference.got.unwrap()["Emit"]["BadMessage"]["message"], "c");
    }

    #[test]
    fn a_file_that_is_not_a_complete_recording_is_refused_with_the_reason() {
        let cut = BAD.replace("\"at\":5", "\"at\":6");
        let cut = &cut[..cut.len() / 2];
        let whole = format!("{HEADER}\n{BAD}\n{cut}");
        let report = replay(whole.as_bytes());
        assert!(matches!(report.fault, Some(Fault::CutOff(3))) && report.inputs == 1);
        let told = |lines: &[&str]| of(lines).fault.expect("it is bad").to_string();
        assert!(told(&["hello"]).contains("not a recording"), "{}", told(&["hello"]));
        assert!(told(&[""]).contains("not a recording"));
        for other in [5, 7] {
            let version = format!("\"format_version\":{other}");
            let file = HEADER.replace("\"format_version\":6", &version).replace("0.1.0", "9.0");
            // The rest of the first line need not make sense to this program.
            let changed = file.replace("\"settings\"", "\"made_with\"");
            for file in [file, changed] {
                let told = told(&[&file]);
                let both = format!("recorded by format {other}; this program reads 6");
                assert!(told.contains(&both) && told.contains("visavis 9.0"), "{told}");
            }
        }
        let without = HEADER.replace("\"format_version\":6,", "");
        assert!(told(&[&without]).contains("names no \"format_version\"; this program reads 6"));
        assert!(told(&[HEADER, "{\"at\":1}"]).contains("line 2 is broken: missing field"));
        assert!(told(&[HEADER, BAD, r#"{"end":"idle","steps":7}"#]).contains("7 lines should be before it"));
    }

    #[test]
    fn a_recording_with_an_unreadable_context_is_refused_with_the_readable_versions() {
        let with = |context: &str| {
            let header = HEADER.replace("\"settings\"", &format!("\"context\":{context},\"settings\""));
            of(&[&header, BAD]).fault.map(|fault| fault.to_string())
        };
        assert_eq!(with("null"), None);
        let later = with(r#"{"version":7}"#).expect("it is of another version");
        assert!(later.contains("context has version 7, and this program reads version 1"), "{later}");
        let damaged = with(r#"{"version":1,"tools":[]}"#).expect("it lacks its fields");
        assert!(damaged.contains("damaged (of version 1;"), "{damaged}");
    }
}
