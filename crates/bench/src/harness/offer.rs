//! The SDP exchange: a real offer, and two malformed ones.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Finding;
use visavis_client::{Offering, Server};

pub(super) async fn check(server: &Server) -> Finding {
    let offering = Offering::new(server).await.map_err(|error| error.to_string())?;
    let answered = server.offer(&offering.sdp, None, None).await;
    offering.close().await;
    let answer = answered.map_err(|error| error.to_string())?;
    if answer.kind != "answer" || answer.pc_id.is_empty() {
        return Err(format!("type {:?}, pc_id {:?}: an answer has both", answer.kind, answer.pc_id));
    }
    let seen = whole_answer(&answer.sdp)?;
    // Twice: the second time the call has already ended.
    for _ in 0..2 {
        server.delete_call(&answer.pc_id).await.map_err(|error| error.to_string())?;
    }
    refused(server, &json!({"sdp": "v=0\r\nnonsense", "type": "offer"}), &[StatusCode::BAD_REQUEST]).await?;
    let either = [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY];
    refused(server, &json!({"type": "offer"}), &either).await?;
    Ok(format!("{seen}; malformed offers are refused with their reason"))
}

fn whole_answer(sdp: &str) -> Finding {
    let has = |prefix: &str| sdp.lines().any(|line| line.starts_with(prefix));
    for (prefix, what) in [
        ("m=audio ", "no audio section"),
        ("m=application ", "no data channel"),
        ("a=ice-ufrag:", "no ICE credentials"),
        ("a=ice-pwd:", "no ICE credentials"),
        ("a=fingerprint:sha-256 ", "no DTLS fingerprint"),
    ] {
        if !has(prefix) {
            return Err(format!("the answer has {what} ({prefix}…)"));
        }
    }
    if has("m=audio 0 ") || has("m=application 0 ") {
        return Err("the answer rejects the audio or the data channel (port 0)".to_owned());
    }
    if !sdp.to_ascii_lowercase().contains(" opus/48000") {
        return Err("the answer does not offer Opus".to_owned());
    }
    let candidates = sdp.lines().filter(|line| line.starts_with("a=candidate:")).count();
    if candidates == 0 {
        return Err("the answer has no candidate: nobody can reach the server's media".to_owned());
    }
    Ok(format!("audio, data channel and {candidates} candidate(s)"))
}

async fn refused(server: &Server, body: &Value, allowed: &[StatusCode]) -> Result<(), String> {
    let sent = server.http().post(server.url("api/offer")).json(body).send().await;
    let response = sent.map_err(|error| server.unreachable(&error).to_string())?;
    let status = response.status();
    if !allowed.contains(&status) {
        return Err(format!("the malformed offer {body} answered {status} instead of {}", allowed[0]));
    }
    let headers = response.headers();
    let content = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content.starts_with("application/problem+json") {
        return Err(format!("the refusal is {content:?} instead of application/problem+json"));
    }
    let problem: Value =
        response.json().await.map_err(|error| format!("the refusal is not JSON: {error}"))?;
    if problem["status"] != status.as_u16() || problem["title"].as_str().is_none_or(str::is_empty) {
        return Err(format!("the refusal lacks its status or title: {problem}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n\
        a=ice-ufrag:a\r\na=ice-pwd:b\r\na=fingerprint:sha-256 AA\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";

    #[test]
    fn an_answer_that_lacks_any_part_does_not_pass() {
        whole_answer(GOOD).unwrap();
        for part in ["m=application 9", "a=ice-pwd", "a=fingerprint", "a=candidate", "opus/48000"] {
            assert!(whole_answer(&GOOD.replace(part, "x=")).is_err(), "without {part}");
        }
        assert!(whole_answer(&GOOD.replace("m=audio 9", "m=audio 0")).unwrap_err().contains("rejects"));
    }
}
