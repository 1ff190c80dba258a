//! The answer in work: its marks, what of it has been heard, and how it ends.

use crate::event::{CallEvent, TurnMarks};
use crate::frame::{Message, Play, PlaybackPosition, ResponseId, ResponseRequest, Role, WordTime};

use super::lines::{answer_in, is_foreign, line};
use super::tools::Used;
use super::{Command, Conversation, HOLDING_AFTER, Input, Line, RETRIES};
use crate::pipeline::playout::PlayoutEvent;
use crate::pipeline::slow::{self, Circumstances};

/// How much of the text before the voice may come back as an echo.
const ECHO_CHARS: usize = 200;
/// Client and server may disagree by this much about when the person stopped speaking.
const CLOCKS_DIFFER: u32 = 1_000;

/// One answer, from its start to its one end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: ResponseId,
    pub(super) sounding: bool,
    asked: u64,
    /// When the person began to wait for it.
    waited_from: Option<u64>,
    marks: TurnMarks,
    text: String,
    text_ended: bool,
    phrases: Vec<Phrase>,
    /// It says what was written for it, not what a model thinks.
    scripted: bool,
    /// Tokens that the model had to read for it.
    read: Option<u32>,
    /// A sound of the person kept it from beginning.
    pub(super) delayed: bool,
    /// What the client will be told, if the answer is ever heard.
    untold: Option<Vec<CallEvent>>,
    pub(super) used: Used,
}

/// A phrase that has begun to sound.
#[derive(Debug, Default)]
struct Phrase {
    text: String,
    words: Vec<WordTime>,
}

impl Answer {
    /// A hidden answer to a person who stopped speaking at `asked`.
    pub(super) fn new(id: ResponseId, (asked, marks): (u64, TurnMarks)) -> Self {
        Self {
            id,
            sounding: false,
            asked,
            waited_from: None,
            marks,
            text: String::new(),
            text_ended: false,
            phrases: Vec::new(),
            scripted: false,
            read: None,
            delayed: false,
            untold: Some(Vec::new()),
            used: Used::default(),
        }
    }

    /// It is begun before the turn is decided.
    pub(super) fn speculated(&mut self, now: u64) {
        self.marks.speculated = self.since(now);
    }

    /// The model has not said anything.
    pub(super) fn is_wordless(&self) -> bool {
        self.text.is_empty()
    }

    fn since(&self, now: u64) -> Option<u32> {
        Some(u32::try_from(now.saturating_sub(self.asked)).unwrap_or(u32::MAX))
    }

    /// When the person has waited long enough for a word.
    pub(super) fn holding_due(&self) -> Option<u64> {
        let waits = !self.sounding && !self.scripted;
        self.waited_from.filter(|_| waits).map(|from| from + HOLDING_AFTER)
    }

    /// Neither it nor a holding phrase has said anything.
    pub(super) fn silent_so_far(&self) -> bool {
        !self.sounding && self.text.trim().is_empty()
    }

    /// What was written from this byte on.
    pub(super) fn said_since(&self, from: usize) -> String {
        self.text.get(from..).unwrap_or_default().to_string()
    }

    fn take_words(&mut self, words: Vec<WordTime>) {
        if let Some(phrase) = self.phrases.last_mut() {
            phrase.words.extend(words);
        }
    }

    /// All that has sounded.
    fn all(&self) -> String {
        self.phrases.iter().map(|phrase| phrase.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// What may come back as an echo.
    pub(super) fn lately(&self) -> String {
        let all = self.all();
        let from = all.char_indices().rev().nth(ECHO_CHARS).map_or(0, |(at, _)| at);
        all[from..].to_string()
    }

    /// Nothing is left to say but a question.
    pub(super) fn ends_with_question(&self) -> bool {
        let last = self.phrases.last().map_or("", |phrase| phrase.text.as_str());
        self.text_ended && last.ends_with('?') && self.text.trim_end().ends_with(last)
    }

    /// What had sounded at `samples`: whole phrases, and of the last one the words whose greater part was played.
    fn heard(&self, samples: u64) -> String {
        let Some((last, before)) = self.phrases.split_last() else { return String::new() };
        let mut parts: Vec<String> = before.iter().map(|phrase| phrase.text.clone()).collect();
        let written: Vec<&str> = last.text.split_whitespace().collect();
        let sounded = last.words.iter().filter(|word| word.start.midpoint(word.end) <= samples);
        let keep = through(&written, sounded.clone()).unwrap_or_else(|| {
            // Timed by another's words: the share counts.
            (written.len() * sounded.count()).div_ceil(last.words.len().max(1))
        });
        parts.push(written[..keep.min(written.len())].join(" "));
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }
}

/// How many of the written words lie before and under the sounded ones; some are not heard, such as an emoji.
fn through<'a>(written: &[&str], sounded: impl Iterator<Item = &'a WordTime>) -> Option<usize> {
    let mut keep = 0;
    for word in sounded {
        keep += written[keep..].iter().position(|written| *written == word.text)? + 1;
    }
    Some(keep)
}

impl Conversation {
    /// What is to be answered when the person has added these words.
    pub(super) fn request(&mut self, more: &str, language: String, speculative: bool) -> ResponseRequest {
        self.responses += 1;
        ResponseRequest {
            id: ResponseId(self.responses),
            speculative,
            script: None,
            preface: self.preface(&language),
            messages: self.messages(more, &language),
            language: self.voiced(&language),
            voice: self.settings.voice.clone(),
            tools: self.tools.clone(),
        }
    }

    /// Instructions and history with these words of the person, in this language.
    pub(super) fn messages(&mut self, more: &str, language: &str) -> Vec<Message> {
        let mut content = self.instructions();
        // Calls in English alone share what the model has read of the instructions.
        if let Some(instruction) = self.unvoiced_instruction(language) {
            content.push_str(&instruction);
        } else if (self.multilingual || is_foreign(language))
            && let Some(instruction) = answer_in(language)
        {
            content.push_str(&instruction);
        }
        let mut messages = vec![Message { role: Role::System, content }];
        messages.extend(self.history.fitted(more));
        messages
    }

    /// Lets the model read what is known so far; with words of the person, they go on.
    pub(super) fn read_ahead(&mut self, more: &str) {
        let language = self.language.clone();
        let messages = self.messages(more, &language);
        self.commands.push(Command::Prefill(messages, !more.is_empty()));
    }

    /// Answers when the person has said something, has stopped, and all their words are known.
    pub(super) fn answer_if_due(&mut self, now: u64) {
        let busy = self.answer.is_some() || self.open.is_some() || !self.cut.is_empty();
        if !self.unanswered || busy {
            return;
        }
        let request = self.request("", self.language.clone(), false);
        self.take_up(now, Answer::new(request.id, self.turn));
        self.commands.push(Command::Start(request, Play::Full));
    }

    /// The hidden answer is the one.
    pub(super) fn promote(&mut self, now: u64, mut hidden: Answer, marks: TurnMarks) {
        hidden.marks = TurnMarks { pause: marks.pause, transcript: marks.transcript, ..hidden.marks };
        hidden.marks.turn_decided = marks.turn_decided;
        let id = hidden.id;
        self.take_up(now, hidden);
        self.commands.push(Command::Play(id, Play::Full));
        // Nothing of it has been played.
        self.run_waiting_tool(now, PlaybackPosition::default());
    }

    fn take_up(&mut self, now: u64, mut answer: Answer) {
        answer.waited_from = Some(now);
        self.last_word = now;
        self.emit(CallEvent::AnswerStarted(answer.id));
        self.end_mood();
        for event in answer.untold.take().unwrap_or_default() {
            self.emit(event);
        }
        self.answer = Some(answer);
    }

    /// Says a line, unless there is something better to say.
    pub(super) fn say(&mut self, now: u64, what: Line) {
        self.say_words(now, line(what, &self.voiced(&self.language)).to_string());
    }

    pub(super) fn say_words(&mut self, now: u64, text: String) {
        if self.answer.is_some() || self.open.is_some() || !self.cut.is_empty() {
            return;
        }
        let mut request = self.request("", self.language.clone(), false);
        request.messages.clear();
        request.script = Some(text);
        let mut answer = Answer::new(request.id, (now, TurnMarks::default()));
        answer.scripted = true;
        self.take_up(now, answer);
        self.commands.push(Command::Start(request, Play::Full));
    }

    /// The person has waited long enough for a word.
    pub(super) fn hold(&mut self, _now: u64) {
        self.hold_with(line(Line::OneMoment, &self.voiced(&self.language)));
    }

    /// Says this while the person waits; one such phrase is enough.
    pub(super) fn hold_with(&mut self, text: &str) {
        let Some(answer) = self.answer.as_mut() else { return };
        if answer.waited_from.take().is_none() {
            return;
        }
        let id = answer.id;
        self.notice("one-moment", text);
        self.commands.push(Command::Hold(id, text.to_string()));
    }

    /// News of an answer in work; what belongs to another is dropped.
    pub(super) fn answer_goes_on(&mut self, now: u64, input: Input) {
        let id = match &input {
            Input::Text(id, _) | Input::Read(id, _) | Input::TextEnded(id) => *id,
            Input::FirstPhrase(id) | Input::FirstAudio(id) => *id,
            Input::Playout(event) => event.response(),
            _ => return,
        };
        let mut answers = self.answer.iter_mut().chain(self.hidden.iter_mut());
        let Some(answer) = answers.find(|answer| answer.id == id) else { return };
        let since = answer.since(now);
        let event = match input {
            Input::Text(response, text) => {
                answer.marks.first_token = answer.marks.first_token.or(since);
                answer.text.push_str(&text);
                Some(CallEvent::AnswerText { response, text })
            }
            Input::TextEnded(_) => {
                answer.text_ended = true;
                Some(CallEvent::AnswerTextEnded(id))
            }
            Input::Read(_, tokens) => {
                answer.read = Some(tokens);
                None
            }
            Input::FirstPhrase(_) => {
                answer.marks.first_phrase = since;
                None
            }
            Input::FirstAudio(_) => {
                answer.marks.first_audio = since;
                None
            }
            Input::Playout(PlayoutEvent::Started(_)) => {
                answer.sounding = true;
                self.unanswered = false;
                Some(CallEvent::AgentStartedSpeaking(id))
            }
            Input::Playout(PlayoutEvent::Phrase { text, response }) => {
                answer.marks.first_sent = answer.marks.first_sent.or(since);
                answer.phrases.push(Phrase { text: text.clone(), words: Vec::new() });
                Some(CallEvent::PhraseSpoken { response, text })
            }
            Input::Playout(PlayoutEvent::Words { words, .. }) => {
                answer.take_words(words);
                None
            }
            Input::Playout(PlayoutEvent::Cue { cue, .. }) => {
                self.shown.answer_shows(cue);
                Some(CallEvent::Expression(cue))
            }
            Input::Playout(PlayoutEvent::Finished(_)) => return self.answer_finished(now),
            _ => None,
        };
        let begun = matches!(event, Some(CallEvent::AgentStartedSpeaking(_))) && !answer.scripted;
        match (event, &mut answer.untold) {
            (Some(event), Some(untold)) => untold.push(event),
            (Some(event), None) => self.commands.push(Command::Emit(event)),
            (None, _) => {}
        }
        if begun {
            self.tell_of_voice();
        }
    }

    fn answer_finished(&mut self, now: u64) {
        let Some(mut answer) = self.answer.take() else { return };
        self.barge_in = None;
        self.last_word = now;
        answer.marks.done = answer.since(now);
        if answer.sounding {
            self.history.agent_was_heard(&answer.all());
            self.emit(CallEvent::AgentStoppedSpeaking(answer.id));
        } else {
            // Nothing that could be spoken: silence would look like a fault.
            self.unanswered = false;
            self.notice("no-answer", "I have no answer to that. Please put it another way.");
        }
        self.tell_turn(&answer);
        self.decide(now);
        self.make_room();
        self.prepare_lines();
    }

    /// What may have to be said without the model should not wait for its voice.
    pub(super) fn prepare_lines(&mut self) {
        if self.open.is_none() && self.answer.is_none() && self.leaving.is_none() {
            let language = self.voiced(&self.language);
            let lines = super::lines::prepared(&language).map(str::to_owned).collect();
            let voice = (self.settings.voice.clone(), language);
            self.commands.push(Command::Prepare(lines, voice));
        }
    }

    fn tell_turn(&mut self, answer: &Answer) {
        let circumstances = Circumstances {
            vote: self.vote,
            retried: self.retries > 0,
            delayed: answer.delayed,
            read: answer.read,
        };
        let slow = slow::explain(&answer.marks, circumstances).filter(|_| !answer.scripted);
        self.emit(CallEvent::Turn { response: answer.id, marks: answer.marks, slow });
    }

    /// The client reports the answer's first sound, which cannot be later than its report.
    pub(super) fn answer_was_heard(&mut self, now: u64, response: ResponseId, ms: u32) {
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.id == response)
            && answer.since(now).is_some_and(|since| ms <= since.saturating_add(CLOCKS_DIFFER))
        {
            answer.marks.heard = answer.marks.heard.or(Some(ms));
        }
    }

    /// The person speaks, or asks for silence: the answer ends here, and only what was heard is remembered.
    pub(super) fn interrupt(&mut self, now: u64, position: PlaybackPosition) {
        self.barge_in = None;
        let Some(mut answer) = self.answer.take() else { return };
        self.commands.push(Command::Cancel(answer.id));
        answer.marks.interrupted = answer.since(now);
        self.tool_broken_off(now, &mut answer.used);
        let samples = if position.response == answer.id { position.samples } else { 0 };
        let heard = answer.heard(samples);
        self.history.agent_was_heard(&heard);
        if !answer.text_ended {
            self.emit(CallEvent::AnswerTextEnded(answer.id));
        }
        if answer.sounding {
            self.emit(CallEvent::AgentStoppedSpeaking(answer.id));
        }
        self.emit(CallEvent::Interrupted { response: answer.id, heard });
        self.tell_turn(&answer);
    }

    /// An engine failed. Unheard answers are begun again, others end where they broke off.
    pub(super) fn answer_failed(&mut self, now: u64, position: PlaybackPosition, response: ResponseId) {
        if self.hidden.take_if(|hidden| hidden.id == response).is_some() {
            self.commands.push(Command::Cancel(response));
            return;
        }
        let Some(answer) = self.answer.as_ref().filter(|answer| answer.id == response) else { return };
        let (unheard, scripted) = (!answer.sounding, answer.scripted);
        self.interrupt(now, position);
        if scripted {
            return;
        }
        if unheard && self.retries < RETRIES {
            self.retries += 1;
            self.notice("one-moment", "One moment, please.");
            self.answer_if_due(now);
        } else {
            self.unanswered = false;
            self.notice("answer-failed", "Something went wrong while I was answering. Please ask me again.");
            self.say(now, Line::Failed);
        }
    }
}
