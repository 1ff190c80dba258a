//! The spans of a turn, as a collector receives them over OTLP.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::{mpsc, watch};
use tonic::{Request, Response, Status};
use visavis::config::{Config, Route};
use visavis::engine::router::{Board, Member, RoutedLlm};
use visavis::engine::status::EngineStatus;
use visavis::engine::{EngineError, Engines};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::call_ports;
use visavis::telemetry::Telemetry;
use visavis_core::event::{CallEvent, ClientCommand};
use visavis_core::frame::ResponseId;
use visavis_core::route::EngineKind;
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse};

struct Collector(mpsc::Sender<Span>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.0.send(span).await.unwrap();
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn collect() -> (SocketAddr, mpsc::Receiver<Span>) {
    let (out, spans) = mpsc::channel(256);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Collector(out)));
    tokio::spawn(server.serve_with_incoming(incoming));
    (address, spans)
}

/// A model that says one thing, which takes long enough that the client's reports come while it sounds.
fn speaks() -> ScriptedLlm {
    ScriptedLlm::new([
        ScriptedResponse::texts(["Secret words of no great meaning. "]).every(Duration::from_millis(30))
    ])
}

/// Engines without routes.
fn engines() -> Engines {
    Scripted::with(speaks()).engines()
}

/// Engines whose model is behind a route, whose first engine is down.
fn routed() -> Engines {
    let kind = EngineKind::Llm;
    let route = Route {
        kind,
        languages: Vec::new(),
        voices: Vec::new(),
        tiers: Vec::new(),
        engines: vec!["cloud".into(), "main".into()],
        first_ms: 30_000,
        shadow: Vec::new(),
        share: BTreeMap::new(),
    };
    let ready = watch::channel(EngineStatus { ready: true, ..EngineStatus::default() }).1;
    let member = |name: &str| Member { name: name.into(), status: ready.clone() };
    let board = Board::new(kind, vec![member("cloud"), member("main")], &[route]);
    let down = ScriptedResponse::refused(EngineError::Unavailable("the connection is lost".into()));
    let llm = RoutedLlm::new(board, vec![Arc::new(ScriptedLlm::new([down])), Arc::new(speaks())]);
    Engines { llm: Arc::new(llm), ..Scripted::default().engines() }
}

/// One typed question and its spoken response, heard by the client.
async fn a_turn(config: Config, engines: Engines) {
    let (mut ports, pipeline) = call_ports();
    let options = CallOptions { language: Some("en".into()), ..CallOptions::default() };
    let scope = Scope::default();
    let run = tokio::spawn(async move {
        Box::pin(pipeline::run("the-call".into(), pipeline, engines, &config, options, scope)).await
    });
    ports.commands.send(ClientCommand::Say("Private question?".into())).await.unwrap();
    loop {
        let event = ports.events.recv().await.expect("the call goes on");
        if matches!(event, CallEvent::AgentStartedSpeaking(_)) {
            // An impossible time from the client is ignored.
            for ms in [4_000_000, 170] {
                let heard = ClientCommand::FirstAudioHeard { response: ResponseId(1), ms };
                ports.commands.send(heard).await.unwrap();
            }
        }
        if let CallEvent::Turn { marks, .. } = event {
            assert_eq!(marks.heard, Some(170));
            break;
        }
    }
    drop(ports);
    run.await.unwrap();
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        other => format!("{other:?}"),
    };
    let of = |attribute: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        attribute.value.as_ref().and_then(|value| value.value.as_ref()).map(text).unwrap_or_default()
    };
    span.attributes.iter().map(|attribute| (attribute.key.as_str(), of(attribute))).collect()
}

/// One test for everything: the tracer is global to the process.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_span_per_stage_and_words_only_if_configured_and_may_be_absent() {
    let (address, mut spans) = collect().await;
    let mut config = Config::default();
    config.telemetry.otlp_endpoint = format!("http://{address}");
    let telemetry = Telemetry::start(&config.telemetry).unwrap().expect("it is configured");
    a_turn(config.clone(), engines()).await;
    config.telemetry.content = true;
    a_turn(config.clone(), engines()).await;
    a_turn(config.clone(), routed()).await;
    telemetry.stop().await;
    let mut got = Vec::new();
    while let Ok(span) = spans.try_recv() {
        got.push(span);
    }
    let turns: Vec<&Span> = got.iter().filter(|span| span.name == "turn").collect();
    assert_eq!(turns.len(), 3, "{got:#?}");
    assert_ne!(turns[0].trace_id, turns[1].trace_id);
    let silent =
        format!("{:?}", got.iter().filter(|span| span.trace_id == turns[0].trace_id).collect::<Vec<_>>());
    assert!(!silent.contains("Secret") && !silent.contains("Private"), "{silent}");
    let (quiet, open) = (attributes(turns[0]), attributes(turns[1]));
    assert_eq!((quiet["visavis.call"].as_str(), quiet["visavis.language"].as_str()), ("the-call", "en"));
    assert_eq!(
        (open["visavis.question"].as_str(), open["visavis.response"].as_str()),
        ("Private question?", "Secret words of no great meaning.")
    );
    let routed = attributes(turns[2]);
    assert_eq!((&*routed["visavis.llm.engine"], &*routed["visavis.llm.reason"]), ("main", "unhealthy"));
    assert!(!routed.contains_key("visavis.tts.engine"), "it has no routes: {routed:?}");
    assert!(!quiet.keys().any(|key| key.ends_with(".engine")), "there were no routes: {quiet:?}");
    for name in ["first token", "first segment", "first audio", "first sent", "heard", "playout"] {
        let stage = got.iter().find(|span| span.name == name && span.trace_id == turns[0].trace_id);
        let stage = stage.unwrap_or_else(|| panic!("no span {name}: {got:#?}"));
        assert_eq!(stage.parent_span_id, turns[0].span_id, "{name}");
        assert!(stage.start_time_unix_nano >= turns[0].start_time_unix_nano, "{name}");
        assert!(stage.end_time_unix_nano >= stage.start_time_unix_nano, "{name}");
    }

    // Nobody listens there, and nobody else can.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    config.telemetry.otlp_endpoint = format!("http://{}", nobody.local_addr().unwrap());
    let telemetry = Telemetry::start(&config.telemetry).unwrap().expect("it is configured");
    a_turn(config, engines()).await;
    telemetry.stop().await;
}
