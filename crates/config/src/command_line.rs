//! The command-line options shared by all programs that read the server's configuration, and the command line of those that do
//! commands of `visavis`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{Config, Flag, Sources};

/// Where the configuration comes from, besides the environment.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Configuration file [default: visavis.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets any key of the configuration, such as --set stt.threads=4
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = flag)]
    set: Vec<Flag>,
    /// Directory of the models
    #[arg(long, global = true, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

impl Settings {
    /// Loads the configuration; `flags` are keys that a subcommand sets, and override the others.
    ///
    /// # Errors
    /// If a source cannot be read or a value is wrong.
    pub fn load(&self, flags: impl IntoIterator<Item = Flag>) -> anyhow::Result<Config> {
        let mut all = self.set.clone();
        let models_dir =
            |path: &PathBuf| Flag { key: "models.dir".into(), value: path.display().to_string() };
        all.extend(self.models_dir.iter().map(models_dir));
        all.extend(flags);
        Ok(crate::load(&Sources::from_process(self.config.clone(), all))?)
    }
}

// The command line of a program behind `visavis`, such as the one of `visavis models`. Its commands say what it is for.
#[allow(missing_docs, reason = "clap would print it in place of what the commands say")]
#[derive(Parser)]
#[command(name = "visavis", bin_name = "visavis", version)]
pub struct CommandLine<C: Subcommand> {
    #[command(flatten)]
    pub settings: Settings,
    #[command(subcommand)]
    pub command: C,
}

fn flag(text: &str) -> Result<Flag, String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok(Flag { key: key.trim().to_string(), value: value.to_string() })
}
