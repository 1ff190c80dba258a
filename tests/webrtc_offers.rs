//! Offers of real browsers, and what becomes of them on the way.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use visavis::ends::call_ends;
use visavis::transport::webrtc::{OfferError, RemoteCandidate, WebRtcConfig, WebRtcHost};
use webrtc_support::{Client, PlainCodec, host, within};

const CHROMIUM: &str = include_str!("webrtc_support/offer-chromium.sdp");
const FIREFOX: &str = include_str!("webrtc_support/offer-firefox.sdp");

/// A call's worth of answering, ended at once.
async fn answer(host: &Arc<WebRtcHost>, offer: &str) -> Result<String, OfferError> {
    let (transport, _pipeline) = call_ends();
    let tasks = TaskTracker::new();
    let token = CancellationToken::new();
    token.cancel();
    let result = host.answer(offer, transport, Arc::new(PlainCodec), token, &tasks).await;
    result.map(|(answer, _)| answer)
}

fn detail(result: Result<String, OfferError>) -> String {
    match result {
        Err(OfferError::Malformed { detail } | OfferError::Unsupported { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn browsers_are_answered_with_what_they_need() {
    let host = host(4).await;
    for (offer, opus) in [(CHROMIUM, 111), (FIREFOX, 109)] {
        let answer = answer(&host, offer).await.unwrap();
        for line in [
            "a=setup:passive".to_owned(),
            "a=sendrecv".to_owned(),
            "a=rtcp-mux".to_owned(),
            format!("a=rtpmap:{opus} opus/48000/2"),
            format!("a=fmtp:{opus} minptime=10;useinbandfec=1;usedtx=1;stereo=0;maxplaybackrate=16000"),
            format!("a=candidate:1 1 udp 2130706431 127.0.0.1 {} typ host", host.local_addr().port()),
            "a=end-of-candidates".to_owned(),
            "a=group:BUNDLE 0 1".to_owned(),
        ] {
            assert!(answer.lines().any(|have| have == line), "no {line} in\n{answer}");
        }
        assert!(answer.contains("a=msid:visavis "), "{answer}");
        assert_eq!(answer.matches("a=candidate:").count(), 1, "no address but the port's own");
    }
}

#[tokio::test]
async fn public_addresses_come_first_and_all_have_the_one_port() {
    let public: std::net::IpAddr = "203.0.113.5".parse().unwrap();
    let config =
        WebRtcConfig { udp: "0.0.0.0:0".parse().unwrap(), public_addresses: vec![public], max_calls: 1 };
    let host = WebRtcHost::bind(config).await.unwrap();
    let port = host.local_addr().port();
    let answer = answer(&host, CHROMIUM).await.unwrap();
    let candidates: Vec<&str> = answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert_eq!(candidates[0], format!("a=candidate:1 1 udp 2130706431 203.0.113.5 {port} typ host"));
    assert!(candidates.last().unwrap().contains(&format!(" 127.0.0.1 {port} typ host")));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let host = host(1).await;
    let config = WebRtcConfig { udp: host.local_addr(), public_addresses: Vec::new(), max_calls: 1 };
    let error = WebRtcHost::bind(config).await.unwrap_err().to_string();
    assert!(error.contains(&host.local_addr().to_string()) && error.contains("another"), "{error}");
}

#[tokio::test]
async fn sections_are_answered_in_any_order_and_video_is_declined() {
    let host = host(4).await;
    let at = CHROMIUM.find("m=audio").unwrap();
    let data = CHROMIUM.find("m=application").unwrap();
    let (session, audio, data) = (&CHROMIUM[..at], &CHROMIUM[at..data], &CHROMIUM[data..]);
    let video = audio
        .replace("m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126", "m=video 9 UDP/TLS/RTP/SAVPF 96")
        .replace("a=mid:0", "a=mid:2")
        .replace("opus/48000/2", "VP8/90000")
        .replace(":111", ":96")
        .replace("827794609", "827794610");
    let session = session.replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    for offer in [format!("{session}{audio}{data}{video}"), format!("{session}{video}{data}{audio}")] {
        let answer = answer(&host, &offer).await.unwrap();
        let video = answer.lines().find(|line| line.starts_with("m=video")).unwrap();
        assert!(video.starts_with("m=video 0"), "{answer}");
        assert_eq!(answer.matches("m=audio 9").count(), 1, "{answer}");
    }
    let bundled = format!("{session}{data}{}a=bundle-only\r\n", audio.replace("m=audio 9", "m=audio 0"));
    let answer = answer(&host, &bundled.replace("BUNDLE 0 1 2", "BUNDLE 1 0")).await.unwrap();
    assert!(answer.contains("a=rtpmap:111"), "{answer}");
}

#[tokio::test]
async fn a_bad_offer_is_told_what_is_wrong() {
    let host = host(4).await;
    let without = |start: &str| {
        CHROMIUM
            .lines()
            .filter(|line| !line.starts_with(start))
            .map(|line| format!("{line}\r\n"))
            .collect::<String>()
    };
    for (offer, expected) in [
        (String::new(), "v=0"),
        ("\u{0}\u{1}\u{ff}garbage\u{7f}".to_owned(), "line 1"),
        (without("a=ice-ufrag"), "a=ice-ufrag"),
        (without("a=ice-pwd"), "a=ice-pwd"),
        (without("a=fingerprint"), "a=fingerprint"),
        (without("a=setup"), "a=setup"),
        (without("a=rtcp-mux"), "a=rtcp-mux"),
        (without("a=mid"), "a=mid"),
        (without("o="), "o="),
        (without("a=rtpmap:111"), "opus"),
        (CHROMIUM.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 XY:"), "hexadecimal"),
        (CHROMIUM.replace("a=setup:actpass", "a=setup:passive"), "passive"),
        (CHROMIUM.replace("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP"), "RTP/AVP"),
        (CHROMIUM.replace("m=audio 9", "m=audio nine"), "port"),
        (format!("{CHROMIUM}a={}\r\n", "x".repeat(70_000)), "bytes"),
    ] {
        let told = detail(answer(&host, &offer).await);
        assert!(told.contains(expected), "{told:?} does not say {expected:?}");
    }
    let video = CHROMIUM.replace("m=audio", "m=video");
    assert_eq!(answer(&host, &video).await, Err(OfferError::NoAudio));
    let rejected = CHROMIUM.replace("m=audio 9", "m=audio 0");
    assert_eq!(answer(&host, &rejected).await, Err(OfferError::NoAudio));
}

/// Small, so that a failure repeats: the numbers of Knuth's generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }
}

fn mutate(offer: &str, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(lines.len());
        let other = dice.below(lines.len());
        match dice.below(9) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[other].clone()),
            2 => lines.swap(at, other),
            3 => {
                let cut = dice.below(lines[at].len());
                let cut = (0..=cut).rev().find(|cut| lines[at].is_char_boundary(*cut)).unwrap();
                lines[at].truncate(cut);
            }
            4 => lines[at] = lines[at].replace(|c: char| c.is_ascii_digit(), "9999999999"),
            5 => lines[at] = lines[at].replace(' ', ""),
            6 => lines[at].push_str(&" \u{1F600};=:/".repeat(dice.below(20))),
            7 => lines[at] = lines[at].replace(':', "::"),
            _ => lines[at] = lines[at].chars().rev().collect(),
        }
        if lines.is_empty() {
            break;
        }
    }
    lines.join(if dice.below(2) == 0 { "\r\n" } else { "\n" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_offer_harms_the_server() {
    let host = host(8).await;
    let panicked = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let log = panicked.clone();
    std::panic::set_hook(Box::new(move |info| log.lock().push(info.to_string())));
    let mut dice = Dice(1);
    let mut answered = 0;
    for round in 0..400 {
        let offer = mutate(if round % 2 == 0 { CHROMIUM } else { FIREFOX }, &mut dice);
        let result = within(Duration::from_secs(5), answer(&host, &offer)).await;
        answered += usize::from(result.is_ok());
        assert!(!matches!(result, Err(OfferError::Internal { .. })), "{result:?} for\n{offer}");
        while host.routes() > 0 && answered % 4 == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    drop(std::panic::take_hook());
    assert_eq!(*panicked.lock(), Vec::<String>::new());
    assert!(answered > 50, "{answered} answered: the mutations are too wild to test anything");
    assert!(Client::new().await.call(&host).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn candidates_of_all_kinds_are_taken_or_ignored() {
    let host = host(1).await;
    let mut client = Client::new().await;
    let call = client.call(&host).await.unwrap();
    let candidate = |text: &str| RemoteCandidate {
        candidate: text.to_owned(),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
    };
    let candidates = [
        "",
        "candidate:1 1 udp 2122260223 3c9f2f3e-1111-2222-3333-444455556666.local 50000 typ host generation 0 ufrag abcd",
        "candidate:2 1 udp 2122260223 192.0.2.7 50000 typ host generation 0 ufrag abcd network-id 1",
        "candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active generation 0",
        "candidate:4 1 udp 1686052607 198.51.100.7 50000 typ srflx raddr 0.0.0.0 rport 0",
        "candidate:5 1 udp 41885439 203.0.113.7 3478 typ relay raddr 0.0.0.0 rport 0",
        "candidate:6 1 udp 2122260223 2001:db8::1 50000 typ host",
        "candidate:7 1 udp 99999999999 192.0.2.7 50000 typ host",
        "candidate:8 1 udp 1 192.0.2.7 70000 typ host",
        "candidate: \u{1F600}",
        "garbage",
    ];
    call.handle.add_candidates(candidates.map(candidate).to_vec()).await.unwrap();
    let many = vec![candidate("candidate:2 1 udp 2122260223 192.0.2.8 50000 typ host"); 1_000];
    call.handle.add_candidates(many).await.unwrap();
    let refused = call.handle.renegotiate("v=0").await;
    assert!(matches!(refused, Err(OfferError::Malformed { .. })), "{refused:?}");
    client.say("still here").await;
}
