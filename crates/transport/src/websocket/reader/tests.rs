use std::convert::Infallible;

use futures_util::stream;

use super::super::REPLIES;
use super::*;
use crate::event::EndReason;
use crate::ports::{PipelinePorts, TransportPorts, call_ports};
use crate::protocol::{Carrier, Dialect};

/// A reader, the immediate replies to its client, and the pipeline's ports.
fn reader() -> (Reader, mpsc::Receiver<Packet>, PipelinePorts) {
    let (ports, pipeline) = call_ports();
    let protocol = Dialect::Rtvi.open(Carrier::Socket { rate: 16_000 });
    let inbox = Inbox::new(protocol.clone());
    let TransportPorts { mic, commands, presence, departure, .. } = ports;
    let (replies, told) = mpsc::channel(REPLIES);
    let (ear, allowance) = (Ear::new(), Allowance::new(false));
    (Reader { mic, commands, replies, protocol, inbox, ear, allowance, presence, departure }, told, pipeline)
}

/// Sends these messages, and then nothing; returns why the client is given up, the replies to it, and the pipeline's ports.
async fn given_up(messages: Vec<Message>) -> (Option<&'static str>, mpsc::Receiver<Packet>, PipelinePorts) {
    let (reader, told, pipeline) = reader();
    let (give_up, mut reason) = mpsc::channel(1);
    let messages = stream::iter(messages.into_iter().map(Ok::<_, Infallible>)).chain(stream::pending());
    tokio::select! {
        () = reader.run(messages, give_up) => (None, told, pipeline),
        reason = reason.recv() => (reason, told, pipeline),
        () = tokio::time::sleep(FIRST_SIGN * 3) => (None, told, pipeline),
    }
}

fn sound(samples: usize) -> Message {
    let mut bytes = vec![1, 1];
    bytes.resize(12 + samples * 2, 0);
    Message::Binary(bytes.into())
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_no_use_is_given_up_with_the_reason() {
    let hello = || Message::text(r#"{"type":"client-ready","data":{}}"#);
    for (messages, part) in [
        (vec![], Some("nothing came")),
        (vec![Message::text("{")], Some("nothing came")),
        (vec![Message::Ping("x".into()); 30], Some("nothing came")),
        (vec![hello()], None),
        (vec![sound(320)], None),
        (vec![Message::text("{"); 10], Some("ten frames were malformed")),
        (vec![Message::text("x".repeat(LONGEST_TEXT + 1))], Some("64 KiB")),
        (vec![sound(3200); 400], Some("much faster")),
    ] {
        let count = messages.len();
        let (reason, ..) = given_up(messages).await;
        assert_eq!(reason.is_some(), part.is_some(), "{count} messages: {reason:?}");
        assert!(reason.unwrap_or("").contains(part.unwrap_or("")), "{count} messages: {reason:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_shows_presence_and_is_answered_without_the_pipeline() {
    let ping = r#"{"label":"rtvi-ai","type":"client-message","id":"c1","data":{"t":"ping"}}"#;
    let (reason, mut told, mut pipeline) = given_up(vec![Message::text(ping)]).await;
    assert_eq!(reason, None);
    let Ok(Packet::Text(reply)) = told.try_recv() else { panic!("no reply") };
    assert!(reply.contains("server-response") && reply.contains(r#""id":"c1""#), "{reply}");
    assert!(pipeline.commands.try_recv().is_err());
}

/// How long a reader takes to read everything that a client sends, and the pipeline's ports.
async fn read_all(
    messages: impl Stream<Item = Result<Message, &'static str>> + Unpin,
) -> (Duration, PipelinePorts) {
    let (reader, _told, pipeline) = reader();
    let (give_up, _reason) = mpsc::channel(1);
    let began = Instant::now();
    let read = tokio::time::timeout(Duration::from_secs(60), reader.run(messages, give_up));
    read.await.expect("the reader ends with its stream");
    (began.elapsed(), pipeline)
}

#[tokio::test(start_paused = true)]
async fn a_socket_closed_normally_is_a_hang_up_and_one_of_a_page_that_goes_away_or_just_ends_is_lost() {
    let close = |code| Some(Ok(Message::Close(Some(CloseFrame { code, reason: "".into() }))));
    for (last, expected) in [
        (Some(Ok(Message::Close(None))), EndReason::HungUp),
        (close(1000), EndReason::HungUp),
        (close(1001), EndReason::ConnectionLost),
        (close(4000), EndReason::ConnectionLost),
        (Some(Err("connection reset")), EndReason::ConnectionLost),
        (None, EndReason::ConnectionLost),
    ] {
        let messages = [Ok(sound(320))].into_iter().chain(last.clone());
        let (_, pipeline) = read_all(stream::iter(messages)).await;
        assert_eq!(pipeline.departure.reason().0, expected, "{last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_pings_is_read_no_faster_than_one_of_messages() {
    let pings = [Message::Ping("x".into()), Message::Pong("x".into())].into_iter().cycle().take(300);
    let (took, _) = read_all(stream::iter(pings.map(Ok))).await;
    assert!((4..6).contains(&took.as_secs()), "a burst of 200, and 20 in each second: {took:?}");
}

/// 20 ms of sound, as many frames after the first one as the client's clock says.
fn sound_at(frame: u32) -> Message {
    let mut bytes = vec![1, 1, 0, 0];
    bytes.extend((frame * 960).to_le_bytes());
    bytes.resize(12 + MIC_FRAME * 2, 1);
    Message::Binary(bytes.into())
}

/// Which frames the pipeline gets of a client that speaks steadily, but for `left_out` frames behind the first 15; `late`: when it goes on
/// after them. True: received.
async fn heard(left_out: u32, late: Duration) -> Vec<bool> {
    let frames = (0..15).chain(15 + left_out..20 + left_out);
    let spoken = stream::iter(frames).then(move |frame| async move {
        let wait = if frame == 15 + left_out { late } else { FRAME };
        tokio::time::sleep(wait).await;
        Ok(sound_at(frame))
    });
    let (_, mut pipeline) = read_all(Box::pin(spoken)).await;
    let mut heard = Vec::new();
    while let Some(frame) = pipeline.mic.recv().await {
        assert_eq!(frame.received, frame.samples.iter().any(|sample| *sample != 0));
        heard.push(frame.received);
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn silence_stands_for_sound_that_the_client_has_left_out() {
    for left_out in [0, 5, 20] {
        let whole = [vec![true; 15], vec![false; left_out], vec![true; 5]].concat();
        let frames = u32::try_from(left_out).unwrap();
        assert_eq!(heard(frames, FRAME * (frames + 1)).await, whole, "{left_out} frames");
    }
}

#[tokio::test(start_paused = true)]
async fn sound_that_is_only_late_is_heard_as_it_was_spoken() {
    assert_eq!(heard(0, Duration::from_millis(400)).await, [true; 20]);
}

#[tokio::test(start_paused = true)]
async fn silence_that_was_inserted_while_nothing_came_is_not_inserted_again() {
    let heard = heard(50, Duration::from_secs(1)).await;
    let silent = heard.iter().filter(|received| !**received).count();
    assert!((40..=50).contains(&silent), "{silent} frames of silence for a second");
}

#[tokio::test(start_paused = true)]
async fn sound_with_repeated_gaps_is_reported() {
    for (pause, frames, told) in [(400, 6, true), (400, 4, false), (100, 40, false), (3_000, 6, false)] {
        let late = stream::repeat(sound(320)).take(frames).then(|frame| async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok(frame)
        });
        let (_, mut pipeline) = read_all(Box::pin(late)).await;
        let command = pipeline.commands.try_recv().ok();
        let expected = told.then_some(ClientCommand::MicrophoneStutters);
        assert_eq!(command, expected, "{frames} frames, {pause} ms apart");
    }
}

/// 20 ms that bear a number.
fn numbered(number: i16) -> Message {
    let mut bytes = vec![1_u8, 1];
    bytes.resize(12, 0);
    bytes.extend((0..MIC_FRAME).flat_map(|_| number.to_le_bytes()));
    Message::Binary(bytes.into())
}

#[tokio::test(start_paused = true)]
async fn twenty_seconds_from_a_client_that_comes_back_are_heard_whole_in_order_and_before_what_it_says_then()
{
    let (mut reader, _told, pipeline) = reader();
    reader.allowance = Allowance::new(true);
    let mut mic = pipeline.mic;
    let kept = stream::iter(0..1_000_i16).then(|number| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok::<_, Infallible>(numbered(number))
    });
    let live = stream::iter(1_000..1_100_i16).then(|number| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>(numbered(number))
    });
    let (give_up, _reason) = mpsc::channel(1);
    let hears = async {
        let mut heard = Vec::new();
        while heard.len() < 1_100 {
            heard.push(mic.recv().await.expect("the call goes on").samples[0]);
        }
        heard
    };
    let messages = Box::pin(kept.chain(live).chain(stream::pending()));
    let heard = tokio::select! {
        () = reader.run(messages, give_up) => panic!("the client is given up"),
        heard = hears => heard,
    };
    assert_eq!(heard, (0..1_100).collect::<Vec<i16>>());
}
