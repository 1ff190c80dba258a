//! `visavis voices clone`: checks a recording and registers it as a cloned voice.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use visavis_media::clip::{self, Clip};
use visavis_models::clones::{self, Fields, Refused};
use visavis_models::voices;

use super::Places;

/// Arguments of `visavis voices clone`.
#[derive(Clone, Debug, Args)]
pub(super) struct CloneArgs {
    /// The voice's name
    #[arg(long)]
    name: String,
    /// A WAV file: 6 to 20 s of clear speech of one person
    #[arg(long, value_name = "FILE")]
    clip: PathBuf,
    /// Who agreed to the cloning, and when
    #[arg(long, value_name = "TEXT")]
    consent: String,
    /// The language that is spoken in the clip, two letters
    #[arg(long, default_value = "en")]
    language: String,
    /// What is said in the clip: some engines clone better with it
    #[arg(long, value_name = "TEXT", default_value = "")]
    words: String,
    /// Report errors only
    #[arg(long, short)]
    quiet: bool,
}

/// Clones a voice.
pub(super) fn clone(args: &CloneArgs, places: &Places, out: &mut impl Write) -> Result<()> {
    let fields = Fields {
        name: args.name.clone(),
        language: args.language.clone(),
        words: args.words.clone(),
        consent: args.consent.clone(),
    };
    let fields = fields.checked()?;
    if let Some(of) = taken(&fields.name, places) {
        return Err(Refused::Taken { name: fields.name, of }.into());
    }
    let file = read(&args.clip)?;
    let clip = clip::read(&file).map_err(|fault| anyhow!("--clip {}: {fault}", args.clip.display()))?;
    let voice = clones::add(&places.clones, fields, &clip.wave(), SystemTime::now())?;
    if !args.quiet {
        let Clip { rate, warnings, .. } = &clip;
        let (name, language, folder) = (&voice.name, &voice.language, places.clones.display());
        let seconds = clip.seconds();
        writeln!(out, "Cloned {name} ({language}, {seconds:.1} s, {rate} Hz) to {folder}")?;
        for warning in warnings {
            writeln!(out, "The clip could be better: {warning}.")?;
        }
        writeln!(
            out,
            "An engine that clones voices offers it at once; the server's own engine does not clone."
        )?;
    }
    Ok(())
}

/// The owner of the name, if it is a voice that is not cloned. Remote engines may have further voices.
fn taken(name: &str, places: &Places) -> Option<String> {
    if let Some(other) = places.other(name) {
        return Some(format!("a voice of {}", other.from));
    }
    let of_folder = voices::scan(&places.folder, &HashSet::new()).voices;
    of_folder.iter().any(|voice| voice.name == name).then(|| "a voice of the voices folder".to_owned())
}

/// The file, or enough of it to see that it is too large.
fn read(path: &Path) -> Result<Vec<u8>> {
    let most = clip::LARGEST as u64 + 1;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.with_context(|| format!("--clip {} cannot be read", path.display()))?;
    Ok(bytes)
}
