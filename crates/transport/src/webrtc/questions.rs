//! Our own questions to STUN servers, which are asked from the port of calls: which responses are awaited there.

use std::collections::HashMap;
use std::net::SocketAddr;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::stun::{self, Transaction};

/// Questions at once; more are not asked.
const MOST: usize = 32;

/// The questions that await their response.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: Mutex<HashMap<Transaction, Question>>,
}

#[derive(Debug)]
struct Question {
    server: SocketAddr,
    tell: oneshot::Sender<SocketAddr>,
}

/// A question as it is asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) transaction: Transaction,
    pub(super) request: Vec<u8>,
    /// The port as the server sees it; an error if the server refuses.
    pub(super) mapped: oneshot::Receiver<SocketAddr>,
}

impl Questions {
    /// A question for this server; `None` if there are too many.
    pub(super) fn open(&self, server: SocketAddr) -> Option<Asked> {
        let mut open = self.open.lock();
        // Whoever asked may have given up.
        open.retain(|_, question| !question.tell.is_closed());
        if open.len() >= MOST {
            return None;
        }
        let transaction: Transaction = rand::random();
        let (tell, mapped) = oneshot::channel();
        open.insert(transaction, Question { server, tell });
        Some(Asked { transaction, request: stun::binding_request(&transaction), mapped })
    }

    pub(super) fn close(&self, transaction: &Transaction) {
        self.open.lock().remove(transaction);
    }

    /// Takes a datagram, if it is a response that is awaited from there.
    pub(super) fn take(&self, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(transaction) = stun::transaction(datagram) else { return false };
        let mut open = self.open.lock();
        if open.get(&transaction).is_none_or(|question| question.server != from) {
            return false;
        }
        let question = open.remove(&transaction);
        drop(open);
        if let (Some(question), Some(mapped)) = (question, stun::mapped_address(datagram)) {
            _ = question.tell.send(mapped);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response that says 203.0.113.5:61000.
    fn response(transaction: &Transaction) -> Vec<u8> {
        let mapped = (u32::from_be_bytes([203, 0, 113, 5]) ^ 0x2112_a442).to_be_bytes();
        let port = (61_000_u16 ^ 0x2112).to_be_bytes();
        let attribute = [&[0, 0x20, 0, 8, 0, 1][..], &port, &mapped].concat();
        [&[1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42][..], transaction, &attribute].concat()
    }

    #[test]
    fn only_the_server_that_was_asked_says_where_it_sees_the_port() {
        let (server, other): (SocketAddr, SocketAddr) =
            ("198.51.100.1:3478".parse().unwrap(), "198.51.100.2:3478".parse().unwrap());
        let questions = Questions::default();
        let mut asked = questions.open(server).unwrap();
        assert_eq!(asked.request.len(), 20);
        assert!(stun::is_stun(&asked.request) && stun::is_request(&asked.request));
        let response = response(&asked.transaction);
        assert!(!questions.take(other, &response), "from elsewhere");
        assert!(!questions.take(server, &response[..19]), "cut short");
        let mut of_another = response.clone();
        of_another[8] ^= 1;
        assert!(!questions.take(server, &of_another), "of another transaction");
        assert!(asked.mapped.try_recv().is_err());
        assert!(questions.take(server, &response));
        assert_eq!(asked.mapped.try_recv(), Ok("203.0.113.5:61000".parse().unwrap()));
        assert!(!questions.take(server, &response), "once");
    }

    #[test]
    fn a_refusal_ends_the_question_without_an_address() {
        let server: SocketAddr = "198.51.100.1:3478".parse().unwrap();
        let questions = Questions::default();
        let mut asked = questions.open(server).unwrap();
        let refusal = [&[1, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &asked.transaction].concat();
        assert!(questions.take(server, &refusal));
        assert_eq!(asked.mapped.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn questions_are_limited_and_those_that_nobody_awaits_are_forgotten() {
        let server: SocketAddr = "198.51.100.1:3478".parse().unwrap();
        let questions = Questions::default();
        let asked: Vec<Asked> = std::iter::from_fn(|| questions.open(server)).take(100).collect();
        assert_eq!(asked.len(), MOST);
        drop(asked);
        assert!(questions.open(server).is_some());
    }
}
