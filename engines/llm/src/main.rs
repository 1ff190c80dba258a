//! The language model in its own process: llama.cpp behind the gRPC service `Llm`.
//!
//! ```text
//! service ── Job ──▶ worker (one thread) ── Piece ──▶ model
//!    ▲  checks: request, prompt │ ▲ decides: scheduler
//!    └───────── events ─────────┘ client: one request's reader and timing; text: bytes to characters;
//!                                 turn: where words end; likeliest: the few tokens worth sampling;
//!                                 tools: functions that the model may call; constraint: a call's grammar in
//!                                 force; template: what stands around messages; chat: its parts; model_file:
//!                                 is it a model that writes text; fault: how a request is refused
//! ```

mod chat;
mod client;
mod constraint;
mod fault;
mod likeliest;
mod model;
mod model_file;
mod prompt;
mod request;
mod scheduler;
mod service;
mod template;
mod text;
mod tools;
mod turn;
mod worker;

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};

use clap::Parser;
use tokio::sync::oneshot;
use visavis_proto::confine::{Drivers, Needs};
use visavis_proto::host::{self, Host, HostArgs};
use visavis_proto::state::{EngineState, most_behind};
use visavis_proto::v1::HealthReply;
use visavis_proto::v1::llm_server::LlmServer;

use crate::model::{Model, ModelOptions};
use crate::prompt::Prompter;
use crate::request::Limits;
use crate::service::{LlmService, Loaded};
use crate::template::Family;
use crate::worker::{Job, Worker};

/// Releases that may wait for the end of a step, in addition to the queued requests.
const RELEASES: usize = 64;

/// The backend compiled in.
const BACKEND: &str = visavis_proto::backend!();

/// Serves a language model (GGUF) over gRPC.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    host: HostArgs,
    /// The model, a GGUF file
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The family of the model's chat template [default: that of the file]
    #[arg(long, value_enum, value_name = "NAME")]
    template: Option<Family>,
    /// Threads that generate for a single sequence
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256), value_name = "N")]
    threads: u32,
    /// Threads for prompts and for several sequences at once [default: 2, or 1 on a single core]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=256), value_name = "N")]
    threads_batch: Option<u32>,
    /// Tokens that one conversation can hold, prompt and response together
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(64..=131_072), value_name = "N")]
    context: u32,
    /// Conversations whose KV cache is kept, and sequences evaluated at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64), value_name = "N")]
    slots: u32,
    /// Requests that may wait for a slot; further ones are refused
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096), value_name = "N")]
    queue: u32,
    /// Longest response in tokens where a request does not say
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536), value_name = "N")]
    max_tokens: u32,
    /// Layers on the GPU [default: all, if there is a GPU that this build can use]
    #[arg(long, value_name = "N")]
    gpu_layers: Option<u32>,
}

impl Args {
    fn model_options(&self) -> ModelOptions {
        ModelOptions {
            path: self.model.clone(),
            template: self.template,
            threads: self.threads,
            threads_batch: self.threads_batch.unwrap_or_else(|| cores().min(2)),
            context: self.context,
            slots: self.slots,
            gpu_layers: self.gpu_layers,
        }
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    host::init_log(&args.host.log);
    host::wait_passively();
    let needs = Needs { read: model_file::files(&args.model), drivers: Drivers::of(BACKEND) };
    let host = Host::open(&args.host, &needs)?;
    let state = EngineState::new(args.queue);
    let loaded = Arc::new(OnceLock::new());
    let (sender, jobs) = sync_channel((args.queue + most_behind(args.queue)) as usize + RELEASES);
    let service = LlmService::new(state.clone(), loaded.clone(), sender);
    let (ended, mut worker_ended) = oneshot::channel();
    let thread = {
        let state = state.clone();
        let run = move || {
            model_thread(&args.model_options(), args.max_tokens as usize, &state, &loaded, &jobs);
            _ = ended.send(());
        };
        std::thread::Builder::new().name("model".into()).spawn(run)?
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(async {
        tokio::select! {
            served = host.serve(state, LlmServer::new(service)) => served,
            // While the service lives, the thread ends only by a panic, and no request could be served any more.
            _ = &mut worker_ended => Err(anyhow::anyhow!("the model's thread has ended")),
        }
    });
    // Open streams keep the service alive; once they are dropped the thread ends after its current step, and only then
    // may llama.cpp's own clean-up run.
    drop(runtime);
    _ = thread.join();
    served
}

/// The model's thread; it lives as long as the service, even without a usable model.
fn model_thread(
    options: &ModelOptions,
    max_tokens: usize,
    state: &Arc<EngineState>,
    loaded: &OnceLock<Loaded>,
    jobs: &Receiver<Job>,
) {
    if let Err(message) = work(options, max_tokens, state, loaded, jobs) {
        tracing::error!("{message}");
        state.set_failed(message);
        // Health keeps reporting the reason; the process ends with the service.
        while jobs.recv().is_ok() {}
    }
}

/// Works from loading to the end of the service; an error says why the model cannot be used.
fn work(
    options: &ModelOptions,
    max_tokens: usize,
    state: &Arc<EngineState>,
    loaded: &OnceLock<Loaded>,
    jobs: &Receiver<Job>,
) -> Result<(), String> {
    let model = Model::load(options)?;
    let evaluator = model.evaluator()?;
    let context = model.context as usize;
    let limits = Limits { context, default_max_tokens: max_tokens };
    let prompter = Prompter::new(model.model.clone(), model.template.clone(), context);
    let ready = Loaded { prompter, tools: model.template.tools, limits };
    loaded.set(ready).map_err(|_| "the model was loaded twice".to_owned())?;
    let name = options.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    tracing::info!(model = %name, device = %model.device, context, slots = options.slots, "ready");
    state.set_ready(HealthReply {
        model: name,
        device: model.device.clone(),
        threads: options.threads,
        context: model.context,
        ..HealthReply::default()
    });
    Worker::new(&model, evaluator, options.slots, state.clone()).run(jobs);
    Ok(())
}

fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}
