//! A server as a client elsewhere sees it: over HTTP, over the WebSocket, and over UDP by the set-up of a call that ends at once.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use visavis_client::{Call, CallOptions, ClientError, Mode, Server};

use crate::check::millis;
use crate::judge::outside::Connected;
use crate::judge::serving::Serving;

/// What the HTTP side has answered.
pub(crate) struct Greeting {
    /// What it says of itself; none: it is no server of ours.
    pub(crate) serving: Option<Serving>,
    /// Milliseconds by which this machine's clock is ahead; none: it told no time.
    pub(crate) ahead_ms: Option<i64>,
}

/// Asks for health and readiness; the error is a sentence that says why there is no answer.
pub(crate) async fn greet(server: &Server) -> Result<Greeting, String> {
    let before = SystemTime::now();
    let sent = server.http().get(server.url("health")).send().await;
    let response = sent.map_err(|error| server.unreachable(&error).to_string())?;
    let after = SystemTime::now();
    let date =
        response.headers().get("date").and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let ahead_ms = date.map(|date| ahead(before, after, date));
    let health = response.json::<Value>().await.unwrap_or_default();
    let ready = get(server, "ready").await.unwrap_or_default();
    Ok(Greeting { serving: Serving::read(&health, &ready), ahead_ms })
}

/// By how many milliseconds the middle of a request is ahead of the second in which its answer was made.
fn ahead(before: SystemTime, after: SystemTime, date: SystemTime) -> i64 {
    let way = after.duration_since(before).unwrap_or_default() / 2;
    // The date is cut to whole seconds.
    let there = date + Duration::from_millis(500);
    let here = before + way;
    let signed = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    here.duration_since(there).map_or_else(|error| -signed(error.duration()), signed)
}

/// What the server tells clients of relays; the error is a sentence.
pub(crate) async fn ice_servers(server: &Server) -> Result<Value, String> {
    get(server, "api/ice-servers").await
}

/// The address from which the server sees this host; none: it does not tell.
pub(crate) async fn seen(server: &Server) -> Option<IpAddr> {
    let answer = get(server, "api/network").await.ok()?;
    let text = answer["address"].as_str()?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()
}

async fn get(server: &Server, path: &str) -> Result<Value, String> {
    let sent = server.http().get(server.url(path)).send().await;
    let response = sent.map_err(|error| server.unreachable(&error).to_string())?;
    response.json().await.map_err(|error| server.unreachable(&error).to_string())
}

/// Begins a call and hangs it up. The microphone hears silence.
pub(crate) async fn call(server: &Server, mode: Mode) -> Connected {
    match Box::pin(Call::start(server, mode, CallOptions::default())).await {
        Ok(call) => {
            let ms = millis(call.ready_in());
            // Without a goodbye it ends as well, when its connection does.
            _ = call.hang_up().await;
            Connected::Ready { ms }
        }
        Err(error @ ClientError::Refused { status: 429 | 503, .. }) => Connected::Full(error.to_string()),
        Err(error) => Connected::Fault(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_clock_is_compared_in_the_middle_of_the_request() {
        let at = |ms: u64| UNIX_EPOCH + Duration::from_millis(1_000_000 + ms);
        for (before, after, date, expected) in
            [(0, 1000, 0, 0), (0, 0, 0, -500), (10_000, 10_000, 0, 9_500), (0, 0, 10_000, -10_500)]
        {
            assert_eq!(ahead(at(before), at(after), at(date)), expected);
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_with_its_address() {
        // Bound, so that no other socket is given the port, and not listening.
        let kept = tokio::net::TcpSocket::new_v4().unwrap();
        kept.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = kept.local_addr().unwrap();
        let server = Server::new(&format!("http://{closed}")).unwrap();
        let told = greet(&server).await.err().unwrap();
        assert!(told.contains(&closed.to_string()), "{told}");
        assert_eq!(seen(&server).await, None);
    }
}
