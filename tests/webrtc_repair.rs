//! What happens in the middle of a call: a hold, a lost connection, a new one; and clients without a message channel.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::time::Duration;

use tokio_util::task::TaskTracker;
use visavis::ports::Presence;
use visavis::transport::webrtc::{OfferError, RemoteCandidate};
use visavis_core::event::{CallEvent, ClientCommand};
use visavis_core::frame::ResponseId;
use webrtc_support::{Call, Client, PATIENCE, best_share_of, host, play, read, until, within};

/// Speaks a tone until the pipeline hears it, after any unread rest of an earlier one.
async fn hears(call: &mut Call, client: &Client, hz: f64, first: u16) {
    let listen = async {
        let mut heard = Vec::new();
        while heard.len() < 1_600 || best_share_of(hz, &heard[heard.len() - 1_600..]) < 0.9 {
            let frame = call.pipeline.mic.recv().await.expect("the call goes on");
            if frame.received {
                heard.extend(frame.samples);
            }
        }
    };
    tokio::join!(client.speak(hz, 60, first), within(PATIENCE, listen));
}

async fn is_heard(call: &Call, client: &Client, response: u32) {
    let before = client.heard.packets.lock().len();
    play(&call.pipeline, response, 600.0, 10, response * 96_000).await;
    until("the client hears the response", async || client.heard.packets.lock().len() >= before + 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_lost_its_connection_continues_the_call_over_a_new_one() {
    let host = host().await;
    let mut old = Client::new().await;
    let mut call = old.call(&host).await.unwrap();
    hears(&mut call, &old, 440.0, 0).await;
    is_heard(&call, &old, 1).await;

    let mut new = Client::new().await;
    let offer = new.offer(false).await;
    let answer = call.handle.renegotiate(&offer).await.unwrap();
    // Browsers do so once they have the answer; it is not a hang-up.
    old.pc.close().await.unwrap();
    new.accept(answer).await;
    new.connected().await;

    hears(&mut call, &new, 500.0, 0).await;
    is_heard(&call, &new, 2).await;
    call.pipeline.events.send(CallEvent::ResponseStarted(ResponseId(7))).await.unwrap();
    assert_eq!(within(PATIENCE, new.messages.recv()).await.unwrap(), "ResponseStarted(ResponseId(7))");
    new.say("still here").await;
    let said = within(PATIENCE, call.pipeline.commands.recv()).await;
    assert_eq!(said, Some(ClientCommand::Say("still here".to_owned())));
    until("the client is present", async || *call.pipeline.presence.borrow() == Presence::Here).await;

    new.pc.close().await.unwrap();
    within(PATIENCE, call.token.cancelled()).await;
    call.tasks.close();
    within(PATIENCE, call.tasks.wait()).await;
    assert_eq!(host.routes(), 0, "neither connection leaves anything behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_stops_the_sound_until_it_ends() {
    let host = host().await;
    let mut client = Client::new().await;
    let mut call = client.call(&host).await.unwrap();
    hears(&mut call, &client, 440.0, 0).await;
    let offer = client.offer(false).await;
    for (ours, theirs, sounds, first) in [
        ("inactive", "inactive", false, 60),
        ("sendonly", "recvonly", false, 120),
        ("sendrecv", "sendrecv", true, 180),
    ] {
        let answer =
            call.handle.renegotiate(&offer.replace("a=sendrecv", &format!("a={ours}"))).await.unwrap();
        let audio = answer.split("m=").find(|section| section.starts_with("audio")).unwrap();
        assert!(audio.contains(&format!("a={theirs}\r\n")), "{answer}");
        let before = client.heard.packets.lock().len();
        play(&call.pipeline, 1, 600.0, 20, 0).await;
        if sounds {
            until("the hold is over", async || client.heard.packets.lock().len() > before).await;
        } else {
            assert_eq!(client.heard.packets.lock().len(), before, "{ours}");
        }
        hears(&mut call, &client, 500.0, first).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_offer_leaves_the_call_as_it_was() {
    let host = host().await;
    let mut client = Client::new().await;
    let mut call = client.call(&host).await.unwrap();
    let offer = client.offer(false).await;
    for bad in [
        "v=0".to_owned(),
        offer.replace("opus/48000/2", "speex/16000"),
        offer.replace("m=audio 9", "m=audio 0"),
    ] {
        let refused = call.handle.renegotiate(&bad).await;
        let refusals =
            |error: &OfferError| !matches!(error, OfferError::Internal { .. } | OfferError::Closed);
        assert!(refused.as_ref().is_err_and(refusals), "{refused:?}");
    }
    hears(&mut call, &client, 440.0, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_a_message_channel_is_greeted_and_told_nothing() {
    let host = host().await;
    for (label, edit) in [("avatar", None), ("messages", Some("m=application 9 UDP/DTLS/SCTP"))] {
        let mut client = Client::with_channel(label).await;
        let turn_off = |offer: String| match edit {
            Some(line) => offer.replace(line, "m=application 0 UDP/DTLS/SCTP"),
            None => offer,
        };
        let mut call = client.dial_with(&host, TaskTracker::new(), turn_off).await.unwrap();
        let hello = within(PATIENCE, call.pipeline.commands.recv()).await;
        assert_eq!(hello, Some(ClientCommand::Ready), "{label}: it is ready once it is connected");
        // More than any queue holds.
        for response in 0..1_000 {
            call.pipeline.events.send(CallEvent::ResponseStarted(ResponseId(response))).await.unwrap();
        }
        is_heard(&call, &client, 2_000).await;
        assert!(call.pipeline.commands.try_recv().is_err(), "{label}: it is greeted once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_announce_its_channel_gets_and_sends_messages() {
    let host = host().await;
    let mut client = Client::negotiated(0).await;
    let mut call = client.call(&host).await.unwrap();
    client.say("too early to be heard").await;
    assert_eq!(within(PATIENCE, call.pipeline.commands.recv()).await, Some(ClientCommand::Ready));
    for response in 0..3 {
        call.pipeline.events.send(CallEvent::ResponseStarted(ResponseId(response))).await.unwrap();
        let told = within(PATIENCE, client.messages.recv()).await.unwrap();
        assert_eq!(told, format!("ResponseStarted(ResponseId({response}))"));
    }
    client.say("echo hello").await;
    client.say("still here").await;
    let said = within(PATIENCE, call.pipeline.commands.recv()).await;
    assert_eq!(said, Some(ClientCommand::Say("still here".to_owned())));
    call.pipeline.events.send(CallEvent::ResponseStarted(ResponseId(9))).await.unwrap();
    for expected in ["hello", "ResponseStarted(ResponseId(9))"] {
        assert_eq!(within(PATIENCE, client.messages.recv()).await.unwrap(), expected, "each once");
    }
    drop(call.pipeline);
    let goodbye = within(PATIENCE, client.messages.recv()).await.unwrap();
    assert!(goodbye.contains("peerLeft"), "{goodbye}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_opens_its_channel_late_gets_all_events_there() {
    let host = host().await;
    // The server cannot know of this channel; those that the client announces have odd numbers.
    let mut client = Client::negotiated(4).await;
    let passive = |offer: String| offer.replace("a=setup:actpass", "a=setup:passive");
    let mut call = client.dial_with(&host, TaskTracker::new(), passive).await.unwrap();
    assert_eq!(within(PATIENCE, call.pipeline.commands.recv()).await, Some(ClientCommand::Ready));
    call.pipeline.events.send(CallEvent::ResponseStarted(ResponseId(1))).await.unwrap();
    is_heard(&call, &client, 2).await;
    let late = client.pc.create_data_channel("late", None).await.unwrap();
    let mut messages = read(late.clone());
    assert_eq!(within(PATIENCE, messages.recv()).await.unwrap(), "ResponseStarted(ResponseId(1))");
    late.send_text("here").await.unwrap();
    let said = within(PATIENCE, call.pipeline.commands.recv()).await;
    assert_eq!(said, Some(ClientCommand::Say("here".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_cannot_make_the_server_flood_addresses_that_it_names() {
    let host = host().await;
    let mut client = Client::new().await;
    let mut victims = Vec::new();
    for _ in 0..60 {
        victims.push(tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap());
    }
    let line = |socket: &tokio::net::UdpSocket| {
        let address = socket.local_addr().unwrap();
        format!("candidate:1 1 udp 2122260223 {} {} typ host", address.ip(), address.port())
    };
    let (first, later) = victims.split_at(30);
    let named: String = first.iter().map(|socket| format!("a={}\r\n", line(socket))).collect();
    let edit = |offer: String| offer.replace("a=rtcp-mux\r\n", &format!("{named}a=rtcp-mux\r\n"));
    let call = client.dial_with(&host, TaskTracker::new(), edit).await.unwrap();
    let candidate = |socket| RemoteCandidate {
        candidate: line(socket),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
    };
    call.handle.add_candidates(later.iter().map(candidate).collect()).await.unwrap();
    client.connected().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut packets = 0;
    for victim in &victims {
        while victim.try_recv(&mut [0; 1500]).is_ok() {
            packets += 1;
        }
    }
    assert!(packets <= 30, "{packets} packets for one offer and one PATCH");
    client.say("and the call is there").await;
}
