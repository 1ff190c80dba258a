//! The gRPC service: one task per utterance reads audio and queues decodes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tonic::{Request, Response, Status, Streaming};
use visavis_proto::state::EngineState;
use visavis_proto::v1::health_reply::State;
use visavis_proto::v1::stt_server::Stt;
use visavis_proto::v1::{
    HealthReply, LanguageWeight, Priority, SttDecode, SttInput, SttStart, Transcript, stt_input::Input,
};

use crate::class::Class;
use crate::queue::{Order, Queue};
use crate::utterance::{Caller, Languages, Utterance};
use crate::vocabulary::Language;

/// Utterances that may be open at once; bounds the memory that their audio takes.
const MAX_UTTERANCES: usize = 256;
/// Transcripts buffered for a caller; with more unread, its input is no longer read.
const UNREAD_TRANSCRIPTS: usize = 16;
const MAX_PROMPT_BYTES: usize = 1000;
/// The weight of the language given as likely.
const LIKELY: f32 = 1.0;
/// Ten minutes of fast speech.
const MAX_STABLE_BYTES: usize = 64 << 10;
const MAX_PHRASES: usize = 64;
const MAX_PHRASE_BYTES: usize = 40;

/// The `Stt` service.
#[derive(Debug)]
pub(crate) struct SttService {
    state: Arc<EngineState>,
    queue: Arc<Queue>,
    places: Arc<Semaphore>,
    callers: AtomicU64,
}

impl SttService {
    pub(crate) fn new(state: Arc<EngineState>, queue: Arc<Queue>) -> Self {
        Self { state, queue, places: Arc::new(Semaphore::new(MAX_UTTERANCES)), callers: AtomicU64::new(0) }
    }
}

#[tonic::async_trait]
impl Stt for SttService {
    type RecognizeStream = Transcripts;

    async fn recognize(
        &self,
        request: Request<Streaming<SttInput>>,
    ) -> Result<Response<Transcripts>, Status> {
        self.state.loaded().await;
        let health = self.state.health();
        match health.state() {
            State::Ready => {}
            State::Loading => return Err(Status::unavailable("the model is still loading")),
            State::Failed => return Err(Status::failed_precondition(health.message)),
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!("{MAX_UTTERANCES} utterances are open already; end one first"))
        })?;
        let caller = Arc::new(Caller::new(self.callers.fetch_add(1, Ordering::Relaxed)));
        let (transcripts, receiver) = mpsc::channel(UNREAD_TRANSCRIPTS);
        let listener =
            Listener { caller: caller.clone(), state: self.state.clone(), queue: self.queue.clone() };
        tokio::spawn(listener.run(request.into_inner(), transcripts, place));
        Ok(Response::new(Transcripts { receiver, caller, queue: self.queue.clone() }))
    }
}

/// Opens the utterance that a caller asks for.
fn begin(
    start: SttStart,
    health: &HealthReply,
    caller: Arc<Caller>,
    place: OwnedSemaphorePermit,
) -> Result<Arc<Utterance>, Status> {
    let SttStart { language, prompt, priority, likely_language, mut expected_languages, translate, waited } =
        start;
    if prompt.len() > MAX_PROMPT_BYTES || prompt.contains('\0') {
        return Err(Status::invalid_argument(format!(
            "start.prompt: {} bytes; at most {MAX_PROMPT_BYTES}, without NUL",
            prompt.len()
        )));
    }
    let priority = Priority::try_from(priority).map_err(|_| {
        Status::invalid_argument(format!("start.priority: {priority} is not a priority; use 0, 1 or 2"))
    })?;
    let language = given_language(&language, health)?;
    if expected_languages.is_empty() && !likely_language.is_empty() {
        expected_languages.push(LanguageWeight { language: likely_language, weight: LIKELY });
    }
    if let Some(odd) = expected_languages.iter().find(|it| !it.weight.is_finite() || it.weight < 0.0) {
        return Err(Status::invalid_argument(format!(
            "start.expected_languages: the weight of {:?} is {}; it must be 0 or more",
            odd.language, odd.weight
        )));
    }
    // Drop languages that the model does not know.
    expected_languages.retain(|expected| health.languages.contains(&expected.language));
    if translate && !health.identifies_language {
        return Err(Status::invalid_argument(format!(
            "start.translate: {} knows English only; translation needs a multilingual model",
            health.model
        )));
    }
    let languages = Languages { given: language, expected: expected_languages, translate };
    Ok(Arc::new(Utterance::new(
        caller,
        languages,
        prompt.trim().to_owned(),
        Class::of(priority, waited),
        place,
    )))
}

/// The requested language, if the model knows it; `None`: identify it.
fn given_language(asked: &str, health: &HealthReply) -> Result<Option<Language>, Status> {
    match asked {
        "" if health.identifies_language => Ok(None),
        "" => Ok(Language::by_code("en")),
        code if health.languages.iter().any(|known| known == code) => Ok(Language::by_code(code)),
        unknown => Err(Status::invalid_argument(format!(
            "start.language: {} does not know {unknown:?}; it knows {}",
            health.model,
            health.languages.join(", ")
        ))),
    }
}

/// The task that reads one caller's messages. It ends when either side of the stream ends.
struct Listener {
    caller: Arc<Caller>,
    state: Arc<EngineState>,
    queue: Arc<Queue>,
}

type Sender = mpsc::Sender<Result<Transcript, Status>>;

impl Listener {
    async fn run(self, inputs: Streaming<SttInput>, transcripts: Sender, place: OwnedSemaphorePermit) {
        if let Err(status) = self.listen(inputs, &transcripts, place).await {
            self.queue.forget(&self.caller);
            // A caller that has left does not read it.
            _ = transcripts.send(Err(status)).await;
        }
    }

    /// Reads to the end of the utterance; decodes still waiting then are completed.
    async fn listen(
        &self,
        mut inputs: Streaming<SttInput>,
        transcripts: &Sender,
        place: OwnedSemaphorePermit,
    ) -> Result<(), Status> {
        let Some(message) = next(&mut inputs, transcripts).await? else { return Ok(()) };
        let Some(Input::Start(start)) = message.input else {
            return Err(Status::invalid_argument("start: it must be the first message"));
        };
        let utterance = begin(start, &self.state.health(), self.caller.clone(), place)?;
        while let Some(message) = next(&mut inputs, transcripts).await? {
            match message.input {
                Some(Input::Audio(pcm)) => self.state.add_units(utterance.append(&pcm)? as u64),
                Some(Input::Decode(decode)) => {
                    let order = order(&utterance, &decode, Instant::now())?;
                    // An error means that nobody reads the transcripts; `next` notices it too.
                    if let Ok(reply) = transcripts.clone().reserve_owned().await {
                        self.queue.push(order, reply);
                    }
                }
                Some(Input::Start(_)) => {
                    return Err(Status::invalid_argument("start: the utterance has started already"));
                }
                None => return Err(Status::invalid_argument("input: the message is empty")),
            }
        }
        Ok(())
    }
}

/// The caller's next message; `None` if its side has ended or nobody reads the transcripts.
async fn next(inputs: &mut Streaming<SttInput>, transcripts: &Sender) -> Result<Option<SttInput>, Status> {
    tokio::select! {
        message = inputs.message() => message,
        () = transcripts.closed() => Ok(None),
    }
}

fn order(utterance: &Arc<Utterance>, decode: &SttDecode, arrived: Instant) -> Result<Order, Status> {
    let received = utterance.len();
    let samples = match usize::try_from(decode.samples) {
        Ok(0) => received,
        Ok(samples) if samples <= received => samples,
        _ => {
            return Err(Status::invalid_argument(format!(
                "decode.samples: {} requested, but only {received} received",
                decode.samples
            )));
        }
    };
    if decode.stable.len() > MAX_STABLE_BYTES {
        return Err(Status::invalid_argument(format!(
            "decode.stable: {} bytes; at most {MAX_STABLE_BYTES}",
            decode.stable.len()
        )));
    }
    Ok(Order {
        utterance: utterance.clone(),
        number: decode.number,
        is_final: decode.r#final,
        samples,
        speech_end: utterance.sound_end(samples),
        stable: decode.stable.clone(),
        phrases: phrases(&decode.phrases)?,
        deadline: (decode.deadline_ms > 0)
            .then(|| arrived + Duration::from_millis(decode.deadline_ms.into())),
    })
}

fn phrases(phrases: &[String]) -> Result<Vec<String>, Status> {
    let long = phrases.iter().find(|phrase| phrase.len() > MAX_PHRASE_BYTES || phrase.contains('\0'));
    if phrases.len() > MAX_PHRASES || long.is_some() {
        return Err(Status::invalid_argument(format!(
            "decode.phrases: {} phrases; at most {MAX_PHRASES} of {MAX_PHRASE_BYTES} bytes, without NUL",
            phrases.len()
        )));
    }
    Ok(phrases.to_vec())
}

/// The stream of transcripts. When the caller leaves, tonic drops it, and the utterance's work ends.
#[derive(Debug)]
pub(crate) struct Transcripts {
    receiver: mpsc::Receiver<Result<Transcript, Status>>,
    caller: Arc<Caller>,
    queue: Arc<Queue>,
}

impl Stream for Transcripts {
    type Item = Result<Transcript, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}

impl Drop for Transcripts {
    fn drop(&mut self) {
        self.queue.forget(&self.caller);
    }
}
