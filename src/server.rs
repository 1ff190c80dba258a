//! Assembles a server from engines, calls and sockets, and shuts it down gracefully.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::addresses;
use crate::admission::{self, Admission, Kind};
use crate::api::listener::{self, Limits, Options};
use crate::api::names::Names;
use crate::api::speech::{Desk, VoiceEngine, warm_up};
use crate::api::{self, App};
use crate::config::{self, Config};
use crate::descriptors::{self, Shares};
use crate::engine::fleet::Fleet;
use crate::engine::model_files::ModelFiles;
use crate::frame::{Message, Role};
use crate::load;
use crate::pipeline::{self, fit};
use crate::relay::{self, OfListener};
use crate::session::Calls;
use crate::telemetry::Telemetry;
use crate::tls::acme::{self, Authority};
use crate::tls::{self, Certificate, Files, TlsFault};
use crate::transport::streams::{StreamHandler, StreamHandlers};
use crate::transport::webrtc::{WebRtcConfig, WebRtcHost};
use visavis_core::{invariants, slow};
use visavis_jobs::Runner;
use visavis_listening::listen::Places;
use visavis_models::{self as models, Manifest};
use visavis_store::{NodeId, Saver};
use visavis_turn::Turn;

/// Bucket bounds of the stage histograms in seconds, dense where latency matters to a conversation.
const STAGES: [f64; 14] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 6.0];

/// Longest wait, when the server stops, for what the store has not taken yet.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// A server that takes calls.
pub struct Server {
    app: App,
    listener: TcpListener,
    options: Options,
    telemetry: Option<Telemetry>,
    /// Does jobs.
    runner: Option<Runner>,
}

impl Server {
    /// Opens the sockets and starts the engines, which load in the background.
    ///
    /// # Errors
    /// If the certificate cannot be used, a model is missing, a port is in use, or an engine's program is missing.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let metrics = metrics_recorder()?;
        let certificate = certificate(&config.server)?;
        let models = ModelFiles::of(&config)?;
        check_models(&config, &models).await?;
        let telemetry = Telemetry::start(&config.telemetry)?;
        let config = Arc::new(config);
        let listen = config.server.listen;
        let listener =
            TcpListener::bind(listen).await.with_context(|| in_use("server.listen", listen, "--listen"))?;
        if let Some(warning) = exposure(listen) {
            tracing::warn!(%listen, "{warning}");
        }
        if let Some(warning) = seclusion(&config) {
            tracing::warn!(udp = %config.server.udp, "{warning}");
        }
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let names = Arc::new(Names::new(&config.server, &machine));
        let saver = open_store(&config, &machine).await?;
        let webrtc = udp(&config, listener.local_addr()?).await;
        let https = certificate.is_some().then(|| listener.local_addr()).transpose()?;
        let shares = descriptors::grant(Shares::of_server(&config));
        let relay::Started { turn, ice } =
            relay::start(&config, shares, webrtc.as_deref(), https.map(|address| address.port())).await?;
        let handlers = handlers(turn.as_ref(), webrtc.as_deref().filter(|_| config.webrtc.ice_tcp));
        let limits = limits(&config.server, shares);
        let options = Options { limits, certificate: certificate.clone(), handlers };
        let fleet = Arc::new(Fleet::start(&config, &models)?);
        let admission = Admission::new(admission::Limits::from(&config.server));
        let calls = Calls::new(config.clone(), fleet.engines(), admission.clone(), saver.clone());
        let beside = api::beside_calls(&fleet, &admission, config.tts.queue);
        let voice = VoiceEngine { tts: beside.clone(), status: fleet.tts.status.clone() };
        let speech = Desk::start(&config, voice, admission.clone())?;
        let ice = Arc::new(ice);
        let (jobs, runner) = api::jobs::open(&config).unzip();
        let app = App {
            config,
            fleet,
            admission,
            calls,
            saver,
            webrtc,
            turn,
            ice,
            names,
            certificate,
            beside,
            speech,
            jobs,
            job_places: Arc::default(),
            places: Places::new(),
            metrics,
        };
        Ok(Self { app, listener, options, telemetry, runner })
    }

    /// The address on which HTTP is served.
    ///
    /// # Errors
    /// If the socket is gone.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The state that the handlers share.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The certificate, if the server has TLS of its own.
    #[must_use]
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.options.certificate.clone()
    }

    /// Serves until `stop` is cancelled, then lets calls finish or say goodbye, and stops the engines.
    ///
    /// # Errors
    /// If the instructions and tools do not fit the model.
    pub async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        let app = self.app.clone();
        let closed = CancellationToken::new();
        let drained = {
            let (app, closed) = (app.clone(), closed.clone());
            async move {
                stop.cancelled().await;
                tracing::info!(calls = app.admission.active(Kind::Call), "stopping");
                app.calls.drain().await;
                closed.cancel();
            }
        };
        let upkeep = keep_up(app.metrics.clone());
        let measured = keep_measured(&app);
        let warmed = warm_up(app.speech.clone());
        let renewed = keep_certificate(self.certificate(), Authority::of(&app.config.server));
        let unfit = unfit(app.clone());
        let worked = api::jobs::keep(app.clone(), self.runner);
        let served = listener::serve(self.listener, api::router(app.clone()), self.options, closed);
        let ended = tokio::select! {
            ((), ()) = async { tokio::join!(served, drained) } => Ok(()),
            () = upkeep => Ok(()),
            () = measured => Ok(()),
            () = renewed => Ok(()),
            () = warmed => Ok(()),
            () = worked => Ok(()),
            fault = unfit => Err(anyhow::anyhow!(fault)),
        };
        if let Some(turn) = &app.turn {
            turn.stop().await;
        }
        app.fleet.stop().await;
        if let Some(saver) = &app.saver {
            let calls = saver.stop(LAST_WRITES).await;
            if calls > 0 {
                tracing::warn!(calls, "the store has not saved the last words of these calls");
            }
        }
        if let Some(telemetry) = self.telemetry {
            telemetry.stop().await;
        }
        tracing::info!("stopped");
        ended
    }
}

/// Measures what calls cost, for admission.
async fn keep_measured(app: &App) {
    let fleet = app.fleet.clone();
    let sources = load::Sources {
        turns: app.calls.turn_times(),
        work: Box::new(move || fleet.work()),
        memory: load::memory::available,
    };
    load::keep(load::Bounds::from(&app.config.server), sources, &app.admission).await;
}

/// Completes, with the reason, only if the instructions and tools leave the model no room for any call.
async fn unfit(app: App) -> String {
    let instructions = Message { role: Role::System, content: pipeline::instructions(&app.config) };
    let tools = pipeline::tools::configured(&app.config.tools);
    match fit::check(app.fleet.llm.engine.as_ref(), &[instructions], &tools).await {
        Ok(()) => std::future::pending().await,
        Err(fault) => fault,
    }
}

/// The certificate for TLS; `None`: the server speaks HTTP.
fn certificate(server: &config::Server) -> Result<Option<Arc<Certificate>>, TlsFault> {
    let is_ordered = !server.acme_directory.is_empty();
    let load = |files| if is_ordered { Certificate::ordered(files) } else { Certificate::load(files) };
    Files::of(server).map(load).transpose()
}

/// Takes a certificate anew whenever its files change, and orders it anew where an authority is named.
async fn keep_certificate(certificate: Option<Arc<Certificate>>, authority: Option<Authority>) {
    match (certificate, authority) {
        (Some(certificate), Some(authority)) => {
            tokio::join!(certificate.keep(tls::LOOK), acme::keep(&authority, &certificate));
        }
        (Some(certificate), None) => certificate.keep(tls::LOOK).await,
        (None, _) => std::future::pending().await,
    }
}

/// Compares checksums; fast unless a file has been written to.
async fn check_models(config: &Config, files: &ModelFiles) -> anyhow::Result<()> {
    let (dir, files) = (config.models.dir.clone(), files.all());
    let checked =
        tokio::task::spawn_blocking(move || models::check(&Manifest::builtin(), &dir, &files)).await?;
    checked.map_err(|error| {
        let profile = &config.models.profile;
        anyhow::anyhow!("{error}: fetch it again with `visavis models fetch --profile {profile}`")
    })
}

/// A warning for the operator, if other machines may reach the address.
fn exposure(listen: SocketAddr) -> Option<&'static str> {
    let warning =
        "anyone who reaches this address can call: the server does not authenticate callers (server.listen)";
    (!listen.ip().is_loopback()).then_some(warning)
}

/// A warning for the operator, if the configuration expects callers from elsewhere, whom UDP does not reach.
fn seclusion(config: &Config) -> Option<&'static str> {
    let warning = "WebRTC reaches callers on this machine alone, and others fall back to the WebSocket: set \
                   server.udp, such as \"0.0.0.0:8080\"";
    let is_secluded = config.server.udp.ip().is_loopback() && !config.webrtc.relay_only;
    (is_secluded && config.expects_callers_from_elsewhere()).then_some(warning)
}

/// How many connections the configuration and the descriptors allow.
fn limits(server: &config::Server, shares: Shares) -> Limits {
    let most = shares.connections;
    Limits { in_all: most, of_address: server.connections_per_address.min(most) }
}

/// Who serves streams of the HTTP listener that are not HTTP.
fn handlers(turn: Option<&Turn>, calls: Option<&WebRtcHost>) -> StreamHandlers {
    let turn = turn.map(|turn| Arc::new(OfListener(turn.clone())) as Arc<dyn StreamHandler>);
    StreamHandlers { turn, ice: calls.map(WebRtcHost::streams) }
}

/// Binds UDP for WebRTC; without it the server still takes WebSocket calls.
async fn udp(config: &Config, http: SocketAddr) -> Option<Arc<WebRtcHost>> {
    let settings = WebRtcConfig { udp: config.server.udp, addresses: addresses::rules(config, http) };
    match WebRtcHost::bind(settings).await {
        Ok(host) => {
            addresses::ask(config, &host);
            Some(host)
        }
        Err(error) => {
            tracing::error!(error = %format!("{error:#}"), "no UDP: WebRTC is off, calls go over WebSocket (server.udp, --udp)");
            None
        }
    }
}

/// Begins to keep the contexts of calls, under a name that no other start of a server has.
async fn open_store(config: &Config, machine: &str) -> anyhow::Result<Option<Saver>> {
    if config.store.enabled && !config.store.is_asked_for && config.store_has_no_place() {
        tracing::warn!(
            "no store: neither XDG_DATA_HOME nor HOME names a place for it; set store.path, or store.enabled = false"
        );
        return Ok(None);
    }
    let node = NodeId::new(&format!("{machine}-{}", uuid::Uuid::new_v4().simple()));
    Ok(visavis_store::open(&config.store, &config.store_dir(), node).await?)
}

fn in_use(key: &str, address: SocketAddr, flag: &str) -> String {
    format!(
        "cannot listen on {address} ({key}): another program may use the port; choose another with {flag} ADDRESS:PORT"
    )
}

async fn keep_up(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}

fn metrics_recorder() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("visavis_stage_seconds".into()), &STAGES)?
        .set_buckets_for_metric(Matcher::Full("visavis_shadow_seconds".into()), &STAGES)?
        .set_buckets_for_metric(
            Matcher::Full("visavis_playout_hole_seconds".into()),
            &[0.1, 0.2, 0.4, 0.8, 1.6, 3.2],
        )?
        .set_buckets_for_metric(
            Matcher::Full("visavis_store_write_seconds".into()),
            &[0.001, 0.005, 0.02, 0.1, 0.5, 2.0],
        )?
        .set_buckets_for_metric(
            Matcher::Full("visavis_call_seconds".into()),
            &[10.0, 60.0, 300.0, 900.0, 3600.0],
        )?
        .install_recorder()
        .context("metrics are already installed")?;
    begin_at_zero();
    Ok(handle)
}

/// Sets metrics that have not counted anything yet, which would be missing instead of 0.
fn begin_at_zero() {
    for gauge in [
        "visavis_calls",
        "visavis_calls_active",
        "visavis_job_items_waiting",
        "visavis_load",
        "visavis_speech_disk_bytes",
        "visavis_speech_memory_bytes",
        "visavis_store_degraded",
        "visavis_store_waiting",
        "visavis_tls_certificate_unwritten",
    ] {
        metrics::gauge!(gauge).set(0.0);
    }
    for counter in [
        "visavis_calls_given_up_total",
        "visavis_log_lines_dropped_total",
        "visavis_mic_frames_dropped_total",
        "visavis_mic_excess_frames_dropped_total",
        "visavis_misdirected_requests_total",
        "visavis_connections_cut_total",
        "visavis_media_frames_dropped_total",
        "visavis_playout_holes_total",
        "visavis_speech_cache_hits_total",
        "visavis_speech_cache_misses_total",
        "visavis_speech_abandoned_total",
        "visavis_speech_damaged_files_total",
        "visavis_speech_disk_errors_total",
        "visavis_store_dropped_total",
    ] {
        metrics::counter!(counter).absolute(0);
    }
    begin_labelled_at_zero();
}

/// The same for those with a label.
fn begin_labelled_at_zero() {
    for outcome in ["done", "failed"] {
        metrics::counter!("visavis_job_items_total", "outcome" => outcome).absolute(0);
    }
    for origin in ["memory", "disk", "shared", "engine"] {
        metrics::counter!("visavis_speech_total", "origin" => origin).absolute(0);
    }
    for reason in ["full", "address"] {
        metrics::counter!("visavis_connections_refused_total", "reason" => reason).absolute(0);
    }
    for outcome in ["done", "failed", "late"] {
        metrics::counter!("visavis_tls_handshakes_total", "outcome" => outcome).absolute(0);
    }
    for task in ["udp", "addresses"] {
        metrics::counter!("visavis_task_restarts_total", "task" => task).absolute(0);
    }
    for engine in ["stt", "llm", "tts"] {
        for reason in ["died", "hung"] {
            metrics::counter!("visavis_engine_restarts_total", "engine" => engine, "reason" => reason)
                .absolute(0);
        }
    }
    for outcome in ["answered", "interrupted", "failed", "unanswered"] {
        metrics::counter!("visavis_turns_total", "outcome" => outcome).absolute(0);
    }
    for (stage, _) in slow::STAGES {
        metrics::counter!("visavis_slow_turns_total", "stage" => stage).absolute(0);
    }
    for invariant in invariants::OWN.into_iter().chain(invariants::OF_STAGES) {
        metrics::counter!("visavis_invariant_violations_total", "invariant" => invariant).absolute(0);
    }
    for renderer in ["live_link", "vmc"] {
        metrics::counter!("visavis_renderer_errors_total", "renderer" => renderer).absolute(0);
    }
    for source in ["durations", "estimate", "alignment", "pace"] {
        metrics::counter!("visavis_word_times_total", "source" => source).absolute(0);
    }
    for outcome in ["saved", "postponed", "refused"] {
        metrics::counter!("visavis_store_writes_total", "outcome" => outcome).absolute(0);
    }
    for outcome in
        ["resumed", "taken-over", "unknown", "used", "expired", "not-yours", "unreachable", "not-admitted"]
    {
        metrics::counter!("visavis_resumes_total", "outcome" => outcome).absolute(0);
    }
    for outcome in ["kept", "dropped", "failed"] {
        metrics::counter!("visavis_recordings_total", "outcome" => outcome).absolute(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_other_machines_may_reach_causes_a_warning() {
        for (listen, warned) in
            [("0.0.0.0:80", true), ("[::]:80", true), ("127.0.0.1:80", false), ("[::1]:80", false)]
        {
            assert_eq!(exposure(listen.parse().unwrap()).is_some(), warned, "{listen}");
        }
    }

    #[test]
    fn a_port_of_calls_that_the_callers_of_a_proxy_do_not_reach_causes_a_warning() {
        assert_eq!(seclusion(&Config::default()), None, "callers are on this machine");
        let mut proxied = Config::default();
        proxied.server.names = vec!["voice.example.org".into()];
        assert!(seclusion(&proxied).is_some());
        proxied.server.udp = "0.0.0.0:8080".parse().unwrap();
        assert_eq!(seclusion(&proxied), None);
    }
}
