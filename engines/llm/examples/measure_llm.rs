//! Measures a running engine: tokens per second, and time to the first token: cold, with a reused prefix, and with
//! the words prefilled while they are spoken.
//!
//! ```text
//! visavis-llm --listen unix:llm.sock --model FILE &
//! cargo run --release -p visavis-llm --example measure_llm -- unix:llm.sock
//! ```

use anyhow::Context;
use futures_util::future::try_join_all;
use tonic::transport::{Channel, Endpoint};
use visavis_proto::v1::generate_event::Event;
use visavis_proto::v1::llm_client::LlmClient;
use visavis_proto::v1::{ChatMessage, GenerateDone, GenerateRequest, ReleaseRequest};

const RUNS: u32 = 5;
const QUESTIONS: [&str; 5] = [
    "What is the capital of France?",
    "Can you explain in two sentences why the sky is blue?",
    "I feel a bit tired today. Any advice?",
    "What is seven times eight?",
    "Tell me a short joke.",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).context("give the engine's address, such as unix:llm.sock")?;
    let mut llm = LlmClient::new(Endpoint::try_from(address)?.connect().await?);
    for question in QUESTIONS {
        let (text, _) = generate(&mut llm, "", &question_of(question, 0), 80).await?;
        tell(&format!("{question}\n  {}", text.replace('\n', "\n  ")));
    }
    let (mut cold, mut warm, mut ahead, mut rate) = (u32::MAX, u32::MAX, u32::MAX, 0.0_f64);
    for run in 0..RUNS {
        // A different first word per run, so that no prompt shares a prefix with an earlier one.
        let mut request = question_of("What did I say about the garden? Tell me everything.", run + 1);
        let (text, done) = generate(&mut llm, "measure", &request, 64).await?;
        tell(&format!("cold: {done:?}"));
        cold = cold.min(done.first_token_ms);
        let seconds = f64::from(done.total_ms - done.queue_ms - done.first_token_ms) / 1000.0;
        rate = rate.max(f64::from(done.generated_tokens - 1) / seconds);
        request.push(message("assistant", &text));
        request.push(message("user", "Thank you, and what was it that I said about the roses by the wall?"));
        let (_, done) = generate(&mut llm, "measure", &request, 4).await?;
        tell(&format!("second turn: {done:?}"));
        warm = warm.min(done.first_token_ms);
        let done = spoken(&mut llm, request).await?;
        tell(&format!("third turn, prefilled while it was spoken: {done:?}"));
        ahead = ahead.min(done.first_token_ms);
    }
    tell(&format!(
        "best of {RUNS}: first token cold {cold} ms, second turn {warm} ms, prefilled {ahead} ms, {rate:.1} \
         tokens/s alone"
    ));
    for parallel in [2, 4] {
        let since = std::time::Instant::now();
        let request = question_of("Write a long story about the sea.", 0);
        let all = (0..parallel).map(|i| {
            let (mut llm, request) = (llm.clone(), request.clone());
            async move { generate(&mut llm, &format!("parallel {i}"), &request, 64).await }
        });
        let tokens: u32 = try_join_all(all).await?.iter().map(|(_, done)| done.generated_tokens).sum();
        tell(&format!(
            "{parallel} in parallel: {:.1} tokens/s in total",
            f64::from(tokens) / since.elapsed().as_secs_f64()
        ));
    }
    tell(&format!("longest pause of a response while a cold prompt is evaluated: {} ms", pause(&llm).await?));
    llm.release(ReleaseRequest { conversation: "measure".into() }).await?;
    Ok(())
}

/// Prefills a turn as its words arrive, then generates with a turn prediction.
async fn spoken(
    llm: &mut LlmClient<Channel>,
    mut messages: Vec<ChatMessage>,
) -> anyhow::Result<GenerateDone> {
    let words = "And how often does the old apple tree by the wall need water in a dry summer?";
    messages.extend([message("assistant", "You said a lot."), message("user", "")]);
    let last = messages.len() - 1;
    let request =
        GenerateRequest { conversation: "measure".into(), max_tokens: 4, ..GenerateRequest::default() };
    for (end, _) in words.match_indices(' ').skip(2).step_by(2) {
        words[..end].clone_into(&mut messages[last].content);
        let request = GenerateRequest { messages: messages.clone(), open: true, ..request.clone() };
        llm.prefill(request).await?;
    }
    words.clone_into(&mut messages[last].content);
    let mut events =
        llm.generate(GenerateRequest { messages, turn_end: true, ..request }).await?.into_inner();
    while let Some(event) = events.message().await? {
        if let Some(Event::Done(done)) = event.event {
            return Ok(done);
        }
    }
    anyhow::bail!("the stream ended without done")
}

/// The longest time between two texts of a response while another conversation's prompt is evaluated.
async fn pause(llm: &LlmClient<Channel>) -> anyhow::Result<u128> {
    let messages = question_of("Write a long story about the sea.", 0);
    let request = GenerateRequest { messages, max_tokens: 60, ..GenerateRequest::default() };
    let mut speaking = llm.clone().generate(request).await?.into_inner();
    speaking.message().await?;
    let (mut other, prompt) = (llm.clone(), question_of("Hello!", 99));
    let newcomer = tokio::spawn(async move { generate(&mut other, "newcomer", &prompt, 4).await });
    let (mut last, mut longest) = (std::time::Instant::now(), 0);
    while speaking.message().await?.is_some() {
        longest = longest.max(last.elapsed().as_millis());
        last = std::time::Instant::now();
    }
    newcomer.await??;
    Ok(longest)
}

/// About 200 tokens: a system prompt with things to remember, and a question.
fn question_of(question: &str, run: u32) -> Vec<ChatMessage> {
    let system = if run == 0 {
        "You are a friendly assistant on a voice call. Answer in one or two short spoken sentences."
            .to_owned()
    } else {
        let roses =
            "The roses by the wall need water in the morning, and the old apple tree needs none. ".repeat(8);
        format!("{run} is the number of this call. You are a friendly assistant on a voice call. {roses}")
    };
    vec![message("system", &system), message("user", question)]
}

fn message(role: &str, content: &str) -> ChatMessage {
    ChatMessage { role: role.into(), content: content.into(), call: None }
}

async fn generate(
    llm: &mut LlmClient<Channel>,
    conversation: &str,
    messages: &[ChatMessage],
    max_tokens: u32,
) -> anyhow::Result<(String, GenerateDone)> {
    let request = GenerateRequest {
        conversation: conversation.into(),
        messages: messages.to_vec(),
        max_tokens,
        ..GenerateRequest::default()
    };
    let mut events = llm.generate(request).await?.into_inner();
    let mut text = String::new();
    while let Some(event) = events.message().await? {
        match event.event.context("an empty event")? {
            Event::Text(part) => text.push_str(&part),
            Event::TurnEnd(_) | Event::Call(_) => {}
            Event::Done(done) => return Ok((text, done)),
        }
    }
    anyhow::bail!("the stream ended without done")
}

#[allow(clippy::print_stdout)] // the figures are this program's output
fn tell(line: &str) {
    println!("{line}");
}
