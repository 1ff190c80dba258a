//! Voices behind an HTTP API: OpenAI-compatible servers, Coqui XTTS, Piper, Cloudflare Workers AI and RunPod.
//!
//! - this file: makes the backend
//! - `server`: the voice; `reading`: reads its sound; `probe`: checks whether the server is ready
//! - `api`: the interface of all APIs; `openai`, `xtts`, `piper`, `cloudflare`, `runpod`: one each
//! - `roster`: chooses the voice; `listing`: a server's list of its voices
//! - `clip`: the clips of cloned voices; `once`: asks a server once for each clip
//! - `sound`: converts bytes to samples; `encoded`: finds sound in JSON (both pure)

mod api;
mod clip;
mod cloudflare;
mod encoded;
mod listing;
mod once;
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
use super::http::advice::Models;
use super::http::{Advice, Http};
use super::{Backend, Tasks};
use crate::Tts;
use crate::config::{TtsApi, TtsEngine};
use crate::status::EngineStatus;
use crate::watchdog::Watchdog;
use api::Api;
use probe::Probe;
use server::Server;

/// A voice at a server, whose readiness is checked until `tasks` end. `clones`: the folder of cloned voices' clips.
///
/// # Errors
/// When the key cannot be read, or the address is not valid.
pub(super) fn tts(tasks: &Tasks, own: &TtsEngine, clones: PathBuf) -> anyhow::Result<Backend<dyn Tts>> {
    let http = Arc::new(Http::new(&own.endpoint(&tasks.section("tts")), advice(own.api))?);
    let settings = Arc::new(own.clone());
    let api = api(tasks, &http, &settings);
    let (status, known) = watch::channel(EngineStatus::not_ready("has not been reached yet"));
    let watchdog = Watchdog::of_silence(server::before(own).length());
    let listing = Arc::new(RwLock::new(None));
    let name = tasks.label("tts");
    let server = Server { name, api, http, settings, clones, listing, watchdog };
    let probe = Probe { server: server.clone(), status };
    tasks.spawn(|token| probe.run(token));
    Ok(Backend { engine: Arc::new(Aligned::new(Arc::new(server), own.speed)), status: known })
}

/// What messages about each API may advise.
fn advice(api: TtsApi) -> Advice {
    match api {
        TtsApi::Engine | TtsApi::OpenAi => Advice::OPENAI,
        TtsApi::Xtts => {
            Advice { address: "such as http://localhost:8020", model: Models::Started, formats: false }
        }
        TtsApi::Piper => {
            Advice { address: "such as http://localhost:5000", model: Models::Started, formats: false }
        }
        TtsApi::Cloudflare => Advice {
            address: "such as https://api.cloudflare.com/client/v4/accounts/ACCOUNT",
            model: Models::Named("@cf/deepgram/aura-1"),
            formats: true,
        },
        TtsApi::RunPod => Advice {
            address: "such as https://api.runpod.ai/v2/ENDPOINT",
            model: Models::Started,
            formats: true,
        },
    }
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
        // Our own engine speaks another protocol, and is never made here.
        TtsApi::Engine | TtsApi::OpenAi => Arc::new(openai::OpenAi::new(http, settings)),
    }
}

#[cfg(test)]
mod tests;
