use futures_util::FutureExt;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;

use super::*;

/// Recognises the same words in everything, after this time, or fails.
#[derive(Clone)]
struct Fake {
    after: Duration,
    found: Result<Transcript, EngineError>,
    /// Samples of each utterance that was decoded.
    decoded: Arc<Mutex<Vec<usize>>>,
}

impl Fake {
    fn new(ms: u64, found: Result<&str, EngineError>) -> Self {
        let found = found.map(|text| Transcript { text: text.into(), ..Transcript::default() });
        Self { after: Duration::from_millis(ms), found, decoded: Arc::default() }
    }
}

#[async_trait]
impl Transcribe for Fake {
    async fn transcribe(&self, sound: &[i16], _language: &str) -> Result<Transcript, EngineError> {
        sleep(self.after).await;
        self.decoded.lock().push(sound.len());
        self.found.clone()
    }
}

#[async_trait]
impl Stt for Fake {
    fn capabilities(&self) -> SttCapabilities {
        SttCapabilities::ALL
    }

    async fn open(&self, _request: SttRequest) -> Result<SttStream, EngineError> {
        // A queue of one, so that inputs wait.
        let (input, inputs) = mpsc::channel(1);
        let fake = self.clone();
        let mut samples = 0;
        let output: BoxStream<'static, Result<Decoded, EngineError>> = ReceiverStream::new(inputs)
            .filter_map(move |input| {
                let number = match input {
                    SttInput::Audio(more) => {
                        samples += more.len();
                        None
                    }
                    SttInput::Decode { number, .. } => Some(number),
                };
                let (fake, samples) = (fake.clone(), samples);
                async move {
                    let number = number?;
                    let words = fake.transcribe(&vec![0_i16; samples], "").await;
                    Some(words.map(|words| Decoded { number, words, routed: None }))
                }
                .boxed()
            })
            .boxed();
        Ok(SttStream { input, output })
    }
}

fn failed() -> EngineError {
    EngineError::Failed("it broke".into())
}

fn combined(own: &Fake, endpoint: &Fake) -> Combined {
    let patience = Duration::from_millis(1500);
    Combined {
        own: Arc::new(own.clone()),
        endpoint: Arc::new(endpoint.clone()),
        languages: Vec::new(),
        patience,
    }
}

fn decode(number: u32, last: bool) -> SttInput {
    SttInput::Decode { number, last, stable: String::new(), phrases: Vec::new() }
}

/// The results of a partial and the final decode, and the duration of the final one.
async fn heard(combined: &Combined) -> (Option<String>, Result<String, EngineError>, Duration) {
    let SttStream { input, mut output } = combined.open(SttRequest::default()).await.unwrap();
    for _ in 0..10 {
        input.send(SttInput::Audio(vec![1; 320])).await.unwrap();
    }
    input.send(decode(1, false)).await.unwrap();
    let partial = timeout(Duration::from_secs(5), output.next()).await.ok().flatten();
    let partial = partial.map(|decoded| decoded.unwrap().words.text);
    input.send(SttInput::Audio(vec![1; 320])).await.unwrap();
    input.send(decode(2, true)).await.unwrap();
    let began = Instant::now();
    let decoded = output.next().await.unwrap();
    (partial, decoded.map(|decoded| decoded.words.text), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn our_own_recogniser_makes_partials_and_the_endpoint_hears_the_whole_utterance_once() {
    let (own, endpoint) = (Fake::new(100, Ok("ours")), Fake::new(400, Ok("theirs")));
    let (partial, whole, took) = heard(&combined(&own, &endpoint)).await;
    assert_eq!((partial.as_deref(), whole), (Some("ours"), Ok("theirs".into())));
    assert!(took < Duration::from_millis(450), "{took:?}");
    assert_eq!(*endpoint.decoded.lock(), [11 * 320]);
}

#[tokio::test(start_paused = true)]
async fn our_own_words_stand_in_for_an_endpoint_that_fails_or_is_late() {
    let own = Fake::new(100, Ok("ours"));
    let (_, whole, took) = heard(&combined(&own, &Fake::new(10, Err(failed())))).await;
    assert_eq!(whole, Ok("ours".into()));
    assert!(took < Duration::from_millis(150), "{took:?}");
    let (_, whole, took) = heard(&combined(&own, &Fake::new(60_000, Ok("theirs")))).await;
    assert_eq!(whole, Ok("ours".into()));
    assert!((1500..1600).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_endpoint_is_waited_for_where_our_own_recogniser_fails() {
    let own = Fake::new(10, Err(failed()));
    let (partial, whole, _) = heard(&combined(&own, &Fake::new(3_000, Ok("theirs")))).await;
    assert_eq!((partial, whole), (None, Ok("theirs".into())));
    let lost = EngineError::Unavailable("it is down".into());
    let (_, whole, _) = heard(&combined(&own, &Fake::new(10, Err(lost.clone())))).await;
    assert_eq!(whole, Err(lost), "the reason is the endpoint's");
}

#[tokio::test(start_paused = true)]
async fn a_newer_partial_ends_an_upload() {
    let (own, endpoint) = (Fake::new(10, Ok("ours")), Fake::new(1_000, Ok("theirs")));
    let SttStream { input, mut output } =
        combined(&own, &endpoint).open(SttRequest::default()).await.unwrap();
    for item in [SttInput::Audio(vec![1; 320]), decode(1, true), decode(2, false)] {
        input.send(item).await.unwrap();
    }
    let decoded = output.next().await.unwrap().unwrap();
    assert_eq!((decoded.number, decoded.words.text.as_str()), (2, "ours"));
    drop(input);
    assert!(output.next().await.is_none());
    assert!(endpoint.decoded.lock().is_empty());
}
