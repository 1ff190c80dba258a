//! Listening: an utterance from its first sound to the end of the turn, and the speculative response before that.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{Play, PlaybackPosition, ResponseId, Transcript, UtteranceId, VadEvent};

use super::filler::filler_after;
use super::response::{Question, Response};
use super::{CannedPhrase, Command, Conversation};
use crate::interjection::Interjection;
use crate::turn_prediction::{TurnPrediction, shape};

/// A transcript that has not arrived after this long is given up.
const TRANSCRIPT_TIMEOUT: u64 = 20_000;
/// Endpointing delay of an utterance without words that matter.
const WORDLESS: u64 = 500;
/// The model is prefilled each time there are this many more bytes.
const PREFILL_STEP: usize = 8;
/// A speculative response that the turn prediction advises against is begun after this long, to be ready when the endpointing
/// delay ends.
const LATE_SPECULATION: u64 = 600;

/// The utterance that is being spoken or pauses.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: UtteranceId,
    /// When its voice began.
    pub(super) began: u64,
    pub(super) pause: Option<Pause>,
    /// It began while the agent spoke and contains nothing that needs a response.
    pub(super) ignored: bool,
    /// Words were typed while it was open: until they have their response, it neither delays nor stops anything.
    pub(super) typed_over: bool,
    /// How often the person was asked to wait for its words.
    pub(super) asked_to_wait: u32,
    /// It has sounded over a response for a while without any words.
    pub(super) wordless: bool,
    /// Its words as last shown to the person.
    shown: Option<Transcript>,
    /// Bytes of its words that the model was prefilled with.
    read: usize,
}

impl Open {
    fn new(id: UtteranceId, began: u64) -> Self {
        Self {
            id,
            began,
            pause: None,
            ignored: false,
            typed_over: false,
            asked_to_wait: 0,
            wordless: false,
            shown: None,
            read: 0,
        }
    }
}

/// A pause that may be the end of the turn.
#[derive(Debug)]
pub(super) struct Pause {
    number: u32,
    /// When the voice stopped.
    at: u64,
    noticed: u64,
    words: Option<Words>,
    prediction: TurnPrediction,
    /// A speculative response was begun; if it failed, the next one waits for the end of the turn.
    answered: bool,
}

/// The words at a pause.
#[derive(Debug)]
struct Words {
    heard: Transcript,
    /// When they came.
    at: u64,
}

impl Pause {
    fn new(number: u32, at: u64, noticed: u64) -> Self {
        Self { number, at, noticed, words: None, prediction: TurnPrediction::default(), answered: false }
    }
}

/// An utterance that was cut and whose words have not arrived.
#[derive(Debug)]
pub(super) struct Cut {
    id: UtteranceId,
    at: u64,
    noticed: u64,
    /// Words were typed since: its own words are remembered when they arrive, but not waited for.
    pub(super) typed_over: bool,
    asked_to_wait: u32,
    /// Its words as last shown to the person.
    shown: Option<Transcript>,
}

impl Conversation {
    /// Typed words do not wait for what the microphone hears.
    pub(super) fn type_over(&mut self) {
        if let Some(open) = &mut self.open {
            (open.typed_over, open.ignored) = (true, true);
        }
        self.cut.iter_mut().for_each(|cut| cut.typed_over = true);
    }

    pub(super) fn voice(&mut self, now: u64, event: &VadEvent, ago: u64) {
        self.last_word = now;
        let at = now.saturating_sub(ago);
        match event {
            VadEvent::Started { utterance, .. } => {
                self.discard();
                self.open = Some(Open::new(*utterance, at));
                self.emit(CallEvent::UserStartedSpeaking);
                self.barge_in_begins(at);
            }
            VadEvent::Paused { utterance, pause, .. } => {
                if let Some(open) = self.open.as_mut().filter(|open| open.id == *utterance) {
                    open.pause = Some(Pause::new(*pause, at, now));
                    self.barge_in_pauses();
                }
            }
            VadEvent::Resumed { utterance } => {
                if let Some(open) = self.open.as_mut().filter(|open| open.id == *utterance) {
                    open.pause = None;
                    self.discard();
                    self.barge_in_goes_on(now);
                }
            }
            VadEvent::Cut { utterance, .. } => {
                if let Some(open) = self.open.take_if(|open| open.id == *utterance) {
                    self.discard();
                    let Open { id, typed_over, asked_to_wait, shown, .. } = open;
                    self.cut.push(Cut { id, at, noticed: now, typed_over, asked_to_wait, shown });
                    self.emit(CallEvent::UserStoppedSpeaking);
                }
            }
        }
    }

    pub(super) fn partial(
        &mut self,
        now: u64,
        position: PlaybackPosition,
        utterance: UtteranceId,
        words: &Transcript,
    ) {
        if self.open.as_ref().is_none_or(|open| open.id != utterance) {
            return;
        }
        if words.text.is_empty() {
            return self.barge_in_is_wordless(now, words.decode_ms);
        }
        let judged = self.judge(now, words);
        if judged == Some(Interjection::Interruption) {
            self.interrupt(now, position);
        }
        self.prefill_partial(words);
        // An echo or a backchannel must not stand in for words that never arrive.
        let meant = judged.is_none_or(|judged| judged == Interjection::Interruption);
        if let Some(open) = self.open.as_mut() {
            open.wordless = false;
            if meant {
                open.shown = Some(words.clone());
            }
        }
        self.emit(caption(words));
    }

    /// Prefills the model, while the person still speaks, with words that will hardly change any more.
    fn prefill_partial(&mut self, words: &Transcript) {
        let Some(open) = self.open.as_mut() else { return };
        // All but the last two words, or what is stable; a word that does change is read again.
        let likely = words.text.trim_end().rsplitn(3, ' ').nth(2).map_or(0, str::len);
        let stable = &words.text[..likely.max(words.stable)];
        if self.response.is_some() || stable.len() < open.read + PREFILL_STEP {
            return;
        }
        open.read = stable.len();
        self.prefill(stable);
    }

    pub(super) fn trial(
        &mut self,
        now: u64,
        position: PlaybackPosition,
        utterance: UtteranceId,
        number: u32,
        words: Transcript,
    ) {
        let judged = self.judge(now, &words);
        let Some(open) = self.open.as_mut().filter(|open| open.id == utterance) else { return };
        let Some(pause) = open.pause.as_mut().filter(|pause| pause.number == number) else { return };
        pause.prediction.shape = shape(&words.text);
        if !words.text.is_empty() {
            open.wordless = false;
            open.shown = Some(words.clone());
            self.commands.push(Command::Emit(caption(&words)));
        }
        pause.words = Some(Words { heard: words, at: now });
        match judged {
            Some(Interjection::Interruption) => self.interrupt(now, position),
            Some(_) => {
                open.ignored = true;
                self.barge_in_was_nothing();
            }
            None => {}
        }
        self.decide(now);
    }

    pub(super) fn prosody(&mut self, now: u64, utterance: UtteranceId, number: u32, probability: f32) {
        let open = self.open.as_mut().filter(|open| open.id == utterance);
        let pause = open.and_then(|open| open.pause.as_mut()).filter(|pause| pause.number == number);
        if let Some(pause) = pause {
            pause.prediction.prosody = Some(probability);
            self.decide(now);
        }
    }

    pub(super) fn meaning(&mut self, now: u64, response: ResponseId, probability: f32) {
        if self.speculative.as_ref().is_some_and(|speculative| speculative.id == response)
            && let Some(pause) = self.open.as_mut().and_then(|open| open.pause.as_mut())
        {
            pause.prediction.meaning = Some(probability);
            self.decide(now);
        }
    }

    /// The words of an utterance will not arrive. If some were shown, they are used instead.
    pub(super) fn not_understood(&mut self, now: u64, utterance: UtteranceId) {
        let undecided = self.response.as_ref().is_none_or(|response| response.waits);
        if let Some(open) =
            self.open.as_mut().filter(|open| open.id == utterance && !open.ignored && undecided)
            && let Some(words) = open.shown.take()
        {
            let pause = open.pause.get_or_insert_with(|| Pause::new(0, now, now));
            pause.words.get_or_insert(Words { heard: words, at: now });
            // The wait for them is over.
            return self.commit(now);
        }
        let cut = self.cut.iter_mut().find(|cut| cut.id == utterance);
        if let Some(words) = cut.and_then(|cut| cut.shown.take()) {
            return self.cut_words(now, utterance, words);
        }
        let open = self.open.take_if(|open| open.id == utterance).is_some();
        let cut = self.cut.extract_if(.., |cut| cut.id == utterance).count() > 0;
        if open {
            self.discard();
            self.commands.push(Command::Close(utterance));
            self.emit(CallEvent::UserStoppedSpeaking);
        }
        if open || cut {
            self.barge_in_was_nothing();
            self.emit(CallEvent::words(String::new(), String::new()));
            self.notice("not-understood", "I could not make out what you said. Please say it again.");
            self.respond_if_due(now);
            self.say(now, CannedPhrase::NotUnderstood);
            self.make_room();
        }
    }

    pub(super) fn cut_words(&mut self, now: u64, utterance: UtteranceId, words: Transcript) {
        let Some(index) = self.cut.iter().position(|cut| cut.id == utterance) else { return };
        let cut = self.cut.remove(index);
        if !words.text.is_empty() && cut.typed_over && self.response.is_some() {
            self.history.person_said(&words.text);
        } else if !words.text.is_empty() {
            let since = |at: u64| Some(u32::try_from(at.saturating_sub(cut.at)).unwrap_or(u32::MAX));
            let marks = TurnMarks { transcript: since(now), ..TurnMarks::default() };
            self.person_said(now, &words.text, Question { asked: cut.at, marks });
        }
        self.emit(CallEvent::words(words.text, words.language));
        self.respond_if_due(now);
    }

    /// The words at the person's pause, which would have become their turn; none where they may not be meant for the agent.
    pub(super) fn paused_words(&self) -> Option<&Transcript> {
        let open = self.open.as_ref().filter(|open| !open.ignored && self.response.is_none())?;
        let words = &open.pause.as_ref()?.words.as_ref()?.heard;
        (!words.text.is_empty()).then_some(words)
    }

    /// When the open utterance is due for a decision: to begin a response, to end the turn, or to give up its words.
    pub(super) fn open_due(&self) -> Option<u64> {
        let pause = self.open.as_ref()?.pause.as_ref()?;
        let Some(Words { heard, .. }) = &pause.words else { return Some(pause.noticed + TRANSCRIPT_TIMEOUT) };
        let end = pause.at + self.endpointing_delay(pause, &heard.text);
        let begin = self.may_speculate(pause, &heard.text).then(|| speculation_due(pause));
        Some(begin.map_or(end, |begin| begin.min(end)))
    }

    fn endpointing_delay(&self, pause: &Pause, text: &str) -> u64 {
        let nothing = text.is_empty() || self.open.as_ref().is_some_and(|open| open.ignored);
        if nothing {
            return WORDLESS;
        }
        let begun = self.speculative.as_ref().is_some_and(Response::is_wordless);
        let awaited = self.settings.model.turn_end && pause.prediction.meaning.is_none();
        let expected = awaited && (begun || self.may_speculate(pause, text));
        pause.prediction.endpointing_delay(self.settings.eagerness, expected)
    }

    fn may_speculate(&self, pause: &Pause, text: &str) -> bool {
        let ignored = self.open.as_ref().is_some_and(|open| open.ignored);
        let busy = self.speculative.is_some() || self.response.is_some() || !self.cut.is_empty();
        !text.is_empty() && !ignored && !busy && !pause.answered
    }

    /// Begins a speculative response or ends the turn, when either is due.
    pub(super) fn decide(&mut self, now: u64) {
        let Some(open) = &self.open else { return };
        let Some(pause) = &open.pause else { return };
        let Some(Words { heard, .. }) = &pause.words else {
            if pause.noticed + TRANSCRIPT_TIMEOUT <= now {
                self.not_understood(now, open.id);
            }
            return;
        };
        if pause.at + self.endpointing_delay(pause, &heard.text) <= now {
            self.commit(now);
        } else if self.may_speculate(pause, &heard.text) && speculation_due(pause) <= now {
            let words = heard.clone();
            self.speculate(now, &words);
        }
    }

    fn speculate(&mut self, now: u64, words: &Transcript) {
        let Some(pause) = self.open.as_mut().and_then(|open| open.pause.as_mut()) else { return };
        pause.answered = true;
        let asked = pause.at;
        let request = self.request(&words.text, &self.language_of(words), true);
        let mut speculative = self.response_to(&request, Question::at(asked));
        speculative.speculated(now);
        self.speculative = Some(speculative);
        self.commands.push(Command::Start(request, Play::Speculative));
    }

    /// Begins the speculative response again, with the messages that fit now.
    pub(super) fn speculate_again(&mut self, now: u64) {
        if let Some(pause) = self.open.as_mut().and_then(|open| open.pause.as_mut()) {
            pause.answered = false;
            self.decide(now);
        }
    }

    /// Cancels the speculative response.
    pub(super) fn discard(&mut self) {
        if let Some(speculative) = self.speculative.take() {
            self.commands.push(Command::Cancel(speculative.id));
        }
    }

    /// The turn is over.
    fn commit(&mut self, now: u64) {
        let Some(open) = self.open.take() else { return };
        let Some(mut pause) = open.pause else { return };
        let Some(Words { heard: words, at: arrived }) = pause.words.take() else { return };
        self.commands.push(Command::Close(open.id));
        self.emit(CallEvent::UserStoppedSpeaking);
        if words.text.is_empty() || open.ignored {
            self.discard();
            self.barge_in_was_nothing();
            // An empty transcript retracts the captions of a noise.
            self.emit(CallEvent::words(String::new(), words.language));
            self.respond_if_due(now);
            if open.asked_to_wait > 0 {
                self.say(now, CannedPhrase::NotUnderstood);
            }
            self.make_room();
            return;
        }
        self.language = self.language_of(&words);
        let since = |at: u64| Some(u32::try_from(at.saturating_sub(pause.at)).unwrap_or(u32::MAX));
        let marks = TurnMarks {
            pause: since(pause.noticed),
            transcript: since(arrived),
            turn_decided: since(now),
            ..TurnMarks::default()
        };
        self.person_said(now, &words.text, Question { asked: pause.at, marks });
        self.prediction = Some(pause.prediction);
        self.emit(CallEvent::words(words.text, words.language));
        match self.speculative.take() {
            Some(speculative) => self.promote(now, speculative, marks),
            None => self.respond_if_due(now),
        }
    }

    pub(super) fn language_of(&self, words: &Transcript) -> String {
        match &self.settings.language {
            None if !words.language.is_empty() => words.language.clone(),
            _ => self.language.clone(),
        }
    }

    /// When the person, in silence, has waited long enough for a transcript of their words.
    pub(super) fn words_late_due(&self) -> Option<u64> {
        let open = self.open.as_ref();
        let speaks = open.is_some_and(|open| open.pause.is_none());
        if self.response.is_some() || self.speculative.is_some() || self.leaving.is_some() || speaks {
            return None;
        }
        // The wait counts from the last sound: a response may have sounded meanwhile.
        let due = |since: u64, asked| since.max(self.last_word) + filler_after(asked);
        let paused = open.filter(|open| !open.ignored).and_then(|open| {
            let pause = open.pause.as_ref().filter(|pause| pause.words.is_none())?;
            Some(due(pause.noticed, open.asked_to_wait))
        });
        let cut = self.cut.iter().filter(|cut| !cut.typed_over);
        cut.map(|cut| due(cut.noticed, cut.asked_to_wait)).chain(paused).min()
    }

    /// Asks the person to wait, since they cannot tell a busy server from one that does not hear them.
    pub(super) fn words_late(&mut self, now: u64) {
        if self.words_late_due().is_none_or(|due| due > now) {
            return;
        }
        let open = self.open.iter_mut().map(|open| &mut open.asked_to_wait);
        let mut again = false;
        for asked in open.chain(self.cut.iter_mut().map(|cut| &mut cut.asked_to_wait)) {
            again |= *asked > 0;
            *asked += 1;
        }
        self.ask_to_wait(now, again);
    }

    pub(super) fn cut_due(&self) -> Option<u64> {
        self.cut.iter().map(|cut| cut.noticed + TRANSCRIPT_TIMEOUT).min()
    }

    pub(super) fn cut_timeout(&mut self, now: u64) {
        let late: Vec<_> =
            self.cut.iter().filter(|cut| cut.noticed + TRANSCRIPT_TIMEOUT <= now).map(|cut| cut.id).collect();
        for utterance in late {
            self.not_understood(now, utterance);
        }
    }
}

fn speculation_due(pause: &Pause) -> u64 {
    if pause.prediction.worth_speculation() { pause.at } else { pause.at + LATE_SPECULATION }
}

/// The words so far.
fn caption(words: &Transcript) -> CallEvent {
    let (text, language) = (words.text.clone(), words.language.clone());
    CallEvent::UserTranscript { text, stable: words.stable, last: false, language }
}
