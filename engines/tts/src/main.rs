//! Text to speech in a process of its own: Piper voices by ONNX Runtime, phonemes by espeak-ng, behind the gRPC
//! service `Tts`. SPDX-License-Identifier: GPL-3.0-or-later, because libespeak-ng is linked in.
//!
//! A request's way: [`service`] and [`request`] check it, [`text`] breaks it into parts, [`queue`] orders the [`job`]s,
//! and the one [`worker`] thread speaks part after part: [`words`] and [`say`] read the text, [`espeak`],
//! behind its [`guard`], gives phonemes of the [`script`] that a voice reads, [`utterance`] and [`align`] tie them to words, [`piper`] speaks them on [`runtime`] with the durations
//! that [`onnx`] exposes, and [`sound`] sets the level.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use clap::Parser;
use visavis_proto::host::{HostArgs, init_log, serve};
use visavis_proto::state::EngineState;
use visavis_proto::v1::tts_server::TtsServer;

mod align;
mod espeak;
mod guard;
mod job;
mod onnx;
mod piper;
mod queue;
#[cfg(test)]
mod readings_tests;
mod request;
mod runtime;
mod say;
mod script;
mod service;
mod sound;
mod split;
mod text;
mod utterance;
mod words;
mod worker;

/// Text to speech with Piper voices, served by gRPC.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    host: HostArgs,
    /// A Piper voice (.onnx, with its .onnx.json beside it); repeat it for more. The first of a language is its default
    #[arg(long = "voice", required = true, value_name = "FILE")]
    voices: Vec<PathBuf>,
    /// ONNX Runtime's library, libonnxruntime.so
    #[arg(long, value_name = "FILE")]
    onnxruntime: PathBuf,
    /// Threads that one synthesis computes on
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Requests that may wait; one more is refused at once
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    queue: u32,
    /// The folder that holds espeak-ng-data, where the library does not find it by itself
    #[arg(long, value_name = "FOLDER")]
    espeak_data: Option<PathBuf>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    init_log(&args.host.log);
    let state = EngineState::new(args.queue);
    let queue = Arc::new(queue::Queue::new());
    let voices = Arc::new(OnceLock::new());
    let options = worker::Options {
        voices: args.voices,
        onnxruntime: args.onnxruntime,
        espeak_data: args.espeak_data,
        threads: args.threads.into(),
    };
    let worker = {
        let (state, queue, voices) = (state.clone(), queue.clone(), voices.clone());
        std::thread::Builder::new()
            .name("speaker".to_owned())
            .spawn(move || worker::run(&options, &state, &queue, &voices))
            .context("cannot start the speaker's thread")?
    };
    let service =
        service::Service { state: state.clone(), queue: queue.clone(), voices, last_id: AtomicU64::new(0) };
    let served = serve(&args.host, state, TtsServer::new(service)).await;
    // ONNX Runtime must not be unloaded under a run.
    queue.close();
    _ = worker.join();
    served
}
