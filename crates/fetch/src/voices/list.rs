//! `visavis voices list`: all voices of a server, for people and for programs.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use visavis_models::clones::{self, ClonedVoice};
use visavis_models::voices::{self, Voice, VoiceFault};

use super::{Other, Places};
use crate::table;

/// Samples per second of every voice of Kokoro.
const KOKORO_RATE: u32 = 24_000;

/// A row of the list.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    language: String,
    locale: String,
    sample_rate: u32,
    speakers: usize,
    licence: Option<String>,
    from: String,
    file: PathBuf,
}

/// A file that cannot be used.
#[derive(Debug, Serialize)]
struct Unusable {
    file: PathBuf,
    /// What is wrong with it, and what to do.
    message: String,
}

/// The list, and the faults of voices that are not in it.
#[derive(Debug, Default)]
struct List {
    rows: Vec<Row>,
    clones: Vec<ClonedVoice>,
    unusable: Vec<Unusable>,
}

/// Writes a table.
pub(super) fn table(places: &Places, out: &mut impl Write) -> Result<()> {
    let List { rows, clones, unusable } = List::of(places);
    let head = ["NAME", "LANGUAGE", "LOCALE", "RATE", "SPEAKERS", "LICENCE", "FROM", "FILE"];
    let mut cells = vec![head.map(str::to_owned)];
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    cells.extend(rows.into_iter().map(|row| {
        [
            row.name,
            row.language,
            row.locale,
            row.sample_rate.to_string(),
            row.speakers.to_string(),
            or_dash(row.licence),
            row.from,
            row.file.display().to_string(),
        ]
    }));
    table::write(&cells, out)?;
    write_clones(&clones, out)?;
    if !unusable.is_empty() {
        writeln!(out, "\nNot usable:")?;
        for Unusable { file, message } in &unusable {
            writeln!(out, "  {}: {message}", file.display())?;
        }
    }
    writeln!(out, "\nVoices folder: {}", places.folder.display())?;
    Ok(())
}

/// Writes the cloned voices, if there are any.
fn write_clones(clones: &[ClonedVoice], out: &mut impl Write) -> Result<()> {
    if clones.is_empty() {
        return Ok(());
    }
    let mut cells = vec![["CLONED", "LANGUAGE", "RATE", "ADDED", "FILE", "CONSENT"].map(str::to_owned)];
    cells.extend(clones.iter().map(|voice| {
        let rate = clones::sample_rate(&voice.clip).map_or_else(|_| "-".to_owned(), |rate| rate.to_string());
        // One line for each: the consent may have several.
        let consent = voice.consent.split_whitespace().collect::<Vec<_>>().join(" ");
        let ClonedVoice { name, language, clip, added, .. } = voice;
        [name.clone(), language.clone(), rate, added.clone(), clip.display().to_string(), consent]
    }));
    writeln!(out)?;
    table::write(&cells, out)?;
    Ok(())
}

/// Writes JSON.
pub(super) fn json(places: &Places, out: &mut impl Write) -> Result<()> {
    let List { rows, clones, unusable } = List::of(places);
    let list = serde_json::json!({
        "voices": rows,
        "cloned": clones,
        "unusable": unusable,
        "folder": places.folder,
        "clones_folder": places.clones,
    });
    serde_json::to_writer_pretty(&mut *out, &list)?;
    writeln!(out)?;
    Ok(())
}

impl List {
    fn of(places: &Places) -> Self {
        let mut list = Self::default();
        places.others.iter().for_each(|other| list.add(other));
        let files: Vec<PathBuf> = places.others.iter().map(|other| other.file.clone()).collect();
        let taken: HashSet<String> = voices::names(&files);
        let found = voices::scan(&places.folder, &taken);
        list.rows.extend(found.voices.into_iter().map(|voice| row(voice, None, "voices folder")));
        list.unusable.extend(found.faults.into_iter().map(Unusable::from));
        let clones::Scan { voices, faults } = clones::scan(&places.clones);
        list.clones = voices;
        let unusable = |clones::CloneFault { file, fault }| Unusable { file, message: fault.to_string() };
        list.unusable.extend(faults.into_iter().map(unusable));
        list
    }

    fn add(&mut self, other: &Other) {
        if !other.file.is_file() {
            let message = "it is not there; fetch it with `visavis models fetch`, or correct tts.voices";
            self.unusable.push(Unusable { file: other.file.clone(), message: message.to_owned() });
            return;
        }
        let styles: Vec<PathBuf> =
            voices::beside(&other.file).into_iter().filter(|file| voices::is_style(file)).collect();
        if !styles.is_empty() {
            self.add_kokoro(other, &styles);
            return;
        }
        match Voice::read(&other.file) {
            Ok(voice) => self.rows.push(row(voice, other.licence.clone(), &other.from)),
            Err(fault) => self.unusable.push(fault.into()),
        }
    }

    /// Adds the voices of Kokoro, a network with style files beside it but no description.
    fn add_kokoro(&mut self, other: &Other, styles: &[PathBuf]) {
        let rows: Vec<Row> = styles.iter().filter_map(|style| kokoro(other, style)).collect();
        if rows.is_empty() {
            let message = "no voice beside it is of a language that can be spoken; fetch others with `visavis \
                           models fetch --profile voices`";
            self.unusable.push(Unusable { file: other.file.clone(), message: message.to_owned() });
        }
        self.rows.extend(rows);
    }
}

impl From<VoiceFault> for Unusable {
    fn from(VoiceFault { file, fault }: VoiceFault) -> Self {
        Self { file, message: fault.to_string() }
    }
}

fn row(voice: Voice, licence: Option<String>, from: &str) -> Row {
    Row {
        name: voice.name,
        language: voice.language,
        locale: voice.locale,
        sample_rate: voice.sample_rate,
        speakers: usize::try_from(voice.speakers).unwrap_or(usize::MAX),
        licence: licence.or(voice.licence),
        from: from.to_owned(),
        file: voice.file,
    }
}

/// The voice of Kokoro with this style file; none if its language cannot be spoken.
fn kokoro(other: &Other, style: &Path) -> Option<Row> {
    let locale = voices::style_locale(style)?;
    Some(Row {
        name: style.file_stem()?.to_string_lossy().into_owned(),
        language: locale.split('_').next().unwrap_or_default().to_owned(),
        locale: locale.to_owned(),
        sample_rate: KOKORO_RATE,
        speakers: 1,
        licence: other.licence.clone(),
        from: other.from.clone(),
        file: style.to_owned(),
    })
}
