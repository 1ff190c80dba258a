//! Records one call. A thread writes, so that a slow disk delays neither the call nor its end.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde::Serialize;
use tokio::sync::oneshot;

use crate::conversation::{Command, Input};
use crate::event::EndReason;
use crate::frame::PlaybackPosition;
use visavis_core::recording::{End, Header, Step};

/// Steps that may wait for the disk: about forty seconds of a lively call, which is also all of a test's call on a virtual clock.
const QUEUE: usize = 1024;

#[derive(Debug)]
enum Line {
    Step(Box<Step>),
    End(End),
}

/// Records the steps of one call. Never waits.
#[derive(Debug)]
pub struct Recorder {
    call: String,
    /// None once the disk has failed to keep up.
    lines: Option<SyncSender<Line>>,
    broken: Arc<AtomicBool>,
    steps: u64,
}

/// Resolves when the recording is in place, or has failed.
pub type Written = oneshot::Receiver<()>;

impl Recorder {
    /// Starts recording a call in this directory.
    #[must_use]
    pub fn begin(directory: &Path, header: Header) -> Option<(Self, Written)> {
        let call = header.call.clone();
        let (lines, receiver) = sync_channel(QUEUE);
        let broken = Arc::new(AtomicBool::new(false));
        let (done, written) = oneshot::channel();
        let thread = {
            let (broken, call, directory) = (broken.clone(), call.clone(), directory.to_path_buf());
            move || {
                finish(&call, keep(&directory, &header, &receiver, &broken));
                _ = done.send(());
            }
        };
        match std::thread::Builder::new().name("recording".into()).spawn(thread) {
            Ok(_) => Some((Self { call, lines: Some(lines), broken, steps: 0 }, written)),
            Err(error) => {
                finish(&call, Err(error));
                None
            }
        }
    }

    /// Records a step. If the queue is full the recording is dropped: one with a missing step cannot be replayed.
    pub fn step(&mut self, at: u64, position: PlaybackPosition, input: &Input, commands: &[Command]) {
        if self.lines.is_some() {
            let step = Step { at, position, input: input.clone(), commands: commands.to_vec() };
            self.send(Line::Step(Box::new(step)));
            self.steps += 1;
        }
    }

    /// The call has ended.
    pub fn end(&mut self, reason: EndReason) {
        self.send(Line::End(End { end: reason, steps: self.steps }));
        self.lines = None;
    }

    fn send(&mut self, line: Line) {
        let Some(lines) = &self.lines else { return };
        match lines.try_send(line) {
            Ok(()) => {}
            Err(std::sync::mpsc::TrySendError::Full(_)) => {
                self.broken.store(true, Ordering::Release);
                self.lines = None;
                tracing::warn!(call = %self.call, "the disk does not keep up with the recording, which is dropped");
            }
            // The thread has logged why.
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => self.lines = None,
        }
    }
}

fn finish(call: &str, kept: std::io::Result<Option<PathBuf>>) {
    let outcome = match kept {
        Ok(Some(file)) => {
            tracing::info!(call, file = %file.display(), "recorded");
            "kept"
        }
        Ok(None) => "dropped",
        Err(error) => {
            tracing::warn!(call, %error, "the call is not recorded");
            "failed"
        }
    };
    metrics::counter!("visavis_recordings_total", "outcome" => outcome).increment(1);
}

/// Writes until the call ends; none: the recording was incomplete and has been removed.
fn keep(
    directory: &Path,
    header: &Header,
    lines: &Receiver<Line>,
    broken: &AtomicBool,
) -> std::io::Result<Option<PathBuf>> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let call = &header.call;
    let partial = directory.join(format!("{call}.jsonl.partial"));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
    let written = write(file, header, lines, broken);
    if !matches!(written, Ok(true)) {
        _ = std::fs::remove_file(&partial);
        return written.map(|_| None);
    }
    let whole = directory.join(format!("{call}.jsonl"));
    std::fs::rename(&partial, &whole)?;
    Ok(Some(whole))
}

/// Returns whether the recording is complete. One of a call that broke off has no last line, but is kept.
fn write(file: File, header: &Header, lines: &Receiver<Line>, broken: &AtomicBool) -> std::io::Result<bool> {
    let mut out = BufWriter::new(file);
    line(&mut out, header)?;
    for next in lines {
        if broken.load(Ordering::Acquire) {
            return Ok(false);
        }
        match next {
            Line::Step(step) => line(&mut out, &step)?,
            Line::End(end) => line(&mut out, &end)?,
        }
    }
    out.flush()?;
    Ok(!broken.load(Ordering::Acquire))
}

fn line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::conversation::{ModelAbilities, Settings};
    use crate::event::ClientCommand;
    use visavis_core::turn_prediction::Eagerness;

    fn header() -> Header {
        let settings = Settings {
            instructions: String::new(),
            language: None,
            voice: String::new(),
            voices: Vec::new(),
            known_voices: Vec::new(),
            chosen_voices: Default::default(),
            greeting: String::new(),
            eagerness: Eagerness::Medium,
            idle_ms: 0,
            idle_end_ms: 0,
            model: ModelAbilities::default(),
            prompt_tokens: 0,
            tools: Vec::new(),
            tool_rounds: 0,
            summarise: false,
        };
        Header::new("one".into(), settings, None)
    }

    fn step(recorder: &mut Recorder) {
        let input = Input::Client(ClientCommand::Say("x".repeat(1000)));
        recorder.step(1, PlaybackPosition::default(), &input, &[]);
    }

    #[test]
    fn a_recording_is_in_place_when_the_call_has_ended_and_private_to_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let (mut recorder, written) = Recorder::begin(&dir.path().join("new"), header()).unwrap();
        step(&mut recorder);
        recorder.end(EndReason::Idle);
        written.blocking_recv().unwrap();
        let file = dir.path().join("new/one.jsonl");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 3);
        assert_eq!(text.lines().last(), Some(r#"{"end":"idle","steps":1}"#));
    }

    #[test]
    fn a_disk_that_does_not_keep_up_costs_the_recording_and_not_the_call() {
        let dir = tempfile::tempdir().unwrap();
        // The writer starts late, so everything waits in the queue.
        let partial = dir.path().join("one.jsonl.partial");
        let (lines, receiver) = sync_channel(1);
        let broken = Arc::new(AtomicBool::new(false));
        let mut recorder =
            Recorder { call: "one".into(), lines: Some(lines), broken: broken.clone(), steps: 0 };
        for _ in 0..5 {
            step(&mut recorder);
        }
        assert!(broken.load(Ordering::Acquire) && recorder.lines.is_none());
        let kept = keep(dir.path(), &header(), &receiver, &broken).unwrap();
        assert!(kept.is_none() && !partial.exists() && !dir.path().join("one.jsonl").exists());
    }

    #[test]
    fn a_directory_that_cannot_be_written_costs_the_recording_and_not_the_call() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (mut recorder, written) = Recorder::begin(file.path(), header()).unwrap();
        written.blocking_recv().unwrap();
        step(&mut recorder);
        recorder.end(EndReason::HungUp);
    }
}
