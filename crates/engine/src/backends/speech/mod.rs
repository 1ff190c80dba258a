//! Voices behind an HTTP API: OpenAI-compatible servers, Coqui XTTS, Piper, Cloudflare Workers AI and RunPod.
//!
//! - this file: makes the backend
//! - `server`: the voice; `reading`: the sound that it reads; `probe`: whether the server is ready
//! - `api`: what all APIs have in common; `openai`, `xtts`, `piper`, `cloudflare`, `runpod`: one each
//! - `roster`: which voice speaks; `listing`: what a server lists; `clip`: the clips of cloned voices
//! - `sound`: from bytes to samples; `encoded`: sound inside JSON (both pure)

mod api;
mod clip;
mod cloudflare;
mod encoded;
mod listing;
mod openai;
mod piper;
mod probe;
mod reading;
mod roster;
mod runpod;
mod server;
mod sound;
mod xtts;

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::aligned::Aligned;
use super::http::Http;
use super::{Backend, Tasks};
use crate::Tts;
use crate::config::{TtsApi, TtsEngine};
use crate::status::EngineStatus;
use crate::watchdog::Watchdog;
use api::Api;
use probe::Probe;
use server::Server;

/// A voice at a server, which is looked after until `tasks` end. `clones`: the folder of cloned voices'
/// clips.
///
/// # Errors
/// When the key cannot be read, or the address is not one.
pub(super) fn tts(tasks: &Tasks, own: &TtsEngine, clones: PathBuf) -> anyhow::Result<Backend<dyn Tts>> {
    let http = Arc::new(Http::new(&own.endpoint(&tasks.section("tts")))?);
    let settings = Arc::new(own.clone());
    let api = api(tasks, &http, &settings);
    let (status, known) = watch::channel(EngineStatus::not_ready("is not reached yet"));
    let watchdog = Watchdog::of_silence(server::before(own).length());
    let listing = Arc::new(RwLock::new(None));
    let name = tasks.label("tts");
    let server = Server { name, api, http, settings, clones, listing, watchdog };
    let probe = Probe { server: server.clone(), status };
    tasks.spawn(|token| probe.run(token));
    Ok(Backend { engine: Arc::new(Aligned::new(Arc::new(server), own.speed)), status: known })
}

fn api(tasks: &Tasks, http: &Arc<Http>, settings: &Arc<TtsEngine>) -> Arc<dyn Api> {
    let (http, settings) = (http.clone(), settings.clone());
    match settings.api {
        TtsApi::Xtts => Arc::new(xtts::Xtts::new(http, settings)),
        TtsApi::Piper => Arc::new(piper::Piper::new(http, settings)),
        TtsApi::Cloudflare => Arc::new(cloudflare::Cloudflare { http, settings }),
        TtsApi::RunPod => {
            let (tracker, stopping) = (tasks.tracker.clone(), tasks.token.clone());
            Arc::new(runpod::RunPod { http, settings, tracker, stopping })
        }
        // Our own engine speaks another protocol, and never comes here.
        TtsApi::Engine | TtsApi::OpenAi => Arc::new(openai::OpenAi::new(http, settings)),
    }
}

#[cfg(test)]
mod tests;
