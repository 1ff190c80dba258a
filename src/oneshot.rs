//! One engine for one task on the command line: `visavis speak` and `visavis transcribe`.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use tokio::sync::watch;

use crate::config::Config;
use crate::engine::backends::{Backend, Backends};
use crate::engine::model_files::ModelFiles;
use crate::engine::status::EngineStatus;
use crate::engine::{SttInput, SttRequest, SttStream, TtsRequest, Voice};
use crate::frame::{MIC_RATE, Transcript};
use visavis_text::phrases::Splitter;
use visavis_text::speakable::speakable;

/// Longest time for an engine to load.
const LOADING: Duration = Duration::from_secs(120);

/// Samples that are sent to recognition at a time: 4 s.
const PIECE: usize = 64_000;
const DECODE: SttInput =
    SttInput::Decode { number: 1, last: true, stable: String::new(), phrases: Vec::new() };

/// Speaks `text` into a WAV file, phrase by phrase and normalised as in a call.
///
/// # Errors
/// When the engine or the file fails, or there is nothing to speak.
pub async fn speak(
    config: &Config,
    models: &ModelFiles,
    text: &str,
    voice: &str,
    out: &Path,
) -> anyhow::Result<()> {
    let backends = Backends::new(config.engines.confine)?;
    let Backend { engine: tts, status } = backends.tts(config, models)?;
    loaded(status).await?;
    let locale = locale(&tts.voices().await.unwrap_or_default(), voice);
    let mut writer = None;
    for text in utterances(text, &locale) {
        let request = TtsRequest { text, voice: voice.into(), ..Default::default() };
        let mut parts = tts.synthesize(request).await?;
        while let Some(part) = parts.next().await {
            let part = part?;
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(wav(out, part.rate)?),
            };
            part.samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
        }
    }
    writer.context("there is nothing to speak in this text")?.finalize()?;
    backends.stop().await;
    Ok(())
}

/// The locale of the named voice, or of the first one; it decides how numbers and dates are said.
fn locale(voices: &[Voice], name: &str) -> String {
    let named = voices.iter().find(|voice| voice.name == name);
    let voice = named.or_else(|| voices.first().filter(|_| name.is_empty()));
    voice.map_or_else(String::new, |voice| match voice.locale.as_str() {
        "" => voice.language.clone(),
        locale => locale.to_owned(),
    })
}

/// The text as a call would send it to the engine.
fn utterances(text: &str, locale: &str) -> Vec<String> {
    let mut splitter = Splitter::new(locale);
    let mut phrases = splitter.push(text, false);
    phrases.extend(splitter.finish());
    let spoken = phrases.into_iter().map(|phrase| speakable(&phrase.text, locale).text);
    spoken.filter(|text| !text.is_empty()).collect()
}

fn wav(out: &Path, sample_rate: u32) -> anyhow::Result<hound::WavWriter<BufWriter<File>>> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    hound::WavWriter::create(out, spec).with_context(|| format!("cannot write {}", out.display()))
}

/// The words of a WAV file.
///
/// # Errors
/// When the engine or the file fails.
pub async fn transcribe(
    config: &Config,
    models: &ModelFiles,
    file: &Path,
    language: &str,
) -> anyhow::Result<Transcript> {
    let samples = read_wav(file).with_context(|| format!("cannot read {}", file.display()))?;
    let backends = Backends::new(config.engines.confine)?;
    let Backend { engine: stt, status } = backends.stt(config, models)?;
    loaded(status).await?;
    let request = SttRequest { language: language.into(), ..SttRequest::default() };
    let SttStream { input, mut output } = stt.open(request).await?;
    let feed = async {
        for piece in samples.chunks(PIECE) {
            input.send(SttInput::Audio(piece.to_vec())).await?;
        }
        input.send(DECODE).await
    };
    // Audio moves only while the answers are read, and an engine that refuses says there why.
    let answer = tokio::select! {
        biased;
        answer = output.next() => answer,
        never = async { _ = feed.await; std::future::pending().await } => never,
    };
    let (_, words) = answer.context("the engine ended without an answer")??;
    drop(output);
    backends.stop().await;
    Ok(words)
}

async fn loaded(mut status: watch::Receiver<EngineStatus>) -> anyhow::Result<()> {
    let ready =
        matches!(tokio::time::timeout(LOADING, status.wait_for(|status| status.ready)).await, Ok(Ok(_)));
    anyhow::ensure!(ready, "the engine does not get ready: {}", status.borrow().message);
    Ok(())
}

/// A WAV file as mono at [`MIC_RATE`].
///
/// # Errors
/// When it cannot be opened or read; the message says what is expected.
pub fn read_wav(file: &Path) -> anyhow::Result<Vec<i16>> {
    let file = std::io::BufReader::new(std::fs::File::open(file)?);
    Ok(crate::audio::wav::read(file, MIC_RATE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoken_is_what_a_call_would_say() {
        assert_eq!(
            utterances("It costs $1.4 billion. **Call** 555-0199 on 3/4/2026.", "en_US"),
            ["It costs 1.4 billion dollars.", "Call 5 5 5, 0 1 9 9 on March 4th, 2026."]
        );
        assert_eq!(utterances("👍", "en"), Vec::<String>::new());
    }

    #[test]
    fn the_voice_decides_how_dates_are_said() {
        let voice = |name: &str, language: &str, locale: &str| Voice {
            name: name.into(),
            language: language.into(),
            locale: locale.into(),
        };
        let voices = [voice("joe", "en", "en_US"), voice("alba", "en", "en_GB"), voice("eva", "de", "")];
        for (name, expected) in [("", "en_US"), ("alba", "en_GB"), ("eva", "de"), ("bob", "")] {
            assert_eq!(locale(&voices, name), expected);
        }
    }
}
