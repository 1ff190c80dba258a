//! `visavis voices`: list the voices of a server, add Piper voices to its voices folder, clone voices, and remove both.

mod add;
mod clone;
mod list;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use visavis_config::Config;
use visavis_models::{FetchError, Manifest, clones, voices};

use crate::place;
use crate::progress::Progress;
use add::AddArgs;
use clone::CloneArgs;

/// `visavis voices …`
#[derive(Clone, Debug, Args)]
pub struct VoicesArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Show the voices, and what is wrong with unusable files
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Add a Piper voice to the voices folder
    Add(AddArgs),
    /// Clone a voice from a recording, for engines that can
    Clone(CloneArgs),
    /// Remove a voice from the voices folder, or a cloned one
    Remove {
        /// The voice's name
        name: String,
    },
}

/// The locations of a server's voices.
#[derive(Clone, Debug)]
pub struct Places {
    /// The voices folder, which need not exist.
    pub folder: PathBuf,
    /// The folder of cloned voices, which need not exist.
    pub clones: PathBuf,
    /// The voices of the profile, or those that the configuration names.
    pub others: Vec<Other>,
}

/// The file of a voice that is not in the voices folder.
#[derive(Clone, Debug)]
pub struct Other {
    /// The network; it may be missing.
    pub file: PathBuf,
    /// Its licence, if the manifest knows it.
    pub licence: Option<String>,
    /// What refers to it, for people.
    pub from: String,
}

impl Places {
    /// The locations in a configuration.
    ///
    /// # Errors
    /// When its profile is unknown.
    pub fn of(config: &Config) -> Result<Self> {
        let (folder, clones) = (config.voices_dir(), config.clones_dir());
        if !config.tts.voices.is_empty() {
            let from = "tts.voices";
            let named = |file: &PathBuf| Other { file: file.clone(), licence: None, from: from.to_owned() };
            return Ok(Self { folder, clones, others: config.tts.voices.iter().map(named).collect() });
        }
        let profile = Manifest::builtin().profile(&config.models.profile)?;
        let networks = profile.tts.iter().filter(|file| file.extension().is_some_and(|kind| kind == "onnx"));
        let other = |file: &PathBuf| Other {
            file: config.models.dir.join(file),
            licence: profile.models().find(|model| model.file == *file).map(|model| model.licence.clone()),
            from: format!("profile {}", profile.name),
        };
        let others = networks.map(other).collect();
        Ok(Self { folder, clones, others })
    }

    /// What refers to the voice, if it is not in the voices folder.
    fn other(&self, name: &str) -> Option<&Other> {
        self.others.iter().find(|other| voices::names(std::slice::from_ref(&other.file)).contains(name))
    }

    /// The network of this voice in the folder.
    fn network(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.onnx"))
    }
}

/// Runs a `voices` command for a server with this configuration.
///
/// # Errors
/// When the command fails; the message says what to do.
pub fn run(args: &VoicesArgs, config: &Config) -> Result<()> {
    run_in(args, &Places::of(config)?, &mut std::io::stdout().lock())
}

/// Runs a `voices` command with given locations and output.
///
/// # Errors
/// When the command fails; the message says what to do.
pub fn run_in(args: &VoicesArgs, places: &Places, out: &mut impl Write) -> Result<()> {
    match &args.command {
        Command::List { json: true } => list::json(places, out),
        Command::List { json: false } => list::table(places, out),
        Command::Add(args) => add::add(args, places, out),
        Command::Clone(args) => clone::clone(args, places, out),
        Command::Remove { name } => remove(name, places, out),
    }
}

/// Removes the files of a voice; one of them may be missing.
fn remove(name: &str, places: &Places, out: &mut impl Write) -> Result<()> {
    ensure_name(name)?;
    let folder = places.folder.display();
    let waiting = || Progress::on_stderr().note("waiting for another command to finish");
    // Without a folder there is nothing to lock, and nothing to remove.
    let lock = places.folder.is_dir().then(|| place::lock(&places.folder, waiting)).transpose();
    let _lock = lock.with_context(|| format!("cannot remove {name} from {folder}"))?;
    let model = places.network(name);
    let files = [model.clone(), voices::description(&model)];
    let present: Vec<&Path> = files.iter().map(PathBuf::as_path).filter(|file| is_there(file)).collect();
    if present.is_empty() {
        if clones::exists(&places.clones, name) {
            clones::remove(&places.clones, name)?;
            writeln!(out, "Removed the cloned voice {name}, its clip and its description.")?;
            return Ok(());
        }
        match places.other(name) {
            Some(other) => bail!(
                "{name} is a voice of {}, in {}; only those in {folder} can be removed",
                other.from,
                other.file.display()
            ),
            None => bail!("there is no voice {name} in {folder}; `visavis voices list` shows the voices"),
        }
    }
    for file in present {
        let failed = |error| FetchError::Io { path: file.to_owned(), source: error };
        std::fs::remove_file(file).map_err(failed)?;
        writeln!(out, "Removed {}", file.display())?;
    }
    writeln!(out, "A running server keeps the voice until its next start.")?;
    Ok(())
}

/// Whether a file or a link exists, even a broken link.
fn is_there(file: &Path) -> bool {
    file.symlink_metadata().is_ok_and(|about| !about.is_dir())
}

/// Refuses names that lead out of the folder, or that requests cannot contain.
fn ensure_name(name: &str) -> Result<()> {
    ensure!(
        voices::is_name(name),
        "{name:?} cannot be a voice's name: use at most 100 letters, digits, '.', '_' and '-', and begin with a \
         letter or digit"
    );
    Ok(())
}
