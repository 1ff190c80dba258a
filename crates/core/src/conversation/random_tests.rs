use proptest::prelude::*;
use rand::{Rng, SeedableRng};

use super::tests::conversation;
use super::world::{Outcome, World, words_of};
use super::*;
use crate::recording::replay::replay;
use crate::recording::{End, Header, Step};

fn run(greeting: &str, choices: impl IntoIterator<Item = u32>) -> Outcome {
    let mut conversation = conversation();
    conversation.settings.greeting = greeting.into();
    World::new(conversation).run(choices)
}

fn random(seed: u64) -> Outcome {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    run("", (0..400).map(|_| random.random()).collect::<Vec<u32>>())
}

/// Where words of these answers occur in what the client is told, in a later request, or in what is read ahead.
fn traces(outcome: &Outcome, answers: &[ResponseId]) -> Vec<String> {
    let words: Vec<String> = answers.iter().map(|id| words_of(*id)).collect();
    let holds = |text: &str| words.iter().any(|words| words.split(' ').any(|word| text.contains(word)));
    let commands = outcome.steps.iter().flat_map(|(.., commands)| commands);
    let found = commands.filter(|command| match command {
        Command::Start(request, play) => {
            *play == Play::Full && answers.contains(&request.id)
                || request.messages.iter().any(|message| holds(&message.content))
        }
        Command::Prefill(messages, _) => messages.iter().any(|message| holds(&message.content)),
        Command::Play(id, _) => answers.contains(id),
        Command::Emit(event) => holds(&format!("{event:?}")),
        _ => false,
    });
    found.map(|command| format!("{command:?}")).collect()
}

/// The "discarded speculation never heard: 0 in 200 random runs".
#[test]
fn in_200_random_calls_discarded_speculation_is_never_heard_told_or_remembered() {
    let (mut discarded, mut revealed, mut interrupted, mut failed) = (0, 0, 0, 0);
    for seed in 0..200 {
        let outcome = random(seed);
        assert_eq!(outcome.wrong, [""; 0], "seed {seed}");
        assert_eq!(traces(&outcome, &outcome.discarded), [""; 0], "seed {seed}");
        discarded += outcome.discarded.len();
        revealed += outcome.revealed;
        interrupted += outcome.interrupted;
        failed += outcome.failed;
    }
    println!(
        "200 calls: {discarded} hidden answers discarded, {revealed} revealed, {interrupted} interrupted, {failed} failed"
    );
    let many = [discarded, revealed, interrupted].iter().all(|count| *count > 200) && failed > 50;
    assert!(many, "{discarded} {revealed} {interrupted} {failed}");
}

fn recording(outcome: &Outcome) -> String {
    let mut settings = conversation().settings;
    settings.greeting = "Hello there.".into();
    let mut lines = vec![serde_json::to_string(&Header::new("call".into(), settings)).unwrap()];
    for (at, position, input, commands) in outcome.steps.clone() {
        lines.push(serde_json::to_string(&Step { at, position, input, commands }).unwrap());
    }
    let steps = outcome.steps.len() as u64;
    lines.push(serde_json::to_string(&End { end: EndReason::HungUp, steps }).unwrap());
    lines.join("\n") + "\n"
}

proptest! {
    /// Whatever a plausible world does, every invariant holds, also those that the other stages owe.
    #[test]
    fn no_plausible_call_breaks_an_invariant(choices in proptest::collection::vec(any::<u32>(), 0..300)) {
        let outcome = run("Hello there.", choices);
        prop_assert_eq!(&outcome.wrong, &Vec::<String>::new());
        prop_assert_eq!(traces(&outcome, &outcome.discarded), Vec::<String>::new());
    }

    /// What is recorded of a call gives the same commands again, through JSON and back.
    #[test]
    fn a_recorded_call_replays_to_the_same_commands(choices in proptest::collection::vec(any::<u32>(), 0..200)) {
        let outcome = run("Hello there.", choices);
        let report = replay(recording(&outcome).as_bytes());
        prop_assert!(report.good() && report.complete, "{:?}", report);
        prop_assert_eq!(report.inputs as usize, outcome.steps.len());
    }
}
