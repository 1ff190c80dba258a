//! The cost of connected calls in which nobody speaks: the media plane and voice activity detection.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::Settings;
use super::calls::together;
use super::process::{self, Usage};
use visavis_client::turn::settle;
use visavis_client::{Call, CallStats};

const SILENT_FOR: Duration = Duration::from_secs(2);
const LONGEST_GREETING: Duration = Duration::from_secs(20);

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct IdleReport {
    /// Calls that stayed connected to the end.
    pub calls: usize,
    /// How long they stayed.
    pub seconds: f64,
    /// Costs of the server and its engines; empty if they run elsewhere.
    pub processes: Vec<Usage>,
    /// Growth of the server's memory per call, from before the first call, in MiB.
    pub rss_growth_per_call_mib: Option<f64>,
    /// Cost of this program.
    pub driver: Vec<Usage>,
    /// The clients' counters combined.
    pub client: CallStats,
    /// Why calls failed.
    pub faults: Vec<String>,
}

/// Begins the calls and waits until each is silent; adds to `faults` why others failed.
async fn begin(settings: &Settings, faults: &mut Vec<String>) -> Vec<Call> {
    let mut starting = tokio::task::JoinSet::new();
    for index in 0..settings.calls {
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

/// Keeps all calls open and listening for this long.
pub async fn run(settings: &Settings, how_long: Duration) -> IdleReport {
    let before_calls = settings.pid.map(process::tree).unwrap_or_default();
    let mut faults = Vec::new();
    let calls = begin(settings, &mut faults).await;
    let (server_before, driver_before) =
        (settings.pid.map(process::tree).unwrap_or_default(), process::this_program());
    let began = Instant::now();
    let mut listening = tokio::task::JoinSet::new();
    for mut call in calls {
        listening.spawn(async move {
            let stayed = call.idle(how_long).await;
            (call, stayed)
        });
    }
    let ended = listening.join_all().await;
    let seconds = began.elapsed().as_secs_f64();
    let server_after = settings.pid.map(process::tree).unwrap_or_default();
    let lost = ended.iter().filter(|(_, stayed)| !stayed).count();
    if lost > 0 {
        faults.push(format!("{lost} calls were closed while listening"));
    }
    let count = ended.len() - lost;
    let call_seconds = seconds * ended.len() as f64;
    let client = ended.iter().map(|(call, _)| call.stats()).fold(CallStats::default(), together);
    let driver = process::this_program().since(&driver_before, call_seconds);
    let growth = server_after.rss_mib().zip(before_calls.rss_mib());
    let mut goodbyes = tokio::task::JoinSet::new();
    ended.into_iter().for_each(|(call, _)| drop(goodbyes.spawn(call.hang_up())));
    goodbyes.join_all().await;
    IdleReport {
        calls: count,
        seconds,
        processes: server_after.since(&server_before, call_seconds),
        rss_growth_per_call_mib: growth.map(|(after, before)| (after - before) / count.max(1) as f64),
        driver,
        client,
        faults,
    }
}
