//! The agent's own voice and other people's in the microphone, through the whole pipeline with scripted engines on a virtual clock.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use visavis::config::Config;
use visavis::engine::{Engines, TtsPart, Vad};
use visavis::pipeline;
use visavis::pipeline::options::CallOptions;
use visavis::pipeline::scope::Scope;
use visavis::ports::{TransportPorts, call_ports};
use visavis_core::event::{CallEvent, ClientCommand};
use visavis_core::frame::{AudioFrame, MIC_FRAME, WordTime};
use visavis_scripted::{Scripted, ScriptedLlm, ScriptedResponse, ScriptedStt, ScriptedTts};

/// Treats every sound as speech, however soft.
struct SoundVad;

impl Vad for SoundVad {
    fn probability(&mut self, window: &[i16]) -> f32 {
        let power: f32 = window.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        if (power / window.len() as f32).sqrt() > 100.0 { 0.95 } else { 0.02 }
    }
}

/// Syllables at this pitch in Hz and this sample rate: gliding harmonics, the same in every run.
fn syllables(mut seed: u32, pitch: f32, rate: f32, seconds: f32) -> Vec<i16> {
    let mut chance = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as f32 / u32::MAX as f32
    };
    let (mut sound, mut phase) = (Vec::new(), 0.0_f32);
    while (sound.len() as f32) < seconds * rate {
        let length = (0.08 + 0.14 * chance()) * rate;
        let (from, to) = (pitch * (0.8 + 0.4 * chance()), pitch * (0.8 + 0.4 * chance()));
        let formants = [300.0 + 500.0 * chance(), 900.0 + 1_400.0 * chance(), 2_400.0 + 900.0 * chance()];
        for n in 0..length as usize {
            let share = n as f32 / length;
            let base = from + (to - from) * share;
            phase = (phase + base / rate).fract();
            let tone = |number: u8| {
                let number = f32::from(number);
                let gain: f32 =
                    formants.iter().map(|at| 1.0 / (1.0 + ((base * number - at) / 90.0).powi(2))).sum();
                gain * (std::f32::consts::TAU * number * phase).sin() / number.sqrt()
            };
            let swell = (std::f32::consts::PI * share).sin();
            sound.push((5_000.0 * swell * (1..=24).map(tone).sum::<f32>()) as i16);
        }
        sound.resize(sound.len() + (0.04 * rate) as usize, 0);
    }
    sound
}

/// Every text is spoken for 6 s, as one word; a filler for 1.5 s.
fn six_seconds(text: &str) -> Vec<TtsPart> {
    let seconds = if text.starts_with("One moment") { 1.5 } else { 6.0 };
    let samples = syllables(40_507, 160.0, 24_000.0, seconds);
    let words = vec![WordTime { text: text.to_owned(), start: 0, end: samples.len() as u64 }];
    vec![TtsPart { rate: 24_000, samples, words, ..TtsPart::default() }]
}

/// A call whose microphone picks up the agent with a delay in frames and a gain, and other sounds.
struct Call {
    ports: TransportPorts,
    stt: Arc<ScriptedStt>,
    path: (usize, f32),
    air: VecDeque<Vec<i16>>,
    beside: VecDeque<i16>,
    heard: usize,
    /// When the response was last heard, and its longest hole.
    last: Option<Instant>,
    hole: Duration,
    events: Vec<CallEvent>,
}

impl Call {
    fn begin(lines: &[&str], path: (usize, f32)) -> (Self, CancellationToken) {
        Self::responding(Duration::from_millis(20), lines, path)
    }

    /// A call whose model takes this long for each response.
    fn responding(after: Duration, lines: &[&str], path: (usize, f32)) -> (Self, CancellationToken) {
        let response = ScriptedResponse::texts(["A long answer. "]).every(after);
        let scripted = Scripted::with(ScriptedLlm::responding(move |_| response.clone()))
            .hearing(ScriptedStt::new(lines.iter().copied()))
            .speaking(ScriptedTts::speaking(six_seconds));
        let vad = Arc::new(|| Box::new(SoundVad) as Box<dyn Vad>);
        let engines = Engines { vad, ..scripted.engines() };
        let stt = scripted.stt;
        let (ports, pipeline) = call_ports();
        let stop = CancellationToken::new();
        let scope = Scope { drain: CancellationToken::new(), token: stop.clone() };
        tokio::spawn(async move {
            let config = Config::default();
            Box::pin(pipeline::run("echo".into(), pipeline, engines, &config, CallOptions::default(), scope))
                .await
        });
        let air = (0..path.0).map(|_| vec![0; MIC_FRAME]).collect();
        let (beside, last, hole) = (VecDeque::new(), None, Duration::ZERO);
        (Self { ports, stt, path, air, beside, heard: 0, last, hole, events: Vec::new() }, stop)
    }

    /// The microphone for 20 ms: what the person says, and the echo.
    async fn frame(&mut self, said: &[i16]) {
        let mut samples = self.air.pop_front().unwrap_or_else(|| vec![0; MIC_FRAME]);
        samples.iter_mut().zip(said).for_each(|(to, from)| *to = to.saturating_add(*from));
        let all = self.beside.len().min(MIC_FRAME);
        samples.iter_mut().zip(self.beside.drain(..all)).for_each(|(to, from)| *to = to.saturating_add(from));
        self.ports.mic.send(AudioFrame { samples, received: true });
        sleep(Duration::from_millis(20)).await;
        let mut back = vec![0; MIC_FRAME];
        while let Ok(frame) = self.ports.media.try_recv() {
            self.heard += 1;
            let now = Instant::now();
            self.hole = self.hole.max(self.last.replace(now).map_or(Duration::ZERO, |last| now - last));
            // From 24 to 16 kHz: of three samples the first, and the mean of the others.
            back =
                frame.samples.chunks(3).flat_map(|three| [three[0], (three[1] / 2 + three[2] / 2)]).collect();
            back.iter_mut().for_each(|sample| *sample = (f32::from(*sample) * self.path.1) as i16);
        }
        self.air.push_back(back);
        while let Ok(event) = self.ports.events.try_recv() {
            self.events.push(event);
        }
    }

    async fn say(&mut self, seconds: f32) {
        self.say_softly(seconds, 1).await;
    }

    /// Says it at a fraction of the usual level of -26 dBFS.
    async fn say_softly(&mut self, seconds: f32, fraction: i16) {
        let mut sound = syllables(977, 110.0, 16_000.0, seconds);
        sound.iter_mut().for_each(|sample| *sample /= fraction);
        for frame in sound.chunks(MIC_FRAME) {
            self.frame(frame).await;
        }
    }

    async fn listen(&mut self, seconds: f32) {
        for _ in 0..(seconds * 50.0) as usize {
            self.frame(&[]).await;
        }
    }

    fn count(&self, what: impl Fn(&CallEvent) -> bool) -> usize {
        self.events.iter().filter(|event| what(event)).count()
    }
}

fn begins_speaking(event: &CallEvent) -> bool {
    matches!(event, CallEvent::UserStartedSpeaking)
}

fn is_final(event: &CallEvent) -> bool {
    matches!(event, CallEvent::UserTranscript { text, last: true, .. } if !text.is_empty())
}

fn is_filler(event: &CallEvent) -> bool {
    matches!(event, CallEvent::Notice { code: "one-moment", .. })
}

fn is_cut(event: &CallEvent) -> bool {
    matches!(event, CallEvent::Interrupted { .. })
}

#[tokio::test(start_paused = true)]
async fn a_response_that_echoes_into_the_microphone_is_spoken_to_its_end_and_begins_no_turn() {
    for path in [(6, 0.32), (11, 0.18), (17, 0.1), (20, 0.06)] {
        let (mut call, stop) = Call::begin(&["What is it?"], path);
        call.say(1.0).await;
        call.listen(9.0).await;
        assert_eq!(call.count(begins_speaking), 1, "{path:?}: the question alone");
        assert!(call.heard >= 300, "{path:?}: {} frames of 6 s", call.heard);
        assert_eq!(call.count(is_cut), 0, "{path:?}");
        assert!(call.hole < Duration::from_millis(300), "{path:?}: a hole of {:?}", call.hole);
        stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_filler_that_echoes_into_the_microphone_begins_no_turn_and_the_late_response_follows_it() {
    for path in [(6, 0.32), (11, 0.18), (17, 0.1), (20, 0.06)] {
        let late = Duration::from_secs(4);
        let (mut call, stop) = Call::responding(late, &["What is it?", "One moment."], path);
        call.say(1.0).await;
        call.listen(16.0).await;
        assert!(call.count(is_filler) >= 1, "{path:?}: the response is late");
        assert_eq!(
            (call.count(begins_speaking), call.count(is_final)),
            (1, 1),
            "{path:?}: the question alone"
        );
        assert!(call.heard >= 370, "{path:?}: {} frames of a filler and a response", call.heard);
        assert_eq!(call.count(is_cut), 0, "{path:?}");
        stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_who_speaks_over_the_echo_stops_the_response() {
    for path in [(6, 0.32), (17, 0.1)] {
        let (mut call, stop) = Call::begin(&["What is it?", "Stop."], path);
        call.say(1.0).await;
        call.listen(3.5).await;
        let before = call.heard;
        assert!(before > 100, "{path:?}: it responds");
        call.say(0.4).await;
        call.listen(0.4).await;
        assert!(call.heard - before <= 20, "{path:?}: {} frames in 0.8 s", call.heard - before);
        call.listen(1.0).await;
        assert_eq!(call.count(is_cut), 1, "{path:?}");
        stop.cancel();
    }
}

/// Another voice, 18 dB softer than the person's.
fn television(seconds: f32) -> VecDeque<i16> {
    syllables(71, 140.0, 16_000.0, seconds).into_iter().map(|sample| sample / 8).collect()
}

#[tokio::test(start_paused = true)]
async fn a_television_18_db_below_the_person_is_not_answered_and_interrupts_nothing() {
    let (mut call, stop) = Call::begin(&["What is it?"], (1, 0.0));
    call.say(1.5).await;
    call.beside = television(20.0);
    call.listen(20.0).await;
    assert_eq!(call.count(begins_speaking), 1, "the question alone");
    assert!(call.heard >= 300, "{} frames of 6 s", call.heard);
    assert_eq!(call.count(is_cut), 0);
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_though_a_television_talks_before_and_after_it() {
    let (mut call, stop) = Call::begin(&["What is it?"], (1, 0.0));
    call.beside = television(20.0);
    call.listen(1.0).await;
    call.say(1.5).await;
    call.listen(15.0).await;
    assert!(call.heard >= 300, "{} frames", call.heard);
    assert_eq!(call.count(is_cut), 0);
    stop.cancel();
}

/// Sentences of 2.5 s on television, 0.9 s apart, as soft as [`television`].
fn news(sentences: u16) -> VecDeque<i16> {
    let sentence = |number: u16| {
        let sound = syllables(71 + u32::from(number), 140.0, 16_000.0, 2.5);
        sound.into_iter().map(|sample| sample / 8).chain(std::iter::repeat_n(0, 14_400))
    };
    (0..sentences).flat_map(sentence).collect()
}

#[tokio::test(start_paused = true)]
async fn a_television_before_the_person_ever_spoke_is_not_answered_and_is_no_part_of_the_question() {
    let (mut call, stop) = Call::begin(&["Here is the news.", "What is it?"], (1, 0.0));
    call.beside = news(6);
    call.listen(16.0).await;
    assert_eq!((call.heard, call.count(is_final)), (0, 0), "nobody spoke to the agent");
    call.say(1.5).await;
    call.listen(12.0).await;
    assert!(call.heard >= 300, "{} frames of 6 s", call.heard);
    assert_eq!((call.count(begins_speaking), call.count(is_final), call.count(is_cut)), (1, 1, 0));
    let asked = call.stt.utterances().pop().unwrap().audio.len();
    assert!(asked < 4 * 16_000, "the question alone is recognised: {asked} samples");
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_soft_spoken_person_is_answered_from_the_first_words_on_and_sooner_once_known() {
    // The loudest of it has -45 dBFS.
    let (mut call, stop) = Call::begin(&["What is it?", "And what is that?"], (1, 0.0));
    let mut waited = Vec::new();
    for answered in 1..=2 {
        call.say_softly(1.5, 9).await;
        let (spoken, before) = (Instant::now(), call.heard);
        while call.heard == before {
            assert!(spoken.elapsed() < Duration::from_secs(4), "answer {answered}");
            call.frame(&[]).await;
        }
        waited.push(spoken.elapsed());
        call.listen(8.0).await;
        assert_eq!((call.count(is_final), call.count(is_cut)), (answered, 0));
    }
    assert!(waited[1] + Duration::from_millis(300) < waited[0], "{waited:?}");
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_soft_sound_before_the_response_to_typed_words_delays_it_no_longer_than_a_loud_one() {
    for fraction in [1, 9] {
        let (mut call, stop) = Call::responding(Duration::from_millis(500), &[""], (1, 0.0));
        call.ports.commands.send(ClientCommand::Say("What is it?".into())).await.unwrap();
        call.say_softly(0.4, fraction).await;
        let sounded = Instant::now();
        while call.heard == 0 {
            assert!(sounded.elapsed() < Duration::from_secs(1), "at 1/{fraction} of the usual level");
            call.frame(&[]).await;
        }
        assert_eq!(call.count(is_cut), 0);
        stop.cancel();
    }
}

/// Five people talking at once, together 10 dB softer than the person.
fn babble(seconds: f32) -> VecDeque<i16> {
    let voices: Vec<Vec<i16>> = [(71, 140.0), (313, 105.0), (5_021, 190.0), (977_001, 220.0), (42, 120.0)]
        .map(|(seed, pitch)| syllables(seed, pitch, 16_000.0, seconds))
        .into();
    let shortest = voices.iter().map(Vec::len).min().unwrap_or_default();
    (0..shortest).map(|at| voices.iter().map(|voice| voice[at] / 7).sum()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_question_amid_constant_babble_is_answered_to_its_end() {
    for begins_before in [0.0, 1.0] {
        let (mut call, stop) = Call::begin(&["What is it?"], (1, 0.0));
        call.beside = babble(30.0);
        call.listen(begins_before).await;
        call.say(1.5).await;
        call.listen(15.0).await;
        assert!(call.heard >= 300, "{} frames of 6 s", call.heard);
        assert_eq!(call.count(is_cut), 0);
        stop.cancel();
    }
}
