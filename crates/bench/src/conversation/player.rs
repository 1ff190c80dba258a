//! Plays a scenario in a call and records what happens.

use std::time::{Duration, Instant};

use super::heard::Pace;
use super::scene::{Recording, Scene, Spoken};
use super::script::{Role, When};
use super::speech::Utterance;
use visavis_client::turn::{TurnLog, tell_server};
use visavis_client::{Arrived, Call, ClientError, Event, ServerMessage};
use visavis_core::frame::MIC_RATE;

/// How long to listen to a response that nobody interrupts.
const LISTEN: Duration = Duration::from_secs(12);
/// Time to wait for a response to an aside, after the response that it fell into.
const AFTERWARDS: Duration = Duration::from_millis(2_500);
/// Length of a scenario without words.
const SILENCE: Duration = Duration::from_secs(8);

/// A line, ready to be spoken.
#[derive(Debug, Clone)]
pub struct Cue {
    /// What it means.
    pub role: Role,
    /// When it begins.
    pub when: When,
    /// What is said.
    pub says: Utterance,
}

/// Plays lines in a call that has just begun. `patience`: how long a response's first sound may take.
pub async fn play(
    call: &mut Call,
    cues: &[Cue],
    patience: Duration,
    pace: &Pace,
) -> Result<Recording, ClientError> {
    let mut player =
        Player { call, recording: Recording::default(), log: TurnLog::default(), told: false, patience };
    for cue in cues {
        if !player.wait_for(cue.when, pace).await? {
            player.recording.missed = true;
            return Ok(player.recording);
        }
        player.speak(cue).await?;
    }
    match cues.last().map(|cue| cue.role) {
        None => player.listen_until(Instant::now() + SILENCE).await?,
        Some(role) => player.listen_to_the_end(role).await?,
    }
    Ok(player.recording)
}

struct Player<'a> {
    call: &'a mut Call,
    recording: Recording,
    log: TurnLog,
    told: bool,
    patience: Duration,
}

impl Player<'_> {
    /// Waits for the time of a line; false if the response that it was meant for is over.
    async fn wait_for(&mut self, when: When, pace: &Pace) -> Result<bool, ClientError> {
        if let When::After(ms) = when {
            let from = self.recording.spoken.last().map_or_else(Instant::now, |last| last.to);
            self.listen_until(from + Duration::from_millis(u64::from(ms))).await?;
            return Ok(true);
        }
        let end = Instant::now() + self.patience;
        while !self.log.heard() {
            if !self.hear(end).await? {
                return Ok(false);
            }
        }
        let first = self.first_sound();
        match when {
            When::After(_) => Ok(true),
            When::Into(ms) => {
                let due = first + Duration::from_millis(u64::from(ms));
                while !self.log.over() {
                    if !self.hear(due).await? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            When::LastWord => self.wait_for_last_word(first + LISTEN * 2, pace).await,
        }
    }

    async fn wait_for_last_word(&mut self, at_most: Instant, pace: &Pace) -> Result<bool, ClientError> {
        loop {
            let scene = Scene::read(&self.recording.events);
            let due = scene.responses.last().and_then(|response| pace.last_word(response));
            let quiet_until = due.unwrap_or(at_most);
            // Only messages change the prediction.
            loop {
                if self.log.over() {
                    return Ok(false);
                }
                if !self.hear(quiet_until).await? {
                    return Ok(due.is_some());
                }
                if matches!(self.recording.events.last(), Some(Arrived { event: Event::Message(_), .. })) {
                    break;
                }
            }
        }
    }

    fn first_sound(&self) -> Instant {
        let asked = self.recording.spoken.last().map_or_else(Instant::now, |last| last.to);
        let after = self.log.first_audio().map_or(0.0, |(_, ms)| ms.max(0.0));
        asked + Duration::from_secs_f64(after / 1_000.0)
    }

    /// Says a line; returns when its last sample has been sent.
    async fn speak(&mut self, cue: &Cue) -> Result<(), ClientError> {
        let clip = cue.says.clip.clone();
        let (first, end) = clip.spoken().unwrap_or_default();
        let mut done = self.call.speak(clip).await?;
        let to = loop {
            tokio::select! {
                at = &mut done => break at.map_err(|_| self.ended())?,
                arrived = self.call.next() => match arrived {
                    Some(arrived) => self.take(arrived).await?,
                    None => return Err(self.ended()),
                },
            }
        };
        let took = Duration::from_secs_f64((end - first) as f64 / f64::from(MIC_RATE));
        let from = to.checked_sub(took).unwrap_or(to);
        self.recording.spoken.push(Spoken { role: cue.role, words: cue.says.words.clone(), from, to });
        if !matches!(cue.role, Role::Aside | Role::Noise) {
            self.log.asked(to);
            self.told = false;
        }
        Ok(())
    }

    /// Listens until the response has ended, or has been heard for long enough.
    async fn listen_to_the_end(&mut self, role: Role) -> Result<(), ClientError> {
        let spoken = Instant::now();
        loop {
            let cap = if role == Role::Aside {
                spoken + LISTEN
            } else if self.log.heard() {
                self.first_sound() + LISTEN
            } else {
                spoken + self.patience
            };
            let deadline = self.log.deadline(self.patience).map_or(cap, |deadline| deadline.min(cap));
            if !self.hear(deadline).await? {
                break;
            }
        }
        if role == Role::Aside && self.log.over() {
            self.listen_until(Instant::now() + AFTERWARDS).await?;
        }
        Ok(())
    }

    async fn listen_until(&mut self, deadline: Instant) -> Result<(), ClientError> {
        while self.hear(deadline).await? {}
        Ok(())
    }

    /// Takes the next event; false at the deadline.
    async fn hear(&mut self, deadline: Instant) -> Result<bool, ClientError> {
        match self.call.next_before(deadline).await {
            Some(arrived) => self.take(arrived).await.map(|()| true),
            None if Instant::now() >= deadline => Ok(false),
            None => Err(self.ended()),
        }
    }

    async fn take(&mut self, arrived: Arrived) -> Result<(), ClientError> {
        if let Event::Closed(why) | Event::Message(ServerMessage::CallEnded { message: why, .. }) =
            &arrived.event
        {
            return Err(ClientError::Ended(why.clone()));
        }
        self.recording.events.push(arrived.clone());
        self.log.event(arrived);
        if !self.told && self.log.heard() {
            self.told = true;
            tell_server(self.call, &self.log).await?;
        }
        Ok(())
    }

    fn ended(&self) -> ClientError {
        ClientError::Ended("the connection is closed".to_owned())
    }
}
