//! What the engines say of their health and work, asked for at intervals.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use visavis_proto::v1::{
    HealthReply, HealthRequest, StatsReply, StatsRequest, engine_client::EngineClient, health_reply,
};

/// Between questions while an engine is not ready, so that `/ready` turns true at once.
const WAITING: Duration = Duration::from_millis(200);
/// Between questions otherwise.
const STEADY: Duration = Duration::from_secs(2);

/// The state of one engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct EngineStatus {
    /// It answers requests.
    pub ready: bool,
    /// What it waits for, or what is wrong.
    pub message: String,
    /// Its model.
    pub model: String,
    /// Where it computes.
    pub device: String,
    /// STT: it can tell the language.
    pub identifies_language: bool,
    /// Languages, when it is restricted to some.
    pub languages: Vec<String>,
    /// LLM: tokens that a conversation can hold, prompt and answer together; 0: not known.
    pub context: u32,
}

/// Asks one engine until `token` is cancelled; the state is in `status`, the counters go to the metrics.
pub async fn watch_engine(
    name: &'static str,
    channel: Channel,
    status: watch::Sender<EngineStatus>,
    token: CancellationToken,
) {
    let mut client = EngineClient::new(channel);
    loop {
        let asked = tokio::time::timeout(Duration::from_secs(2), client.health(HealthRequest {})).await;
        let now = match asked {
            Ok(Ok(reply)) => read(reply.into_inner()),
            Ok(Err(error)) => EngineStatus { message: error.message().into(), ..Default::default() },
            Err(_) => EngineStatus { message: "does not answer".into(), ..Default::default() },
        };
        metrics::gauge!("visavis_engine_ready", "engine" => name).set(f64::from(u8::from(now.ready)));
        let pause = if now.ready { STEADY } else { WAITING };
        status.send_if_modified(|old| {
            let changed = *old != now;
            if changed {
                tracing::info!(engine = name, ready = now.ready, message = %now.message, "engine state");
            }
            *old = now;
            changed
        });
        if let Ok(Ok(reply)) =
            tokio::time::timeout(Duration::from_secs(2), client.stats(StatsRequest {})).await
        {
            record(name, &reply.into_inner());
        }
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn read(reply: HealthReply) -> EngineStatus {
    let ready = reply.state() == health_reply::State::Ready;
    let message = match reply.state() {
        health_reply::State::Ready => String::new(),
        health_reply::State::Loading => "loads its model".into(),
        health_reply::State::Failed => reply.message,
    };
    EngineStatus {
        ready,
        message,
        model: reply.model,
        device: reply.device,
        identifies_language: reply.identifies_language,
        languages: reply.languages,
        context: reply.context,
    }
}

fn record(name: &'static str, stats: &StatsReply) {
    let counters = [
        ("visavis_engine_requests_total", stats.requests),
        ("visavis_engine_rejected_total", stats.rejected),
        ("visavis_engine_cancelled_total", stats.cancelled),
        ("visavis_engine_failed_total", stats.failed),
        ("visavis_engine_busy_milliseconds_total", stats.busy_ms),
        ("visavis_engine_units_total", stats.units),
    ];
    for (metric, value) in counters {
        metrics::counter!(metric, "engine" => name).absolute(value);
    }
    metrics::gauge!("visavis_engine_active", "engine" => name).set(f64::from(stats.active));
    metrics::gauge!("visavis_queue_depth", "queue" => name).set(f64::from(stats.queued));
    metrics::gauge!("visavis_queue_capacity", "queue" => name).set(f64::from(stats.queue_capacity));
}
