//! Measures how well a running engine separates complete turns from cut-off ones: each sentence's probability, as
//! written and in lower case without punctuation, and the area under the ROC curve.
//!
//! ```text
//! visavis-llm --listen unix:llm.sock --model FILE &
//! cargo run --release --example measure_turn_end -- unix:llm.sock
//! ```

use anyhow::Context;
use tonic::transport::{Channel, Endpoint};
use visavis_proto::v1::generate_event::Event;
use visavis_proto::v1::llm_client::LlmClient;
use visavis_proto::v1::{ChatMessage, GenerateRequest};

/// Sentences as a recogniser writes them, with a full stop at every pause.
const WHOLE: [&str; 28] = [
    "What time does the pharmacy close today?",
    "Can you tell me a joke?",
    "I'd like to book a table for four at seven this evening.",
    "My name is Daniel Brooks.",
    "No, that's all, thank you.",
    "Um, I think I'll take the second one.",
    "What's the weather going to be like tomorrow?",
    "My phone number is five five five, oh one nine, two two seven eight.",
    "The order number is 4 8 1 5 1 6.",
    "Could you repeat that, please?",
    "I was wondering if you could help me find a good Italian restaurant.",
    "Turn the lights off in the kitchen.",
    "Well, I don't really know.",
    "It's about my invoice from last month, it's wrong.",
    "How do I get from the station to the museum?",
    "Yes, please.",
    "I've had a headache since yesterday morning.",
    "Okay, and how much does it cost?",
    "So what I want to say is, I'm really happy with it.",
    "Remind me to call my mother at six.",
    "Uh, the train left without me.",
    "Tell me something about the history of Lisbon.",
    "My email is anna dot smith at gmail dot com.",
    "I think we should meet on Thursday instead.",
    "Why is the sky blue?",
    "Let me speak to a person.",
    "It was the third of May, nineteen eighty-four.",
    "How are you?",
];

const CUT_OFF: [&str; 28] = [
    "What time does the.",
    "Can you tell me a.",
    "I'd like to book a table for.",
    "My name is.",
    "No, that's not what I.",
    "Um.",
    "What's the weather going to be like in.",
    "My phone number is five five five.",
    "The order number is 4 8 1.",
    "Could you repeat the.",
    "I was wondering if you could.",
    "Turn the lights off in.",
    "Well, I.",
    "It's about my invoice from last month and.",
    "How do I get from the station to.",
    "Yes, but.",
    "I've had a headache since.",
    "Okay, and how much.",
    "So what I want to say is.",
    "Remind me to call my.",
    "Uh, the train, um.",
    "Tell me something about the history of.",
    "My email is anna dot smith at.",
    "I think we should meet on Thursday because.",
    "Why is the.",
    "Let me think.",
    "It was the third of May, nineteen.",
    "I'm looking for a hotel that's not too expensive and that, um.",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).context("give the engine's address, such as unix:llm.sock")?;
    let mut llm = LlmClient::new(Endpoint::try_from(address)?.connect().await?);
    for (name, plain) in [("as written", false), ("lower case, no punctuation", true)] {
        let whole = probabilities(&mut llm, &WHOLE, plain).await?;
        let cut_off = probabilities(&mut llm, &CUT_OFF, plain).await?;
        for (kind, sentences, found) in [("whole", WHOLE, &whole), ("cut off", CUT_OFF, &cut_off)] {
            let mut lines: Vec<_> = found.iter().zip(sentences).collect();
            lines.sort_by(|a, b| a.0.total_cmp(b.0));
            for (probability, sentence) in lines {
                tell(&format!("{kind:8} {probability:.5} {sentence}"));
            }
        }
        tell(&format!(
            "{name}: AUC {:.3}; medians {:.4} whole, {:.5} cut off; accepting at most a tenth of the \
             cut-off ones accepts {:.0} % of the whole ones\n",
            area(&whole, &cut_off),
            median(&whole),
            median(&cut_off),
            100.0 * accepted(&whole, &cut_off),
        ));
    }
    Ok(())
}

async fn probabilities(
    llm: &mut LlmClient<Channel>,
    sentences: &[&str],
    plain: bool,
) -> anyhow::Result<Vec<f32>> {
    let mut found = Vec::new();
    for sentence in sentences {
        let said =
            if plain { sentence.to_lowercase().replace(['.', ',', '?'], "") } else { (*sentence).to_owned() };
        let message = |role: &str, content: String| ChatMessage { role: role.into(), content, call: None };
        let system = "You are a friendly assistant on a voice call. Answer in one or two short sentences.";
        let request = GenerateRequest {
            messages: vec![message("system", system.into()), message("user", said)],
            max_tokens: 1,
            turn_end: true,
            ..GenerateRequest::default()
        };
        let mut events = llm.generate(request).await?.into_inner();
        match events.message().await?.and_then(|event| event.event) {
            Some(Event::TurnEnd(probability)) => found.push(probability),
            other => anyhow::bail!("{other:?} instead of a probability"),
        }
    }
    Ok(found)
}

/// The share of pairs in which the whole turn's probability is above the cut-off one's: the area under the ROC curve.
fn area(whole: &[f32], cut_off: &[f32]) -> f64 {
    let wins = |a: f32, b: f32| if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 };
    let sum: f64 = whole.iter().map(|a| cut_off.iter().map(|b| wins(*a, *b)).sum::<f64>()).sum();
    sum / f64::from(u32::try_from(whole.len() * cut_off.len()).unwrap_or(u32::MAX))
}

/// The share of whole turns above the threshold that a tenth of the cut-off ones exceed.
fn accepted(whole: &[f32], cut_off: &[f32]) -> f64 {
    let mut sorted = cut_off.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let bar = sorted[sorted.len() / 10];
    let above = whole.iter().map(|probability| f64::from(u8::from(*probability > bar))).sum::<f64>();
    above / f64::from(u32::try_from(whole.len()).unwrap_or(u32::MAX))
}

fn median(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[sorted.len() / 2]
}

#[allow(clippy::print_stdout)] // the figures are this program's output
fn tell(line: &str) {
    println!("{line}");
}
