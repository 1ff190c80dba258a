//! Shows progress: a bar on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use visavis_models::human;

/// Models from this size on also report each quarter in lines.
const QUARTERS_FROM: u64 = 50_000_000;

/// Where progress goes.
enum Display {
    Bar(ProgressBar),
    Lines(Box<dyn Write + Send>),
    Silent,
}

/// Progress of one fetch over all its models. Shared by download threads.
pub struct Progress {
    state: Mutex<State>,
}

struct State {
    display: Display,
    /// Bytes of the finished models.
    done: u64,
    name: String,
    size: u64,
    quarter: u64,
    /// Bytes received of each download of the current model.
    downloads: HashMap<String, u64>,
}

impl Progress {
    /// A bar if standard error is a terminal, lines there otherwise.
    pub fn on_stderr() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::lines(std::io::stderr());
        }
        let style =
            ProgressStyle::with_template("{bar:30} {bytes:>10} / {total_bytes} {bytes_per_sec} {eta} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self::with(Display::Bar(ProgressBar::new(0).with_style(style)))
    }

    /// One line per event.
    pub fn lines(out: impl Write + Send + 'static) -> Self {
        Self::with(Display::Lines(Box::new(out)))
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self::with(Display::Silent)
    }

    fn with(display: Display) -> Self {
        let state =
            State { display, done: 0, name: String::new(), size: 0, quarter: 0, downloads: HashMap::new() };
        Self { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Progress is only displayed: a panic elsewhere leaves no harmful state here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the total size of all models.
    pub fn total(&self, bytes: u64) {
        if let Display::Bar(bar) = &self.state().display {
            bar.set_length(bytes);
        }
    }

    /// Begins a new model.
    pub fn begin(&self, name: &str, size: u64, from: &str) {
        let mut state = self.state();
        (state.name, state.size, state.quarter) = (name.to_owned(), size, 0);
        state.downloads.clear();
        match &mut state.display {
            Display::Bar(bar) => bar.set_message(format!("{name} ({from})")),
            _ if size == 0 => state.line(&format!("{name}: fetching ({from})")),
            _ => state.line(&format!("{name}: fetching {} ({from})", human(size))),
        }
    }

    /// Updates the bytes received of one download of the current model.
    pub fn downloaded(&self, download: &str, bytes: u64) {
        let mut state = self.state();
        state.downloads.insert(download.to_owned(), bytes);
        // A package may be larger than the part used.
        let seen = state.downloads.values().sum::<u64>().min(state.size);
        if let Display::Bar(bar) = &state.display {
            bar.set_position(state.done + seen);
        }
        let quarter = seen.saturating_mul(4) / state.size.max(1);
        if state.size >= QUARTERS_FROM && quarter > state.quarter && quarter < 4 {
            state.quarter = quarter;
            let line = format!("{}: {} % of {}", state.name, quarter * 25, human(state.size));
            state.line(&line);
        }
    }

    /// Ends the current model.
    pub fn end(&self, outcome: &str) {
        let mut state = self.state();
        state.done += state.size;
        let line = format!("{}: {outcome}", state.name);
        match &state.display {
            Display::Bar(bar) => {
                bar.set_position(state.done);
                bar.println(line);
            }
            _ => state.line(&line),
        }
    }

    /// Prints a line.
    pub fn note(&self, text: &str) {
        let mut state = self.state();
        match &state.display {
            Display::Bar(bar) => bar.println(text),
            _ => state.line(text),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Display::Bar(bar) = &self.state().display {
            bar.finish_and_clear();
        }
    }
}

impl State {
    fn line(&mut self, text: &str) {
        if let Display::Lines(out) = &mut self.display {
            // Progress that cannot be shown must not stop the fetch.
            let _ = writeln!(out, "{text}");
        }
    }
}
