//! Words of an utterance that are late, come after their utterance was cut, or never come.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{Transcript, UtteranceId};

use super::filler::filler_after;
use super::response::Question;
use super::utterance::{Pause, Words};
use super::{CannedPhrase, Command, Conversation};

/// A transcript that has not arrived after this long is given up.
pub(super) const TRANSCRIPT_TIMEOUT: u64 = 20_000;

impl Conversation {
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
