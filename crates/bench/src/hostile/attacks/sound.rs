//! Calls that send sound too fast, or noise without end and without words.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::MissedTickBehavior;

use super::super::attack::Attack;
use super::super::payload::frames::Frames;
use super::super::socket::Socket;
use super::super::tally::Count;
use super::super::target::Target;
use super::AGAIN;

const FRAME: Duration = Duration::from_millis(20);
/// Factor by which sound is sent faster than it plays.
const FASTER: usize = 200;

/// Noise in real time.
pub(super) struct Noise;

/// Noise much faster than real time.
pub(super) struct Fast;

#[async_trait]
impl Attack for Noise {
    fn name(&self) -> &'static str {
        "endless noise"
    }

    async fn run(&self, target: &Target, count: &Count) {
        again(target, count, 1).await;
    }
}

#[async_trait]
impl Attack for Fast {
    fn name(&self) -> &'static str {
        "sound 200 times as fast as speech"
    }

    async fn run(&self, target: &Target, count: &Count) {
        again(target, count, FASTER).await;
    }
}

async fn again(target: &Target, count: &Count, at_once: usize) {
    loop {
        if let Some(mut socket) = Socket::call(target, count).await {
            speak(&mut socket, at_once).await;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Sends this many frames per frame's length, until the call ends.
async fn speak(socket: &mut Socket, at_once: usize) {
    let mut frames = Frames::default();
    let mut pace = tokio::time::interval(FRAME);
    // Frames that a busy machine missed are not sent later: the rate stays the same.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let goes_on = tokio::select! {
            _ = pace.tick() => socket.sound(frames.by_ref().take(at_once).collect()).await,
            goes_on = socket.read() => goes_on,
        };
        if !goes_on {
            return;
        }
    }
}
