//! Drives real calls against a running server and measures latency, cost and failures; measures lips and voices without one.
#![forbid(unsafe_code)]

mod arguments;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use visavis_bench::avatar::{browser, lips};
use visavis_bench::calls::{self, Questions};
use visavis_bench::conversation::scenarios;
use visavis_bench::harness::{default_speech, load_speech, models_folder, speech_folder};
use visavis_bench::{
    Settings, churn, conversation, failures, hostile, idle, interrupt, loss, process, relay, survive, table,
    voices,
};
use visavis_client::turn::Question;
use visavis_client::{Clip, Server};
use visavis_config::Sources;

use arguments::{
    Arguments, AvatarArguments, Background, CallArguments, ConversationArguments, FailureArguments,
    HostileArguments, Shared, What,
};

fn main() -> ExitCode {
    visavis_proto::host::silence_onnxruntime();
    measure()
}

#[tokio::main]
async fn measure() -> ExitCode {
    let done = match Arguments::parse().what {
        What::Call(arguments) => Box::pin(call(arguments)).await,
        What::Conversation(arguments) => Box::pin(converse(arguments)).await,
        What::Failures(arguments) => Box::pin(fail(arguments)).await,
        What::Hostile(arguments) => Box::pin(attack(arguments)).await,
        What::Survive(options) => Box::pin(outlive(&options)).await,
        What::Loss(options) => Box::pin(lose(&options)).await,
        What::Relay(options) => Box::pin(detour(&options)).await,
        What::Avatar(arguments) => Box::pin(face(arguments)).await,
        What::Voices(options) => Box::pin(speak(&options)).await,
    };
    match done {
        Ok(passed) => ExitCode::from(u8::from(!passed)),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn call(arguments: CallArguments) -> anyhow::Result<bool> {
    let settings = settings(&arguments)?;
    must_answer(&settings.server).await?;
    let json = arguments.shared.json;
    if let Some(seconds) = arguments.idle {
        let report = Box::pin(idle::run(&settings, Duration::from_secs(seconds))).await;
        print(json, &report, table::idle)?;
        return Ok(report.faults.is_empty());
    }
    if let Some(count) = arguments.churn {
        let report = Box::pin(churn::run(&settings, count)).await;
        print(json, &report, table::churn)?;
        return Ok(report.faults.is_empty() && report.forgotten_after_s.is_some());
    }
    let speech = if arguments.speech.is_empty() { vec![default_speech()] } else { arguments.speech };
    let clips = load_speech(&speech)?.into_iter().map(Arc::new).collect();
    let patience = Duration::from_secs(arguments.shared.patience);
    let questions = Questions { clips, turns: arguments.turns, patience };
    if let Some(after) = arguments.interrupt {
        let after = Duration::from_millis(after);
        let report = Box::pin(interrupt::run(&settings, &questions, after)).await;
        print(json, &report, table::interrupt)?;
        return Ok(report.faults.is_empty() && report.not_cut_off + report.missing == 0);
    }
    let report = Box::pin(calls::run(&settings, &questions)).await;
    print(json, &report, table::calls)?;
    Ok(report.faults.is_empty() && report.missing == 0)
}

async fn converse(arguments: ConversationArguments) -> anyhow::Result<bool> {
    if arguments.list {
        let lines: String =
            scenarios::all().iter().map(|one| format!("{:<20}{}\n", one.name, one.about)).collect();
        let _ = std::io::stdout().write_all(lines.as_bytes());
        return Ok(true);
    }
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let folder = arguments.make_speech.as_ref().or(arguments.speech.as_ref());
    let options = conversation::Options {
        scenarios: if arguments.only.is_empty() { scenarios::all() } else { arguments.only },
        repeat: usize::from(arguments.repeat),
        patience: Duration::from_secs(arguments.shared.patience),
        models: arguments.models.unwrap_or_else(models_folder),
        clips: folder.cloned().unwrap_or_else(|| speech_folder().join("conversation")),
    };
    if arguments.make_speech.is_some() {
        let lines = conversation::make_speech(&options, &mut tell)?;
        tell(&format!("{lines} lines are ready; their phrases are in {}", options.clips.display()));
        return Ok(true);
    }
    let server = Server::new(&arguments.server.unwrap_or_default())?;
    must_answer(&server).await?;
    let settings = one_call(server, &arguments.shared);
    let report = Box::pin(conversation::run(&settings, &options, &mut tell)).await?;
    print(arguments.shared.json, &report, table::conversation)?;
    Ok(report.passed)
}

async fn fail(arguments: FailureArguments) -> anyhow::Result<bool> {
    let server = Server::new(&arguments.server)?;
    must_answer(&server).await?;
    let mut clips = load_speech(&[arguments.speech.unwrap_or_else(default_speech)])?;
    let clip = clips.pop().ok_or_else(|| anyhow::anyhow!("--speech: no WAV file"))?;
    let options = failures::Options {
        blows: arguments.blow,
        victims: arguments.engine,
        phases: arguments.phase,
        repeat: usize::from(arguments.repeat),
        spoken: Question::Spoken(Arc::new(clip)),
        patience: Duration::from_secs(arguments.shared.patience),
    };
    let settings = one_call(server, &arguments.shared);
    let tell = |trial: &failures::Trial| {
        let told = serde_json::to_string(trial).unwrap_or_default();
        drop(writeln!(std::io::stderr(), "{told}"));
    };
    let report = Box::pin(failures::run(&settings, &options, tell)).await?;
    print(arguments.shared.json, &report, table::failures)?;
    Ok(report.passed)
}

async fn attack(arguments: HostileArguments) -> anyhow::Result<bool> {
    let server = Server::new(&arguments.server)?;
    must_answer(&server).await?;
    let speech = if arguments.speech.is_empty() { vec![default_speech()] } else { arguments.speech };
    let clips = load_speech(&speech)?.into_iter().map(Arc::new).collect();
    let patience = Duration::from_secs(arguments.shared.patience);
    let options = hostile::Options {
        questions: Questions { clips, turns: usize::from(arguments.turns), patience },
        term: arguments.term,
        drain: arguments.drain.map(Duration::from_secs),
    };
    let settings = one_call(server, &arguments.shared);
    let tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(hostile::run(&settings, &options, tell)).await?;
    print(arguments.shared.json, &report, hostile::table::report)?;
    Ok(report.passed)
}

async fn outlive(options: &survive::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(survive::run(options, &mut tell)).await?;
    print(options.json, &report, survive::table::report)?;
    Ok(report.passed)
}

async fn lose(options: &loss::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(loss::run(options, &mut tell)).await?;
    print(options.json, &report, loss::table)?;
    Ok(report.passed)
}

async fn detour(options: &relay::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(relay::run(options, &mut tell)).await?;
    print(options.json, &report, relay::table)?;
    Ok(report.passed)
}

async fn face(arguments: AvatarArguments) -> anyhow::Result<bool> {
    let Some(address) = arguments.server else {
        let config = visavis_config::load(&Sources::from_process(None, Vec::new()))?;
        let report = lips::report(&config, !arguments.tuning, arguments.from).await?;
        print(arguments.json, &report, table::lips)?;
        return Ok(report.passed);
    };
    let server = Server::new(&address)?;
    must_answer(&server).await?;
    let options = browser::Options {
        server,
        mode: arguments.mode,
        minutes: arguments.minutes,
        jitter_ms: arguments.jitter,
        loss_percent: f64::from(arguments.loss),
        tests: arguments.tests,
    };
    let report = Box::pin(browser::run(&options)).await?;
    print(arguments.json, &report, table::face)?;
    Ok(report.passed)
}

async fn speak(options: &voices::Options) -> anyhow::Result<bool> {
    let mut tell = |text: &str| drop(writeln!(std::io::stderr(), "{text}"));
    let report = Box::pin(voices::run(options, &mut tell)).await?;
    print(options.json, &report, voices::table::report)?;
    Ok(report.passed)
}

fn settings(arguments: &CallArguments) -> anyhow::Result<Settings> {
    let server = Server::new(&arguments.server)?;
    let background = match arguments.background {
        Background::Room if !arguments.muted => Clip::room_noise(),
        Background::Room | Background::Silence => Clip::silence(),
    };
    Ok(Settings {
        calls: usize::from(arguments.calls),
        stagger: Duration::from_millis(arguments.stagger),
        background,
        dtx: arguments.muted,
        ..one_call(server, &arguments.shared)
    })
}

/// One call at a time, from a room.
fn one_call(server: Server, shared: &Shared) -> Settings {
    Settings {
        pid: shared.pid.or_else(|| process::listener(server.local_port()?)),
        server,
        mode: shared.mode,
        calls: 1,
        stagger: Duration::ZERO,
        background: Clip::room_noise(),
        dtx: false,
        language: shared.language.clone(),
    }
}

/// Fails with what to do where nothing answers at the server's address.
async fn must_answer(server: &Server) -> anyhow::Result<()> {
    let health = server.http().get(server.url("health")).send().await;
    health.map_err(|error| server.unreachable(&error))?;
    Ok(())
}

fn print<T: serde::Serialize>(json: bool, report: &T, table: impl Fn(&T) -> String) -> anyhow::Result<()> {
    let text = if json { serde_json::to_string_pretty(report)? + "\n" } else { table(report) };
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
