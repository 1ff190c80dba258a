//! Tools whose schemas are expensive to compile, to validate or to use in a grammar.

use std::time::Duration;

use async_trait::async_trait;

use super::super::attack::Attack;
use super::super::payload::schemas;
use super::super::socket::Socket;
use super::super::tally::Count;
use super::super::target::Target;
use super::AGAIN;
use visavis_client::ClientMessage;

/// The time for each list of tools.
const LOOKED_AT: Duration = Duration::from_secs(2);
/// The time for the response.
const ANSWERED: Duration = Duration::from_secs(12);

pub(super) struct Tools;

#[async_trait]
impl Attack for Tools {
    fn name(&self) -> &'static str {
        "schemas of tools"
    }

    async fn run(&self, target: &Target, count: &Count) {
        loop {
            if let Some(mut socket) = Socket::call(target, count).await {
                declare(&mut socket).await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Declares each list of tools and asks for a call of the last one; returns when the call ends.
async fn declare(socket: &mut Socket) {
    for tools in schemas::all() {
        if !socket.say(&ClientMessage::SetTools(tools)).await || !socket.listen(LOOKED_AT).await {
            return;
        }
    }
    let question = ClientMessage::SendText(schemas::QUESTION.to_owned());
    while socket.say(&question).await && socket.listen(ANSWERED).await {}
}
