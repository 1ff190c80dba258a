//! Polls an engine's health and counters, and publishes what follows from them.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;
use visavis_proto::v1::{
    HealthReply, HealthRequest, StatsReply, StatsRequest, engine_client::EngineClient, health_reply,
};

use crate::health::{Answer, Event, Health, TICK, Wedged};
use crate::status::{EngineStatus, Life, Work};

/// Polling interval while an engine is not ready, so that `/ready` turns true at once.
const WAITING: Duration = Duration::from_millis(200);
/// Polling interval otherwise.
const STEADY: Duration = Duration::from_millis(500);
/// Time after which a poll is repeated: its connection may be lost.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Interval of polls for its counters.
const COUNTED: Duration = Duration::from_secs(2);

/// An observation of an engine, and the status to publish.
struct Observation {
    event: Event,
    status: Option<EngineStatus>,
}

impl Observation {
    fn of_process(life: Life) -> Self {
        match life {
            Life::Up(_) => Self { event: Event::Started, status: Some(EngineStatus::not_ready("starts")) },
            Life::Down => {
                let status = EngineStatus::not_ready("has ended and is being restarted");
                Self { event: Event::Ended, status: Some(status) }
            }
        }
    }
}

/// Watches over one engine.
pub(super) struct Monitor {
    /// stt, llm or tts, or the name of a backend.
    pub(super) name: &'static str,
    /// Its own connection: health replies must not wait behind unread speech.
    pub(super) channel: Channel,
    /// The process of a child; none for an engine that runs elsewhere.
    pub(super) life: Option<watch::Receiver<Life>>,
    /// For operators and for new calls.
    pub(super) status: watch::Sender<EngineStatus>,
    /// For admission.
    pub(super) work: watch::Sender<Work>,
    /// For the supervisor and the requests in progress.
    pub(super) wedged: watch::Sender<Option<Wedged>>,
}

impl Monitor {
    /// Watches until `token` is cancelled.
    pub(super) async fn run(mut self, token: CancellationToken) {
        token.run_until_cancelled(self.watch()).await;
    }

    async fn watch(&mut self) {
        let began = Instant::now();
        let mut health = Health::new(Duration::ZERO);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut life = self.life.clone();
        let (mut number, mut counted) = (0, began);
        let mut poll = Box::pin(ask(self.channel.clone(), Duration::ZERO, true));
        loop {
            let seen = tokio::select! {
                // A new process first, so that later replies are known to be the new one's.
                biased;
                now = next_life(&mut life) => {
                    poll = Box::pin(ask(self.channel.clone(), Duration::ZERO, true));
                    // Its queue is gone with its process.
                    self.work.send_replace(Work::default());
                    if let Life::Up(new) = now {
                        number = new;
                    }
                    Observation::of_process(now)
                }
                asked = &mut poll => {
                    let seen = self.hear(asked);
                    let pause = if self.status.borrow().ready { STEADY } else { WAITING };
                    let count = counted.elapsed() >= COUNTED;
                    if count {
                        counted = Instant::now();
                    }
                    poll = Box::pin(ask(self.channel.clone(), pause, count));
                    seen
                }
                _ = tick.tick() => Observation { event: Event::Tick, status: None },
            };
            health.on(began.elapsed(), seen.event);
            self.tell(seen.status, health.wedge().map(|wedge| Wedged { number, wedge }));
        }
    }

    /// Takes a reply; a failed poll counts as silence.
    fn hear(&self, asked: Result<Polled, Status>) -> Observation {
        match asked {
            Ok(Polled { health, stats }) => {
                if let Some(stats) = stats {
                    record(self.name, &stats);
                    self.work.send_replace(work(&stats));
                }
                let answer = match health.state() {
                    health_reply::State::Loading => Answer::Loading,
                    health_reply::State::Ready => Answer::Ready(Duration::from_millis(health.step_ms.into())),
                    health_reply::State::Failed => Answer::Failed,
                };
                Observation { event: Event::Answered(answer), status: Some(read(health)) }
            }
            // For a child, the process tells more than its connection.
            Err(_) if self.life.is_some() => Observation { event: Event::Tick, status: None },
            Err(status) => {
                self.work.send_replace(Work::default());
                Observation { event: Event::Tick, status: Some(EngineStatus::not_ready(status.message())) }
            }
        }
    }

    fn tell(&self, status: Option<EngineStatus>, wedged: Option<Wedged>) {
        if let Some(Wedged { wedge, .. }) = wedged {
            let then = if self.life.is_some() { " and is being restarted" } else { "" };
            EngineStatus::not_ready(format!("{}{then}", wedge.as_str())).publish(self.name, &self.status);
        } else if let Some(status) = status {
            status.publish(self.name, &self.status);
        }
        self.wedged.send_if_modified(|old| std::mem::replace(old, wedged) != wedged);
    }
}

/// The next change of a child's process; never for an engine elsewhere.
async fn next_life(life: &mut Option<watch::Receiver<Life>>) -> Life {
    if let Some(life) = life
        && life.changed().await.is_ok()
    {
        return *life.borrow_and_update();
    }
    std::future::pending().await
}

/// An engine's replies to one poll.
struct Polled {
    health: HealthReply,
    stats: Option<StatsReply>,
}

async fn ask(channel: Channel, after: Duration, count: bool) -> Result<Polled, Status> {
    sleep(after).await;
    let mut client = EngineClient::new(channel);
    let asked = timeout(ANSWERED_WITHIN, client.health(HealthRequest {})).await;
    let reply = asked.unwrap_or_else(|_| Err(Status::deadline_exceeded("does not answer")))?;
    let mut stats = None;
    if count && let Ok(Ok(reply)) = timeout(STEADY, client.stats(StatsRequest {})).await {
        stats = Some(reply.into_inner());
    }
    Ok(Polled { health: reply.into_inner(), stats })
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

fn work(stats: &StatsReply) -> Work {
    let queued = stats.queued.saturating_sub(stats.behind);
    Work { queued, capacity: stats.queue_capacity, rejected: stats.rejected }
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
