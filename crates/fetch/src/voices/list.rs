//! `visavis voices list`: all voices of a server, for people and for programs.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use visavis_models::voices::{self, Voice, VoiceFault};

use super::{Other, Places};
use crate::table;

/// Samples per second of every voice of Kokoro.
const KOKORO_RATE: u32 = 24_000;

/// A row of the list. What is not known is none: Kokoro's voices have a language each.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    language: Option<String>,
    locale: Option<String>,
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

/// The list, and what is wrong with the voices that are not in it.
#[derive(Debug, Default)]
struct List {
    rows: Vec<Row>,
    unusable: Vec<Unusable>,
}

/// Writes a table.
pub(super) fn table(places: &Places, out: &mut impl Write) -> Result<()> {
    let List { rows, unusable } = List::of(places);
    let head = ["NAME", "LANGUAGE", "LOCALE", "RATE", "SPEAKERS", "LICENCE", "FROM", "FILE"];
    let mut cells = vec![head.map(str::to_owned)];
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    cells.extend(rows.into_iter().map(|row| {
        [
            row.name,
            or_dash(row.language),
            or_dash(row.locale),
            row.sample_rate.to_string(),
            row.speakers.to_string(),
            or_dash(row.licence),
            row.from,
            row.file.display().to_string(),
        ]
    }));
    table::write(&cells, out)?;
    if !unusable.is_empty() {
        writeln!(out, "\nNot usable:")?;
        for Unusable { file, message } in &unusable {
            writeln!(out, "  {}: {message}", file.display())?;
        }
    }
    writeln!(out, "\nVoices folder: {}", places.folder.display())?;
    Ok(())
}

/// Writes JSON.
pub(super) fn json(places: &Places, out: &mut impl Write) -> Result<()> {
    let List { rows, unusable } = List::of(places);
    let list = serde_json::json!({ "voices": rows, "unusable": unusable, "folder": places.folder });
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
        list
    }

    fn add(&mut self, other: &Other) {
        if let Some(row) = kokoro(other) {
            self.rows.push(row);
            return;
        }
        if !other.file.is_file() {
            let message = "it is not there; fetch it with `visavis models fetch`, or correct tts.voices";
            self.unusable.push(Unusable { file: other.file.clone(), message: message.to_owned() });
            return;
        }
        match Voice::read(&other.file) {
            Ok(voice) => self.rows.push(row(voice, other.licence.clone(), &other.from)),
            Err(fault) => self.unusable.push(fault.into()),
        }
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
        language: Some(voice.language),
        locale: Some(voice.locale),
        sample_rate: voice.sample_rate,
        speakers: usize::try_from(voice.speakers).unwrap_or(usize::MAX),
        licence: licence.or(voice.licence),
        from: from.to_owned(),
        file: voice.file,
    }
}

/// A model with style files beside it and no description is Kokoro, whose voices are its speakers.
fn kokoro(other: &Other) -> Option<Row> {
    let styles = voices::beside(&other.file);
    let is_style = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "bin");
    if !other.file.is_file() || styles.is_empty() || !styles.iter().all(is_style) {
        return None;
    }
    Some(Row {
        name: name(&other.file),
        language: None,
        locale: None,
        sample_rate: KOKORO_RATE,
        speakers: styles.len(),
        licence: other.licence.clone(),
        from: other.from.clone(),
        file: other.file.clone(),
    })
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
