//! The script's speech as clips: synthesised phrase by phrase, joined with exact silences, kept for the next run.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::exclamations::{held_vowel, laughter, murmur, phew, sneeze, throat, ugh, uh_huh};
use super::kokoro::{self, Kokoro};
use super::microphone::{MUTE, at, clipped, late, muted, soft};
use super::noises::{at_level, cough, door, hum};
use super::script::Part;
use visavis_client::Clip;
use visavis_core::frame::MIC_RATE;
use visavis_media::audio::wav;

const PHRASES: &str = include_str!("phrases.toml");
/// The level of speech from a headset, in dBFS.
const LEVEL: f32 = -20.0;
/// Number of phrases in the talk, `talk-1` and so on.
const TALK: usize = 10;
/// The pace of ordinary speech, and of fast speech.
const PACE: f32 = 1.0;
const FAST: f32 = 1.8;
/// Samples faded at each edge: a cut found by energy would click.
const EDGE: usize = MIC_RATE as usize / 100;

/// The speakers; none is a voice of the server's default profile.
pub const SPEAKERS: [&str; 4] = ["af_heart", "am_michael", "bf_emma", "bm_george"];

/// A phrase of the script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    /// Its words.
    pub words: String,
    /// Its phonemes, in the speakers' alphabet.
    pub phonemes: String,
}

/// All phrases by name.
#[must_use]
pub fn phrases() -> BTreeMap<String, Phrase> {
    toml::from_str(PHRASES).expect("a test reads the embedded phrases")
}

/// Something to say, ready for a microphone.
#[derive(Debug, Clone)]
pub struct Utterance {
    /// Its sound; the spoken range is from the first audible part to the last.
    pub clip: Arc<Clip>,
    /// Its words.
    pub words: String,
}

/// Makes and keeps the clips.
pub struct Speech {
    models: PathBuf,
    folder: PathBuf,
    phrases: BTreeMap<String, Phrase>,
    speakers: Option<Kokoro>,
    sounds: HashMap<PathBuf, Vec<i16>>,
}

impl Speech {
    /// Keeps clips in `folder`, and makes missing ones with the models in `models`.
    #[must_use]
    pub fn new(models: &Path, folder: &Path) -> Self {
        Self {
            models: models.to_owned(),
            folder: folder.to_owned(),
            phrases: phrases(),
            speakers: None,
            sounds: HashMap::new(),
        }
    }

    /// The parts as said by `speaker`, joined.
    ///
    /// # Errors
    /// When a model or a recording is missing, or the folder cannot be written.
    pub fn utterance(&mut self, speaker: &str, parts: &[Part]) -> anyhow::Result<Utterance> {
        let mut samples: Vec<i16> = Vec::new();
        let (mut words, mut spoken, mut off) = (Vec::new(), None, Vec::new());
        for part in parts {
            if let Part::Pause(ms) = part {
                samples.resize(samples.len() + at(*ms), 0);
                continue;
            }
            words.extend(self.words(part)?);
            let sound = self.sound(speaker, part)?;
            let from = samples.len();
            samples.extend(sound);
            spoken = Some((spoken.map_or(from, |(first, _)| first), samples.len()));
            if let Part::Muted(..) = part {
                off.push(samples.len()..samples.len() + at(MUTE));
                samples.resize(samples.len() + at(MUTE), 0);
            }
        }
        let room = Clip::room_noise();
        samples
            .iter_mut()
            .zip(room.samples().iter().cycle())
            .for_each(|(to, from)| *to = to.saturating_add(*from));
        // A microphone that is off does not hear the room either.
        off.into_iter().for_each(|silent| samples[silent].fill(0));
        let words = words.join(" ");
        let (first, end) = spoken.context("a line without sound")?;
        let clip = Clip::new(speaker, samples).with_reference(&words).with_spoken(first, end);
        Ok(Utterance { clip: Arc::new(clip), words })
    }

    /// What is said in a part, if it has words.
    fn words(&self, part: &Part) -> anyhow::Result<Option<String>> {
        Ok(match part {
            Part::Say(id) | Part::Fast(id) | Part::Soft(id) | Part::Clipped(id) | Part::Late(id, _) => {
                let phrase = self.phrases.get(*id).with_context(|| format!("no phrase {id:?}"))?;
                Some(phrase.words.clone())
            }
            Part::Hum => Some("Mm-hm.".to_owned()),
            Part::UhHuh => Some("Uh-huh, uh-huh.".to_owned()),
            Part::Recorded(_, _, said) | Part::Muted(_, _, said) => Some((*said).to_owned()),
            Part::Pause(_) | Part::Cough | Part::Door | Part::Laughter | Part::Vowel | Part::Sneeze => None,
            Part::Murmur | Part::Throat | Part::Phew | Part::Ugh => None,
        })
    }

    fn sound(&mut self, speaker: &str, part: &Part) -> anyhow::Result<Vec<i16>> {
        let pitch = if speaker.as_bytes().get(1) == Some(&b'm') { 115.0 } else { 200.0 };
        Ok(match part {
            Part::Pause(ms) => vec![0; at(*ms)],
            Part::Say(id) => self.phrase(speaker, id, PACE)?,
            Part::Fast(id) => self.phrase(speaker, id, FAST)?,
            Part::Soft(id) => soft(&self.phrase(speaker, id, PACE)?),
            Part::Clipped(id) => clipped(&self.phrase(speaker, id, PACE)?),
            Part::Late(id, ms) => late(self.phrase(speaker, id, PACE)?, *ms),
            Part::Muted(id, percent, _) => muted(self.phrase(speaker, id, PACE)?, *percent),
            Part::Hum => hum(pitch),
            Part::UhHuh => uh_huh(pitch),
            Part::Cough => cough(1_234_567),
            Part::Door => door(7_654_321),
            Part::Laughter => laughter(pitch),
            Part::Vowel => held_vowel(pitch),
            Part::Sneeze => sneeze(pitch),
            Part::Murmur => murmur(pitch),
            Part::Throat => throat(pitch),
            Part::Phew => phew(pitch),
            Part::Ugh => ugh(pitch),
            Part::Recorded(from, to, _) => self.recorded(*from, *to)?,
        })
    }

    /// An endless talk by `voices` people at once, other than `speaker` and this many dB below them.
    ///
    /// # Errors
    /// As [`Self::utterance`].
    pub fn talk(&mut self, speaker: &str, voices: usize, down: f32) -> anyhow::Result<Arc<Clip>> {
        let others: Vec<_> = SPEAKERS.into_iter().filter(|other| *other != speaker).collect();
        let mut sum: Vec<f32> = Vec::new();
        for voice in 0..voices {
            let mut talk: Vec<i16> = Vec::new();
            for number in 0..TALK {
                let id = format!("talk-{}", (number + voice * 3) % TALK + 1);
                talk.extend(self.phrase(others[voice % others.len()], &id, PACE)?);
                talk.resize(talk.len() + at(250), 0);
            }
            sum.resize(sum.len().max(talk.len()), 0.0);
            let looped = talk.iter().cycle();
            sum.iter_mut().zip(looped).for_each(|(to, from)| *to += f32::from(*from) / 32_768.0);
        }
        Ok(Arc::new(Clip::new("talk", at_level(&sum, LEVEL - down))))
    }

    fn phrase(&mut self, speaker: &str, id: &str, pace: f32) -> anyhow::Result<Vec<i16>> {
        let phonemes = &self.phrases[id].phonemes;
        let faster = if pace > PACE { format!(" {pace}") } else { String::new() };
        let digest = Sha256::digest(format!("{speaker} {phonemes} {LEVEL}{faster}").as_bytes());
        // A changed phrase is synthesised again.
        let name = format!("{speaker}-{id}-{:02x}{:02x}{:02x}.wav", digest[0], digest[1], digest[2]);
        let path = self.folder.join(name);
        if let Some(sound) = self.sounds.get(&path) {
            return Ok(sound.clone());
        }
        let sound = if path.exists() {
            read(&path)?
        } else {
            let speakers = match &mut self.speakers {
                Some(speakers) => speakers,
                none => none.insert(Kokoro::load(&self.models)?),
            };
            let clip = Clip::at_any_rate(id, &speakers.say(speaker, phonemes, pace)?, kokoro::RATE)?;
            let (first, end) = clip.spoken().with_context(|| format!("{speaker} says nothing at {id:?}"))?;
            let sound = edged(&clip.samples()[first..end]);
            write(&path, &sound).with_context(|| format!("cannot write {}", path.display()))?;
            sound
        };
        self.sounds.insert(path, sound.clone());
        Ok(sound)
    }

    fn recorded(&mut self, from: u32, to: u32) -> anyhow::Result<Vec<i16>> {
        let path = self.models.join("speech/jfk.wav");
        ensure!(
            path.exists(),
            "{} is missing; fetch it with: visavis models fetch speech-jfk",
            path.display()
        );
        if !self.sounds.contains_key(&path) {
            self.sounds.insert(path.clone(), read(&path)?);
        }
        let piece = self.sounds[&path].get(at(from)..at(to)).context("jfk.wav is shorter than it was")?;
        let (first, end) = visavis_client::hearing::spoken_span(piece).context("nothing is said there")?;
        Ok(edged(&piece[first..end]))
    }
}

/// Scales speech to [`LEVEL`], with faded edges.
fn edged(samples: &[i16]) -> Vec<i16> {
    let mut sound: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
    let length = sound.len();
    for (n, sample) in sound.iter_mut().enumerate() {
        *sample *= (n.min(length - n) as f32 / EDGE as f32).min(1.0);
    }
    at_level(&sound, LEVEL)
}

fn write(path: &Path, samples: &[i16]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: MIC_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    // Renamed when complete, so that an aborted run leaves no partial clip.
    let part = path.with_extension("part");
    let mut writer = hound::WavWriter::create(&part, spec)?;
    samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    writer.finalize()?;
    std::fs::rename(part, path)?;
    Ok(())
}

/// Reads a WAV file as mono at the microphone's rate.
fn read(path: &Path) -> anyhow::Result<Vec<i16>> {
    let file = BufReader::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?);
    Ok(wav::read(file, MIC_RATE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_between_sounds_have_their_exact_length() {
        let folder = tempfile::tempdir().unwrap();
        let mut speech = Speech::new(folder.path(), folder.path());
        let parts = [Part::Pause(100), Part::Door, Part::Pause(700), Part::Cough];
        let said = speech.utterance("am_michael", &parts).unwrap();
        let (first, end) = said.clip.spoken().unwrap();
        assert_eq!((first, end), (1_600, 1_600 + door(1).len() + 11_200 + cough(1).len()));
        let pause = &said.clip.samples()[1_600 + door(1).len()..][..11_200];
        assert!(visavis_client::hearing::rms_dbfs(pause) < -50.0);
    }

    #[test]
    fn the_error_for_a_missing_model_says_how_to_fetch_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut speech = Speech::new(folder.path(), folder.path());
        let error = speech.utterance("am_michael", &[Part::Say("sky")]).unwrap_err().to_string();
        assert!(error.contains("visavis models fetch kokoro-82m-int8"), "{error}");
    }
}
