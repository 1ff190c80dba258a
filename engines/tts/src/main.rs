//! Text to speech in a separate process: voices of Piper and Kokoro on ONNX Runtime, phonemes by espeak-ng, served by the gRPC
//! service `Tts`.
//! SPDX-License-Identifier: GPL-3.0-or-later, because libespeak-ng is linked in.
//!
//! The path of a request: [`service`] and [`request`] check it, [`text`] splits it into parts, [`queue`] orders the [`job`]s,
//! and the only [`worker`] thread has the [`synthesizer`] speak part after part: [`words`] and [`say`] prepare the text;
//! [`espeak`], behind its [`guard`], turns it into phonemes in the [`script`] that the voice reads; [`utterance`] and [`align`]
//! assign these to words; an [`acoustic`] model speaks them on [`runtime`] and gives their durations; [`sound`] sets the level.
//! The [`catalogue`] knows the models and their voices, which a request can [`mix`]. The [`loader`] loads the default models one
//! after the other, in the order that [`order`] decides: the engine is ready once the first is loaded. Another model is loaded
//! for the requests that wait for it, and dropped when the [`residents`] say so; its [`version`] tells callers which files speak.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Context;
use clap::Parser;
use visavis_proto::confine::{Drivers, Needs};
use visavis_proto::host::{Host, HostArgs, init_log, silence_onnxruntime};
use visavis_proto::state::EngineState;
use visavis_proto::v1::tts_server::TtsServer;

use crate::acoustic::ModelFiles;
use crate::catalogue::Catalogue;

mod acoustic;
mod align;
mod catalogue;
mod espeak;
mod guard;
mod job;
mod loader;
mod mix;
mod order;
mod pace;
mod queue;
#[cfg(test)]
mod readings_tests;
mod request;
mod residents;
mod runtime;
mod say;
mod script;
mod service;
mod sound;
mod split;
mod synthesizer;
mod text;
mod trims;
mod utterance;
mod version;
mod words;
mod worker;

/// Text to speech with voices of Piper and Kokoro, served by gRPC.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    host: HostArgs,
    /// A Piper voice (.onnx, with its .onnx.json beside it) or Kokoro (.onnx, with its voices' .bin files beside it); repeat it
    /// for more. The first of a language is its default
    #[arg(long = "voice", required = true, value_name = "FILE")]
    voices: Vec<PathBuf>,
    /// A further voice, which is left out if it cannot be used; repeat it for more
    #[arg(long = "more-voice", value_name = "FILE")]
    more_voices: Vec<PathBuf>,
    /// The voice, or the mix, that requests name: its model is loaded at the start, and others only when requested [default:
    /// the first voice of each language]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    default_voice: Option<String>,
    /// ONNX Runtime's library, libonnxruntime.so
    #[arg(long, value_name = "FILE")]
    onnxruntime: PathBuf,
    /// Threads that one synthesis computes on
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Requests that may wait; one more is refused at once
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    queue: u32,
    /// The folder that contains espeak-ng-data, if the library does not find it by itself
    #[arg(long, value_name = "FOLDER")]
    espeak_data: Option<PathBuf>,
}

/// The backend that this program was built with.
const BACKEND: &str = visavis_proto::backend!();

fn main() -> anyhow::Result<()> {
    silence_onnxruntime();
    let args = Args::parse();
    init_log(&args.host.log);
    let options = worker::Options {
        models: args.voices.iter().map(|voice| ModelFiles::of(voice)).collect(),
        more: args.more_voices.iter().map(|voice| ModelFiles::of(voice)).collect(),
        default_voice: args.default_voice,
        onnxruntime: args.onnxruntime,
        espeak_data: args.espeak_data,
        threads: args.threads.into(),
    };
    let needs = Needs { read: options.files(), drivers: Drivers::of(BACKEND) };
    let host = Host::open(&args.host, &needs)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(host, options, args.queue))
}

async fn serve(host: Host, options: worker::Options, capacity: u32) -> anyhow::Result<()> {
    let state = EngineState::new(capacity);
    let queue = Arc::new(queue::Queue::new());
    let catalogue = Catalogue::read(&options.models, &options.more).unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        state.set_failed(format!("{error:#}"));
        Catalogue::default()
    });
    let catalogue = Arc::new(catalogue);
    let worker = {
        let (state, queue, catalogue) = (state.clone(), queue.clone(), catalogue.clone());
        let run = move || worker::run(&options, &catalogue, &state, &queue);
        std::thread::Builder::new()
            .name("speaker".to_owned())
            .spawn(run)
            .context("cannot start the speaker thread")?
    };
    let last_id = AtomicU64::new(0);
    let service = service::Service { state: state.clone(), queue: queue.clone(), catalogue, last_id };
    let served = host.serve(state, TtsServer::new(service)).await;
    // ONNX Runtime must not be unloaded during a run.
    queue.close();
    _ = worker.join();
    served
}
