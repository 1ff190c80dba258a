//! Offers of real browsers, intact and mangled.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use visavis::ports::call_ports;
use visavis::transport::webrtc::{
    AddressRules, OfferError, OuterRule, RemoteCandidate, TransportSide, WebRtcConfig, WebRtcHost,
};
use webrtc_support::{Client, PATIENCE, PlainCodec, host, play, until, within};

const CHROMIUM: &str = include_str!("webrtc_support/offer-chromium.sdp");
const FIREFOX: &str = include_str!("webrtc_support/offer-firefox.sdp");

/// Answers an offer for a call that ends at once.
async fn answer(host: &Arc<WebRtcHost>, offer: &str) -> Result<String, OfferError> {
    let (ports, _pipeline) = call_ports();
    let token = CancellationToken::new();
    token.cancel();
    let side = TransportSide { ports, protocol: Arc::new(PlainCodec), token, tasks: TaskTracker::new() };
    host.answer(offer, side).await.map(|(answer, _)| answer)
}

fn detail(result: Result<String, OfferError>) -> String {
    match result {
        Err(OfferError::Malformed { detail } | OfferError::Unsupported { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn answers_hold_what_browsers_need() {
    let host = host().await;
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
        assert_eq!(answer.matches("a=candidate:").count(), 1, "no address but the host's own");
    }
}

#[tokio::test]
async fn public_addresses_come_first_and_all_have_the_same_port() {
    let public: std::net::IpAddr = "203.0.113.5".parse().unwrap();
    let addresses = AddressRules { public: vec![public], ..AddressRules::default() };
    let config = WebRtcConfig { udp: "0.0.0.0:0".parse().unwrap(), addresses };
    let host = WebRtcHost::bind(config).await.unwrap();
    let port = host.local_addr().port();
    let answer = answer(&host, CHROMIUM).await.unwrap();
    let candidates: Vec<&str> = answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert_eq!(candidates[0], format!("a=candidate:1 1 udp 2130706431 203.0.113.5 {port} typ host"));
    assert!(candidates.iter().all(|line| line.ends_with(&format!(" {port} typ host"))), "{answer}");
    assert!(!answer.contains(" 127.0.0.1 "), "nobody elsewhere reaches a public server there: {answer}");
}

#[tokio::test]
async fn an_outer_address_may_be_told_as_server_reflexive() {
    let public: std::net::IpAddr = "203.0.113.5".parse().unwrap();
    let outer = OuterRule::Reflexive;
    let addresses = AddressRules { public: vec![public], outer, ..AddressRules::default() };
    let host =
        WebRtcHost::bind(WebRtcConfig { udp: "127.0.0.1:0".parse().unwrap(), addresses }).await.unwrap();
    let port = host.local_addr().port();
    let answer = answer(&host, CHROMIUM).await.unwrap();
    let candidates: Vec<&str> = answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    let own = format!("a=candidate:1 1 udp 2130706431 127.0.0.1 {port} typ host");
    assert_eq!(candidates.len(), 2, "{answer}");
    assert_eq!(candidates[0], own);
    assert!(candidates[1].ends_with(&format!(" 203.0.113.5 {port} typ srflx raddr 127.0.0.1 rport {port}")));
}

#[tokio::test]
async fn outer_addresses_that_are_learnt_are_told_in_the_calls_that_begin_afterwards() {
    let host = host().await;
    let mut changes = host.address_changes();
    host.learn_outer(vec!["203.0.113.5".parse().unwrap()]);
    let told = changes.wait_for(|candidates| candidates.len() == 2);
    drop(within(Duration::from_secs(30), told).await.unwrap());
    let answer = answer(&host, CHROMIUM).await.unwrap();
    assert!(answer.contains(&format!(" 203.0.113.5 {} typ host", host.local_addr().port())), "{answer}");
}

#[tokio::test]
async fn with_the_relay_alone_no_answer_tells_an_address_of_the_host() {
    let relayed = Some(vec!["192.0.0.8".parse().unwrap()]);
    for udp in ["0.0.0.0:0", "127.0.0.1:0"] {
        let addresses = AddressRules { relayed: relayed.clone(), ..AddressRules::default() };
        let host = WebRtcHost::bind(WebRtcConfig { udp: udp.parse().unwrap(), addresses }).await.unwrap();
        // What is learnt of the host changes nothing.
        host.learn_outer(vec!["203.0.113.5".parse().unwrap()]);
        let port = host.local_addr().port();
        let only = format!("a=candidate:1 1 udp 16777215 192.0.0.8 {port} typ relay raddr 0.0.0.0 rport 0");
        for offer in [CHROMIUM, FIREFOX] {
            let answer = answer(&host, offer).await.unwrap();
            let told: Vec<&str> = answer.lines().filter(|line| line.contains("candidate:")).collect();
            assert_eq!(told, [only.as_str()], "{answer}");
            assert!(!answer.contains("typ host") && !answer.contains("203.0.113.5"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let host = host().await;
    let config = WebRtcConfig::at(host.local_addr());
    let error = WebRtcHost::bind(config).await.unwrap_err().to_string();
    assert!(error.contains(&host.local_addr().to_string()) && error.contains("another"), "{error}");
}

#[tokio::test]
async fn sections_are_answered_in_any_order_and_video_is_declined() {
    let host = host().await;
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
async fn a_bad_offer_is_refused_with_the_reason() {
    let host = host().await;
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
        (CHROMIUM.replace("a=mid:1", "a=mid:0"), "two sections"),
        (CHROMIUM.replace("webrtc-datachannel", "99999999999"), "SCTP port"),
        (without("o="), "o="),
        (without("a=rtpmap:111"), "opus"),
        (CHROMIUM.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 XY:"), "hexadecimal"),
        (CHROMIUM.replace("a=setup:actpass", "a=setup:holdconn"), "holdconn"),
        (CHROMIUM.replace("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 TCP/RTP/AVP"), "TCP/RTP/AVP"),
        (CHROMIUM.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-1 "), "sha-256"),
        (format!("{CHROMIUM}{}", "m=video 0 RTP/AVP 96\r\n".repeat(7)), "more than 8"),
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

/// Knuth's linear congruential generator: deterministic, so that failures reproduce.
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
    let host = host().await;
    let panicked = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let log = panicked.clone();
    std::panic::set_hook(Box::new(move |info| log.lock().push(info.to_string())));
    let mut dice = Dice(1);
    let mut answered = 0;
    for round in 0..400 {
        let offer = mutate(if round % 2 == 0 { CHROMIUM } else { FIREFOX }, &mut dice);
        let result = within(PATIENCE, answer(&host, &offer)).await;
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
    let host = host().await;
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

/// Chromium's offer with the changes `(from, to)`; an empty `to` removes the line.
fn with(changes: &[(&str, &str)]) -> String {
    let mut offer = CHROMIUM.replace("\r\n", "\n");
    for (from, to) in changes {
        assert!(offer.contains(from), "{from:?} is not in the offer");
        let (from, to) = if to.is_empty() {
            (format!("{from}\n"), String::new())
        } else {
            (from.to_string(), to.to_string())
        };
        offer = offer.replace(&from, &to);
    }
    offer.replace('\n', "\r\n")
}

const DATA: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";
const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126";

/// Offers that real clients send, and lines that the answers must have.
#[allow(clippy::too_many_lines)] // a table
fn offers_in_use() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let audio_only = with(&[]).split(DATA).next().unwrap().replace("BUNDLE 0 1", "BUNDLE 0");
    let off = |line: &str| format!("{CHROMIUM}{line}\r\nc=IN IP4 0.0.0.0\r\n");
    vec![
        ("no direction means both ways", with(&[("a=sendrecv", "")]), vec!["a=sendrecv"]),
        ("no direction, audio only", audio_only.replace("a=sendrecv\r\n", ""), vec!["a=sendrecv"]),
        (
            "the session's direction",
            with(&[("a=sendrecv", ""), ("t=0 0", "t=0 0\na=sendonly")]),
            vec!["a=recvonly"],
        ),
        ("on hold from the start", with(&[("a=sendrecv", "a=inactive")]), vec!["a=inactive", DATA]),
        ("listening only", with(&[("a=sendrecv", "a=recvonly")]), vec!["a=sendonly"]),
        (
            "no bundle, audio only",
            audio_only.replace("a=group:BUNDLE 0\r\n", ""),
            vec!["m=audio 9 UDP/TLS/RTP/SAVPF 111"],
        ),
        (
            "no bundle: the data section has a transport of its own",
            with(&[("a=group:BUNDLE 0 1", "")]),
            vec!["m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"],
        ),
        (
            "SIPSorcery's profile",
            with(&[("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP")]),
            vec!["m=audio 9 UDP/TLS/RTP/SAVP 111"],
        ),
        ("an old profile", with(&[("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")]), vec!["m=audio 9 RTP/SAVPF 111"]),
        (
            "FFmpeg waits for our handshake",
            with(&[("a=setup:actpass", "a=setup:passive")]),
            vec!["a=setup:active"],
        ),
        (
            "OBS sends only and names no stream",
            with(&[("a=sendrecv", "a=sendonly"), ("a=ssrc:827794609 cname:5hxBJml/HnzN89WW", "")])
                .lines()
                .filter(|line| !line.starts_with("a=ssrc"))
                .map(|line| format!("{line}\r\n"))
                .collect(),
            vec!["a=recvonly"],
        ),
        (
            "OBS's video, whose stream is not named",
            format!(
                "{CHROMIUM}m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:2\r\na=sendonly\r\n\
                 a=msid:obs video\r\na=rtpmap:96 H264/90000\r\n"
            )
            .replace("BUNDLE 0 1", "BUNDLE 0 1 2"),
            vec!["a=group:BUNDLE 0 1", "m=video 0 UDP/TLS/RTP/SAVPF 96"],
        ),
        (
            "iOS 12's data section",
            with(&[
                (DATA, "m=application 9 DTLS/SCTP 5000"),
                ("a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024"),
            ]),
            vec!["m=application 9 DTLS/SCTP 5000", "a=sctpmap:5000 webrtc-datachannel 1024"],
        ),
        (
            "Firefox's stopped section",
            off("m=video 0 UDP/TLS/RTP/SAVPF 120"),
            vec!["m=video 0 UDP/TLS/RTP/SAVPF 120"],
        ),
        (
            "FreeSWITCH names no sections",
            audio_only.replace("a=mid:0\r\n", "").replace("a=group:BUNDLE 0\r\n", ""),
            vec!["m=audio 9 UDP/TLS/RTP/SAVPF 111"],
        ),
        (
            "static payload types without a map",
            with(&[("a=rtpmap:0 PCMU/8000", ""), ("a=rtpmap:8 PCMA/8000", "")]),
            vec!["a=rtpmap:111 opus/48000/2"],
        ),
        ("a picture that is off", off("m=image 0 udptl t38"), vec!["m=image 0 udptl t38"]),
        ("messages that are off", off("m=message 0 TCP/MSRP *"), vec!["m=message 0 TCP/MSRP *"]),
        ("video that is off", off("m=video 0 RTP/AVP 31"), vec!["m=video 0 RTP/AVP 31"]),
        ("a fax, which is turned off", off("m=image 49170 udptl t38"), vec!["m=image 0 udptl t38"]),
        (
            "an old fingerprint beside a good one",
            with(&[("a=fingerprint:sha-256", "a=fingerprint:sha-1 00:11\na=fingerprint:sha-256")]),
            vec!["m=audio 9 UDP/TLS/RTP/SAVPF 111"],
        ),
        (
            "shared attributes appear once in a bundle",
            with(&[(AUDIO, "m=audio 0 UDP/TLS/RTP/SAVPF 111\na=bundle-only"), ("BUNDLE 0 1", "BUNDLE 1 0")])
                .replacen("a=ice-ufrag:+Ixq\r\n", "", 1)
                .replacen("a=ice-pwd:ckGKtqunS5bHOq/oKJ7CKjRa\r\n", "", 1),
            vec!["a=group:BUNDLE 1 0"],
        ),
    ]
}

/// What every client checks in an answer (RFC 9429, 5.11): one section per offered section, of the same kind and name.
fn assert_fits(name: &str, offer: &str, answer: &str) {
    let sections = |sdp: &str| -> Vec<Vec<String>> {
        let parts = sdp.split("m=").skip(1);
        parts.map(|part| part.lines().map(str::to_owned).collect()).collect()
    };
    let (offered, answered) = (sections(offer), sections(answer));
    assert_eq!(offered.len(), answered.len(), "{name}:\n{answer}");
    let of = |section: &[String], start: &str| section.iter().find(|line| line.starts_with(start)).cloned();
    let group = answer.lines().find_map(|line| line.strip_prefix("a=group:BUNDLE "));
    let bundled: Vec<&str> = group.map(|mids| mids.split(' ').collect()).unwrap_or_default();
    let offered_group = offer.lines().find(|line| line.starts_with("a=group:BUNDLE")).unwrap_or_default();
    for (theirs, ours) in offered.iter().zip(&answered) {
        let word = |line: &str, at: usize| line.split(' ').nth(at).unwrap().to_owned();
        assert_eq!(word(&theirs[0], 0), word(&ours[0], 0), "{name}");
        assert_eq!(word(&theirs[0], 2), word(&ours[0], 2), "{name}");
        assert_eq!(of(theirs, "a=mid:"), of(ours, "a=mid:"), "{name}:\n{answer}");
        let mid = of(ours, "a=mid:").map(|mid| mid["a=mid:".len()..].to_owned());
        let is_on = word(&ours[0], 1) != "0";
        if let Some(mid) = &mid {
            assert_eq!(bundled.contains(&mid.as_str()), is_on && group.is_some(), "{name}:\n{answer}");
        }
        for needed in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 ", "a=setup:"] {
            assert_eq!(of(ours, needed).is_some(), is_on, "{name}: {needed} in\n{answer}");
        }
    }
    assert!(bundled.iter().all(|mid| offered_group.split(' ').any(|one| one == *mid)), "{name}:\n{answer}");
    assert!(answer.contains("a=candidate:1 1 udp "), "{name}:\n{answer}");
}

#[tokio::test]
async fn offers_of_real_clients_get_a_matching_answer() {
    let host = host().await;
    for (name, offer, lines) in offers_in_use() {
        let answer = answer(&host, &offer).await.unwrap_or_else(|error| panic!("{name}: {error}\n{offer}"));
        assert_fits(name, &offer, &answer);
        for line in lines {
            assert!(answer.lines().any(|have| have == line), "{name}: no {line} in\n{answer}");
        }
    }
}

/// Rewrites the lines of an offer as other clients write them.
fn rewrite(offer: &str, rule: impl Fn(&str) -> Option<String>) -> String {
    offer.lines().filter_map(rule).map(|line| format!("{line}\r\n")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_began_with_an_unusual_offer_is_heard() {
    let host = host().await;
    let passive = |line: &str| Some(line.replace("a=setup:actpass", "a=setup:passive"));
    let unnamed =
        |line: &str| (!line.starts_with("a=ssrc") && !line.starts_with("a=msid:")).then(|| line.to_owned());
    let undirected = |line: &str| (line != "a=sendrecv").then(|| line.to_owned());
    let old = |line: &str| Some(line.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"));
    type Rule<'a> = &'a dyn Fn(&str) -> Option<String>;
    let rules: [(&str, Rule); 4] =
        [("passive", &passive), ("unnamed", &unnamed), ("undirected", &undirected), ("old", &old)];
    for (name, rule) in rules {
        let mut client = Client::new().await;
        let dialled = client.dial_with(&host, TaskTracker::new(), |offer| rewrite(&offer, rule)).await;
        let mut call = dialled.unwrap_or_else(|error| panic!("{name}: {error}"));
        client.connected().await;
        let hear = async { while !within(PATIENCE, call.pipeline.mic.recv()).await.unwrap().received {} };
        tokio::join!(client.speak(440.0, 30, 0), hear);
        play(&call.pipeline, 1, 600.0, 10, 0).await;
        until(name, async || client.heard.packets.lock().len() >= 5).await;
    }
}
