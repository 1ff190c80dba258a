//! Calls that outlive what happens to their server: it is killed, stopped, replaced by another, or loses its Redis. Each measurement
//! starts servers of its own in a scratch folder.
//!
//! - this file: what is measured, and the report
//! - [`cut`]: answers that are cut off, by a kill and by a page that is loaded anew; `site`: at one server or at two
//! - [`rollout`]: two servers behind nginx, restarted one after the other; [`outage`]: a Redis that is away
//! - [`caller`]: who speaks meanwhile, and counts what is lost
//! - `person`: who calls, and comes back; [`redial`]: when they try (pure)
//! - `heard`: what they hear over one connection; [`words`]: which words are lost (pure)
//! - `node`: the servers; `redis`, `proxy`: what stands beside them
//! - [`table`]: the results as tables

pub mod caller;
pub mod cut;
mod heard;
mod node;
pub mod outage;
mod person;
mod proxy;
pub mod redial;
mod redis;
pub mod rollout;
mod site;
pub mod table;
pub mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;

use crate::conversation::script::Part;
use crate::conversation::speech::{SPEAKERS, Speech};
use crate::harness::{load_speech, models_folder, speech_folder};
use cut::{Blow, CutReport, Cuts};
use node::Build;
use outage::OutageReport;
use person::Person;
use rollout::RolloutReport;
use visavis_client::{Clip, Mode};
use visavis_engine::backends::child::program_beside;

/// Phrases of `phrases.toml` that ask for long answers.
const QUESTIONS: [&str; 4] = ["story-dog", "story-sea", "story-sun", "story-city"];

/// What happens to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// The server is killed (SIGKILL) while an answer sounds, and started again; with `--nodes 2` the call goes on at the second.
    Kill,
    /// The client leaves while an answer sounds, and comes back at once, as a page that is loaded anew.
    Reload,
    /// Two servers with one Redis behind nginx are stopped (SIGTERM) and started again, one after the other, under four callers.
    Rollout,
    /// The servers' Redis hangs for 10 s, and is killed and away for 10 s, while a caller speaks.
    Redis,
}

/// What to measure, and with which servers.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// What happens to the calls
    #[arg(value_enum, required = true, num_args = 1..)]
    pub what: Vec<What>,
    /// How many answers are cut off, each in a call of its own
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub repeat: u16,
    /// How many servers there are for `kill`; of two, which share a Redis behind nginx, the one with the call is killed, and the time counts
    /// until the agent is heard from the other
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub nodes: u8,
    /// How long after its first sound an answer is cut off
    #[arg(long, default_value_t = 1_500, value_name = "MS")]
    pub after: u64,
    /// The folder with `visavis` and its engines [default: that of this program]
    #[arg(long, value_name = "FOLDER")]
    pub binaries: Option<PathBuf>,
    /// The servers' profile of models
    #[arg(long, default_value = "cpu")]
    pub profile: String,
    /// The models directory
    #[arg(long, value_name = "FOLDER")]
    pub models: Option<PathBuf>,
    /// A setting of the servers, as of `visavis serve --set`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// WAV files, or folders of them, spoken in turn as questions [default: four that ask for long answers, made with Kokoro]
    #[arg(long, num_args = 1..)]
    pub speech: Vec<PathBuf>,
    /// The transport
    #[arg(long, value_enum, default_value = "webrtc")]
    pub mode: Mode,
    /// The language of the questions, ISO 639-1
    #[arg(long, default_value = "en")]
    pub language: String,
    /// Seconds until a response counts as missing
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub patience: u64,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub json: bool,
}

/// All results; none of what was not measured.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The server was killed.
    pub kill: Option<CutReport>,
    /// The client left and came back.
    pub reload: Option<CutReport>,
    /// Both servers were restarted.
    pub rollout: Option<RolloutReport>,
    /// Redis was away.
    pub redis: Option<OutageReport>,
    /// Whether all targets were met.
    pub passed: bool,
}

/// Measures all that is wanted, one after the other.
///
/// # Errors
/// When the servers' program or speech is missing, or a server does not start.
pub async fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let scratch = tempfile::tempdir()?;
    let person = Arc::new(person(options)?);
    let mut report = Report { passed: true, ..Report::default() };
    for what in &options.what {
        let name = format!("{what:?}").to_lowercase();
        tell(&format!("{name}: servers start"));
        let folder = scratch.path().join(name);
        std::fs::create_dir_all(&folder)?;
        let build = build(options, &folder)?;
        let cuts = |blow| Cuts { blow, repeat: options.repeat, after: Duration::from_millis(options.after) };
        report.passed &= match what {
            What::Kill => {
                let blow = if options.nodes > 1 { Blow::Takeover } else { Blow::Kill };
                let cut = Box::pin(cut::run(&build, &person, cuts(blow), tell)).await?;
                report.kill.insert(cut).passed
            }
            What::Reload => {
                let cut = Box::pin(cut::run(&build, &person, cuts(Blow::Reload), tell)).await?;
                report.reload.insert(cut).passed
            }
            What::Rollout => {
                let rollout = Box::pin(rollout::run(&build, &person, tell)).await?;
                report.rollout.insert(rollout).passed
            }
            What::Redis => {
                let outage = Box::pin(outage::run(&build, &person, tell)).await?;
                report.redis.insert(outage).passed
            }
        };
    }
    Ok(report)
}

fn build(options: &Options, scratch: &Path) -> anyhow::Result<Build> {
    let program = match &options.binaries {
        Some(folder) => folder.join("visavis"),
        None => program_beside("visavis")?,
    };
    ensure!(program.is_file(), "--binaries: {} is not there", program.display());
    let mut arguments = vec!["--profile".to_owned(), options.profile.clone()];
    let models = options.models.iter().map(|folder| format!("models.dir={}", folder.display()));
    let settings = ["store.enabled=true".to_owned()].into_iter().chain(models);
    for setting in settings.chain(options.settings.iter().cloned()) {
        arguments.extend(["--set".to_owned(), setting]);
    }
    Ok(Build { program, arguments, scratch: scratch.to_owned() })
}

fn person(options: &Options) -> anyhow::Result<Person> {
    let questions = if options.speech.is_empty() {
        long_questions(&options.models.clone().unwrap_or_else(models_folder))?
    } else {
        load_speech(&options.speech)?.into_iter().map(Arc::new).collect()
    };
    Ok(Person {
        mode: options.mode,
        language: Some(options.language.clone()),
        patience: Duration::from_secs(options.patience),
        questions,
    })
}

fn long_questions(models: &Path) -> anyhow::Result<Vec<Arc<Clip>>> {
    let mut speech = Speech::new(models, &speech_folder().join("conversation"));
    let mut say = |phrase| speech.utterance(SPEAKERS[0], &[Part::Say(phrase)]);
    QUESTIONS.into_iter().map(|phrase| Ok(say(phrase)?.clip)).collect()
}
