//! Kokoro's style files, one for each of its voices, named by language, kind of voice and name, such as `af_heart.bin`. The
//! engine, a separate program, repeats these rules.

use std::path::{Path, PathBuf};

/// Bytes of a style file.
const FILE_BYTES: u64 = 522_240;

/// First letters of the names of voices, and their locales.
const LOCALES: [(char, &str); 7] = [
    ('a', "en_US"),
    ('b', "en_GB"),
    ('e', "es_ES"),
    ('f', "fr_FR"),
    ('h', "hi_IN"),
    ('i', "it_IT"),
    ('p', "pt_BR"),
];

/// First letters of Kokoro's languages that the engine cannot speak: Japanese and Chinese.
const UNSPOKEN: [char; 2] = ['j', 'z'];

/// Whether a file is a style of Kokoro, by its name and size.
#[must_use]
pub fn is_style(path: &Path) -> bool {
    let named = path.extension().is_some_and(|kind| kind == "bin") && letter(path).is_some();
    named && path.metadata().is_ok_and(|about| about.is_file() && about.len() == FILE_BYTES)
}

/// The locale that a style file's voice speaks; none if the engine cannot speak its language.
#[must_use]
pub fn style_locale(style: &Path) -> Option<&'static str> {
    let letter = letter(style)?;
    LOCALES.iter().find(|(known, _)| *known == letter).map(|(_, locale)| *locale)
}

/// The style files in the folder of a network, sorted.
pub(super) fn beside(model: &Path) -> Vec<PathBuf> {
    let Some(folder) = model.parent() else { return Vec::new() };
    // The parent of "model.onnx" is empty: the current folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut styles: Vec<PathBuf> = paths.filter(|path| is_style(path)).collect();
    styles.sort();
    styles
}

/// The letter of the language, if the file is named like a style.
fn letter(path: &Path) -> Option<char> {
    let mut chars = path.file_stem()?.to_str()?.chars();
    let (letter, kind, bar) = (chars.next()?, chars.next()?, chars.next()?);
    let known = LOCALES.iter().any(|(known, _)| *known == letter) || UNSPOKEN.contains(&letter);
    (known && matches!(kind, 'f' | 'm') && bar == '_' && chars.next().is_some()).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_right_name_and_size_are_styles() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, style) in [
            ("af_heart.bin", FILE_BYTES, true),
            ("zm_yunxi.bin", FILE_BYTES, true),
            ("af_short.bin", 100, false),
            ("af_heart.txt", FILE_BYTES, false),
            ("af_.bin", FILE_BYTES, false),
            ("xf_heart.bin", FILE_BYTES, false),
            ("whisper-base.bin", FILE_BYTES, false),
        ] {
            let path = folder.path().join(name);
            std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
            assert_eq!(is_style(&path), style, "{name}");
        }
        assert_eq!(beside(&folder.path().join("k.onnx")).len(), 2);
    }

    #[test]
    fn the_first_letter_is_the_language_and_two_are_not_spoken() {
        for (name, locale) in
            [("bf_emma", Some("en_GB")), ("pm_alex", Some("pt_BR")), ("jf_alpha", None), ("zm_yunxi", None)]
        {
            assert_eq!(style_locale(Path::new(&format!("k/{name}.bin"))), locale, "{name}");
        }
    }
}
