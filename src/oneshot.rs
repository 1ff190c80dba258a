//! Runs one engine for one task on the command line: `visavis speak` and `visavis transcribe`.

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
use visavis_text::segments::Splitter;
use visavis_text::speakable::speakable;

/// Longest time for an engine to load.
const LOADING: Duration = Duration::from_secs(120);

/// Samples sent to recognition at a time: 4 s.
const PIECE: usize = 64_000;
const DECODE: SttInput =
    SttInput::Decode { number: 1, last: true, stable: String::new(), phrases: Vec::new() };

/// Speaks `text` into a WAV file, segment by segment and normalised as in a call.
///
/// # Errors
/// If the engine or the file fails, or there is nothing to speak.
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
    for text in segments(text, &locale) {
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

/// The locale of the named voice, or of the first one; it determines how numbers and dates are spoken.
fn locale(voices: &[Voice], name: &str) -> String {
    let named = voices.iter().find(|voice| voice.leads(name));
    let voice = named.or_else(|| voices.first().filter(|_| name.is_empty()));
    voice.map_or_else(String::new, |voice| match voice.locale.as_str() {
        "" => voice.language.clone(),
        locale => locale.to_owned(),
    })
}

/// The segments that a call would send to the engine.
fn segments(text: &str, locale: &str) -> Vec<String> {
    let mut splitter = Splitter::new(locale);
    let mut segments = splitter.push(text, false);
    segments.extend(splitter.finish());
    let spoken = segments.into_iter().map(|segment| speakable(&segment.text, locale).text);
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

/// Transcribes a WAV file.
///
/// # Errors
/// If the engine or the file fails.
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
    // Audio is sent only while the transcripts are read, and an engine that refuses says why there.
    let transcript = tokio::select! {
        biased;
        transcript = output.next() => transcript,
        never = async { _ = feed.await; std::future::pending().await } => never,
    };
    let decoded = transcript.context("the engine ended without a transcript")??;
    drop(output);
    backends.stop().await;
    Ok(decoded.words)
}

async fn loaded(mut status: watch::Receiver<EngineStatus>) -> anyhow::Result<()> {
    let ready =
        matches!(tokio::time::timeout(LOADING, status.wait_for(|status| status.ready)).await, Ok(Ok(_)));
    anyhow::ensure!(ready, "the engine did not become ready: {}", status.borrow().message);
    Ok(())
}

/// A WAV file as mono at [`MIC_RATE`].
///
/// # Errors
/// If it cannot be opened or read; the message says what is expected.
pub fn read_wav(file: &Path) -> anyhow::Result<Vec<i16>> {
    let file = std::io::BufReader::new(std::fs::File::open(file)?);
    Ok(crate::audio::wav::read(file, MIC_RATE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_split_and_normalised_as_in_a_call() {
        assert_eq!(
            segments("It costs $1.4 billion. **Call** 555-0199 on 3/4/2026.", "en_US"),
            ["It costs 1.4 billion dollars.", "Call 5 5 5, 0 1 9 9 on March 4th, 2026."]
        );
        assert_eq!(segments("👍", "en"), Vec::<String>::new());
    }

    #[test]
    fn the_locale_is_that_of_the_named_or_first_voice() {
        let voice = |name: &str, language: &str, locale: &str| Voice {
            name: name.into(),
            language: language.into(),
            locale: locale.into(),
            ..Voice::default()
        };
        let voices = [voice("joe", "en", "en_US"), voice("alba", "en", "en_GB"), voice("eva", "de", "")];
        for (name, expected) in [
            ("", "en_US"),
            ("alba", "en_GB"),
            ("alba(2)+joe", "en_GB"),
            ("joe#7", "en_US"),
            ("eva", "de"),
            ("bob", ""),
        ] {
            assert_eq!(locale(&voices, name), expected);
        }
    }
}
