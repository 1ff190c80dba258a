//! Listening: what comes of the person's voice and of its words, from an utterance's first sound to its last pause.

use crate::event::CallEvent;
use crate::frame::{PlaybackPosition, ResponseId, Transcript, UtteranceId, VadEvent};

use super::utterance::{Cut, Open, Pause, Words};
use super::{Command, Conversation};
use crate::interjection::Interjection;
use crate::turn_prediction::shape;

/// The model is prefilled each time there are this many more bytes.
const PREFILL_STEP: usize = 8;

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
}

/// The words so far.
fn caption(words: &Transcript) -> CallEvent {
    let (text, language) = (words.text.clone(), words.language.clone());
    CallEvent::UserTranscript { text, stable: words.stable, last: false, language }
}
