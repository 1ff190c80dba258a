//! The `Tts` service: checks a request, queues it, and forwards the worker's parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use visavis_proto::state::EngineState;
use visavis_proto::v1::tts_server::Tts;
use visavis_proto::v1::{SynthesizeRequest, VoicesReply, VoicesRequest};

use crate::catalogue::Catalogue;
use crate::job::{Job, SpeechStream, Stop};
use crate::queue::{Entry, Queue};
use crate::request::{Checked, check, fitting};
use crate::text::parts;

/// Longer texts, in bytes, may need longer network runs than a call's segments do.
const LONG: usize = 250;

/// The service, in front of the worker's queue.
pub(crate) struct Service {
    /// Health, counters and the queue's bound.
    pub(crate) state: Arc<EngineState>,
    /// The worker's queue.
    pub(crate) queue: Arc<Queue<Job>>,
    /// All voices, loaded or not.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Id of the last request.
    pub(crate) last_id: AtomicU64,
}

#[tonic::async_trait]
impl Tts for Service {
    type SynthesizeStream = SpeechStream;

    async fn synthesize(
        &self,
        request: Request<SynthesizeRequest>,
    ) -> Result<Response<SpeechStream>, Status> {
        let arrived = Instant::now();
        let request = request.into_inner();
        self.state.usable()?;
        let Checked { voice, speed, priority, gentle } = check(&request, &self.catalogue)?;
        // A request may wait for its voice, which is then loaded first.
        let ticket = self.state.enter_early()?;
        let wait = Duration::from_millis(request.deadline_ms.into());
        let long = request.text.len() > fitting(LONG, speed);
        let stop = Arc::new(Stop::new((!wait.is_zero()).then(|| arrived + wait), long));
        let parts = parts(&request.text);
        // The worker may halve parts, but each keeps at least one character.
        let (sender, receiver) = mpsc::channel(request.text.chars().count() + 2);
        let job = Job {
            text: request.text,
            parts,
            next: 0,
            voice,
            speed,
            gentle,
            sender,
            stop: stop.clone(),
            ticket,
        };
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        self.queue.push(Entry { id, rank: priority, item: job });
        Ok(Response::new(SpeechStream::new(receiver, stop, self.queue.clone(), id)))
    }

    async fn voices(&self, _: Request<VoicesRequest>) -> Result<Response<VoicesReply>, Status> {
        self.state.usable()?;
        Ok(Response::new(VoicesReply { voices: self.catalogue.voices() }))
    }
}
