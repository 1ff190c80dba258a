//! Questions and the agent's responses, in many concurrent calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Settings;
use super::process::{self, Usage};
use super::statistics::{Summary, summarise};
use crate::harness::words::word_error_rate;
use visavis_client::turn::{Question, TurnReport, ask, settle};
use visavis_client::{Call, CallStats, ClientError, Clip, SetupStage};
use visavis_core::event::TurnMarks;

/// A greeting is awaited before the first question, until this much silence.
const SILENT_FOR: Duration = Duration::from_millis(700);
const LONGEST_GREETING: Duration = Duration::from_secs(20);

/// What to ask and how often.
#[derive(Debug, Clone)]
pub struct Questions {
    /// The clips, spoken in turn.
    pub clips: Vec<Arc<Clip>>,
    /// Questions per call.
    pub turns: usize,
    /// How long until a response without a sound is missing.
    pub patience: Duration,
}

/// A turn and the clip that was spoken.
#[derive(Debug, Clone, Serialize)]
pub struct Turn {
    /// The call, from 0.
    pub call: usize,
    /// The clip.
    pub clip: String,
    /// Word error rate, if the clip's words are known.
    pub word_error_rate: Option<f64>,
    /// The measured turn.
    #[serde(flatten)]
    pub report: TurnReport,
}

/// The results of all calls.
#[derive(Debug, Clone, Serialize)]
pub struct CallsReport {
    /// Concurrent calls.
    pub calls: usize,
    /// Questions asked.
    pub asked: usize,
    /// Questions without an audible response.
    pub missing: usize,
    /// Responses that began before the question had ended; not included in the latencies.
    pub early: usize,
    /// Responses that the server cut off.
    pub interruptions: u32,
    /// Last spoken sample to first audible sample at the client, in ms.
    pub voice_to_voice: Option<Summary>,
    /// The same to the first frame of the response; the difference is silence sent before the voice.
    pub first_frame: Option<Summary>,
    /// The server's own marks, in ms after the last spoken sample.
    pub stages: BTreeMap<&'static str, Summary>,
    /// From the start of a call to `bot-ready`, in ms.
    pub setup: Option<Summary>,
    /// The same to each stage on the way there.
    pub setup_stages: BTreeMap<&'static str, Summary>,
    /// Mean word error rate of the clips whose words are known.
    pub word_error_rate: Option<f64>,
    /// Total length of the calls in seconds, by which the costs below are divided.
    pub call_seconds: f64,
    /// Costs of the server and its engines; empty if they run elsewhere.
    pub processes: Vec<Usage>,
    /// Growth of the server's memory per call, in MiB.
    pub rss_growth_per_call_mib: Option<f64>,
    /// Cost of this program, which shares the machine with the server.
    pub driver: Vec<Usage>,
    /// The clients' counters combined.
    pub client: CallStats,
    /// Why calls failed.
    pub faults: Vec<String>,
    /// Every turn.
    pub turns: Vec<Turn>,
}

struct Outcome {
    call: Option<Call>,
    ready_in: Option<Duration>,
    seconds: f64,
    asked: usize,
    turns: Vec<Turn>,
    fault: Option<String>,
}

/// Asks all questions in all calls.
pub async fn run(settings: &Settings, questions: &Questions) -> CallsReport {
    let server_before = settings.pid.map(process::tree).unwrap_or_default();
    let driver_before = process::this_program();
    let mut running = tokio::task::JoinSet::new();
    for index in 0..settings.calls {
        let (settings, questions) = (settings.clone(), questions.clone());
        running.spawn(async move {
            tokio::time::sleep(settings.stagger * index as u32).await;
            Box::pin(one_call(index, &settings, &questions)).await
        });
    }
    let outcomes = running.join_all().await;
    let call_seconds = outcomes.iter().map(|outcome| outcome.seconds).sum();
    let server_after = settings.pid.map(process::tree).unwrap_or_default();
    let driver = process::this_program().since(&driver_before, call_seconds);
    let growth = server_after.rss_mib().zip(server_before.rss_mib());
    let mut report = sum_up(&outcomes, settings.calls);
    report.call_seconds = call_seconds;
    report.processes = server_after.since(&server_before, call_seconds);
    report.driver = driver;
    report.rss_growth_per_call_mib =
        growth.map(|(after, before)| (after - before) / settings.calls.max(1) as f64);
    // Hang up only now: memory is measured with all calls open.
    let mut goodbyes = tokio::task::JoinSet::new();
    outcomes.into_iter().filter_map(|outcome| outcome.call).for_each(|call| {
        goodbyes.spawn(call.hang_up());
    });
    let silent = goodbyes.join_all().await.into_iter().filter(|said| !said).count();
    if silent > 0 {
        report.faults.push(format!("{silent} calls got no call-ended after their hang-up"));
    }
    report
}

async fn one_call(index: usize, settings: &Settings, questions: &Questions) -> Outcome {
    let began = Instant::now();
    let mut outcome =
        Outcome { call: None, ready_in: None, seconds: 0.0, asked: 0, turns: Vec::new(), fault: None };
    match settings.start().await {
        Ok(mut call) => {
            outcome.ready_in = Some(call.ready_in());
            if let Err(error) = ask_all(index, &mut call, questions, &mut outcome).await {
                outcome.fault = Some(format!("call {index}: {error}"));
            }
            outcome.call = Some(call);
        }
        Err(error) => outcome.fault = Some(format!("call {index}: {error}")),
    }
    outcome.seconds = began.elapsed().as_secs_f64();
    outcome
}

async fn ask_all(
    index: usize,
    call: &mut Call,
    questions: &Questions,
    outcome: &mut Outcome,
) -> Result<(), ClientError> {
    settle(call, SILENT_FOR, LONGEST_GREETING).await?;
    for turn in 0..questions.turns {
        let clip = &questions.clips[(index + turn) % questions.clips.len()];
        outcome.asked += 1;
        let mut report = ask(call, &Question::Spoken(clip.clone()), questions.patience).await?;
        report.audio = Vec::new();
        outcome.turns.push(Turn {
            call: index,
            clip: clip.name().to_owned(),
            word_error_rate: clip.reference().map(|words| word_error_rate(words, &report.transcript)),
            report,
        });
        settle(call, SILENT_FOR, LONGEST_GREETING).await?;
    }
    Ok(())
}

fn sum_up(outcomes: &[Outcome], calls: usize) -> CallsReport {
    let turns: Vec<Turn> = outcomes.iter().flat_map(|outcome| outcome.turns.clone()).collect();
    let asked = outcomes.iter().map(|outcome| outcome.asked).sum();
    let delays: Vec<f64> = turns.iter().filter_map(|turn| turn.report.voice_to_voice_ms).collect();
    let (on_time, early): (Vec<f64>, Vec<f64>) = delays.iter().partition(|&&delay| delay >= 0.0);
    let errors: Vec<f64> = turns.iter().filter_map(|turn| turn.word_error_rate).collect();
    let stats = outcomes.iter().filter_map(|outcome| Some(outcome.call.as_ref()?.stats()));
    let setup = outcomes.iter().filter_map(|outcome| Some(outcome.ready_in?.as_secs_f64() * 1_000.0));
    let first_frames = turns.iter().filter_map(|turn| turn.report.first_frame_ms).filter(|&ms| ms >= 0.0);
    CallsReport {
        calls,
        asked,
        missing: asked - delays.len(),
        early: early.len(),
        interruptions: turns.iter().map(|turn| turn.report.interruptions).sum(),
        voice_to_voice: summarise(on_time),
        first_frame: summarise(first_frames.collect()),
        stages: stages(&turns),
        setup: summarise(setup.collect()),
        setup_stages: setup_stages(outcomes),
        word_error_rate: (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64),
        call_seconds: 0.0,
        processes: Vec::new(),
        rss_growth_per_call_mib: None,
        driver: Vec::new(),
        client: stats.fold(CallStats::default(), together),
        faults: outcomes.iter().filter_map(|outcome| outcome.fault.clone()).collect(),
        turns,
    }
}

/// Combines two calls' counters: sums, and the larger of the extremes.
pub(super) fn together(a: CallStats, b: CallStats) -> CallStats {
    CallStats {
        audio_dropped: a.audio_dropped + b.audio_dropped,
        packets_lost: a.packets_lost + b.packets_lost,
        frames: a.frames + b.frames,
        sent: a.sent + b.sent,
        late_frames: a.late_frames + b.late_frames,
        latest_frame_us: a.latest_frame_us.max(b.latest_frame_us),
    }
}

/// The stages of the set-up before `bot-ready`.
fn setup_stages(outcomes: &[Outcome]) -> BTreeMap<&'static str, Summary> {
    // Numbered, so that the sorted map keeps them in chronological order.
    let stages = [
        ("1 gathered", SetupStage::Gathered),
        ("2 answered", SetupStage::Answered),
        ("3 ice_connected", SetupStage::IceConnected),
        ("4 dtls_connected", SetupStage::DtlsConnected),
        ("5 open", SetupStage::Open),
    ];
    let times = |stage: &SetupStage| -> Vec<f64> {
        let calls = outcomes.iter().filter_map(|outcome| outcome.call.as_ref());
        calls.filter_map(|call| Some(call.setup().get(stage)?.as_secs_f64() * 1_000.0)).collect()
    };
    stages.into_iter().filter_map(|(name, stage)| Some((name, summarise(times(&stage))?))).collect()
}

fn stages(turns: &[Turn]) -> BTreeMap<&'static str, Summary> {
    type Mark = fn(&TurnMarks) -> Option<u32>;
    // Numbered, so that the sorted map keeps them in chronological order.
    let marks: [(&'static str, Mark); 6] = [
        ("1 turn_decided", |marks| marks.turn_decided),
        ("2 transcript", |marks| marks.transcript),
        ("3 first_token", |marks| marks.first_token),
        ("4 first_segment", |marks| marks.first_segment),
        ("5 first_audio", |marks| marks.first_audio),
        ("6 first_sent", |marks| marks.first_sent),
    ];
    let values = |mark: Mark| turns.iter().filter_map(move |turn| mark(&turn.report.marks?)).map(f64::from);
    marks.into_iter().filter_map(|(name, mark)| Some((name, summarise(values(mark).collect())?))).collect()
}
