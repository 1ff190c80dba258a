//! How well the face stays in sync with the voice, in a real Chromium on a real call: `tests/browser/bench/avatar.js`
//! measures, with node and the page's own test tools; this file judges.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::metrics;
use visavis_client::{Mode, Server};

/// Time for responses, the check of the measurement method and interruptions, beyond the measured minutes.
const AROUND: Duration = Duration::from_secs(600);

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub server: Server,
    /// The transport.
    pub mode: Mode,
    /// How long the agent is kept speaking.
    pub minutes: f64,
    /// Packets are delayed by up to twice this, each way.
    pub jitter_ms: u32,
    /// Percentage of packets lost, each way.
    pub loss_percent: f64,
    /// The folder `tests/browser`, with its packages installed.
    pub tests: PathBuf,
}

/// What the browser measured; times are in milliseconds, `None` if they could not be measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// The face against the voice.
    pub report: Skew,
    /// Deliberate clock error, to check the measurement.
    pub shift_ms: f64,
    /// The clock error as measured.
    pub measured_shift_ms: Option<f64>,
    /// From the last sound to the closed mouth, for each interruption.
    pub mouth_closed_ms: Vec<Option<f64>>,
}

/// How far the face is behind the voice; above 0 it is late.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Skew {
    /// How long the face was observed.
    pub seconds: f64,
    /// How long the face spoke.
    pub speaking_seconds: f64,
    /// Windows of two seconds in which skew could be measured.
    pub windows: usize,
    /// Median correlation between the loudness heard and shown.
    pub correlation: Option<f64>,
    /// Median skew.
    pub median_ms: Option<f64>,
    /// 95th percentile of the absolute skew.
    pub p95_ms: Option<f64>,
    /// The skew furthest from 0.
    pub worst_ms: Option<f64>,
    /// Change of the skew from the first third to the last.
    pub drift_ms: Option<f64>,
    /// Data rate of the face's frames while it speaks.
    pub kbit_per_s: Option<f64>,
    /// Frame rate of the page while it draws the simple face.
    pub frames_per_s: Option<f64>,
    /// Messages received.
    pub received: u64,
    /// Messages that could not be read.
    pub malformed: u64,
    /// Frames that arrived after their time.
    pub late: u64,
    /// Gaps that were bridged.
    pub bridged: u64,
}

/// One target.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// What is measured.
    pub what: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The measured value.
    pub measured: Option<f64>,
    /// Largest absolute value that meets the target.
    pub limit: f64,
    /// Whether the target is met.
    pub held: bool,
}

/// The measurement and its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The measurement.
    pub measured: Measured,
    /// The targets.
    pub targets: Vec<Target>,
    /// Whether all targets are met.
    pub passed: bool,
}

/// Measures and judges.
///
/// # Errors
/// When node, the browser or the call fails.
pub async fn run(options: &Options) -> anyhow::Result<Report> {
    let script = options.tests.join("bench/avatar.js");
    ensure!(
        script.is_file(),
        "{} does not exist: give the folder tests/browser of the sources with --tests",
        script.display()
    );
    let mode = if options.mode == Mode::WebRtc { "webrtc" } else { "websocket" };
    let mut node = Command::new("node");
    node.arg(&script).args(["--server", options.server.address(), "--mode", mode]);
    node.args(["--minutes", &options.minutes.to_string(), "--jitter", &options.jitter_ms.to_string()]);
    node.args(["--loss", &options.loss_percent.to_string()]);
    node.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let limit = AROUND + Duration::from_secs_f64(options.minutes * 120.0);
    let before = animated(&options.server).await;
    let output = tokio::time::timeout(limit, node.output())
        .await
        .with_context(|| format!("the browser did not finish in {} s", limit.as_secs()))?
        .context("cannot run node, which drives the browser: install it, and `npm ci` in tests/browser")?;
    ensure!(output.status.success(), "the browser's script failed: {}", output.status);
    let measured =
        serde_json::from_slice(&output.stdout).context("the browser's script printed no result")?;
    let animation = before.zip(animated(&options.server).await);
    Ok(judge(measured, animation.map(|(before, after)| after.since(before))))
}

/// The server's counters of faces and of the time to make them.
#[derive(Debug, Clone, Copy)]
struct Animated {
    micros: f64,
    faces: f64,
}

impl Animated {
    /// Milliseconds of work per second of a face at 60 frames per second.
    fn since(self, before: Self) -> f64 {
        (self.micros - before.micros) / 1000.0 / (self.faces - before.faces).max(1.0) * 60.0
    }
}

async fn animated(server: &Server) -> Option<Animated> {
    let names = ["visavis_animation_microseconds_total", "visavis_faces_total"];
    // The counters do not exist before the server's first face.
    let [micros, faces] = metrics(server, names).await.unwrap_or_default();
    Some(Animated { micros, faces })
}

fn judge(measured: Measured, animation: Option<f64>) -> Report {
    let Skew { median_ms, p95_ms, drift_ms, kbit_per_s, .. } = measured.report;
    let closed = measured.mouth_closed_ms.iter().copied().collect::<Option<Vec<f64>>>();
    let closed = closed.and_then(|all| all.into_iter().reduce(f64::max)).map(|latest| latest.max(0.0));
    let off = measured.measured_shift_ms.map(|shift| shift - measured.shift_ms);
    let targets = [
        ("face behind voice, median", "ms", median_ms, 10.0),
        ("face off voice, P95", "ms", p95_ms, 30.0),
        ("drift", "ms", drift_ms, 5.0),
        ("mouth closed after the sound", "ms", closed, 100.0),
        ("frames of the face", "kbit/s", kbit_per_s, 20.0),
        ("error of a known shift", "ms", off, 10.0),
        ("animation of 60 faces, a second", "ms", animation, 1.0),
    ];
    let targets = targets.map(|(what, unit, measured, limit)| {
        let held = measured.is_some_and(|value| value.abs() <= limit);
        Target { what, unit, measured, limit, held }
    });
    Report { measured, passed: targets.iter().all(|target| target.held), targets: targets.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(median: &str, closed: &str) -> Measured {
        let text = format!(
            r#"{{"mode":"webrtc","report":{{"seconds":60,"speaking_seconds":50,"windows":20,"correlation":0.97,"median_ms":{median},
            "p95_ms":12,"worst_ms":20,"drift_ms":-1,"kbit_per_s":15,"frames_per_s":60,"received":1,"malformed":0,"late":0,
            "bridged":0}},"shift_ms":40,"measured_shift_ms":38,"mouth_closed_ms":[{closed}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_missed_or_unmeasured_target_fails() {
        assert!(judge(measured("-4.5", "-20, 60"), Some(0.3)).passed);
        assert!(!judge(measured("-4.5", "-20, 60"), None).passed);
        for (median, closed) in [("-10.5", "0"), ("null", "0"), ("1", "0, 140"), ("1", "0, null"), ("1", "")]
        {
            assert!(!judge(measured(median, closed), Some(0.3)).passed, "{median} {closed}");
        }
    }
}
