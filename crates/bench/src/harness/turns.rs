//! Whole turns: typed over WebSocket, spoken over WebRTC.

use std::sync::Arc;
use std::time::Duration;

use super::words::word_error_rate;
use super::{Finding, Settings};
use visavis_client::turn::{Question, TurnReport, ask};
use visavis_client::{Call, CallOptions, ClientError, Clip, Mode, Server};

/// How long a response's first sound may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Highest accepted word error rate: the recording may be any.
const WORST_WER: f64 = 0.2;
/// Shorter than any spoken word.
const SHORTEST_RESPONSE_MS: f64 = 200.0;

pub(super) async fn typed(server: &Server) -> Finding {
    let question = Question::Typed("What is the capital of France?".to_owned());
    let report = turn(server, Mode::WebSocket, CallOptions::default(), &question).await?;
    answered(&report)
}

pub(super) async fn spoken(settings: &Settings) -> Finding {
    let clip = Clip::from_wav(&settings.speech).map_err(|error| {
        format!("{error}; give --speech FILE, or fetch the samples with `visavis models fetch`")
    })?;
    let reference = clip.reference().map(str::to_owned);
    let options = CallOptions { language: settings.language.clone(), ..CallOptions::default() };
    let question = Question::Spoken(Arc::new(clip));
    let report = turn(&settings.server, Mode::WebRtc, options, &question).await?;
    if report.transcript.is_empty() {
        return Err(format!("nothing was understood{}", notices(&report)));
    }
    let understood = match reference {
        None => format!("understood {:?}", report.transcript),
        Some(words) => {
            let wer = word_error_rate(&words, &report.transcript);
            if wer > WORST_WER {
                return Err(format!(
                    "word error rate {wer:.2} is over {WORST_WER}: understood {:?}",
                    report.transcript
                ));
            }
            format!("understood {:?} (word error rate {wer:.2})", report.transcript)
        }
    };
    Ok(format!("{understood}; {}", answered(&report)?))
}

async fn turn(
    server: &Server,
    mode: Mode,
    options: CallOptions,
    question: &Question,
) -> Result<TurnReport, String> {
    let told = |error: ClientError| error.to_string();
    let mut call = Call::start(server, mode, options).await.map_err(told)?;
    let report = ask(&mut call, question, PATIENCE).await.map_err(told)?;
    if !call.hang_up().await {
        return Err("the server did not say goodbye (call-ended) after the hang-up".to_owned());
    }
    Ok(report)
}

fn answered(report: &TurnReport) -> Finding {
    let Some(delay) = report.voice_to_voice_ms else {
        return Err(format!("no response was heard within {} s{}", PATIENCE.as_secs(), notices(report)));
    };
    if report.response_text.is_empty() {
        return Err("the response has sound but no captions (bot-output)".to_owned());
    }
    if report.response_ms < SHORTEST_RESPONSE_MS {
        return Err(format!("the response sounds for only {:.0} ms", report.response_ms));
    }
    Ok(format!(
        "response after {delay:.0} ms, {:.1} s long: {:?}",
        report.response_ms / 1_000.0,
        report.response_text
    ))
}

fn notices(report: &TurnReport) -> String {
    if report.notices.is_empty() { String::new() } else { format!(" ({})", report.notices.join("; ")) }
}
