//! Errors of a client, each a sentence that says what to do.

/// An error of a call from the client's side.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not a server address.
    #[error("{url:?} is not a server address: {reason}; write it as http://HOST:PORT")]
    BadUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server cannot be reached.
    #[error("cannot reach {url}: {reason}; is the server running and the address right?")]
    Unreachable {
        /// The address.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// The server refused a request.
    #[error("the server refused {what} with status {status}: {detail}")]
    Refused {
        /// The request.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// The problem's detail, or the beginning of the body.
        detail: String,
    },
    /// The server's response violates the protocol.
    #[error("the server's response to {what} violates the protocol: {detail}")]
    Protocol {
        /// The request.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The media connection failed.
    #[error("the WebRTC connection failed while {stage}: {reason}")]
    WebRtc {
        /// What was being done.
        stage: &'static str,
        /// What the library says.
        reason: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not come within {seconds} s")]
    TimedOut {
        /// What was awaited.
        what: &'static str,
        /// How long.
        seconds: u64,
    },
    /// The call is over.
    #[error("the call has ended: {0}")]
    Ended(String),
    /// A speech file cannot be used.
    #[error("cannot use the speech file {path}: {reason}")]
    Speech {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// An error of the WebRTC library at a stage of the connection.
    pub(crate) fn rtc(stage: &'static str) -> impl FnOnce(webrtc::error::Error) -> Self {
        move |error| Self::WebRtc { stage, reason: error.to_string() }
    }
}
