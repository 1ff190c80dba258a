//! The transport with a dialect that is not RTVI: only text, with sound in hexadecimal digits at 24 kHz, and no hello.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::Instant;

use super::*;
use crate::event::{CallEvent, ClientCommand};
use crate::frame::{FRAME_TICKS, MediaOut, OUT_FRAME, OUT_RATE, ResponseId};
use crate::ports::{PipelinePorts, call_ports};
use crate::protocol::{Message as Wanted, Packet, Received, Sound, Speech};

#[derive(Default)]
struct Words {
    /// Number of pieces of sound decoded.
    decoded: AtomicUsize,
}

fn texts<const N: usize>(texts: [String; N]) -> Vec<Packet> {
    Vec::from(texts.map(Packet::Text))
}

impl Protocol for Words {
    fn begin(&self) -> Wanted {
        Wanted { commands: vec![ClientCommand::Ready], replies: texts(["welcome".into()]) }
    }

    fn receive(&self, packet: Packet) -> Received {
        let Packet::Text(text) = packet else { return Received::Unwanted };
        if let Some(words) = text.strip_prefix("ask ") {
            let language = ClientCommand::SetLanguage(Some("en".into()));
            let commands = vec![language, ClientCommand::Say(words.into())];
            return Received::Message(Wanted { commands, replies: texts(["asked".into()]) });
        }
        match text.split_once(' ') {
            Some(("sound", digits)) if digits.len().is_multiple_of(4) => {
                let (count, encoded) = (digits.len() / 4, Bytes::from(text).slice(6..));
                Received::Sound(Sound { rate: OUT_RATE, count, timestamp: None, encoded })
            }
            _ => Received::Fault("neither ask nor sound".into()),
        }
    }

    fn samples(&self, sound: &Sound) -> Result<Vec<i16>, String> {
        self.decoded.fetch_add(1, Ordering::Relaxed);
        let sample = |digits: &[u8]| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let samples = sound.encoded.chunks_exact(4).map(|digits| sample(digits).map(|bits| bits as i16));
        samples.collect::<Option<_>>().ok_or_else(|| "no digits".into())
    }

    fn event(&self, event: &CallEvent, _: Duration) -> Vec<Packet> {
        match event {
            CallEvent::Interrupted { heard, .. } => texts([format!("cut {heard}"), "clear".into()]),
            _ => Vec::new(),
        }
    }

    fn speech_rate(&self) -> u32 {
        OUT_RATE
    }

    fn speech(&self, speech: &Speech) -> Vec<Packet> {
        texts([format!("answer {}", speech.response.0), format!("samples {}", speech.samples.len())])
    }

    fn fatal(&self, error: &str) -> Vec<Packet> {
        texts([format!("over {error}")])
    }
}

/// One end of a socket.
struct Line {
    to: mpsc::Sender<Message>,
    from: mpsc::Receiver<Message>,
}

impl Stream for Line {
    type Item = Result<Message, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().from.poll_recv(cx).map(|message| message.map(Ok))
    }
}

impl Sink<Message> for Line {
    type Error = Infallible;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Infallible> {
        self.to.try_send(message).expect("the test reads what it is sent");
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl Line {
    async fn say(&self, text: impl Into<String>) {
        self.to.send(Message::text(text.into())).await.unwrap();
    }

    /// The next text sent to the client, or why the socket closes.
    async fn told(&mut self) -> String {
        match self.from.recv().await {
            Some(Message::Text(text)) => text.to_string(),
            Some(Message::Close(Some(frame))) => format!("{} {}", frame.code, frame.reason),
            other => panic!("{other:?}"),
        }
    }
}

/// A call that has begun: its client, its pipeline's ports, and its dialect.
async fn call() -> (Line, PipelinePorts, Arc<Words>) {
    let ((to, theirs), (ours, from)) = (mpsc::channel(512), mpsc::channel(512));
    let (ports, mut pipeline) = call_ports();
    let words = Arc::new(Words::default());
    tokio::spawn(run(Line { to: ours, from: theirs }, ports, words.clone(), false, CancellationToken::new()));
    let mut client = Line { to, from };
    assert_eq!(client.told().await, "welcome");
    assert_eq!(pipeline.commands.recv().await, Some(ClientCommand::Ready), "without a hello");
    (client, pipeline, words)
}

fn sound() -> String {
    format!("sound {}", "0100".repeat(OUT_FRAME))
}

#[tokio::test(start_paused = true)]
async fn a_message_of_another_dialect_may_contain_several_commands() {
    let (mut client, mut pipeline, _) = call().await;
    client.say("ask Who are you?").await;
    assert_eq!(client.told().await, "asked");
    let language = ClientCommand::SetLanguage(Some("en".into()));
    for wanted in [language, ClientCommand::Say("Who are you?".into())] {
        assert_eq!(pipeline.commands.recv().await, Some(wanted));
    }
}

#[tokio::test(start_paused = true)]
async fn sound_in_text_is_heard_in_real_time_and_not_limited_as_messages() {
    let (client, mut pipeline, _) = call().await;
    let began = Instant::now();
    let speaks = async {
        for _ in 0..500 {
            client.say(sound()).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    };
    let hears = async {
        let mut heard = 0;
        while heard < 495 {
            let frame = pipeline.mic.recv().await.expect("the call goes on");
            heard += usize::from(frame.received);
        }
        began.elapsed()
    };
    let (spoken, heard) = tokio::join!(speaks, hears);
    assert!(spoken.abs_diff(heard) < Duration::from_millis(200), "{spoken:?}, {heard:?}");
}

#[tokio::test(start_paused = true)]
async fn sound_beyond_the_allowance_is_not_decoded() {
    let (client, _pipeline, words) = call().await;
    for _ in 0..400 {
        client.say(sound()).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let decoded = words.decoded.load(Ordering::Relaxed);
    assert!((149..=152).contains(&decoded), "{decoded} of 400 pieces: 3 s are 150");
}

#[tokio::test(start_paused = true)]
async fn speech_is_sent_at_the_dialects_rate_and_in_its_packets_until_interrupted() {
    let (mut client, pipeline, _) = call().await;
    let media = |timestamp| MediaOut { response: ResponseId(7), timestamp, samples: vec![0; OUT_FRAME] };
    pipeline.media.send(media(0)).await.unwrap();
    assert_eq!([client.told().await, client.told().await], ["answer 7", "samples 480"]);
    pipeline.media.send(media(FRAME_TICKS)).await.unwrap();
    let interrupted = CallEvent::Interrupted { response: ResponseId(7), heard: "Well".into() };
    pipeline.events.send(interrupted).await.unwrap();
    drop(pipeline);
    let told = [client.told().await, client.told().await, client.told().await];
    assert_eq!(told, ["cut Well", "clear", "1000 the call has ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nonsense_is_given_up_in_its_own_dialect() {
    let (mut client, mut pipeline, _) = call().await;
    // An invalid message, and sound whose digits turn out to be invalid when decoded.
    for text in ["dance", "sound wxyz"].repeat(5) {
        client.say(text).await;
    }
    assert_eq!(client.told().await, "over The call ends: ten frames were malformed.");
    assert_eq!(client.told().await, "1008 ten frames were malformed");
    for message in ["neither ask nor sound", "no digits"] {
        let bad = ClientCommand::Bad { id: None, message: message.into() };
        assert_eq!(pipeline.commands.recv().await, Some(bad));
    }
}
