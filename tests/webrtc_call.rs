//! A whole call over WebRTC, with a real peer at the other end.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use visavis::transport::webrtc::{OfferError, WebRtcConfig, WebRtcHost};
use visavis_core::event::{CallEvent, ClientCommand, EndReason};
use visavis_core::frame::{AudioFrame, MIC_FRAME, ResponseId};
use webrtc_support::{Call, Client, PATIENCE, best_share_of, host, play, until, within};

/// The microphone frames that reach the pipeline, from the first received one.
async fn listen(call: &mut Call, frames: usize) -> Vec<AudioFrame> {
    let mut heard = Vec::new();
    while heard.len() < frames {
        let frame = within(PATIENCE, call.pipeline.mic.recv()).await.expect("the call goes on");
        assert_eq!(frame.samples.len(), MIC_FRAME);
        if frame.received || !heard.is_empty() {
            heard.push(frame);
        }
    }
    heard
}

fn samples(frames: &[AudioFrame]) -> Vec<i16> {
    frames.iter().flat_map(|frame| frame.samples.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_and_messages_go_both_ways() {
    let host = host().await;
    let mut client = Client::new().await;
    let mut call = client.call(&host).await.unwrap();

    let (_, heard) = tokio::join!(client.speak(440.0, 100, 65_500), listen(&mut call, 70));
    let spoken = samples(&heard[10..]);
    assert!(best_share_of(440.0, &spoken) > 0.95, "the tone arrives");
    assert!(best_share_of(700.0, &spoken) < 0.1);

    play(&call.pipeline, 1, 600.0, 50, 48_000).await;
    play(&call.pipeline, 2, 600.0, 25, 480_000).await;
    until("the response is heard", async || client.heard.packets.lock().len() >= 75).await;
    assert!(best_share_of(600.0, &client.heard.samples.lock()) > 0.95);
    let packets = client.heard.packets.lock().clone();
    assert!(packets.windows(2).all(|pair| pair[1].1 == pair[0].1.wrapping_add(1)), "no gap in the numbers");
    let markers: Vec<usize> = (0..packets.len()).filter(|&n| packets[n].2).collect();
    assert_eq!(markers, [0, 50], "the marker shows where sound begins");
    assert_eq!(packets[50].0.wrapping_sub(packets[0].0), 432_000, "timestamps are the call's");

    client.say("ping 1").await;
    client.say("echo here").await;
    assert_eq!(within(PATIENCE, client.messages.recv()).await.unwrap(), "here");
    client.say("hello").await;
    let command = within(PATIENCE, call.pipeline.commands.recv()).await;
    assert_eq!(command, Some(ClientCommand::Say("hello".to_owned())));
    call.pipeline.events.send(CallEvent::UserStartedSpeaking).await.unwrap();
    call.pipeline.events.send(CallEvent::UserStoppedSpeaking).await.unwrap();
    for expected in ["UserStartedSpeaking", "UserStoppedSpeaking"] {
        let message = within(PATIENCE, client.messages.recv()).await.unwrap();
        assert_eq!(message, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_and_messages_go_both_ways_over_ipv6() {
    let udp = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    if UdpSocket::bind(udp).is_err() {
        eprintln!("SKIPPED: this machine has no IPv6, not even on loopback");
        return;
    }
    let host = WebRtcHost::bind(WebRtcConfig::at(udp)).await.unwrap();
    let mut client = Client::over_ipv6().await;
    let mut offered = String::new();
    let dialling = client.dial_with(&host, tokio_util::task::TaskTracker::new(), |offer| {
        offered.clone_from(&offer);
        offer
    });
    let mut call = dialling.await.unwrap();
    let candidates: Vec<_> = offered.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    assert!(!candidates.is_empty() && candidates.iter().all(|line| line.contains(" ::1 ")), "{offered}");
    client.connected().await;

    let (_, heard) = tokio::join!(client.speak(440.0, 80, 0), listen(&mut call, 50));
    assert!(best_share_of(440.0, &samples(&heard[10..])) > 0.95, "the tone arrives");
    play(&call.pipeline, 1, 600.0, 50, 48_000).await;
    until("the response is heard", async || client.heard.packets.lock().len() >= 45).await;
    assert!(best_share_of(600.0, &client.heard.samples.lock()) > 0.95);
    client.say("echo over six").await;
    assert_eq!(within(PATIENCE, client.messages.recv()).await.unwrap(), "over six");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_microphone_whose_packets_are_lost_again_and_again_is_reported_to_the_conversation() {
    let host = host().await;
    let mut client = Client::new().await;
    let mut call = client.call(&host).await.unwrap();
    let losing = async {
        // Of each ten packets two in a row are lost, which forward error correction cannot repair.
        for ten in 0..30 {
            client.speak(440.0, 8, ten * 10).await;
        }
    };
    let told = within(PATIENCE, async {
        tokio::select! {
            biased;
            command = call.pipeline.commands.recv() => command,
            () = losing => None,
        }
    });
    assert_eq!(told.await, Some(ClientCommand::MicrophoneStutters));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_from_before_the_channel_opens_arrive_in_order() {
    let host = host().await;
    let mut client = Client::new().await;
    let call = client.dial(&host, tokio_util::task::TaskTracker::new()).await.unwrap();
    for response in 0..200 {
        call.pipeline.events.send(CallEvent::ResponseStarted(ResponseId(response))).await.unwrap();
    }
    for response in 0..200 {
        let message = within(PATIENCE, client.messages.recv()).await.unwrap();
        assert_eq!(message, format!("ResponseStarted(ResponseId({response}))"));
    }
}

/// Hangs up, and checks that the call ends with everything that belongs to it; returns how long its connection took to close.
async fn hang_up(host: &Arc<WebRtcHost>) -> Duration {
    let mut client = Client::new().await;
    let mut call = client.call(host).await.unwrap();
    assert!(host.routes() > 0);
    client.pc.close().await.unwrap();
    let gone = async { while call.pipeline.mic.recv().await.is_some() {} };
    // A client that is only cut off is waited for three times as long.
    within(Duration::from_secs(10), gone).await;
    let began = Instant::now();
    assert!(within(PATIENCE, call.pipeline.commands.recv()).await.is_none());
    call.tasks.close();
    within(PATIENCE, call.tasks.wait()).await;
    assert!(call.token.is_cancelled(), "nobody waits for its transport any more");
    assert_eq!(host.routes(), 0);
    assert_eq!(call.handle.add_candidates(Vec::new()).await, Err(OfferError::Closed));
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_is_noticed_at_once_and_leaves_nothing_behind() {
    let host = host().await;
    // The best of three counts: other tests may use the processor meanwhile.
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(Box::pin(hang_up(&host)).await);
    }
    // Less than the time limit for closing a connection: it closes by itself.
    assert!(best < Duration::from_millis(1_900), "{best:?}");
    assert!(Client::new().await.call(&host).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_words_of_a_call_arrive_before_it_closes() {
    let host = host().await;
    let mut client = Client::new().await;
    let Call { pipeline, tasks, .. } = client.call(&host).await.unwrap();
    for _ in 0..100 {
        pipeline.events.send(CallEvent::UserStartedSpeaking).await.unwrap();
    }
    let ended = CallEvent::Ended { reason: EndReason::Idle, message: String::new() };
    pipeline.events.send(ended).await.unwrap();
    drop(pipeline);
    let mut messages = Vec::new();
    while let Some(message) = within(PATIENCE, client.messages.recv()).await {
        messages.push(message);
        if messages.len() == 102 {
            break;
        }
    }
    assert!(messages[100].starts_with("Ended"), "{}", messages[100]);
    let left: serde_json::Value = serde_json::from_str(&messages[101]).unwrap();
    let expected = serde_json::json!({"type": "signalling", "message": {"type": "peerLeft"}});
    assert_eq!(left, expected, "clients of Pipecat repair a call whose end they are not told of");
    tasks.close();
    within(PATIENCE, tasks.wait()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_the_token_ends_the_call() {
    let host = host().await;
    let mut client = Client::new().await;
    let call = client.call(&host).await.unwrap();
    call.token.cancel();
    call.tasks.close();
    within(PATIENCE, call.tasks.wait()).await;
    assert_eq!(host.routes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ice_restart_keeps_the_sound() {
    let host = host().await;
    let mut client = Client::new().await;
    let mut call = client.call(&host).await.unwrap();
    let _ = tokio::join!(client.speak(440.0, 20, 100), listen(&mut call, 10));
    let offer = client.offer(true).await;
    let answer = call.handle.renegotiate(&offer).await.unwrap();
    client.accept(answer).await;
    let (_, heard) = tokio::join!(client.speak(500.0, 100, 120), listen(&mut call, 90));
    assert!(best_share_of(500.0, &samples(&heard)) > 0.9);
    play(&call.pipeline, 1, 600.0, 30, 0).await;
    until("the response is heard", async || client.heard.packets.lock().len() >= 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_response_falls_silent_at_once() {
    let host = host().await;
    let mut client = Client::new().await;
    let call = client.call(&host).await.unwrap();
    play(&call.pipeline, 1, 600.0, 10, 0).await;
    until("the response is heard", async || client.heard.packets.lock().len() >= 10).await;
    let heard = String::new();
    call.pipeline.events.send(CallEvent::Interrupted { response: ResponseId(1), heard }).await.unwrap();
    within(PATIENCE, client.messages.recv()).await.unwrap();
    play(&call.pipeline, 1, 600.0, 10, 9_600).await;
    play(&call.pipeline, 2, 600.0, 5, 48_000).await;
    until("the next response is heard", async || client.heard.packets.lock().len() >= 15).await;
    assert_eq!(client.heard.packets.lock().len(), 15);
}
