//! Speech to text in its own process: whisper.cpp behind the gRPC service `Stt`.
//!
//! - [`service`]: the gRPC service: one task per utterance reads audio and queues decodes
//! - [`utterance`]: an utterance's audio and what has been recognised in it
//! - [`queue`]: the bounded queue in front of the model, its order, cancellation and deadlines; [`class`]: how urgent an utterance is
//! - [`worker`]: the threads at the model, one for calls and one for recordings; [`decode`]: a job there: windows, reuse, the
//!   transcript
//! - [`recogniser`]: one window through Whisper, with `pass`: encoder, language and greedy decoder; [`grammar`]: which token
//!   may follow; [`second_look`]: corrects what one pass is known to mishear
//! - [`audio`], [`text`], [`vocabulary`], [`language`]: pure: energy and cuts; clean text and loops; which tokens are
//!   text; which language to believe
//! - [`model_file`]: detects a broken model file, on which whisper.cpp would abort
//! - [`native`]: whisper.cpp's log and its GPU

mod audio;
mod class;
mod decode;
mod grammar;
mod language;
mod model_file;
mod native;
mod queue;
mod recogniser;
mod second_look;
mod service;
mod text;
mod utterance;
mod vocabulary;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use visavis_proto::confine::{Drivers, Needs};
use visavis_proto::host::{self, Host, HostArgs};
use visavis_proto::state::EngineState;
use visavis_proto::v1::stt_server::SttServer;

use crate::native::Gpu;

/// Speech to text for Visavis: a Whisper model behind gRPC
#[derive(Debug, Parser)]
#[command(name = "visavis-stt", version)]
struct Args {
    #[command(flatten)]
    host: HostArgs,
    /// Whisper model in whisper.cpp's ggml format
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Threads of the model
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Decodes that may wait; further ones are refused
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1024))]
    queue: u32,
    /// auto: the GPU that this build supports, else the CPU; off: the CPU; a number: that GPU
    #[arg(long, default_value = "auto", value_name = "auto|off|N")]
    gpu: Gpu,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    host::init_log(&args.host.log);
    host::wait_passively();
    native::log_to_tracing();
    let needs = Needs { read: vec![args.model.clone()], drivers: Drivers::of(native::BACKEND) };
    let host = Host::open(&args.host, &needs)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(host, args))
}

async fn serve(host: Host, args: Args) -> anyhow::Result<()> {
    let state = EngineState::new(args.queue);
    let queue = Arc::new(queue::Queue::new(state.clone()));
    let settings = worker::Settings { model: args.model, threads: usize::from(args.threads), gpu: args.gpu };
    let worker = worker::spawn(settings, state.clone(), queue.clone())?;
    let service = service::SttService::new(state.clone(), queue.clone());
    let served = host.serve(state, SttServer::new(service)).await;
    queue.close();
    // Native threads must not run while the process shuts down.
    tokio::task::spawn_blocking(move || worker.join()).await?.ok();
    served
}
