//! Thin HTTP around the calls: signalling, the page, health and metrics.
//!
//! - `admit`: permits for requests, and their refusals as problems; `audited`: notes who deletes, adds or ends what
//! - [`align`]: known texts over recordings; [`transcribe`]: recordings as text; `hearing`: what these and [`openai`] share
//! - [`animate`]: a text or a recording as audio and faces; [`face`]: a call's face as a stream
//! - `body`: a deadline on the bodies of requests; `part`: the part of an address that names something
//! - [`clones`]: voices cloned and removed
//! - `cors`: what pages of other origins may send and read (pure)
//! - [`data`]: what is kept of a call, deleted
//! - [`offer`]: WebRTC signalling and hang-up; `caller`: who requests; [`start`]: how Pipecat's clients begin a call
//! - [`socket`]: calls over WebSocket
//! - [`listener`]: the socket, and limits on what a client may hold of it
//! - [`network`]: what a page needs to test the network; `sending`: cuts off a reader that is too slow
//! - [`names`]: which hosts and origins are accepted (pure); `guard`: refuses the others
//! - [`ice`]: STUN and TURN servers for clients
//! - [`health`]: `/health`, `/ready`, `/metrics`
//! - [`jobs`]: texts and recordings behind everything else
//! - [`openai`]: the engines as an API that clients of OpenAI's use unchanged
//! - [`speech`]: texts as sound files, for [`openai`] and [`speak`]
//! - [`page`]: `/`, `/call`, `/docs` and the other pages, and their files
//! - `routes`: the table of routes, of which the router is made, and [`openapi`] the description of them
//! - [`problem`]: errors as RFC 9457
//! - [`voice`]: a call's voice, and samples of voices

mod admit;
pub mod align;
pub mod animate;
mod audited;
mod body;
mod caller;
mod clip;
pub mod clones;
mod cors;
pub mod data;
pub mod face;
mod guard;
pub mod health;
mod hearing;
pub mod ice;
pub mod jobs;
pub mod listener;
pub mod names;
pub mod network;
pub mod offer;
pub mod openai;
pub mod openapi;
pub mod page;
mod part;
pub mod problem;
pub mod renderers;
pub mod resume;
mod routes;
mod sending;
pub mod socket;
pub mod speak;
pub mod speech;
pub mod start;
pub mod transcribe;
pub mod voice;

use std::any::Any;
use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;
use visavis_listening::listen::Places;

use crate::admission::{Admission, Kind};
use crate::config::Config;
use crate::engine::Tts;
use crate::engine::fleet::Fleet;
use crate::engine::gentle::GentleTts;
use crate::session::Calls;
use crate::tls::Certificate;
use crate::transport::webrtc::WebRtcHost;
use ice::IceServers;
use names::Names;
use openapi::Document;
use problem::Problem;
use routes::{Route, Routes};
use speech::Desk;
use visavis_jobs::Jobs;
use visavis_store::Saver;
use visavis_turn::Turn;

/// Largest body of a request.
pub const LARGEST_BODY: usize = 64 * 1024;

/// The state that the handlers share.
#[derive(Clone)]
pub struct App {
    /// The configuration.
    pub config: Arc<Config>,
    /// The engines.
    pub fleet: Arc<Fleet>,
    /// Grants permits.
    pub admission: Arc<Admission>,
    /// The calls.
    pub calls: Arc<Calls>,
    /// Keeps their contexts; `None`: there is to be no store, or that by default cannot be used.
    pub saver: Option<Saver>,
    /// WebRTC; `None` if the UDP port could not be bound: WebSocket calls only.
    pub webrtc: Option<Arc<WebRtcHost>>,
    /// Our own relay, if it runs; it takes streams that the HTTP listener recognises as TURN.
    pub turn: Option<Turn>,
    /// The STUN and TURN servers that clients are told of.
    pub ice: Arc<IceServers>,
    /// The server's names.
    pub names: Arc<Names>,
    /// The server's own certificate; `None`: it has no TLS.
    pub certificate: Option<Arc<Certificate>>,
    /// The voice for work without a call.
    pub beside: Arc<dyn Tts>,
    /// Speaks for programs.
    pub speech: Arc<Desk>,
    /// Takes jobs; none: their folder cannot be used, or there are to be none.
    pub jobs: Option<Arc<Jobs>>,
    /// The places of jobs on their way.
    pub job_places: Arc<jobs::Places>,
    /// The places of recordings at the recogniser.
    pub places: Arc<Places>,
    /// Renders `/metrics`.
    pub metrics: PrometheusHandle,
}

impl App {
    /// The voice for work without a call.
    fn voice_beside_calls(&self) -> Arc<dyn Tts> {
        self.beside.clone()
    }
}

/// The voice for work without a call, which leaves most of the engine's queue of this length to calls.
#[must_use]
pub fn beside_calls(fleet: &Fleet, admission: &Arc<Admission>, queue: u32) -> Arc<dyn Tts> {
    let admission = admission.clone();
    let calls = move || admission.active(Kind::Call) > 0;
    Arc::new(GentleTts::new(fleet.tts.engine.clone(), calls, queue as usize / 4))
}

/// All routes.
pub fn router(app: App) -> Router {
    let cors = cors::layer(&app.config.server.cors_origins);
    let document = Document::default();
    let table = Routes::all(&document);
    document.write(table.iter().map(Route::described));
    let uploads = table.uploads();
    routes::router(table.own)
        .merge(openai::closed(routes::router(table.openai)))
        .fallback(|| async {
            Problem::new(
                StatusCode::NOT_FOUND,
                "There is nothing at this address; the call is at /call, and /docs lists all addresses.",
            )
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "This address does not take this method; see the Allow header.",
            )
        })
        .layer(middleware::from_fn_with_state(app.clone(), audited::note))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(|fault: Box<dyn Any + Send>| panicked(fault.as_ref())))
        .layer(middleware::from_fn_with_state(uploads, body::in_time))
        .layer(cors)
        .layer(middleware::from_fn_with_state(app.clone(), guard::check_host))
        .layer(middleware::from_fn(listener::reserve::guard))
        .with_state(app)
}

fn panicked(fault: &(dyn Any + Send)) -> Response {
    let text =
        fault.downcast_ref::<&str>().copied().or_else(|| fault.downcast_ref::<String>().map(String::as_str));
    tracing::error!(fault = text.unwrap_or("unknown"), "a request handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The server failed to handle this request; see its log.")
        .into_response()
}
