//! Kokoro's voices: style files, named by language, kind of voice and name, such as `af_heart.bin`.

use std::path::{Path, PathBuf};

use super::phonemes::Rules;
use super::styles::FILE_BYTES;
use crate::acoustic::Speaker;

/// A usable voice.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    /// Its style file.
    pub(super) path: PathBuf,
    /// How its language's phonemes are encoded.
    pub(super) rules: Rules,
    name: String,
    language: &'static Language,
}

/// A language of Kokoro.
#[derive(Debug)]
struct Language {
    /// The first letter of its voices' names.
    letter: char,
    locale: &'static str,
    /// The espeak-ng voice; "en" is British, and 1.51 knows no "en-gb" or "fr-fr".
    espeak: &'static str,
    rules: Rules,
}

static LANGUAGES: [Language; 7] = [
    Language { letter: 'a', locale: "en_US", espeak: "en-us", rules: Rules::AMERICAN_ENGLISH },
    Language { letter: 'b', locale: "en_GB", espeak: "en", rules: Rules::BRITISH_ENGLISH },
    Language { letter: 'e', locale: "es_ES", espeak: "es", rules: Rules::SPANISH },
    Language { letter: 'f', locale: "fr_FR", espeak: "fr", rules: Rules::FRENCH },
    Language { letter: 'h', locale: "hi_IN", espeak: "hi", rules: Rules::HINDI },
    Language { letter: 'i', locale: "it_IT", espeak: "it", rules: Rules::ITALIAN },
    Language { letter: 'p', locale: "pt_BR", espeak: "pt-br", rules: Rules::PORTUGUESE },
];

/// Languages of Kokoro for which espeak-ng's phonemes differ from those that Kokoro reads.
const WITHOUT_PHONEMES: [(char, &str); 2] = [('j', "Japanese"), ('z', "Chinese")];

/// The voices that come first and so are the default of their language; the best, by their author's grades.
const FIRST: [&str; 2] = ["af_heart", "bf_emma"];

impl Voice {
    /// The voice as the catalogue lists it.
    pub(super) fn speaker(&self) -> Speaker {
        let Language { locale, espeak, .. } = *self.language;
        let language = locale.split('_').next().unwrap_or_default();
        Speaker {
            name: self.name.clone(),
            language: language.to_owned(),
            locale: locale.to_owned(),
            espeak: espeak.to_owned(),
        }
    }
}

/// The style files in a folder, including those of languages that cannot be spoken.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    // The parent of "model.onnx" is empty: the current folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_style = |path: &PathBuf| {
        let named = path.extension().is_some_and(|kind| kind == "bin") && letter(path).is_some();
        named && path.metadata().is_ok_and(|about| about.is_file() && about.len() == FILE_BYTES)
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_style).collect()
}

/// The voices of style files, in the order in which they are listed. Those that cannot be spoken are left out and logged.
pub(super) fn of(files: &[PathBuf]) -> Vec<Voice> {
    let mut voices: Vec<Voice> = files.iter().filter_map(|path| voice(path)).collect();
    voices.sort_by_key(|voice| {
        let first = FIRST.iter().position(|first| *first == voice.name);
        (first.unwrap_or(FIRST.len()), voice.name.clone())
    });
    for (letter, language) in WITHOUT_PHONEMES {
        let left_out = files.iter().filter(|path| self::letter(path) == Some(letter)).count();
        if left_out > 0 {
            tracing::warn!(language, left_out, "these voices of Kokoro are not available: no phonemiser");
        }
    }
    voices
}

fn voice(path: &Path) -> Option<Voice> {
    let letter = letter(path)?;
    let language = LANGUAGES.iter().find(|language| language.letter == letter)?;
    let name = path.file_stem()?.to_str()?.to_owned();
    Some(Voice { path: path.to_owned(), rules: language.rules, name, language })
}

/// The letter of the language, if the file is named like a voice of Kokoro.
fn letter(path: &Path) -> Option<char> {
    let name = path.file_stem()?.to_str()?;
    let mut chars = name.chars();
    let (letter, kind, bar) = (chars.next()?, chars.next()?, chars.next()?);
    let known = LANGUAGES.iter().map(|language| language.letter);
    let known = known.chain(WITHOUT_PHONEMES.map(|(letter, _)| letter)).any(|known| known == letter);
    (known && matches!(kind, 'f' | 'm') && bar == '_' && chars.next().is_some()).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(names: &[&str]) -> Vec<Speaker> {
        let paths: Vec<PathBuf> = names.iter().map(|name| PathBuf::from(format!("k/{name}.bin"))).collect();
        of(&paths).iter().map(Voice::speaker).collect()
    }

    #[test]
    fn a_name_says_the_language_and_the_best_voice_comes_first() {
        let speakers = listed(&["pm_alex", "bm_lewis", "af_alloy", "bf_emma", "af_heart", "ff_siwis"]);
        let named: Vec<_> =
            speakers.iter().map(|it| (it.name.as_str(), it.language.as_str(), it.espeak.as_str())).collect();
        assert_eq!(
            named,
            [
                ("af_heart", "en", "en-us"),
                ("bf_emma", "en", "en"),
                ("af_alloy", "en", "en-us"),
                ("bm_lewis", "en", "en"),
                ("ff_siwis", "fr", "fr"),
                ("pm_alex", "pt", "pt-br")
            ]
        );
    }

    #[test]
    fn voices_without_phonemes_and_other_files_are_left_out() {
        assert!(listed(&["jf_alpha", "zm_yunxi", "whisper-base", "x", "ab_c", "af_"]).is_empty());
        assert_eq!(letter(Path::new("k/zm_yunxi.bin")), Some('z'));
        assert_eq!(letter(Path::new("k/whisper-base.bin")), None);
    }

    #[test]
    fn only_files_of_the_right_name_and_size_are_styles() {
        let folder = std::env::temp_dir().join(format!("visavis-tts-styles-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in
            [("af_heart.bin", FILE_BYTES), ("af_short.bin", 100), ("whisper-base.bin", FILE_BYTES)]
        {
            std::fs::File::create(folder.join(name)).unwrap().set_len(bytes).unwrap();
        }
        assert_eq!(files(&folder), [folder.join("af_heart.bin")]);
        assert!(files(Path::new("/nowhere")).is_empty());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
