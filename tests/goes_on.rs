//! A call that is cut off and resumes from its remembered context, through the whole pipeline with
//! scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use visavis::config::Config;
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::context::CallContext;
use visavis_core::event::{CallEvent, ClientCommand, EndReason};
use visavis_core::frame::Role;
use visavis_core::recording::replay::replay;
use visavis_core::usage::Usage;
use visavis_engine::{Ended, LlmPiece};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse};

/// What each response of the model takes.
const USAGE: Usage = Usage { prompt: 90, cached: 60, response: 4 };

struct Call {
    ports: TransportPorts,
    llm: Arc<ScriptedLlm>,
    run: tokio::task::JoinHandle<EndReason>,
}

fn config(recordings: &Path) -> Config {
    let mut config = Config::default();
    config.conversation.greeting = "Hello there.".into();
    config.recording.dir = recordings.to_path_buf();
    config
}

impl Call {
    fn begin(name: &str, responses: &[&str], config: Config, options: CallOptions) -> Self {
        let ended = LlmPiece::Ended(Ended { cut: false, usage: Some(USAGE) });
        let said = |text: &&str| {
            let pieces = [LlmPiece::Text((*text).to_owned()), ended.clone()];
            ScriptedResponse::new(pieces).every(Duration::from_millis(20))
        };
        let scripted = Scripted::with(ScriptedLlm::new(responses.iter().map(said)));
        let (engines, llm) = (scripted.engines(), scripted.llm);
        let (ports, pipeline) = call_ports();
        let name = name.to_owned();
        let run = tokio::spawn(async move {
            Box::pin(pipeline::run(name, pipeline, engines, &config, options, Scope::default())).await
        });
        Self { ports, llm, run }
    }

    async fn says(&mut self, command: ClientCommand) {
        self.ports.commands.send(command).await.unwrap();
    }

    /// How many responses end within this time.
    async fn responses(&mut self, time: Duration) -> usize {
        sleep(time).await;
        let events = std::iter::from_fn(|| self.ports.events.try_recv().ok());
        events.filter(|event| matches!(event, CallEvent::Turn { .. })).count()
    }

    async fn lose(self) {
        drop(self.ports);
        timeout(Duration::from_secs(5), self.run).await.expect("the pipeline ends with its client").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cut_off_resumes_from_its_stored_context_and_its_recording_replays() {
    let recordings = tempfile::tempdir().unwrap();
    let options = CallOptions::default();
    let mut kept = options.remembered.subscribe();
    let mut call = Call::begin("first", &["It is tea. "], config(recordings.path()), options);
    call.says(ClientCommand::Ready).await;
    assert_eq!(call.responses(Duration::from_secs(4)).await, 1, "it greets");
    call.says(ClientCommand::SetLanguage(Some("de".into()))).await;
    call.says(ClientCommand::Say("What is it?".into())).await;
    assert_eq!(call.responses(Duration::from_secs(4)).await, 1);
    call.lose().await;
    // As a store would: saved as text, read when the client comes back.
    let stored = kept.borrow_and_update().as_ref().expect("something was remembered").to_json().unwrap();
    let context = CallContext::read(&stored).unwrap();
    let said: Vec<_> = context.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(said, ["Hello there.", "What is it?", "It is tea."]);
    assert_eq!(context.usage, USAGE, "the greeting is no text of the model");

    let options = CallOptions { context: Some(Arc::new(context)), ..CallOptions::default() };
    let kept = options.remembered.subscribe();
    let mut call = Call::begin("second", &["Yes. "], config(recordings.path()), options);
    call.says(ClientCommand::Ready).await;
    assert_eq!(call.responses(Duration::from_secs(4)).await, 0, "it does not greet again");
    assert!(kept.borrow().is_some(), "the given context is kept until it changes");
    call.says(ClientCommand::Say("Really?".into())).await;
    assert_eq!(call.responses(Duration::from_secs(4)).await, 1);
    let asked = call.llm.asked()[0].messages.clone();
    let told: Vec<_> = asked.iter().skip(1).map(|message| message.content.as_str()).collect();
    assert_eq!(told, ["Hello there.", "What is it?", "It is tea.", "Really?"]);
    assert!(asked[0].role == Role::System && asked[0].content.contains("German"), "{}", asked[0].content);
    let last = kept.borrow().as_ref().unwrap().messages.last().unwrap().content.clone();
    assert_eq!(last, "Yes.");
    let usage = kept.borrow().as_ref().unwrap().usage;
    assert_eq!(usage, Usage { prompt: 180, cached: 120, response: 8 }, "of both connections");
    call.lose().await;

    for call in ["first", "second"] {
        let file = recordings.path().join(format!("{call}.jsonl"));
        // The writer runs on its own thread, which the virtual clock does not wait for.
        for _ in 0..500 {
            if file.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let report = replay(std::io::BufReader::new(std::fs::File::open(file).unwrap()));
        assert!(report.good() && report.complete, "{call}: {report:?}");
    }
}
