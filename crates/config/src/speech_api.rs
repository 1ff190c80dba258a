//! The configuration of speech as a service: its shape and its checks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Longest text that may be allowed, in characters: about two hours of speech, which are kept in memory while they are made.
const LONGEST: u32 = 100_000;

/// Speech for programs, by `/v1/audio/speech` and `/speak`, and its cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeechApi {
    /// Longest text of a request, in characters.
    pub longest_text: u32,
    /// Mebibytes of sound files kept in memory; 0: none.
    pub memory_mb: u32,
    /// Mebibytes of speech kept on disk; 0: none.
    pub disk_mb: u32,
    /// The folder of what is kept on disk, which one server uses; empty: `visavis/speech` in the user's data directory.
    pub dir: PathBuf,
    /// Hours that speech is kept.
    pub ttl_hours: u32,
    /// Which voice speaks for a name that clients send, such as `alloy = "en_US-joe-medium"`. OpenAI's names that are not here mean
    /// `tts.voice`, or the first voice of the language.
    pub voices: BTreeMap<String, String>,
    /// A file with a line `word = respelling` for each word that the voices say wrong; empty: none.
    pub lexicon: PathBuf,
    /// A file with a text on each line, which are spoken into the cache when the server starts; empty: none.
    pub warm_up: PathBuf,
    /// Requests to `/speak` that an address may make within an hour; 0: any number. Callers on this host are exempt.
    pub requests_per_hour: u32,
}

impl Default for SpeechApi {
    fn default() -> Self {
        Self {
            longest_text: 20_000,
            memory_mb: 64,
            disk_mb: 512,
            dir: PathBuf::new(),
            ttl_hours: 24,
            voices: BTreeMap::new(),
            lexicon: PathBuf::new(),
            warm_up: PathBuf::new(),
            requests_per_hour: 100,
        }
    }
}

/// Adds a line for each fault.
pub(super) fn check(own: &SpeechApi, faults: &mut Vec<String>) {
    for (key, value, low, high) in [
        ("longest_text", own.longest_text, 1, LONGEST),
        ("memory_mb", own.memory_mb, 0, 65_536),
        ("disk_mb", own.disk_mb, 0, 1_048_576),
        ("ttl_hours", own.ttl_hours, 1, 8760),
        ("requests_per_hour", own.requests_per_hour, 0, 1_000_000),
    ] {
        if !(low..=high).contains(&value) {
            faults.push(format!("speech_api.{key}: {value} is outside {low} to {high}"));
        }
    }
    for (name, voice) in &own.voices {
        if name.trim().is_empty() || voice.trim().is_empty() {
            faults.push(format!(
                "speech_api.voices: {name:?} = {voice:?} names no voice; write it like alloy = \"en_US-joe-medium\""
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_out_of_range_is_a_fault_that_names_its_key_and_the_range() {
        let mut faults = Vec::new();
        check(&SpeechApi::default(), &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        let wrong = SpeechApi {
            longest_text: 0,
            ttl_hours: 9000,
            voices: BTreeMap::from([("alloy".to_owned(), String::new())]),
            ..SpeechApi::default()
        };
        check(&wrong, &mut faults);
        assert_eq!(faults.len(), 3, "{faults:?}");
        for (fault, told) in
            faults.iter().zip(["longest_text: 0 is outside 1 to", "ttl_hours: 9000", "alloy"])
        {
            assert!(fault.starts_with("speech_api.") && fault.contains(told), "{fault}");
        }
    }
}
