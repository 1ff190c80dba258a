//! `visavis voices add`: checks a voice and puts it into the voices folder, completely or not at all.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::Args;
use url::Url;
use visavis_models::voices::{self, Fault, Voice, VoiceFault};
use visavis_models::{FetchError, Origin, clones};

use super::{Places, ensure_name};
use crate::place;
use crate::progress::Progress;
use crate::sources::{Clients, Downloads, size_at};

/// Directory of unfinished voices, in the voices folder, so that finished ones are only renamed.
const WORKSHOP: &str = ".adding";
/// Space for a description in addition to its network.
const MARGIN: u64 = 1_000_000;

/// Arguments of `visavis voices add`.
#[derive(Clone, Debug, Args)]
pub(super) struct AddArgs {
    /// The voice's .onnx file, or its address; the .onnx.json is taken from beside it
    #[arg(value_name = "FILE|URL")]
    voice: String,
    /// The voice's name [default: the file's]
    #[arg(long)]
    name: Option<String>,
    /// Replace a voice of this name in the folder
    #[arg(long)]
    force: bool,
    /// Report errors only
    #[arg(long, short)]
    quiet: bool,
}

/// Where a voice comes from.
#[derive(Debug)]
enum Source {
    File(PathBuf),
    Web(Url),
}

impl Source {
    fn of(given: &str) -> Result<Self> {
        let source = match Url::parse(given) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Self::Web(url),
            Ok(url) if url.scheme() == "file" => {
                let path = url.to_file_path();
                Self::File(path.map_err(|()| anyhow!("{given} is not a path of a local file"))?)
            }
            _ => Self::File(given.into()),
        };
        ensure!(
            !source.file_name().is_some_and(|name| name.ends_with(".onnx.json")),
            "{given} is a voice's description; name its .onnx, and the description is taken from beside it"
        );
        Ok(source)
    }

    fn file_name(&self) -> Option<&str> {
        match self {
            Self::File(path) => path.file_name()?.to_str(),
            Self::Web(url) => url.path_segments()?.next_back(),
        }
    }

    /// The voice's name there.
    fn voice_name(&self) -> Option<&str> {
        self.file_name()?.strip_suffix(".onnx")
    }
}

/// Adds a voice.
pub(super) fn add(args: &AddArgs, places: &Places, out: &mut impl Write) -> Result<()> {
    let source = Source::of(&args.voice)?;
    let name = match &args.name {
        Some(name) => name.as_str(),
        None => source.voice_name().with_context(|| {
            format!("{} does not end in .onnx; if it is a voice, name it with --name NAME", args.voice)
        })?,
    };
    ensure_name(name)?;
    refuse_taken(name, places, args.force)?;
    if let Source::File(model) = &source {
        ensure!(model.is_file(), "there is no file {}", model.display());
        Voice::read(model)?;
    }
    let progress = if args.quiet { Progress::silent() } else { Progress::on_stderr() };
    let failed = |error: FetchError| anyhow!("cannot add {name}: {error}; {}", advice(&error));
    let waiting = || progress.note("waiting for another command to finish");
    let _lock = place::lock(&places.folder, waiting).map_err(failed)?;
    // Another command may have added it meanwhile.
    refuse_taken(name, places, args.force)?;
    let staging = Staging::open(places, name).map_err(failed)?;
    match &source {
        Source::File(model) => staging.copy(model).map_err(failed)?,
        Source::Web(address) => staging.download(address, &progress, failed)?,
    }
    let voice = Voice::read(&staging.model)?;
    staging.install().map_err(failed)?;
    if !args.quiet {
        let Voice { locale, sample_rate, speakers, .. } = &voice;
        let speakers = if *speakers == 1 { "1 speaker".to_owned() } else { format!("{speakers} speakers") };
        let folder = places.folder.display();
        writeln!(out, "Added {name} ({locale}, {sample_rate} Hz, {speakers}) to {folder}")?;
        writeln!(out, "A running server uses it after its next start.")?;
    }
    Ok(())
}

fn refuse_taken(name: &str, places: &Places, force: bool) -> Result<()> {
    if let Some(other) = places.other(name) {
        bail!("{name} is a voice of {} already; choose another name with --name NAME", other.from);
    }
    ensure!(
        !clones::exists(&places.clones, name),
        "{name} is a cloned voice already; choose another name with --name NAME"
    );
    let model = places.network(name);
    for file in [&model, &voices::description(&model)] {
        ensure!(
            force || file.symlink_metadata().is_err(),
            "{} is there already; replace it with --force, or choose another name with --name NAME",
            file.display()
        );
    }
    Ok(())
}

/// What to do about an error; advice about the manifest's models does not apply.
fn advice(error: &FetchError) -> &'static str {
    match error {
        FetchError::Refused { .. } => {
            "check the address: the .onnx and, beside it, the .onnx.json must be there"
        }
        FetchError::Io { .. } => "check that the voices folder can be written",
        other => other.advice(),
    }
}

/// A voice that is being added. Its files have their final names, in a directory of their own.
struct Staging<'a> {
    folder: &'a Path,
    name: &'a str,
    workshop: PathBuf,
    model: PathBuf,
}

impl<'a> Staging<'a> {
    /// Begins with an empty directory, but keeps interrupted downloads.
    fn open(places: &'a Places, name: &'a str) -> Result<Self, FetchError> {
        let workshop = places.folder.join(WORKSHOP);
        let own = workshop.join("voice");
        let _ = fs::remove_dir_all(&own);
        fs::create_dir_all(&own).map_err(|e| FetchError::writing(&own, e))?;
        let model = own.join(format!("{name}.onnx"));
        Ok(Self { folder: &places.folder, name, workshop, model })
    }

    /// Copies a voice that has been checked.
    fn copy(&self, model: &Path) -> Result<(), FetchError> {
        let size = fs::metadata(model).map_or(0, |about| about.len());
        place::check_space(self.folder, size + MARGIN)?;
        let of_both = |path: &Path| [path.to_owned(), voices::description(path)];
        for (from, to) in of_both(model).into_iter().zip(of_both(&self.model)) {
            fs::copy(&from, &to).map_err(|e| FetchError::writing(&to, e))?;
        }
        Ok(())
    }

    /// Downloads a voice and checks it, the small description first.
    fn download(
        &self,
        model: &Url,
        progress: &Progress,
        failed: impl Fn(FetchError) -> anyhow::Error,
    ) -> Result<()> {
        let mut json = model.clone();
        json.set_path(&format!("{}.json", model.path()));
        let description = voices::description(&self.model);
        self.get(&json, &description, &Progress::silent()).map_err(&failed)?;
        voices::check_description(&description).map_err(|fault| self.refuse(&json, &fault))?;
        let size = size_at(model.as_str()).unwrap_or(0);
        place::check_space(self.folder, size + MARGIN).map_err(&failed)?;
        progress.total(size);
        progress.begin(self.name, size, "web");
        let got = self.get(model, &self.model, progress);
        progress.finish();
        got.map_err(&failed)?;
        Voice::read(&self.model).map_err(|fault| self.refuse(model, &fault))?;
        Ok(())
    }

    /// Downloads a file, or the rest of it.
    fn get(&self, address: &Url, to: &Path, progress: &Progress) -> Result<(), FetchError> {
        let kept = self.workshop.join("downloads");
        fs::create_dir_all(&kept).map_err(|e| FetchError::writing(&kept, e))?;
        let clients = Clients::default();
        let downloads = Downloads::new(kept, self.workshop.join("scratch"), &clients, progress);
        let origin = Origin::Url { url: address.as_str().to_owned() };
        downloads.get(&[&origin])?;
        fs::rename(downloads.path(&origin), to).map_err(|e| FetchError::writing(to, e))
    }

    /// What is wrong with a download; deletes it.
    fn refuse(&self, address: &Url, VoiceFault { fault, .. }: &VoiceFault) -> anyhow::Error {
        let _ = fs::remove_dir_all(&self.workshop);
        match fault {
            Fault::WebPage => anyhow!(
                "{address} answers with a web page; name the address of the file itself, which on a hub has \
                 /resolve/ in it and not /blob/"
            ),
            fault => anyhow!("{address}: {fault}"),
        }
    }

    /// Gives the files their final names; a server that starts in between sees only one of them and leaves the voice out. So
    /// the network of a replaced voice is removed first: it does not match the new description.
    fn install(&self) -> Result<(), FetchError> {
        let old = self.folder.join(format!("{}.onnx", self.name));
        if let Err(error) = fs::remove_file(&old)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(FetchError::writing(&old, error));
        }
        for file in [&voices::description(&self.model), &self.model] {
            place::install(file, self.folder, Path::new(file.file_name().unwrap_or_default()))?;
        }
        let _ = fs::remove_dir_all(&self.workshop);
        Ok(())
    }
}
