//! One engine for one task on the command line: `visavis speak` and `visavis transcribe`.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use tokio::sync::watch;

use crate::audio::resample::Resampler;
use crate::config::Config;
use crate::engine::fleet::{ModelFiles, stt_arguments, tts_arguments};
use crate::engine::grpc::{GrpcStt, GrpcTts};
use crate::engine::launcher::{Launched, Launcher};
use crate::engine::monitor::EngineStatus;
use crate::engine::{Stt, SttInput, SttRequest, Tts, TtsRequest};
use crate::frame::{MIC_RATE, Transcript};

/// Longest time for an engine to load.
const LOADING: Duration = Duration::from_secs(120);

/// Speaks `text` into a WAV file.
///
/// # Errors
/// When the engine or the file fails.
pub async fn speak(
    config: &Config,
    models: &ModelFiles,
    text: &str,
    voice: &str,
    out: &Path,
) -> anyhow::Result<()> {
    let launcher = Launcher::new()?;
    let Launched { link, status } = launcher.launch("tts", &config.tts.url, tts_arguments(config, models))?;
    loaded(status).await?;
    let tts = GrpcTts { link, settings: config.tts.clone() };
    let request = TtsRequest { text: text.into(), voice: voice.into(), ..Default::default() };
    let mut parts = tts.synthesize(request).await?;
    let mut writer = None;
    while let Some(part) = parts.next().await {
        let part = part?;
        let writer = match &mut writer {
            Some(writer) => writer,
            none => {
                let spec = hound::WavSpec {
                    channels: 1,
                    sample_rate: part.rate,
                    bits_per_sample: 16,
                    sample_format: hound::SampleFormat::Int,
                };
                none.insert(
                    hound::WavWriter::create(out, spec)
                        .with_context(|| format!("cannot write {}", out.display()))?,
                )
            }
        };
        part.samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    }
    writer.context("there is nothing to speak in this text")?.finalize()?;
    launcher.stop().await;
    Ok(())
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
    let launcher = Launcher::new()?;
    let Launched { link, status } = launcher.launch("stt", &config.stt.url, stt_arguments(config, models))?;
    loaded(status).await?;
    let request = SttRequest { language: language.into(), ..SttRequest::default() };
    let mut stream = GrpcStt { link }.open(request).await?;
    for piece in samples.chunks(16_000) {
        stream.input.send(SttInput::Audio(piece.to_vec())).await?;
    }
    stream.input.send(SttInput::Decode { number: 1, last: true, stable: String::new() }).await?;
    let (_, words) = stream.output.next().await.context("the engine ended without an answer")??;
    drop(stream);
    launcher.stop().await;
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
/// When it is no WAV file of 16-bit integers or floats.
pub fn read_wav(file: &Path) -> anyhow::Result<Vec<i16>> {
    let mut reader = hound::WavReader::open(file)?;
    let spec = reader.spec();
    let all: Vec<i16> = match (spec.sample_format, spec.bits_per_sample) {
        (hound::SampleFormat::Int, 16) => reader.samples::<i16>().collect::<Result<_, _>>()?,
        (hound::SampleFormat::Float, 32) => {
            let narrow = |sample: f32| (sample.clamp(-1.0, 1.0) * 32767.0) as i16;
            reader.samples::<f32>().map(|sample| sample.map(narrow)).collect::<Result<_, _>>()?
        }
        (_, bits) => anyhow::bail!("{bits}-bit samples: only 16-bit integers and 32-bit floats are read"),
    };
    let mono: Vec<i16> = all.chunks(usize::from(spec.channels.max(1))).map(|frame| frame[0]).collect();
    let mut out = Vec::with_capacity(mono.len());
    let mut resampler = Resampler::new(spec.sample_rate, MIC_RATE);
    resampler.push(&mono, &mut out);
    resampler.flush(&mut out);
    Ok(out)
}
