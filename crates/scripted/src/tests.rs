use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;
use visavis_core::frame::{Message, Role, WordTime};
use visavis_engine::{
    EndOfTurn, EngineError, Llm, LlmPiece, LlmRequest, Stt, SttInput, SttRequest, SttStream, Tts, TtsRequest,
};

use super::*;

const MS: Duration = Duration::from_millis(1);

fn broken() -> EngineError {
    EngineError::Failed("broken".into())
}

fn prompt(text: &str) -> LlmRequest {
    let messages = vec![Message { role: Role::User, content: text.into() }];
    LlmRequest { conversation: "call".into(), messages, ..LlmRequest::default() }
}

/// The pieces of the response to `text`.
async fn respond(llm: &ScriptedLlm, text: &str) -> Result<Vec<Result<LlmPiece, EngineError>>, EngineError> {
    Ok(llm.generate(prompt(text)).await?.collect().await)
}

fn text(text: &str) -> Result<LlmPiece, EngineError> {
    Ok(LlmPiece::Text(text.into()))
}

#[tokio::test(start_paused = true)]
async fn a_response_arrives_word_by_word_with_delays_and_fails_as_scripted() {
    let whole = ScriptedResponse::words("Tea, I think.").judging(0.7).every(20 * MS);
    let llm = ScriptedLlm::new([whole.clone(), whole.failing_after(2, broken())]);
    let began = Instant::now();
    let judged = Ok(LlmPiece::TurnEnd(0.7));
    let expected = vec![judged.clone(), text("Tea, "), text("I "), text("think.")];
    assert_eq!(respond(&llm, "What?").await, Ok(expected));
    assert_eq!(began.elapsed(), 80 * MS);
    assert_eq!(respond(&llm, "What?").await, Ok(vec![judged, text("Tea, "), Err(broken())]));
    assert!(matches!(respond(&llm, "What?").await, Err(EngineError::Failed(_))), "the script has ended");
    assert_eq!(llm.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_model_refuses_long_requests_never_responds_or_lacks_capabilities_as_scripted() {
    let llm = ScriptedLlm::new([
        ScriptedResponse::refused(EngineError::Busy("full".into())),
        ScriptedResponse::never(),
    ]);
    let llm = llm.with_limit(10).only_answering();
    let long = respond(&llm, &"x".repeat(40)).await;
    assert_eq!(long, Err(EngineError::TooLong { limit: 10, got: 14 }));
    assert_eq!(respond(&llm, "Tea?").await, Err(EngineError::Busy("full".into())));
    let never = tokio::time::timeout(Duration::from_secs(3600), respond(&llm, "Tea?")).await;
    assert!(never.is_err());
    llm.prefill(prompt("Tea?"), true).await;
    assert_eq!((llm.beyond(), llm.prefilled().len()), (vec!["prefill"], 1));
}

/// One utterance of this many samples.
async fn utterance(stt: &ScriptedStt, samples: usize) -> SttStream {
    let stream = stt.open(SttRequest::default()).await.unwrap();
    stream.input.send(SttInput::Audio(vec![9000; samples])).await.unwrap();
    let decode = SttInput::Decode { number: 7, last: true, stable: String::new(), phrases: Vec::new() };
    stream.input.send(decode).await.unwrap();
    stream
}

#[tokio::test(start_paused = true)]
async fn a_recogniser_hears_its_script_fails_or_is_silent_and_records_its_input() {
    let stt = ScriptedStt::new(["Tea?".into(), Hearing::Fails(broken()), Hearing::Never]).after(50 * MS);
    let began = Instant::now();
    let heard = utterance(&stt, 320).await.output.next().await.unwrap().unwrap();
    assert_eq!((heard.number, heard.words.text.as_str(), heard.words.language.as_str()), (7, "Tea?", "en"));
    assert_eq!(began.elapsed(), 50 * MS);
    assert_eq!(utterance(&stt, 320).await.output.next().await, Some(Err(broken())));
    let mut hangs = utterance(&stt, 640).await;
    assert!(tokio::time::timeout(Duration::from_secs(3600), hangs.output.next()).await.is_err());
    assert_eq!(stt.utterances().iter().map(|one| one.audio.len()).collect::<Vec<_>>(), [320, 320, 640]);
    assert!(stt.decodes()[2].last && stt.decodes()[2].samples == 640);
}

#[tokio::test(start_paused = true)]
async fn a_voice_speaks_each_word_as_a_tone_and_fails_or_hangs_as_scripted() {
    let say = |text: &str| TtsRequest { text: text.into(), ..TtsRequest::default() };
    let tts = ScriptedTts::default().failing("bad", 1, broken());
    let parts: Vec<_> = tts.synthesize(say("Hello there.")).await.unwrap().collect().await;
    let part = parts[0].clone().unwrap();
    assert_eq!((parts.len(), part.samples.len(), part.rate), (1, 14_400, TONE_RATE));
    assert_eq!(part.words[1], WordTime { text: "there.".into(), start: 7_200, end: 14_400 });
    let parts: Vec<_> = tts.synthesize(say("Too bad.")).await.unwrap().collect().await;
    assert_eq!((parts.len(), parts[1].clone()), (2, Err(broken())));
    assert_eq!(tts.asked().len(), 2);
    let mut hangs = ScriptedTts::default().hanging("", 0).synthesize(say("Hello.")).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(3600), hangs.next()).await.is_err());
}

#[test]
fn pauses_are_judged_by_the_script_and_then_end_every_turn() {
    let judge = ScriptedEndOfTurn::new([0.2]).then_failing(broken());
    let judged: Vec<_> = [160, 320, 480].map(|samples| judge.probability(&vec![0; samples])).into();
    assert_eq!(judged, [Ok(0.2), Err(broken()), Ok(1.0)]);
    assert_eq!(judge.asked(), [160, 320, 480]);
}
