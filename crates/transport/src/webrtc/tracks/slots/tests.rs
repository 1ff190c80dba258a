use super::*;
use crate::ports::Codec;
use crate::webrtc::sdp::{Ours, check_offer};

const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=rtcp-mux\r\n";
const VOICE: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:1 cname:c\r\n";
const DATA: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n";
/// The crate's answer with two tracks, as far as it is read.
const OURS: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AB:CD\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n\
    a=setup:active\r\na=msid:visavis voice\r\na=ssrc:7 cname:visavis\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:track0\r\na=msid:visavis face\r\na=ssrc:8 cname:visavis\r\n";

fn video(more: &str) -> String {
    format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
        a=rtpmap:98 H264/90000\r\na=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n{more}\r\n"
    )
}

fn track(name: &'static str, mime_type: &str, fmtp: &str) -> Track {
    let channels = if mime_type == "audio/opus" { 2 } else { 0 };
    let clock_rate = if channels == 2 { 48_000 } else { 90_000 };
    Track { name, codec: Codec { mime_type: mime_type.into(), clock_rate, channels, fmtp: fmtp.into() } }
}

fn slots(outgoing: Vec<Track>, incoming: Vec<Track>) -> Slots {
    Slots::new(Arc::new(Catalogue { outgoing, incoming }))
}

/// An offer of these sections, with their numbers as mids.
fn offer(sections: &[&str]) -> Offer {
    let mids: String = (0..sections.len()).map(|mid| format!(" {mid}")).collect();
    let mut text = format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{mids}\r\n");
    for (mid, section) in sections.iter().enumerate() {
        text += &format!("{section}a=mid:{mid}\r\n{TRANSPORT}");
    }
    check_offer(&text).unwrap()
}

/// The first lines of an answer's sections, with their directions.
fn answer(assigned: &Offer) -> Vec<String> {
    let answer = Ours::read(OURS).unwrap().answer(assigned, &[]);
    let ways = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
    let section = |part: &str| {
        let way = part.lines().find(|line| ways.contains(line)).unwrap();
        format!("{} {}", part.lines().next().unwrap(), &way[2..])
    };
    answer.split("m=").skip(1).map(section).collect()
}

const VOICE_IS_ON: &str = "audio 9 UDP/TLS/RTP/SAVPF 111 sendrecv";
const NO_VIDEO: &str = "video 0 UDP/TLS/RTP/SAVPF 96 98 inactive";

#[test]
fn a_section_gets_a_track_of_its_direction_in_a_codec_that_it_offers() {
    let h264 = "profile-level-id=42e01f;packetization-mode=1";
    for (track, way, expected) in [
        (track("face", "video/VP8", ""), "a=recvonly", "video 9 UDP/TLS/RTP/SAVPF 96 sendonly"),
        (track("face", "video/H264", h264), "a=sendrecv", "video 9 UDP/TLS/RTP/SAVPF 98 sendonly"),
        (track("face", "video/H264", "packetization-mode=0"), "a=recvonly", NO_VIDEO),
        (track("face", "video/VP9", ""), "a=recvonly", NO_VIDEO),
        (track("face", "audio/VP8", ""), "a=recvonly", NO_VIDEO),
        (track("face", "video/VP8", ""), "a=sendonly", NO_VIDEO),
        (track("face", "video/VP8", ""), "a=inactive", NO_VIDEO),
    ] {
        let assigned = slots(vec![track.clone()], Vec::new()).slot(&offer(&[VOICE, &video(way)]));
        assert_eq!(answer(&assigned), [VOICE_IS_ON, expected], "{track:?} {way}");
    }
    let camera = || vec![track("camera", "video/VP8", "")];
    for (way, expected) in [
        ("a=ssrc:5 cname:c\r\na=sendrecv", "video 9 UDP/TLS/RTP/SAVPF 96 recvonly"),
        ("a=sendonly", NO_VIDEO),
        ("a=ssrc:5 cname:c\r\na=recvonly", NO_VIDEO),
    ] {
        let assigned = slots(Vec::new(), camera()).slot(&offer(&[VOICE, &video(way)]));
        assert_eq!(answer(&assigned), [VOICE_IS_ON, expected], "{way}");
    }
}

#[test]
fn an_answer_names_the_stream_and_takes_requests_for_keyframes() {
    let assigned = slots(vec![track("face", "video/VP8", "")], Vec::new()).slot(&offer(&[
        VOICE,
        &video("a=recvonly"),
        DATA,
    ]));
    let answer = Ours::read(OURS).unwrap().answer(&assigned, &[]);
    let video = answer.split("m=").find(|part| part.starts_with("video")).unwrap();
    for line in [
        "a=mid:1",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack pli",
        "a=msid:visavis face",
        "a=ssrc:8 cname:visavis",
    ] {
        assert!(video.lines().any(|have| have == line), "no {line} in {video}");
    }
    assert_eq!(video.matches("a=rtcp-fb").count(), 1, "lost packets are not sent again: {video}");
    assert!(answer.contains("a=group:BUNDLE 0 1 2\r\n"), "{answer}");
}

#[test]
fn each_track_has_one_section_and_each_section_one_track() {
    let faces = vec![track("face", "video/VP8", ""), track("hands", "video/VP8", "")];
    let mut slots = slots(faces, vec![track("camera", "video/VP8", ""), track("music", "audio/opus", "")]);
    let (shown, both) = (video("a=recvonly"), video("a=ssrc:5 cname:c\r\na=sendrecv"));
    let music = VOICE.replace("ssrc:1", "ssrc:9");
    let assigned = slots.slot(&offer(&[VOICE, &shown, &both, &both, &both, &music]));
    let video = |way| format!("video 9 UDP/TLS/RTP/SAVPF 96 {way}");
    let music = "audio 9 UDP/TLS/RTP/SAVPF 111 recvonly".to_owned();
    assert_eq!(
        answer(&assigned)[1..],
        [video("sendonly"), video("sendonly"), video("recvonly"), NO_VIDEO.to_owned(), music]
    );
}

#[test]
fn a_section_keeps_its_track_on_hold_and_gives_it_up_when_it_is_turned_off() {
    let mut slots = slots(vec![track("face", "video/VP8", "")], Vec::new());
    let shown = video("a=recvonly");
    let mut ways = |sections: &[&str]| answer(&slots.slot(&offer(sections)))[1..].to_vec();
    let on = "video 9 UDP/TLS/RTP/SAVPF 96 sendonly";
    assert_eq!(ways(&[VOICE, &shown]), [on]);
    let held = "video 9 UDP/TLS/RTP/SAVPF 96 inactive";
    assert_eq!(ways(&[VOICE, &video("a=inactive"), &shown]), [held, NO_VIDEO]);
    let off = shown.replace("m=video 9", "m=video 0");
    assert_eq!(ways(&[VOICE, &off, &shown]), [NO_VIDEO, on]);
}

#[test]
fn the_crate_gets_sections_in_the_order_in_which_they_were_added() {
    let mut slots = slots(vec![track("face", "video/VP8", "")], vec![track("camera", "video/VP8", "")]);
    let mut names = |sections: &[&str]| {
        let assigned = slots.slot(&offer(sections));
        let plain = assigned.plain(&[], false);
        let group = plain.lines().find_map(|line| line.strip_prefix("a=group:BUNDLE ")).unwrap().to_owned();
        let mids: Vec<&str> = plain.lines().filter_map(|line| line.strip_prefix("a=mid:")).collect();
        assert_eq!(mids.join(" "), group);
        group
    };
    let (face, camera) = (video("a=recvonly"), video("a=ssrc:5 cname:c\r\na=sendonly"));
    assert_eq!(names(&[VOICE]), "audio");
    assert_eq!(names(&[VOICE, &face]), "audio track0");
    assert_eq!(names(&[VOICE, &face, DATA]), "audio track0 data");
    assert_eq!(names(&[VOICE, &face, DATA, &camera]), "audio track0 data track1");
}

#[test]
fn sound_without_an_ssrc_is_not_lost_beside_a_track() {
    let unnamed = VOICE.replace("a=ssrc:1 cname:c\r\n", "");
    let face = || vec![track("face", "video/VP8", "")];
    let assigned = slots(face(), Vec::new()).slot(&offer(&[&unnamed, &video("a=recvonly")]));
    assert_eq!(answer(&assigned), [VOICE_IS_ON, NO_VIDEO]);
    let listener = format!("{unnamed}a=recvonly\r\n");
    let assigned = slots(face(), Vec::new()).slot(&offer(&[&listener, &video("a=recvonly")]));
    assert_eq!(answer(&assigned)[1], "video 9 UDP/TLS/RTP/SAVPF 96 sendonly");
}

#[test]
fn tracks_do_not_change_the_answer_for_sound() {
    let offer = offer(&[VOICE, &video("a=recvonly"), DATA]);
    let ours = || Ours::read(OURS).unwrap();
    let none = ours().answer(&offer, &[]);
    assert_eq!(ours().answer(&slots(Vec::new(), Vec::new()).slot(&offer), &[]), none);
    let some = ours().answer(&slots(vec![track("face", "video/VP8", "")], Vec::new()).slot(&offer), &[]);
    let sound = |answer: &str| answer.split("m=").nth(1).unwrap().to_owned();
    assert_eq!(sound(&some), sound(&none));
}

#[test]
fn a_section_whose_packets_would_be_taken_for_sound_is_turned_off() {
    let camera = || vec![track("camera", "video/VP8", "")];
    let sent = |ssrc| video(&format!("a=sendonly\r\na=ssrc:{ssrc} cname:c"));
    let as_opus = sent(5).replace(":96", ":111").replace(" 96", " 111");
    for (section, expected) in [
        (sent(5), "video 9 UDP/TLS/RTP/SAVPF 96 recvonly"),
        (sent(1), NO_VIDEO),
        (as_opus, "video 0 UDP/TLS/RTP/SAVPF 111 98 inactive"),
    ] {
        let assigned = slots(Vec::new(), camera()).slot(&offer(&[VOICE, &section]));
        assert_eq!(answer(&assigned)[1..], [expected], "{section}");
    }
}
