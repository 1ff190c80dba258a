//! The cost of connected calls in which nobody speaks: the media plane and voice activity detection. The microphones hear a
//! room, or are muted.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Settings;
use super::calls::together;
use super::process::{self, Tree, Usage};
use visavis_client::turn::settle;
use visavis_client::{Call, CallStats};

const SILENT_FOR: Duration = Duration::from_secs(2);
const LONGEST_GREETING: Duration = Duration::from_secs(20);
/// Time without a sound until costs are measured: a call comes to rest only after some seconds.
const AT_REST: Duration = Duration::from_secs(6);

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct IdleReport {
    /// Calls that stayed connected to the end.
    pub calls: usize,
    /// How long they stayed.
    pub seconds: f64,
    /// Costs of the server and its engines; empty if they run elsewhere.
    pub processes: Vec<Usage>,
    /// CPU time of the server and its engines for all calls, in percent of a core.
    pub core_percent: f64,
    /// Growth of the server's memory per call, from before the first call, in MiB.
    pub rss_growth_per_call_mib: Option<f64>,
    /// The same from when half of the calls were connected: without what the server holds for any number of calls.
    pub rss_growth_per_further_call_mib: Option<f64>,
    /// Packets of sound that each client sent per second.
    pub packets_per_call_second: f64,
    /// Cost of this program.
    pub driver: Vec<Usage>,
    /// The clients' counters combined.
    pub client: CallStats,
    /// Why calls failed.
    pub faults: Vec<String>,
}

/// Begins this many calls and waits until each is silent; adds to `faults` why others failed.
async fn begin(settings: &Settings, count: usize, faults: &mut Vec<String>) -> Vec<Call> {
    let mut starting = tokio::task::JoinSet::new();
    for index in 0..count {
        let settings = settings.clone();
        starting.spawn(async move {
            tokio::time::sleep(settings.stagger * index as u32).await;
            let mut call = settings.start().await?;
            settle(&mut call, SILENT_FOR, LONGEST_GREETING).await?;
            Ok::<Call, visavis_client::ClientError>(call)
        });
    }
    let mut calls = Vec::new();
    for started in starting.join_all().await {
        match started {
            Ok(call) => calls.push(call),
            Err(error) => faults.push(error.to_string()),
        }
    }
    calls
}

/// The server's memory and how many calls it had.
struct Load {
    calls: usize,
    server: Tree,
}

impl Load {
    fn now(settings: &Settings, calls: usize) -> Self {
        Self { calls, server: settings.pid.map(process::tree).unwrap_or_default() }
    }

    /// What each call since `before` holds, in MiB.
    fn growth_since(&self, before: &Self) -> Option<f64> {
        let calls = self.calls.saturating_sub(before.calls).max(1) as f64;
        Some((self.server.rss_mib()? - before.server.rss_mib()?) / calls)
    }
}

fn sum_up(calls: &[Call]) -> CallStats {
    calls.iter().map(Call::stats).fold(CallStats::default(), together)
}

/// Keeps all calls open and listening for this long.
pub async fn run(settings: &Settings, how_long: Duration) -> IdleReport {
    let mut faults = Vec::new();
    let before = Load::now(settings, 0);
    let mut calls = begin(settings, settings.calls / 2, &mut faults).await;
    let half = Load::now(settings, calls.len());
    calls.extend(begin(settings, settings.calls - settings.calls / 2, &mut faults).await);
    tokio::time::sleep(AT_REST).await;
    let (full, sent_before) = (Load::now(settings, calls.len()), sum_up(&calls).sent);
    let driver_before = process::this_program();
    let began = Instant::now();
    let mut listening = tokio::task::JoinSet::new();
    for mut call in calls {
        listening.spawn(async move {
            let stayed = call.idle(how_long).await;
            (call, stayed)
        });
    }
    let (ended, stayed): (Vec<Call>, Vec<bool>) = listening.join_all().await.into_iter().unzip();
    let seconds = began.elapsed().as_secs_f64();
    let after = Load::now(settings, ended.len());
    let lost = stayed.iter().filter(|stayed| !**stayed).count();
    if lost > 0 {
        faults.push(format!("{lost} calls were closed while listening"));
    }
    let call_seconds = seconds * ended.len() as f64;
    let client = sum_up(&ended);
    let report = IdleReport {
        calls: ended.len() - lost,
        seconds,
        core_percent: after.server.cpu_seconds_since(&full.server) / seconds * 100.0,
        processes: after.server.since(&full.server, call_seconds),
        rss_growth_per_call_mib: after.growth_since(&before),
        rss_growth_per_further_call_mib: after.growth_since(&half),
        packets_per_call_second: client.sent.saturating_sub(sent_before) as f64 / call_seconds.max(1e-3),
        driver: process::this_program().since(&driver_before, call_seconds),
        client,
        faults,
    };
    let mut goodbyes = tokio::task::JoinSet::new();
    ended.into_iter().for_each(|call| drop(goodbyes.spawn(call.hang_up())));
    goodbyes.join_all().await;
    report
}
