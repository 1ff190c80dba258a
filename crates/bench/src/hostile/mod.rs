//! A hostile client that attacks in every way at once beside a call: does the call go on normally, does the server's memory
//! return to its level, and does SIGTERM end the server in time?
//!
//! - [`target`]: where the attacks go, and their budget; [`connection`], [`socket`]: how they get there
//! - [`attack`]: what an attack is, and all of them at once; `attacks/`: each of them; `payload/`: what they send
//! - [`tally`]: what was sent and refused (pure)
//! - `victim`: the call; `watch`: the server meanwhile
//! - `report`: the results, and whether they are as they should be (pure); [`table`]: the same as tables (pure)

pub mod attack;
mod attacks;
pub mod connection;
mod payload;
mod report;
pub mod socket;
pub mod table;
pub mod tally;
pub mod target;
mod victim;
mod watch;

pub use report::{Holdings, Newcomer, Report, Slower, Stop};
pub use victim::Heard;
pub use watch::{Health, Standing};

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::calls::Questions;
use super::{Settings, process};
use attack::{Attacked, Storm};
use report::KEPT_MIB;
use target::Target;
use visavis_client::{Call, CallOptions, Mode};
use watch::{Seen, Watch};

/// How long attacks run before the first question, so that all of them are under way.
const UNDER_WAY: Duration = Duration::from_secs(6);
/// Longest duration of the attacks, whatever the call does.
const LONGEST: Duration = Duration::from_secs(600);
/// Longest time for the server to return to its earlier state.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// Descriptors that may be open in addition to those from before: the server's own.
const DESCRIPTORS: usize = 16;
/// How long a server may take to end after its drain.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The questions of each call.
    pub questions: Questions,
    /// Whether the server is ended by SIGTERM at the end, during attacks.
    pub term: bool,
    /// The server's `server.drain_seconds`, if known.
    pub drain: Option<Duration>,
}

/// Makes a call, then the same call beside all attacks, and measures what remains of the attacks.
///
/// # Errors
/// When the server does not run on this machine, or a call without attacks fails.
pub async fn run(
    settings: &Settings,
    options: &Options,
    mut tell: impl FnMut(&str),
) -> anyhow::Result<Report> {
    let pid =
        settings.pid.context("the server's process was not found on this machine; give it with --pid")?;
    let target = Target::new(&settings.server).await?;
    tell("a call without attacks");
    let call = Box::pin(victim::begin(settings)).await?;
    let quiet = Box::pin(victim::converse(call, &options.questions)).await;
    let before = Standing::now(pid);
    tell("the same call beside all attacks");
    let Beside { attacked, newcomer, storm, seen } =
        Box::pin(beside(settings, options, &target, pid)).await?;
    tell("what is left of them");
    let (after, back_after_s) = back(pid, &before).await;
    let stop = if options.term {
        tell("SIGTERM during attacks");
        Some(Box::pin(end(settings, options, &target, pid)).await?)
    } else {
        None
    };
    Ok(Report {
        slower: Slower::between(quiet.voice_to_voice.as_ref(), attacked.voice_to_voice.as_ref()),
        quiet,
        attacked,
        newcomer,
        storm,
        holdings: Holdings { before, most: seen.most, after, back_after_s },
        health: seen.health,
        stop,
        faults: Vec::new(),
        passed: false,
    }
    .judged())
}

/// What happened beside the attacks.
struct Beside {
    attacked: Heard,
    newcomer: Newcomer,
    storm: Attacked,
    seen: Seen,
}

/// The call begins before the attacks: they must not disturb a call in progress.
async fn beside(settings: &Settings, options: &Options, target: &Target, pid: u32) -> anyhow::Result<Beside> {
    let call = Box::pin(victim::begin(settings)).await?;
    let watch = Watch::begin(pid, target);
    let storm = Storm::begin(attacks::all(), target);
    let talking = async {
        let mut call = call;
        let goes_on = call.idle(UNDER_WAY).await;
        let heard = Box::pin(victim::converse(call, &options.questions)).await;
        (goes_on, heard, Box::pin(another(settings)).await)
    };
    let talked = tokio::time::timeout(LONGEST, Box::pin(talking)).await;
    let storm = storm.end().await;
    let seen = watch.end();
    let (attacked, newcomer) = match talked {
        Ok((true, heard, newcomer)) => (heard, newcomer),
        Ok((false, heard, newcomer)) => {
            let fault = heard.fault.clone().unwrap_or_else(|| "it was closed before a question".to_owned());
            (Heard { fault: Some(fault), ..heard }, newcomer)
        }
        Err(_) => {
            let fault = format!("it was not over after {} s", LONGEST.as_secs());
            (Heard { fault: Some(fault), ..Heard::default() }, Newcomer::default())
        }
    };
    Ok(Beside { attacked, newcomer, storm, seen })
}

/// Another client's call.
async fn another(settings: &Settings) -> Newcomer {
    match Box::pin(Call::start(&settings.server, Mode::WebSocket, CallOptions::default())).await {
        Ok(call) => {
            let ready_ms = Some(call.ready_in().as_secs_f64() * 1_000.0);
            call.hang_up().await;
            Newcomer { ready_ms, fault: None }
        }
        Err(error) => Newcomer { ready_ms: None, fault: Some(error.to_string()) },
    }
}

/// Waits until the server holds about as much as before; returns what it then holds, and the seconds, if it does.
async fn back(pid: u32, before: &Standing) -> (Standing, Option<f64>) {
    let began = Instant::now();
    loop {
        let now = Standing::now(pid);
        if is_back(before, &now) {
            return (now, Some(began.elapsed().as_secs_f64()));
        }
        if began.elapsed() >= BACK_WITHIN {
            return (now, None);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Whether the server itself holds about as much as before. Its engines keep what they have loaded.
fn is_back(before: &Standing, now: &Standing) -> bool {
    let memory = before.server_mib.zip(now.server_mib).is_some_and(|(before, now)| now <= before + KEPT_MIB);
    memory && now.descriptors <= before.descriptors + DESCRIPTORS
}

/// Ends the server by SIGTERM during attacks, while the agent talks in a call.
async fn end(settings: &Settings, options: &Options, target: &Target, pid: u32) -> anyhow::Result<Stop> {
    let default = Duration::from_secs(visavis_config::Server::default().drain_seconds);
    let drain = options.drain.unwrap_or(default);
    let mut call = Box::pin(victim::begin(settings)).await?;
    let storm = Storm::begin(attacks::all(), target);
    call.idle(UNDER_WAY).await;
    // A call that the attacks have ended cannot receive the server's last message; the report then says so.
    _ = victim::keep_talking(&mut call, options.questions.patience).await;
    let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status()?;
    ensure!(sent.success(), "the server's process {pid} cannot be signalled; run this as the server's user");
    let within = drain + GIVEN_UP_AFTER;
    let (took_s, told) = tokio::join!(ended(pid, within), victim::told_of_its_end(call, within));
    storm.end().await;
    Ok(Stop { drain_s: drain.as_secs(), assumed: options.drain.is_none(), took_s, told })
}

/// Seconds until the process has ended; `None`: it has not.
async fn ended(pid: u32, within: Duration) -> Option<f64> {
    let began = Instant::now();
    while process::runs(pid) {
        if began.elapsed() >= within {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Some(began.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(mib: f64, descriptors: usize) -> Standing {
        let rss_mib = [("visavis".to_owned(), mib), ("visavis-tts".to_owned(), 9_000.0 - mib)].into();
        Standing { server_mib: Some(mib), rss_mib, threads: 9, descriptors }
    }

    #[test]
    fn a_server_is_back_when_its_own_memory_and_descriptors_are() {
        let before = standing(90.0, 60);
        assert!(is_back(&before, &standing(200.0, 70)));
        assert!(!is_back(&before, &standing(300.0, 60)), "its memory is not");
        assert!(!is_back(&before, &standing(90.0, 90)), "connections are still open");
        assert!(!is_back(&before, &Standing::default()), "it is gone");
    }
}
