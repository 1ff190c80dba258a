//! The face over WebRTC: on its own data channel, on the call's RTP clock.
#![allow(clippy::unwrap_used)] // in a test, a panic is the report

mod webrtc_support;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use visavis_core::avatar::face::Face;
use visavis_core::avatar::shapes::Shape;
use visavis_core::avatar::wire::Batch;
use visavis_core::event::{CallEvent, ClientCommand};
use visavis_core::frame::ResponseId;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelInit};
use webrtc_support::{Call, Client, PATIENCE, host, play, until, within};

/// The batches of faces that arrive on a channel.
fn faces(channel: Arc<dyn DataChannel>) -> mpsc::Receiver<Batch> {
    let (out, faces) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(event) = channel.poll().await {
            if let DataChannelEvent::OnMessage(message) = event {
                assert!(!message.is_string);
                out.send(Batch::decode(&message.data).unwrap()).await.unwrap();
            }
        }
    });
    faces
}

fn batch(response: u32, timestamp: u32) -> Batch {
    let mut face = Face::default();
    face.weights[Shape::JawOpen] = 0.4;
    Batch { response, timestamp, fps: 15, epoch: 1, last: false, faces: vec![face; 3] }
}

/// Sends faces until one arrives: the server learns of the channel a little after the client opened it.
async fn first(call: &Call, shown: &mut mpsc::Receiver<Batch>) -> Batch {
    loop {
        call.pipeline.faces.send(batch(1, 96_000)).await.unwrap();
        if let Ok(Some(batch)) = tokio::time::timeout(Duration::from_millis(100), shown.recv()).await {
            return batch;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faces_arrive_on_their_own_channel_with_the_rtp_timestamp_of_their_sound() {
    let host = host().await;
    let mut client = Client::new().await;
    let options = RTCDataChannelInit { ordered: false, max_retransmits: Some(0), ..Default::default() };
    let channel = client.pc.create_data_channel("avatar", Some(options)).await.unwrap();
    let mut shown = faces(channel.clone());
    let call = client.call(&host).await.unwrap();
    within(PATIENCE, channel.writable()).await.unwrap();

    let first = first(&call, &mut shown).await;
    play(&call.pipeline, 1, 600.0, 5, 96_000).await;
    until("the response is heard", async || client.heard.packets.lock().len() >= 5).await;
    let sound = client.heard.packets.lock()[0].0;
    assert_eq!(first.timestamp, sound, "a face has the timestamp of the packet that it belongs to");
    assert_eq!((first.response, first.faces.len(), first.epoch), (1, 3, 1));
    assert!((first.faces[0].weights[Shape::JawOpen] - 0.4).abs() < 0.01);

    // Messages stay on their own channel.
    call.pipeline.events.send(CallEvent::UserStartedSpeaking).await.unwrap();
    let message = within(PATIENCE, client.messages.recv()).await.unwrap();
    assert_eq!(message, "UserStartedSpeaking");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_face_of_an_interrupted_response_is_sent_any_more() {
    let host = host().await;
    let mut client = Client::new().await;
    let channel = client.pc.create_data_channel("avatar", None).await.unwrap();
    let mut shown = faces(channel.clone());
    let call = client.call(&host).await.unwrap();
    within(PATIENCE, channel.writable()).await.unwrap();
    let before = first(&call, &mut shown).await.timestamp;
    // More of them may be on their way. The channel keeps their order, so that this one is the last.
    call.pipeline.faces.send(batch(1, 97_600)).await.unwrap();
    while within(PATIENCE, shown.recv()).await.unwrap().timestamp == before {}
    let interrupted = CallEvent::Interrupted { response: ResponseId(1), heard: String::new() };
    call.pipeline.events.send(interrupted).await.unwrap();
    within(PATIENCE, client.messages.recv()).await.unwrap();
    // A face at rest, which belongs to no response, and the next response's face are shown.
    for response in [1, 0, 1, 2] {
        call.pipeline.faces.send(batch(response, 0)).await.unwrap();
    }
    for response in [0, 2] {
        let batch = within(PATIENCE, shown.recv()).await.unwrap();
        assert_eq!(batch.response, response);
    }
}

/// The connection withholds everything incoming, sound included, while a channel's events are not read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_messages_arrive_however_many_faces_were_sent() {
    const FACES: usize = 600;
    let host = host().await;
    let mut client = Client::new().await;
    let channel = client.pc.create_data_channel("avatar", None).await.unwrap();
    let mut shown = faces(channel.clone());
    let mut call = client.call(&host).await.unwrap();
    within(PATIENCE, channel.writable()).await.unwrap();
    first(&call, &mut shown).await;
    for _ in 0..FACES {
        call.pipeline.faces.send(batch(1, 96_000)).await.unwrap();
        within(PATIENCE, shown.recv()).await.unwrap();
    }
    client.say("still there?").await;
    let command = within(PATIENCE, call.pipeline.commands.recv()).await;
    assert_eq!(command, Some(ClientCommand::Say("still there?".into())));
}
