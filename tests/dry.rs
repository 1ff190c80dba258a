//! Calls whose responses run dry, since a voice, a model or a tool is late inside them: what is heard meanwhile. With scripted
//! engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::json;
use tokio::time::{Instant, sleep};
use visavis::config::Config;
use visavis::engine::{EngineError, Engines, LlmPiece, Tts, TtsCapabilities, TtsPart, TtsRequest};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::{AgentState, CallEvent, ClientCommand};
use visavis_core::frame::{AudioFrame, MIC_FRAME};
use visavis_core::tool::{WrittenCall, of_client};
use visavis_scripted::{
    Scripted, ScriptedLlm, ScriptedResponse, ScriptedStt, ScriptedTts, TONE_RATE, one_part,
};

/// The fillers of a response, by the beginnings of their texts.
const FILLERS: [&str; 2] = ["One moment", "It takes a little"];
/// The longest silence that is borne before people think that the call is dead.
const BORNE: Duration = Duration::from_secs(4);
/// Frames of a word.
const WORD: usize = 15;

/// Whose sound a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    Response,
    Filler,
}

/// A frame, and when it arrived.
#[derive(Debug, Clone, Copy)]
struct Heard {
    at: Instant,
    sound: Sound,
}

/// Frames of one kind in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    sound: Sound,
    frames: usize,
}

fn response(frames: usize) -> Run {
    Run { sound: Sound::Response, frames }
}

fn filler(frames: usize) -> Run {
    Run { sound: Sound::Filler, frames }
}

/// A word of 300 ms: a square wave of 200 Hz and, in a filler, of 400 Hz.
fn word(text: &str) -> Vec<i16> {
    let half = if FILLERS.iter().any(|filler| text.starts_with(filler)) { 30 } else { 60 };
    (0..7_200).map(|at| if (at / half) % 2 == 0 { 8_000 } else { -8_000 }).collect()
}

/// Whose sound this is, by its pitch, which does not change when it is ducked.
fn sound(samples: &[i16]) -> Sound {
    let turns = samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    if turns > 11 { Sound::Filler } else { Sound::Response }
}

fn voice() -> ScriptedTts {
    ScriptedTts::speaking(|text| vec![one_part(text, TONE_RATE, |_| word(text))])
}

/// A voice that is late with each text that holds "late".
struct LateVoice(ScriptedTts, Duration);

#[async_trait]
impl Tts for LateVoice {
    fn capabilities(&self) -> TtsCapabilities {
        self.0.capabilities()
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        if request.text.contains("late") {
            sleep(self.1).await;
        }
        self.0.synthesize(request).await
    }
}

struct Call {
    ports: TransportPorts,
    llm: Arc<ScriptedLlm>,
    heard: Vec<Heard>,
    events: Vec<CallEvent>,
    /// What the person's sound is made of.
    noise: u32,
}

impl Call {
    /// Two responses of the model; texts that hold "late" come from the voice this much later. `hears`: what the person says.
    fn begin(responses: [ScriptedResponse; 2], late: Duration, hears: &[&str]) -> Self {
        let scripted =
            Scripted::with(ScriptedLlm::new(responses)).hearing(ScriptedStt::new(hears.iter().copied()));
        let engines = Engines { tts: Arc::new(LateVoice(voice(), late)), ..scripted.engines() };
        let (ports, pipeline) = call_ports();
        tokio::spawn(async move {
            let (config, options, scope) = (Config::default(), CallOptions::default(), Scope::default());
            Box::pin(pipeline::run("test".into(), pipeline, engines, &config, options, scope)).await
        });
        Self { ports, llm: scripted.llm, heard: Vec::new(), events: Vec::new(), noise: 1 }
    }

    async fn send(&self, command: ClientCommand) {
        self.ports.commands.send(command).await.unwrap();
    }

    async fn ask(&self, text: &str) {
        self.send(ClientCommand::Say(text.into())).await;
    }

    /// Speaks (or is silent) for this long in real time, and collects what arrives.
    async fn mic(&mut self, ms: u64, loud: bool) {
        for _ in 0..ms / 20 {
            let samples = if loud { self.voice() } else { vec![0; MIC_FRAME] };
            self.ports.mic.send(AudioFrame { samples, received: true });
            sleep(Duration::from_millis(20)).await;
            while let Ok(frame) = self.ports.media.try_recv() {
                self.heard.push(Heard { at: Instant::now(), sound: sound(&frame.samples) });
            }
            while let Ok(event) = self.ports.events.try_recv() {
                self.events.push(event);
            }
        }
    }

    /// A frame of a person who is like nothing that the agent says: a constant is like every other one, and would be its echo.
    fn voice(&mut self) -> Vec<i16> {
        let mut next = || {
            self.noise = self.noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.noise >> 18) as i16 - 8_192
        };
        (0..MIC_FRAME).map(|_| next()).collect()
    }

    /// What was heard, in order.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for Heard { sound, .. } in &self.heard {
            match runs.last_mut().filter(|run| run.sound == *sound) {
                Some(run) => run.frames += 1,
                None => runs.push(Run { sound: *sound, frames: 1 }),
            }
        }
        runs
    }

    fn longest_silence(&self) -> Duration {
        let silences = self.heard.windows(2).map(|pair| pair[1].at - pair[0].at);
        silences.max().expect("it sounds")
    }

    fn count(&self, what: impl Fn(&CallEvent) -> bool) -> usize {
        self.events.iter().filter(|event| what(event)).count()
    }

    fn notices(&self) -> usize {
        self.count(|event| matches!(event, CallEvent::Notice { code: "one-moment", .. }))
    }

    /// What the model's last request held, without the instructions.
    fn asked(&self) -> Vec<String> {
        let asked = self.llm.asked();
        asked.last().unwrap().messages.iter().skip(1).map(|message| message.content.clone()).collect()
    }
}

fn says(text: &str) -> ScriptedResponse {
    ScriptedResponse::words(text)
}

/// A response of two segments, of 4 and 3 words, the second of which is late.
fn two_segments() -> ScriptedResponse {
    says("That is good news. You were late.")
}

#[tokio::test(start_paused = true)]
async fn a_late_segment_gets_one_filler_after_which_the_response_goes_on() {
    let mut call = Call::begin([two_segments(), says("Yes.")], Duration::from_secs(6), &[]);
    call.ask("What is it?").await;
    call.mic(9_000, false).await;
    assert_eq!(call.runs(), [response(4 * WORD), filler(2 * WORD), response(3 * WORD)]);
    assert!(call.longest_silence() < BORNE, "{:?}", call.longest_silence());
    assert_eq!(call.notices(), 1);
    let began = |event: &CallEvent| matches!(event, CallEvent::AgentStartedSpeaking(_));
    let speaks = |event: &CallEvent| matches!(event, CallEvent::State(AgentState::Speaking));
    assert_eq!((call.count(began), call.count(speaks)), (1, 1), "the filler begins nothing");
    call.ask("Really?").await;
    call.mic(2_000, false).await;
    assert_eq!(call.asked(), ["What is it?", "That is good news. You were late.", "Really?"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_tool_after_spoken_words_is_waited_for_with_fillers() {
    let call_tool = WrittenCall { name: "look".into(), arguments: "{}".into() };
    let looks =
        ScriptedResponse::new([LlmPiece::Text("That is in my book. ".into()), LlmPiece::Call(call_tool)]);
    let mut call = Call::begin([looks, says("You were right.")], Duration::ZERO, &[]);
    let declared = json!([{ "name": "look", "description": "Looks it up." }]);
    let tools = of_client(&declared, 20_000).unwrap();
    call.send(ClientCommand::SetTools { id: None, tools }).await;
    call.mic(100, false).await;
    call.ask("When was it?").await;
    call.mic(10_000, false).await;
    let result = ClientCommand::ToolResult { id: "1-1".into(), result: Ok("1904".into()) };
    call.send(result).await;
    call.mic(3_000, false).await;
    let [before, fillers, after] = call.runs()[..] else { panic!("{:?}", call.runs()) };
    assert_eq!((before, fillers.sound, after), (response(5 * WORD), Sound::Filler, response(3 * WORD)));
    assert_eq!((fillers.frames, call.notices()), ((2 + 5) * WORD, 2), "\"One moment.\" and what follows it");
    assert!(call.longest_silence() < BORNE, "{:?}", call.longest_silence());
    assert!(!format!("{:?}", call.asked()).contains("moment"), "{:?}", call.asked());
}

#[tokio::test(start_paused = true)]
async fn a_filler_and_a_segment_that_come_at_once_do_not_interleave() {
    let (mut filled, mut unfilled) = (0, 0);
    // The filler is due some 4.46 s after the response's first sound.
    for late in (4_400..4_520).step_by(5) {
        let mut call = Call::begin([two_segments(), says("Yes.")], Duration::from_millis(late), &[]);
        call.ask("What is it?").await;
        call.mic(8_000, false).await;
        if call.runs() == [response((4 + 3) * WORD)] {
            unfilled += 1;
        } else {
            let whole = [response(4 * WORD), filler(2 * WORD), response(3 * WORD)];
            assert_eq!(call.runs(), whole, "{late} ms");
            filled += 1;
        }
    }
    assert!(filled > 0 && unfilled > 0, "{filled} with a filler, {unfilled} without");
}

#[tokio::test(start_paused = true)]
async fn words_of_the_person_during_a_filler_end_the_response() {
    let late = Duration::from_secs(20);
    let mut call = Call::begin([two_segments(), says("Yes.")], late, &["Stop, what was that?"]);
    call.ask("What is it?").await;
    call.mic(4_600, false).await;
    let [_, filler] = call.runs()[..] else { panic!("{:?}", call.runs()) };
    assert!(filler.sound == Sound::Filler && filler.frames < 2 * WORD, "it is being said: {filler:?}");
    call.mic(1_000, true).await;
    call.mic(3_000, false).await;
    let heard = |event: &CallEvent| matches!(event, CallEvent::Interrupted { heard, .. } if heard == "That is good news.");
    assert_eq!(call.count(heard), 1, "{:?}", call.events);
    let [_, filler, next] = call.runs()[..] else { panic!("{:?}", call.runs()) };
    assert!(filler.frames < 2 * WORD, "it was broken off: {filler:?}");
    assert_eq!(next, response(WORD), "\"Yes.\"");
    assert_eq!(call.asked(), ["What is it?", "That is good news.", "Stop, what was that?"]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_response_that_a_cough_holds_gets_its_filler_when_it_is_released() {
    let mut call = Call::begin([two_segments(), says("Yes.")], Duration::from_secs(8), &[""]);
    call.ask("What is it?").await;
    call.mic(4_200, false).await;
    call.mic(700, true).await;
    assert_eq!(call.runs(), [response(4 * WORD)], "the filler was due at 4.46 s");
    call.mic(8_000, false).await;
    assert_eq!(call.runs(), [response(4 * WORD), filler(2 * WORD), response(3 * WORD)]);
    assert_eq!(call.count(|event| matches!(event, CallEvent::Interrupted { .. })), 0);
}
