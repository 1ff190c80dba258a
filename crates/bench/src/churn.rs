//! Calls opened and closed: what they leave behind.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Settings;
use super::process;
use super::statistics::{Summary, summarise};

/// How long each call stays.
const STAY: Duration = Duration::from_millis(300);
/// How long the server may take to notice that its last clients have left.
const FORGET_WITHIN: Duration = Duration::from_secs(40);
/// One in this many calls leaves without a goodbye.
const RUDE: usize = 4;

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct ChurnReport {
    /// Calls opened and closed after the warm-up.
    pub opened: usize,
    /// Those of them that left without a goodbye.
    pub without_goodbye: usize,
    /// From the start of a call to `bot-ready`, in ms.
    pub setup: Option<Summary>,
    /// The server's memory before any call, in MiB.
    pub rss_cold_mib: Option<f64>,
    /// The same after the warm-up.
    pub rss_before_mib: Option<f64>,
    /// The same after the last call was forgotten.
    pub rss_after_mib: Option<f64>,
    /// Growth from before to after, in percent.
    pub rss_growth_percent: Option<f64>,
    /// The server's threads before and after.
    pub threads: Option<(usize, usize)>,
    /// Calls that the server still counts as active.
    pub calls_active: Option<f64>,
    /// Seconds until the server had forgotten the last call; `None`: it did not.
    pub forgotten_after_s: Option<f64>,
    /// Why calls failed.
    pub faults: Vec<String>,
}

/// Opens and closes `count` calls, `settings.calls` at a time.
pub async fn run(settings: &Settings, count: usize) -> ChurnReport {
    let measure = || settings.pid.map(process::tree).unwrap_or_default();
    let cold = measure().rss_mib();
    // Warm-up: buffers that calls reuse are allocated once, and must not count as growth.
    let (_, mut faults) = open_and_close(settings, (count / 10).clamp(1, 20)).await;
    forgotten(settings).await;
    let before = measure();
    let (setup, more) = open_and_close(settings, count).await;
    faults.extend(more);
    let forgotten_after_s = forgotten(settings).await;
    let after = measure();
    let growth = after.rss_mib().zip(before.rss_mib());
    ChurnReport {
        opened: setup.len(),
        without_goodbye: count / RUDE,
        setup: summarise(setup),
        rss_cold_mib: cold,
        rss_before_mib: before.rss_mib(),
        rss_after_mib: after.rss_mib(),
        rss_growth_percent: growth.map(|(after, before)| (after / before - 1.0) * 100.0),
        threads: before.threads().zip(after.threads()),
        calls_active: settings.calls_active().await,
        forgotten_after_s,
        faults,
    }
}

type Opened = Result<f64, String>;

async fn open_and_close(settings: &Settings, count: usize) -> (Vec<f64>, Vec<String>) {
    let (mut setup, mut faults) = (Vec::new(), Vec::new());
    let mut keep = |opened: Opened| match opened {
        Ok(ms) => setup.push(ms),
        Err(fault) => faults.push(fault),
    };
    let mut running = tokio::task::JoinSet::new();
    for index in 0..count {
        if running.len() >= settings.calls.max(1) {
            running.join_next().await.and_then(Result::ok).map(&mut keep);
        }
        let settings = settings.clone();
        running.spawn(async move { Box::pin(one(&settings, index % RUDE != RUDE - 1)).await });
    }
    running.join_all().await.into_iter().for_each(keep);
    (setup, faults)
}

async fn one(settings: &Settings, polite: bool) -> Opened {
    let mut call = settings.start().await.map_err(|error| error.to_string())?;
    let ready_in = call.ready_in();
    if !call.idle(STAY).await {
        return Err("the server closed a call that had only just begun".to_owned());
    }
    if polite && !call.hang_up().await {
        return Err("a hang-up got no call-ended".to_owned());
    }
    Ok(ready_in.as_secs_f64() * 1_000.0)
}

/// Waits until the server counts no call; returns the seconds; `None` if it still counts some in the end, or has no count.
async fn forgotten(settings: &Settings) -> Option<f64> {
    let began = Instant::now();
    while began.elapsed() < FORGET_WITHIN {
        if settings.calls_active().await? == 0.0 {
            return Some(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    None
}
