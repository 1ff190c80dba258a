//! llama-cpp-python's own server with the language model of the profile `cpu`.

use std::ffi::OsStr;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::server::{Peer, model};

/// The model's name at the server.
pub(crate) const MODEL: &str = "qwen";
/// What counts as doing nothing: ticks of processor time in half a second, of which 50 are one processor's.
const RESTING: u64 = 5;
/// Within which it ends work that nobody wants any more.
const SOON: Duration = Duration::from_secs(3);

/// Starts it, with these further options.
pub(crate) fn llama(more: &[&dyn AsRef<OsStr>]) -> Peer {
    let file = model("qwen2.5-coder-0.5b-instruct-iq4_nl.gguf");
    let usual: [&dyn AsRef<OsStr>; 8] =
        [&"-m", &"llama_cpp.server", &"--model", &file, &"--model_alias", &MODEL, &"--n_ctx", &"2048"];
    // A further request would end the response in progress.
    let patient: [&dyn AsRef<OsStr>; 2] = [&"--interrupt_requests", &"false"];
    Peer::python("llama-cpp", &[&usual[..], &patient[..], more].concat())
}

/// Ticks of processor time, a hundredth of a second each, that it takes in the next half second.
async fn work(peer: &Peer) -> u64 {
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", peer.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        // The first of these fields is the third of all; user time is the 14th, system time the 15th.
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum::<u64>()
    };
    let before = ticks();
    sleep(Duration::from_millis(500)).await;
    ticks() - before
}

/// Checks that it is at work on a response.
pub(crate) async fn assert_works(peer: &Peer) {
    assert!(work(peer).await > 4 * RESTING, "it does not work on the response");
}

/// Waits until its processor time stands still, and checks that it stays so.
pub(crate) async fn rests(peer: &Peer) {
    let rests = async { while work(peer).await > RESTING {} };
    assert!(timeout(SOON, rests).await.is_ok(), "it works on: {}", peer.log());
    assert!(work(peer).await <= RESTING, "it works again: {}", peer.log());
}
