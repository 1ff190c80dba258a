//! Typed words that are expensive to process, or that imitate the model's control tokens.

use std::time::Duration;

use async_trait::async_trait;

use super::super::attack::Attack;
use super::super::payload::texts;
use super::super::socket::Socket;
use super::super::tally::Count;
use super::super::target::Target;
use super::AGAIN;
use visavis_client::ClientMessage;

const EVERY: Duration = Duration::from_secs(6);

pub(super) struct Typed;

#[async_trait]
impl Attack for Typed {
    fn name(&self) -> &'static str {
        "emoji and role tokens, typed"
    }

    async fn run(&self, target: &Target, count: &Count) {
        loop {
            if let Some(mut socket) = Socket::call(target, count).await {
                say_all(&mut socket).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

async fn say_all(socket: &mut Socket) {
    for text in texts::typed() {
        if !socket.say(&ClientMessage::SendText(text)).await || !socket.listen(EVERY).await {
            return;
        }
    }
}
