//! What admission makes of a server that is loaded: by late responses of scripted engines, and by memory of a real server.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;
use visavis::admission::{Admission, Kind, Limits, Permit, Principal, Refusal};
use visavis::config::Config;
use visavis::engine::status::Work;
use visavis::load::{self, Bounds, Sources};
use visavis::ports::{Presence, TransportPorts, call_ports};
use visavis::session::{Calls, Wishes};
use visavis_client::{Call, CallOptions, Mode};
use visavis_core::event::{CallEvent, ClientCommand};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse};

mod live;
use live::Live;

/// Turns after which the load is known.
const TURNS: usize = 5;

/// Asks, and waits until the response has ended.
async fn ask(ports: &mut TransportPorts) {
    ports.commands.send(ClientCommand::Say("What time is it?".into())).await.unwrap();
    loop {
        tokio::select! {
            event = ports.events.recv() => {
                if matches!(event.expect("the call goes on"), CallEvent::Turn { .. }) {
                    return;
                }
            }
            Some(_) = ports.media.recv() => {}
        }
    }
}

/// Calls of a server that admits one whatever happens, and one more only if responses come within half a second.
struct Server {
    admission: Arc<Admission>,
    calls: Arc<Calls>,
}

impl Server {
    fn responding_after(delay: Duration) -> Self {
        let mut config = Config::default();
        (config.server.target_ms, config.server.least_calls) = (500, 1);
        (config.server.memory_reserve_mib, config.conversation.idle_seconds) = (0, 0);
        let response = || ScriptedResponse::texts(["It is four. "]).every(delay);
        let llm = ScriptedLlm::new((0..=TURNS).map(|_| response()));
        let admission = Admission::new(Limits::from(&config.server));
        let bounds = Bounds::from(&config.server);
        let engines = Scripted::with(llm).engines();
        let calls = Calls::new(Arc::new(config), engines, admission.clone(), None);
        let work = Box::new(Vec::<Work>::new);
        let sources = Sources { turns: calls.turn_times(), work, memory: || None };
        let told = admission.clone();
        tokio::spawn(async move { load::keep(bounds, sources, &told).await });
        Self { admission, calls }
    }

    fn admit(&self) -> Result<Permit, Refusal> {
        self.admission.admit(Principal::Anonymous, Kind::Call)
    }

    /// Begins a call whose client is there.
    fn begin(&self) -> TransportPorts {
        let call = self.calls.open(self.admit().unwrap());
        let (ports, pipeline) = call_ports();
        self.calls.start(call, pipeline, None, Wishes::default(), self.calls.transport_token());
        ports.presence.send_replace(Presence::Here);
        ports
    }
}

#[tokio::test(start_paused = true)]
async fn late_responses_keep_further_calls_out_for_as_long_as_they_are_late_and_end_none() {
    let server = Server::responding_after(Duration::from_secs(2));
    let mut ports = server.begin();
    for turns in 0..TURNS {
        assert!(turns > 3 || server.admit().is_ok(), "{turns} turns say nothing yet");
        ask(&mut ports).await;
    }
    // The next look takes the last turn into account.
    sleep(Duration::from_secs(2)).await;
    let load = server.admission.capacity().unwrap().load;
    assert!(load > 3.5, "{load}");
    let refused = server.admit().err().unwrap();
    assert!(matches!(refused, Refusal::Loaded { retry } if retry > 15), "{refused:?}");
    assert_eq!(server.admission.active(Kind::Call), 1);
    ask(&mut ports).await;
    sleep(Duration::from_secs(62)).await;
    assert!(server.admit().is_ok(), "nobody has waited for a minute");
}

#[tokio::test(start_paused = true)]
async fn quick_responses_keep_nobody_out() {
    let server = Server::responding_after(Duration::from_millis(50));
    let mut ports = server.begin();
    for _ in 0..TURNS {
        ask(&mut ports).await;
    }
    sleep(Duration::from_secs(2)).await;
    assert!(server.admission.capacity().unwrap().load < 1.0);
    assert!(server.admit().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_memory_to_spare_takes_its_least_calls_and_says_when_to_ask_again() {
    let settings = ["--set", "server.memory_reserve_mib=1048576", "--set", "server.least_calls=1"];
    let live = Live::start(&settings).await;
    live.metric_when("visavis_load", |load| load > 1.0).await;
    live.metric_when("visavis_capacity", |calls| calls == 1.0).await;
    let call = Call::start(&live.server, Mode::WebSocket, CallOptions::default()).await.unwrap();
    let get = async |path: &str| live.server.http().get(live.server.url(path)).send().await.unwrap();

    let refused = get("ws").await;
    assert_eq!(refused.status().as_u16(), 503);
    let seconds: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((5..=50).contains(&seconds), "{seconds}");
    let problem = refused.json::<Value>().await.unwrap();
    assert_eq!(problem["reason"], "server-full", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("server.memory_reserve_mib"), "{problem}");
    let ready = get("ready").await;
    assert!(ready.status().is_success(), "it serves the calls that it has");
    let ready = ready.json::<Value>().await.unwrap();
    assert!(ready["load"].as_f64().unwrap() > 1.0, "{ready}");

    assert!(call.hang_up().await);
    live.metric_when("visavis_calls", |calls| calls == 0.0).await;
    assert_eq!(get("ws").await.status().as_u16(), 426, "a call would be taken: only the upgrade is missing");
}
