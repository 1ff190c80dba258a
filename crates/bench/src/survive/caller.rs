//! A caller who asks one question after the other, comes back whenever the connection is lost, and counts what is lost with it.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use super::heard::{End, Heard, Until};
use super::person::Person;
use super::redial::First;
use super::words::lost;
use crate::harness::words::words;
use visavis_client::turn::Question;
use visavis_client::{Call, Server, signed_ms};
use visavis_core::event::EndReason;

/// What became of a caller's turns.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tally {
    /// Questions.
    pub turns: usize,
    /// Those to which nothing was heard.
    pub turns_lost: usize,
    /// Questions that the loss of a connection cut off, and that were handed over when the call went on.
    pub handed_over: usize,
    /// Those of them that got no response, so that the person had to ask again: lost as well.
    pub asked_again: usize,
    /// How often the call went on over another connection.
    pub moves: usize,
    /// Words of the conversation, as the caller knows it, at each of these moments.
    pub words: usize,
    /// Those of them that the server no longer had.
    pub words_lost: usize,
    /// From the loss of a connection until the call went on, in ms.
    pub back_ms: Vec<f64>,
    /// The same until the agent was heard, where something was due.
    pub sound_ms: Vec<f64>,
    /// Why the call ended too early.
    pub faults: Vec<String>,
}

impl Tally {
    /// Adds another caller's.
    pub fn add(&mut self, other: Self) {
        self.turns += other.turns;
        self.turns_lost += other.turns_lost;
        self.handed_over += other.handed_over;
        self.asked_again += other.asked_again;
        self.moves += other.moves;
        self.words += other.words;
        self.words_lost += other.words_lost;
        self.back_ms.extend(other.back_ms);
        self.sound_ms.extend(other.sound_ms);
        self.faults.extend(other.faults);
    }

    /// Whether nothing was lost.
    #[must_use]
    pub fn passed(&self) -> bool {
        let lost = self.turns_lost + self.asked_again + self.words_lost;
        self.turns > 0 && lost == 0 && self.faults.is_empty()
    }
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) server: Server,
    pub(super) person: Arc<Person>,
    /// The caller, from 0.
    pub(super) number: usize,
    /// Told when the first turn is over.
    pub(super) begun: mpsc::Sender<()>,
    /// Once true, one more question is the last.
    pub(super) stop: watch::Receiver<bool>,
}

/// Asks until it is told to stop.
pub(super) async fn converse(talk: Talk) -> Tally {
    let mut tally = Tally::default();
    if let Err(error) = Box::pin(talk.all(&mut tally)).await {
        tally.faults.push(format!("call {}: {error:#}", talk.number));
        // Nobody should wait for its first turn; after that, nobody does.
        _ = talk.begun.try_send(());
    }
    tally
}

impl Talk {
    async fn all(&self, tally: &mut Tally) -> anyhow::Result<()> {
        let call = self.person.begin(&self.server).await?;
        let mut caller = Caller { talk: self, call, is_lost: false, history: Vec::new(), tally };
        for turn in 0.. {
            let is_last = *self.stop.borrow();
            caller.turn(&self.person.question(self.number + turn)).await?;
            if turn == 0 {
                // There is room for one of each caller.
                _ = self.begun.try_send(());
            }
            if is_last {
                break;
            }
        }
        caller.call.hang_up().await;
        Ok(())
    }
}

struct Caller<'a> {
    talk: &'a Talk,
    call: Call,
    /// The connection was lost between two questions.
    is_lost: bool,
    /// All words since the call began or went on, as the caller knows them.
    history: Vec<String>,
    tally: &'a mut Tally,
}

/// The call goes on.
struct Returned {
    heard: Heard,
    /// The rest of a response that was cut off is said now.
    goes_on: bool,
    lost_at: Instant,
}

impl Caller<'_> {
    async fn turn(&mut self, question: &Question) -> anyhow::Result<()> {
        self.tally.turns += 1;
        let answered = self.answered(question).await;
        self.tally.turns_lost += usize::from(!matches!(answered, Ok(true)));
        answered?;
        self.rest().await;
        Ok(())
    }

    /// Waits until the agent is silent; the next question comes back if the connection is lost meanwhile.
    async fn rest(&mut self) {
        self.is_lost = self.talk.person.rest(&mut self.call).await.is_err();
    }

    /// Asks, comes back as often as it takes, and says whether a response was heard.
    async fn answered(&mut self, question: &Question) -> anyhow::Result<bool> {
        let until = Until::over(self.talk.person.patience);
        let (mut heard, mut answered) = (Heard::default(), false);
        let mut end = self.ask(question, &mut heard, until).await;
        while end == End::Lost {
            answered |= heard.log.heard();
            let was_asked = heard.log.asked_at().is_some();
            let was_lost_before = self.is_lost;
            let back = self.come_back(heard).await?;
            heard = back.heard;
            if !was_asked && was_lost_before {
                // Nothing of it was said before.
                end = self.ask_anew(question, &mut heard, until).await;
            } else if !was_asked {
                heard = Heard::default();
                end = self.go_on_asking(question, &mut heard, until).await;
            } else if back.goes_on || !answered {
                end = heard.listen(&mut self.call, None, until).await;
                self.tally.sound_ms.extend(heard.first_sound().map(|at| signed_ms(back.lost_at, at)));
            } else {
                end = End::Over;
            }
        }
        answered |= heard.log.heard();
        self.learn(heard);
        Ok(answered)
    }

    async fn ask(&mut self, question: &Question, heard: &mut Heard, until: Until) -> End {
        if self.is_lost { End::Lost } else { heard.ask(&mut self.call, question, until).await }
    }

    async fn ask_anew(&mut self, question: &Question, heard: &mut Heard, until: Until) -> End {
        self.rest().await;
        *heard = Heard::default();
        self.ask(question, heard, until).await
    }

    /// Hands over a question that was cut off; without a response the person asks again.
    async fn go_on_asking(&mut self, question: &Question, heard: &mut Heard, until: Until) -> End {
        self.tally.handed_over += 1;
        let end = heard.hand_over(&mut self.call, question, until).await;
        if end != End::Over || heard.log.heard() {
            return end;
        }
        self.tally.asked_again += 1;
        self.ask_anew(question, heard, until).await
    }

    /// Adds what was said over a connection to what the caller knows.
    fn learn(&mut self, heard: Heard) {
        let Heard { log, told, .. } = heard;
        self.history.extend(words(&log.report().transcript));
        self.history.extend(told.sounded());
    }

    async fn come_back(&mut self, heard: Heard) -> anyhow::Result<Returned> {
        let lost_at = Instant::now();
        let handed_over = heard.ended == Some(EndReason::ServerStopping);
        let first = if handed_over { First::AtOnce } else { First::AfterPause };
        self.learn(heard);
        let pass = self.call.pass().cloned().context("there was no resume token")?;
        self.call = self.talk.person.come_back(&self.talk.server, &pass, first).await?;
        self.is_lost = false;
        self.tally.moves += 1;
        self.tally.back_ms.push(signed_ms(lost_at, Instant::now()));
        let mut heard = Heard::since(Instant::now());
        let recalled = heard.recalled(&mut self.call).await;
        let recalled = recalled.context("the server did not say what the call goes on from")?;
        self.tally.words += self.history.len();
        self.tally.words_lost += lost(&self.history, &words(&recalled.whole()));
        self.history = recalled.said.iter().flat_map(|said| words(&said.text)).collect();
        let goes_on = recalled.cut.is_some_and(|cut| !cut.trim().is_empty());
        Ok(Returned { heard, goes_on, lost_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_pass_together_only_if_none_has_lost_a_turn_or_a_word() {
        let good = Tally { turns: 3, moves: 1, words: 40, back_ms: vec![20.0], ..Tally::default() };
        let mut all = Tally::default();
        assert!(!all.passed(), "nobody asked");
        all.add(good.clone());
        all.add(good.clone());
        assert!(all.passed());
        assert_eq!((all.turns, all.moves, all.words, all.back_ms.len()), (6, 2, 80, 2));
        all.add(Tally { words_lost: 1, ..good.clone() });
        assert!(!all.passed());
        assert!(!Tally { turns_lost: 1, ..good.clone() }.passed());
        assert!(!Tally { asked_again: 1, ..good.clone() }.passed(), "the person said it twice");
        assert!(!Tally { faults: vec!["call 0: refused".into()], ..good }.passed());
    }
}
