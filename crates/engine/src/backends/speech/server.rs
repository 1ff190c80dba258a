//! A voice server, with any API.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use parking_lot::RwLock;

use super::api::{Api, Line};
use super::clip;
use super::listing::Listing;
use super::reading::Reading;
use super::roster::{Place, Roster};
use crate::backends::http::{Http, Refused, Silence};
use crate::config::{TtsApi, TtsEngine};
use crate::retry::{in_time, patiently_as_told};
use crate::watchdog::Watchdog;
use crate::{EngineError, Tts, TtsCapabilities, TtsPart, TtsRequest, Voice};

/// Longest text of one request, in characters: the same as for our own engine.
const LONGEST_TEXT: usize = 5000;

/// A voice server.
#[derive(Clone)]
pub(super) struct Server {
    /// Its name in metrics and in the log.
    pub(super) name: &'static str,
    pub(super) api: Arc<dyn Api>,
    pub(super) http: Arc<Http>,
    pub(super) settings: Arc<TtsEngine>,
    /// The folder of cloned voices' clips.
    pub(super) clones: PathBuf,
    /// The server's list; none: not requested yet.
    pub(super) listing: Arc<RwLock<Option<Listing>>>,
    /// Ends requests to a silent server.
    pub(super) watchdog: Watchdog,
}

impl Server {
    /// Checks that the server responds, and stores its list.
    ///
    /// # Errors
    /// Why it does not serve.
    pub(super) async fn look(&self) -> Result<Listing, Refused> {
        let listing = self.api.look().await?;
        *self.listing.write() = Some(listing.clone());
        Ok(listing)
    }

    /// The voices that are available now.
    ///
    /// # Errors
    /// When the list is not known yet, and the server does not respond.
    pub(super) async fn roster(&self) -> Result<Roster, EngineError> {
        let known = self.listing.read().clone();
        let listing = match known {
            Some(listing) => listing,
            None => {
                let looked = async { self.look().await.map_err(|refused| refused.error) };
                self.watchdog.response(looked).await.map_err(|error| self.late(error))?
            }
        };
        let clips = clip::list(&self.clones).await;
        let place = Place { section: self.http.section(), address: self.http.address() };
        Ok(Roster::new(&self.settings, &listing, clips, self.api.cloning(), place))
    }

    async fn line(&self, request: TtsRequest) -> Result<Line, EngineError> {
        let length = request.text.chars().count();
        if length > LONGEST_TEXT {
            return Err(EngineError::Invalid(format!(
                "text: {length} characters exceed {LONGEST_TEXT}; split it into several requests"
            )));
        }
        let api = self.settings.api;
        if !request.speed.is_usual() && matches!(api, TtsApi::Xtts | TtsApi::Cloudflare) {
            let why = format!("speed: a voice by {} has one speed; leave speed out", api.name());
            return Err(EngineError::Invalid(why));
        }
        let choice = self.roster().await?.choose(&request)?;
        let (text, speed) = (request.text, request.speed);
        Ok(Line { text, voice: choice.id, language: choice.language, speed, clip: choice.clip })
    }

    /// Makes one attempt, and waits for the first part of the sound.
    async fn open(&self, line: &Line) -> Result<Reading, Refused> {
        let begun = async {
            let answer = self.api.speak(line).await?;
            let reading = Reading::new(self.http.clone(), answer, &line.text);
            reading.begin().await.map_err(Refused::from)
        };
        let watched = async { Ok::<Result<Reading, Refused>, EngineError>(begun.await) };
        let opened = self.watchdog.response(watched).await;
        opened.unwrap_or_else(|error| Err(self.late(error).into()))
    }

    /// Adds advice to the error of a silent server; other errors are unchanged.
    fn late(&self, error: EngineError) -> EngineError {
        late(error, &self.http, before(&self.settings))
    }

    /// The parts of a sound that has begun. An error ends them if the server falls silent, and what it sent has sounded. `ahead`:
    /// nobody waits for it, so that a slow server may take its time.
    fn parts(&self, reading: Reading, ahead: bool) -> BoxStream<'static, Result<TtsPart, EngineError>> {
        let parts = stream::try_unfold(reading, |mut reading| async move {
            let part = reading.part().await?;
            Ok::<_, EngineError>(part.map(|part| (part, reading)))
        });
        let silence = if ahead { before(&self.settings) } else { between(&self.settings) };
        let (http, watchdog) = (self.http.clone(), self.watchdog.clone().of_stalls(silence.length()));
        let parts = watchdog.heard_pieces(parts.boxed(), TtsPart::lasts);
        parts.map_err(move |error| late(error, &http, silence)).boxed()
    }
}

fn late(error: EngineError, http: &Http, silence: Silence) -> EngineError {
    silence.explain(error, http.address(), http.section(), "no sound")
}

#[async_trait]
impl Tts for Server {
    fn capabilities(&self) -> TtsCapabilities {
        // No API reports words or phonemes.
        TtsCapabilities::default()
    }

    async fn synthesize(
        &self,
        request: TtsRequest,
    ) -> Result<BoxStream<'static, Result<TtsPart, EngineError>>, EngineError> {
        let ahead = request.ahead;
        let line = self.line(request).await?;
        metrics::counter!("visavis_engine_requests_total", "engine" => self.name).increment(1);
        let passes = in_time(|refused: &Refused| refused.error.is_passing());
        let told = |refused: &Refused| refused.after;
        let reading =
            patiently_as_told(|| self.open(&line), passes, told).await.map_err(|refused| refused.error)?;
        Ok(self.parts(reading, ahead))
    }

    async fn voices(&self) -> Result<Vec<Voice>, EngineError> {
        Ok(self.roster().await?.voices(self.settings.api.name()))
    }
}

/// The silence before the first sound after which a request ends.
pub(super) fn before(own: &TtsEngine) -> Silence {
    Silence::before(own.silence_seconds)
}

/// The silence between two parts of the sound after which a request ends.
fn between(own: &TtsEngine) -> Silence {
    Silence::between(own.stall_seconds, own.silence_seconds)
}
