//! Answers over a network that loses and delays packets: is what arrives of them understood? The same call hears them over a good
//! network and over a bad one; a recogniser of its own says what it has understood, which is compared with the captions.
//!
//! - this file: what is measured, and the report
//! - `network`: the proxy that loses packets
//! - [`player`]: what a person hears of the rest (pure)

mod network;
pub mod player;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use crate::table::line;
use crate::voices::hear::Heard;
use crate::voices::speech::recognise;
use crate::voices::{config, loaded};
use network::{Network, Weather};
use player::{Played, pieces, play};
use visavis_client::turn::{Question, ask, settle};
use visavis_client::{Call, CallOptions, Event, Mode, Packet, Server};
use visavis_engine::Stt;
use visavis_engine::backends::Backends;
use visavis_engine::model_files::ModelFiles;

const LANGUAGE: &str = "en";
/// Typed, so that the network does not decide what is asked.
const QUESTIONS: [&str; 4] = [
    "Please tell me a short story about a brave dog.",
    "What do you know about the ocean?",
    "Explain how the sun gives us light.",
    "Please describe a walk through an old city.",
];
/// How much more than the longest delay a player waits.
const SPARE: Duration = Duration::from_millis(40);
/// What comes after the end of an answer is awaited for this long.
const LATE: Duration = Duration::from_millis(800);
/// How many more words in a hundred may be misheard.
const MORE_MISHEARD: f64 = 0.10;
const SILENT_FOR: Duration = Duration::from_millis(700);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// The notice before the agent says that it needs a moment, which is in no caption of its answer.
const ASKS_TO_WAIT: &str = "one-moment";

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The server, as http://HOST:PORT
    #[arg(long)]
    pub server: String,
    /// Its UDP port [default: the number of its HTTP port on this machine]
    #[arg(long, value_name = "IP:PORT")]
    pub udp: Option<SocketAddr>,
    /// Percentage of packets lost, each way
    #[arg(long, default_value_t = 20, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=50))]
    pub loss: u8,
    /// Packets are delayed by up to this, each way, and overtake each other
    #[arg(long, default_value_t = 200, value_name = "MS", value_parser = clap::value_parser!(u32).range(..=1_000))]
    pub jitter: u32,
    /// Answers over each network
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub answers: u16,
    /// The profile whose recogniser listens
    #[arg(long, default_value = "cpu")]
    pub profile: String,
    /// The models directory
    #[arg(long, value_name = "FOLDER")]
    pub models: Option<PathBuf>,
    /// Seconds until an answer counts as missing
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub patience: u64,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// What was understood over one network.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Over {
    /// The network.
    pub weather: Weather,
    /// What the recogniser understood.
    pub heard: Heard,
    /// Frames of sound, of 20 ms.
    pub frames: usize,
    /// Those of them that never came, or too late to be played.
    pub missing_frames: usize,
    /// Answers of which nothing was heard.
    pub missing_answers: usize,
    /// Answers that were not compared, since the agent asked for patience in between.
    pub left_out: usize,
}

/// The results.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The network as it is.
    pub good: Over,
    /// With losses and delays.
    pub bad: Over,
    /// Whether hardly fewer words are understood over the bad network.
    pub passed: bool,
}

impl Report {
    fn judged(self) -> Self {
        let compared = self.good.heard.words > 0 && self.bad.heard.words > 0;
        let allowed = self.good.heard.word_error_rate + MORE_MISHEARD;
        let understood = self.bad.heard.word_error_rate <= allowed;
        Self { passed: compared && understood && self.bad.missing_answers == 0, ..self }
    }
}

/// Measures over a good and a bad network in turns.
///
/// # Errors
/// When the recogniser's models are missing, or the call cannot be made or ends.
pub async fn run(options: &Options, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Report> {
    let server = Server::new(&options.server)?;
    let local = || Some(SocketAddr::from((Ipv4Addr::LOCALHOST, server.local_port()?)));
    let udp = options.udp.or_else(local).context("the server is not on this machine: give --udp IP:PORT")?;
    let config = config(&options.profile, options.models.as_deref())?;
    let models = ModelFiles::of(&config)?;
    let backends = Backends::new(config.engines.confine)?;
    let report = async {
        let stt = loaded(backends.stt(&config, &models)?, "recognition").await?;
        let network = Network::start(udp).await?;
        Box::pin(listen(&server, &network, stt.as_ref(), options, tell)).await
    };
    let report = report.await;
    backends.stop().await;
    report
}

async fn listen(
    server: &Server,
    network: &Network,
    stt: &dyn Stt,
    options: &Options,
    tell: &mut dyn FnMut(&str),
) -> anyhow::Result<Report> {
    let call = CallOptions {
        language: Some(LANGUAGE.to_owned()),
        via: Some(network.address),
        packets: true,
        ..CallOptions::default()
    };
    let mut call = Box::pin(Call::start(server, Mode::WebRtc, call)).await?;
    settle(&mut call, SILENT_FOR, LONGEST_REST).await?;
    let bad = Weather { lost: f64::from(options.loss) / 100.0, jitter_ms: options.jitter };
    let mut report = Report::default();
    report.bad.weather = bad;
    for number in 0..usize::from(options.answers) {
        let question = QUESTIONS[number % QUESTIONS.len()];
        for over in [&mut report.good, &mut report.bad] {
            network.be(over.weather);
            let answer = Box::pin(answer(&mut call, question, options)).await?;
            network.be(Weather::default());
            settle(&mut call, SILENT_FOR, LONGEST_REST).await?;
            let delay = SPARE + Duration::from_millis(u64::from(options.jitter));
            over.take(&answer, delay, stt).await?;
        }
        let (good, bad) = (report.good.heard.word_error_rate, report.bad.heard.word_error_rate);
        tell(&format!("{} of {}: word error rate {good:.3}, {bad:.3}", number + 1, options.answers));
    }
    call.hang_up().await;
    Ok(report.judged())
}

/// An answer as it came.
struct Answer {
    captions: String,
    packets: Vec<Packet>,
    asked_to_wait: bool,
}

async fn answer(call: &mut Call, question: &str, options: &Options) -> anyhow::Result<Answer> {
    let patience = Duration::from_secs(options.patience);
    let report = ask(call, &Question::Typed(question.to_owned()), patience).await?;
    let mut packets = report.packets;
    let end = Instant::now() + LATE;
    while let Some(arrived) = call.next_before(end).await {
        if let Event::Packet(packet) = arrived.event {
            packets.push(packet);
        }
    }
    let asked_to_wait = report.notices.iter().any(|notice| notice.starts_with(ASKS_TO_WAIT));
    Ok(Answer { captions: report.response_text, packets, asked_to_wait })
}

impl Over {
    async fn take(&mut self, answer: &Answer, delay: Duration, stt: &dyn Stt) -> anyhow::Result<()> {
        let Played { samples, frames, missing } = play(&answer.packets, delay)?;
        if samples.is_empty() || answer.captions.is_empty() {
            self.missing_answers += 1;
            return Ok(());
        }
        self.frames += frames;
        self.missing_frames += missing;
        if answer.asked_to_wait {
            self.left_out += 1;
            return Ok(());
        }
        let mut understood = Vec::new();
        for piece in pieces(&samples) {
            understood.push(recognise(stt, piece, LANGUAGE).await?);
        }
        self.heard.add(&answer.captions, &understood.join(" "), LANGUAGE);
        Ok(())
    }
}

/// The table.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    line(
        &mut out,
        &format!(
            "{:>7}{:>10}{:>9}{:>8}{:>8}{:>8}{:>10}{:>10}",
            "loss", "jitter ms", "answers", "words", "wrong", "WER", "frames", "missing"
        ),
    );
    for over in [&report.good, &report.bad] {
        let Over { weather, heard, .. } = over;
        let text = format!(
            "{:>5.0} %{:>10}{:>9}{:>8}{:>8}{:>8.3}{:>10}{:>9.1}%",
            weather.lost * 100.0,
            weather.jitter_ms,
            heard.sentences,
            heard.words,
            heard.errors,
            heard.word_error_rate,
            over.frames,
            100.0 * over.missing_frames as f64 / over.frames.max(1) as f64
        );
        line(&mut out, &text);
        let (missing, left_out) = (over.missing_answers, over.left_out);
        if missing + left_out > 0 {
            line(&mut out, &format!("  answers missing {missing}; left out {left_out}"));
        }
    }
    let limit = MORE_MISHEARD * 100.0;
    let judgement = if report.passed { "passed" } else { "missed" };
    line(
        &mut out,
        &format!("at most {limit:.0} more words in a hundred misheard, no answer missing: {judgement}"),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(words: usize, word_error_rate: f64) -> Over {
        Over { heard: Heard { words, word_error_rate, ..Heard::default() }, ..Over::default() }
    }

    #[test]
    fn a_bad_network_passes_if_hardly_fewer_words_are_understood_and_no_answer_is_missing() {
        let passed = |bad: Over| Report { good: over(100, 0.05), bad, passed: false }.judged().passed;
        assert!(passed(over(100, 0.14)));
        assert!(!passed(over(100, 0.16)));
        assert!(!passed(over(0, 0.0)), "nothing was compared");
        assert!(!passed(Over { missing_answers: 1, ..over(100, 0.05) }));
    }

    #[test]
    fn both_networks_have_a_line() {
        let text = table(&Report { good: over(40, 0.05), bad: over(40, 0.5), passed: false });
        assert_eq!(text.lines().filter(|line| line.contains("0.050") || line.contains("0.500")).count(), 2);
        assert!(text.ends_with("missed\n"), "{text}");
    }
}
