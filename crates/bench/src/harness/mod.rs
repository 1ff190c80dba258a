//! The checks of `test_pipeline`: does a running server work, as a client sees it?
//!
//! - [`http`](self): health, readiness, CORS, ICE configuration, metrics
//! - offer and answer: the SDP exchange, well-formed and malformed
//! - turns: one typed over WebSocket, one spoken over WebRTC
//! - [`words`]: word error rates of transcripts

mod http;
mod offer;
mod turns;
pub mod words;

pub(crate) use http::metric;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use visavis_client::{ClientError, Clip, Server};

/// What to check.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server.
    pub server: Server,
    /// A WAV file to speak.
    pub speech: PathBuf,
    /// An origin that the server is configured to allow; `None`: check only its own page.
    pub origin: Option<String>,
    /// How long the models may take to load.
    pub wait: Duration,
    /// The language of the speech file, if fixed.
    pub language: Option<String>,
}

/// The outcome of one check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// Whether it passed.
    pub passed: bool,
    /// How long it took.
    pub ms: u64,
    /// What was found, in one line.
    pub detail: String,
}

/// The finding of a check: one line about what was found, or about what is wrong.
type Finding = Result<String, String>;

/// The outcome of all checks.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The server's address.
    pub server: String,
    /// Whether every check passed.
    pub passed: bool,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

/// Runs all checks, and reports each to `tell` as it ends. Fails if the server does not respond at all.
pub async fn run(settings: &Settings, mut tell: impl FnMut(&Check)) -> Result<Report, ClientError> {
    let server = &settings.server;
    let health = server.http().get(server.url("health")).send().await;
    if let Err(error) = health {
        return Err(server.unreachable(&error));
    }
    let mut checks = Vec::new();
    let mut note = |name: &'static str, began: Instant, finding: Finding| {
        let passed = finding.is_ok();
        let detail = finding.unwrap_or_else(|wrong| wrong);
        let ms = began.elapsed().as_millis() as u64;
        let check = Check { name, passed, ms, detail };
        tell(&check);
        checks.push(check);
    };
    let began = Instant::now();
    note("server health", began, http::health(server).await);
    let began = Instant::now();
    note("model readiness", began, http::readiness(server, settings.wait).await);
    let began = Instant::now();
    note("CORS", began, http::cors(server, settings.origin.as_deref()).await);
    let began = Instant::now();
    note("ICE configuration", began, http::ice_servers(server).await);
    let began = Instant::now();
    note("SDP offer/answer", began, Box::pin(offer::check(server)).await);
    let began = Instant::now();
    note("metrics", began, http::metrics(server).await);
    let began = Instant::now();
    note("WebSocket turn", began, Box::pin(turns::typed(server)).await);
    let began = Instant::now();
    note("spoken WebRTC turn", began, Box::pin(turns::spoken(settings)).await);
    let passed = checks.iter().all(|check| check.passed);
    Ok(Report { server: server.address().to_owned(), passed, checks })
}

/// Loads speech files, or all WAV files of a folder, ordered by name.
pub fn load_speech(paths: &[PathBuf]) -> Result<Vec<Clip>, ClientError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(wav_files(path)?);
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|file| Clip::from_wav(file)).collect()
}

fn wav_files(folder: &Path) -> Result<Vec<PathBuf>, ClientError> {
    let fault = |reason: String| ClientError::Speech { path: folder.display().to_string(), reason };
    let entries = std::fs::read_dir(folder).map_err(|error| fault(error.to_string()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wav")))
        .collect();
    if files.is_empty() {
        return Err(fault("there is no WAV file in it".to_owned()));
    }
    files.sort();
    Ok(files)
}

/// The models directory.
#[must_use]
pub fn models_folder() -> PathBuf {
    visavis_config::default_models_dir()
}

/// The folder with the speech samples among the models.
#[must_use]
pub fn speech_folder() -> PathBuf {
    models_folder().join("speech")
}

/// The sample to speak if no file is given.
#[must_use]
pub fn default_speech() -> PathBuf {
    speech_folder().join("jfk.wav")
}
