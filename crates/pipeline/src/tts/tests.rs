use visavis_scripted::ScriptedTts;

use super::choice::names_voice;
use super::chunk::LEAD_IN;
use super::*;
use crate::engine::{Caller, TtsCapabilities};
use crate::frame::{Sounds, WordTime};

#[test]
fn silence_before_the_first_word_is_cut_and_word_times_are_shifted() {
    let mut samples = vec![3; 2400];
    samples.extend([4000; 100]);
    let words = vec![WordTime { text: "Hi".into(), start: 2400, end: 2500 }];
    let mut chunk = SpeechChunk {
        response: ResponseId(1),
        segment: 0,
        text: None,
        samples,
        words,
        sounds: Sounds::default(),
        cues: Vec::new(),
        last: false,
    };
    assert!(trim(&mut chunk));
    assert_eq!((chunk.samples.len(), chunk.samples[LEAD_IN]), (LEAD_IN + 100, 4000));
    assert_eq!((chunk.words[0].start, chunk.words[0].end), (LEAD_IN as u64, LEAD_IN as u64 + 100));
}

#[test]
fn spoken_words_are_reported_as_the_written_words_they_stand_for() {
    let spoken = crate::speakable::speakable("Call 555-0199 🎉 now.", "en");
    let segment = Segment {
        response: ResponseId(1),
        index: 0,
        text: String::new(),
        speakable: spoken.text,
        words: spoken.words,
        cues: Vec::new(),
    };
    let words = ["Call", "5", "5", "5", "0", "1", "9", "9", "now"];
    let times = words.iter().zip(0..).map(|(word, at)| WordTime {
        text: (*word).into(),
        start: at * 10,
        end: at * 10 + 10,
    });
    let times: Vec<_> = times.collect();
    // In two parts, as engines send them; the second may begin within a written word.
    for (cut, end) in [(8, 80), (4, 40)] {
        let mut passed = Passed::default();
        let mut told = as_written(&segment, times[..cut].to_vec(), &mut passed);
        told.extend(as_written(&segment, times[cut..].to_vec(), &mut passed));
        let told: Vec<_> = told.iter().map(|word| (word.text.as_str(), word.start, word.end)).collect();
        assert_eq!(told, [("Call", 0, 10), ("555-0199", 10, end), ("now.", 80, 90)]);
    }
}

/// Speaks every word as a chunk of its own, at once, without times.
fn word_by_word() -> ScriptedTts {
    let part = |_: &str| TtsPart { rate: OUT_RATE, samples: vec![9000; 480], ..TtsPart::default() };
    ScriptedTts::speaking(move |text| text.split(' ').map(part).collect())
        .with_capabilities(TtsCapabilities::default())
}

fn segment(index: u32, text: &str) -> Segment {
    let silent = Segment::silent(ResponseId(1), index);
    Segment { text: text.into(), speakable: text.into(), ..silent }
}

/// Items that reach playout from a response and a filler of five words; `late`: the response begins first.
async fn played(late: bool) -> Vec<PlayoutItem> {
    let tts: Arc<dyn Tts> = Arc::new(word_by_word());
    let voice = VoiceChoice::default();
    let (written, segments) = mpsc::channel(2);
    for index in 0..2 {
        written.send(segment(index, "And so it was.")).await.unwrap();
    }
    drop(written);
    let (notes, _noted) = mpsc::channel(2);
    let (playout, mut items) = mpsc::channel(1);
    let out = SpeechOut { floor: Floor::default(), playout };
    let segment = segment(0, "Let me think a moment.");
    let said = filler(&segment, voice.clone(), tts.as_ref(), out.floor.claim(), out.playout.clone());
    let said = async {
        if late {
            tokio::task::yield_now().await;
        }
        said.await
    };
    let answered = run(ResponseId(1), voice, tts.clone(), segments, out, notes);
    let played = async {
        let mut all = Vec::new();
        while let Some(item) = items.recv().await {
            all.push(item);
        }
        all
    };
    let (said, answered, played) = tokio::join!(said, answered, played);
    said.and(answered).unwrap();
    played
}

#[tokio::test]
async fn a_voice_without_word_times_gets_words_at_the_pace_of_speech_with_its_first_chunk() {
    let (playout, mut items) = mpsc::channel(8);
    let segment = segment(1, "And so it was.");
    let request = TtsRequest { text: segment.speakable.clone(), ..TtsRequest::default() };
    speak(&segment, request, &word_by_word(), &playout).await.unwrap();
    drop(playout);
    let mut words = Vec::new();
    while let Some(PlayoutItem::Speech(chunk)) = items.recv().await {
        words.push(chunk.words.into_iter().map(|word| (word.text, word.start)).collect::<Vec<_>>());
    }
    let second = u64::from(OUT_RATE);
    let told = [("And", 0), ("so", 4), ("it", 7), ("was.", 10)];
    let told = told.map(|(word, passed)| (word.to_string(), passed * second / 15));
    assert_eq!(words, [told.to_vec(), vec![], vec![], vec![]]);
}

#[tokio::test]
async fn silence_that_comes_in_parts_of_its_own_does_not_delay_the_response() {
    let part = |level: i16| TtsPart { rate: OUT_RATE, samples: vec![level; 2400], ..TtsPart::default() };
    let tts = ScriptedTts::speaking(move |_| [3, 3, 4000, 3].map(part).into());
    for (index, lengths) in [(0, [LEAD_IN, LEAD_IN, 2400, 2400]), (1, [2400; 4])] {
        let (playout, mut items) = mpsc::channel(8);
        let segment = segment(index, "And so it was.");
        let request = TtsRequest { text: segment.speakable.clone(), ..TtsRequest::default() };
        speak(&segment, request, &tts, &playout).await.unwrap();
        drop(playout);
        let mut found = Vec::new();
        while let Some(PlayoutItem::Speech(chunk)) = items.recv().await {
            found.push(chunk.samples.len());
        }
        assert_eq!(found, lengths);
    }
}

#[test]
fn what_the_engine_refuses_is_left_out_and_told_until_nothing_is_left() {
    let caller = Caller { user: "ann".into(), ..Caller::default() };
    let german = || VoiceChoice { voice: "eva".into(), language: "de".into(), caller: caller.clone() };
    for (refusal, voice, language) in [
        ("voice: \"eva\" is not installed", "", "de"),
        ("no such voice", "", "de"),
        ("language: the voice \"eva\" does not speak \"de\"", "eva", ""),
    ] {
        let mut choice = german();
        assert!(choice.may_widen(refusal));
        let told = choice.widen(refusal.into());
        assert_eq!((choice.voice.as_str(), choice.language.as_str()), (voice, language), "{refusal}");
        assert_eq!(matches!(told, ResponseNote::VoiceRefused { .. }), voice.is_empty(), "{refusal}");
    }
    let mut choice = VoiceChoice { voice: String::new(), ..german() };
    assert!(
        matches!(choice.widen("anything".into()), ResponseNote::NoVoice { language, .. } if language == "de")
    );
    assert!(!choice.may_widen("anything") && !german().may_widen("text: 9000 characters"));
}

#[test]
fn a_voice_that_only_an_engine_standing_in_refuses_is_not_gone() {
    for (reason, everywhere, gone) in
        [("voice: no eva", true, true), ("voice: no eva", false, false), ("medieval letters", true, false)]
    {
        let note = choice::refused("eva".into(), reason.into(), everywhere);
        let expected = ResponseNote::VoiceRefused { voice: "eva".into(), reason: reason.into(), gone };
        assert_eq!(note, expected);
    }
}

#[test]
fn a_refusal_names_a_voice_by_its_field_or_by_its_name() {
    for (refusal, named) in [
        ("voice: it is not installed", true),
        ("http://host refuses the request (400): Voice 'eva' not found", true),
        ("http://host refuses the request (422): unsupported language", false),
        ("http://host refuses the request (400): medieval letters", false),
        ("language: no voice speaks \"de\"; available: eva (en)", false),
    ] {
        assert_eq!(names_voice(refusal, "eva"), named, "{refusal}");
    }
}

#[tokio::test]
async fn a_filler_that_is_ordered_before_the_end_of_its_response_is_not_said_after_it() {
    let tts: Arc<dyn Tts> = Arc::new(word_by_word());
    let (written, segments) = mpsc::channel(1);
    drop(written);
    let (notes, _noted) = mpsc::channel(1);
    let (playout, mut items) = mpsc::channel(8);
    let out = SpeechOut { floor: Floor::default(), playout: playout.clone() };
    let claim = out.floor.claim();
    run(ResponseId(1), VoiceChoice::default(), tts.clone(), segments, out, notes).await.unwrap();
    let segment = segment(0, "One moment.");
    filler(&segment, VoiceChoice::default(), tts.as_ref(), claim, playout).await.unwrap();
    assert!(matches!(items.recv().await, Some(PlayoutItem::End(_))));
    assert!(items.recv().await.is_none());
}

#[tokio::test]
async fn a_filler_is_said_whole_before_the_response_or_not_at_all() {
    for (late, words) in [(false, 5), (true, 0)] {
        let items = played(late).await;
        let is_filler = |item: &&PlayoutItem| matches!(item, PlayoutItem::Filler(_));
        assert_eq!(items.iter().take_while(is_filler).count(), words, "late: {late}");
        assert_eq!(items.iter().filter(is_filler).count(), words, "late: {late}");
        assert_eq!(items.len(), words + 8 + 1, "late: {late}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stalls_is_given_up_and_one_that_is_restarted_is_asked_again() {
    let (playout, _items) = mpsc::channel(1);
    let tts = ScriptedTts::default();
    let mut speaker = Speaker::new(&tts, &playout);
    let restarts = EngineError::Unavailable("it does not answer".into());
    tokio::time::advance(STALL).await;
    assert!(!speaker.has_stalled(&EngineError::Deadline), "nothing has been heard yet");
    speaker.sounds_until = Some(Instant::now());
    assert!(speaker.has_stalled(&EngineError::Deadline) && !speaker.has_stalled(&restarts));
    speaker.sounds_until = Some(Instant::now() + STALL);
    assert!(!speaker.has_stalled(&EngineError::Deadline), "the person still hears it");
}
