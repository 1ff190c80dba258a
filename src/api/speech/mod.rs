//! Speech for programs: what `/v1/audio/speech` and `/speak` share.
//!
//! - `order` (pure): what is asked, and its limits; `voices`: who speaks it
//! - `settings`: what is configured, and the files that it names
//! - `quota` (pure): how much an address may ask of `/speak`
//! - `fault`: why a request is not served
//! - `sound`: the response as a file, whole, in part (`range`, pure) or as it grows; `events`: as server-sent events (pure), which
//!   `stream` sends
//! - `warm`: texts spoken into the cache at the start
//! - this file: brings them together

mod events;
mod fault;
mod order;
mod quota;
mod range;
mod settings;
mod sound;
mod stream;
mod voices;
mod warm;

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::watch;
use visavis_speech::room::{Bounds, Room, to_the_end};
use visavis_speech::script::Piece;
use visavis_speech::text::{self, Text};
use visavis_speech::{Key, Lexicon, Opened, Origin, Script, Tier, Voiced, Wanted};

use crate::admission::{Admission, Kind, Permit, Principal};
use crate::api::body::{UPLOAD, was_too_slow};
use crate::config::Config;
use crate::engine::status::EngineStatus;
use crate::engine::{EngineError, Speed, Tts};

pub(super) use fault::Fault;
pub(super) use order::Asked;
pub(super) use sound::{as_file, wants_whole};
pub(super) use stream::as_events;
pub use warm::warm_up;

use quota::Quota;
use settings::Settings;
use stream::Growing;
use voices::{Chosen, Voices};

/// Largest body of a request: the longest text that may be allowed, in any script.
pub(super) const LARGEST_BODY: usize = 1 << 20;

/// Speaks for programs.
pub struct Desk {
    room: Arc<Room>,
    status: watch::Receiver<EngineStatus>,
    /// The engine's model, as last known: while the engine is away, what it has spoken is still found.
    model: Mutex<String>,
    settings: Settings,
    lexicon: Lexicon,
    voices: Voices,
    quota: Mutex<Quota<Principal>>,
    admission: Arc<Admission>,
}

/// A voice engine, and whether it is ready.
pub struct VoiceEngine {
    /// The engine, for work beside calls.
    pub tts: Arc<dyn Tts>,
    /// Its state.
    pub status: watch::Receiver<EngineStatus>,
}

/// An order that can be spoken.
#[derive(Debug, Clone)]
pub(super) struct Order {
    wanted: Wanted,
    /// The name of what speaks.
    pub(super) engine: String,
    /// The version of its model.
    pub(super) model: String,
    /// Characters of its text.
    pub(super) characters: usize,
}

/// Whose order it is, and what counts against them.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) principal: Principal,
    /// Requests of an hour are counted.
    pub(super) counted: bool,
    /// The file is wanted whole, so that a part of it can be sent.
    pub(super) whole: bool,
}

/// The response to an order.
pub(super) enum Ready {
    /// A complete file.
    Whole(Arc<visavis_speech::Whole>, Origin),
    /// A file that grows.
    Growing(Growing),
}

impl Ready {
    /// Where the speech comes from.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Whole(_, origin) => *origin,
            Self::Growing(growing) => growing.origin(),
        }
    }
}

impl Desk {
    /// Opens what is kept on disk, and reads the lexicon.
    ///
    /// # Errors
    /// If the lexicon cannot be used.
    pub fn start(
        config: &Config,
        voice: VoiceEngine,
        admission: Arc<Admission>,
    ) -> anyhow::Result<Arc<Self>> {
        let settings = Settings::of(config);
        let (own, ttl) = (&settings.own, settings.ttl());
        let lexicon = settings::lexicon(own)?;
        let bounds = Bounds { memory: u64::from(own.memory_mb) << 20, ttl };
        let tier = settings::disk(config, ttl).map(|disk| Arc::new(disk) as Arc<dyn Tier>);
        let VoiceEngine { tts, status } = voice;
        let voices = Voices::new(tts.clone(), own.voices.clone(), config.tts.voice.clone());
        let quota = Mutex::new(Quota::new(own.requests_per_hour));
        let room = Room::new(tts, bounds, tier);
        let model = Mutex::default();
        Ok(Arc::new(Self { room, status, model, settings, lexicon, voices, quota, admission }))
    }

    /// Checks what is asked, and chooses who speaks it.
    ///
    /// # Errors
    /// What is wrong with it, or that the voices are not known.
    pub(super) async fn order(&self, asked: Asked) -> Result<Order, Fault> {
        let pieces = self.pieces(&asked)?;
        let Chosen { voice, language, speaks, source, version } =
            self.voices.choose(&asked.voice, &asked.language).await?;
        let script = Script { voice, language, pieces };
        let model = self.model();
        let since = visavis_models::clones::since(&self.settings.clones, &speaks);
        let voiced = Voiced {
            engine: format!("{source}/{speaks}"),
            model: format!("{model}@{:016x}", self.settings.sound),
            version,
            since: since.and_then(|since| since.duration_since(UNIX_EPOCH).ok()),
        };
        let (key, format) = (Key::of(&script, &voiced), asked.format);
        let wanted = Wanted { script: Arc::new(script), key, format, waited: true };
        Ok(Order { wanted, engine: source, model, characters: asked.text.chars().count() })
    }

    /// Checks what can be told without a voice: the speed, the respellings and the text, with its SSML.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, asked: &Asked) -> Result<(), Fault> {
        self.pieces(asked).map(|_| ())
    }

    /// What is spoken of a text.
    fn pieces(&self, asked: &Asked) -> Result<Vec<Piece>, Fault> {
        let speed = speed(asked.speed)?;
        let own = Lexicon::of(asked.lexicon.iter().map(|(word, to)| (word.as_str(), to.as_str())))
            .map_err(|fault| Fault::wrong("lexicon", &fault.to_string()))?;
        let lexicons = [&own, &self.lexicon];
        let longest = self.settings.own.longest_text as usize;
        let text = Text { text: &asked.text, speed, lexicons: &lexicons, longest };
        text::pieces(text).map_err(|fault| Fault::wrong(asked.field, &fault.to_string()))
    }

    /// Begins to serve an order; returns once there is something to send.
    ///
    /// # Errors
    /// If it is refused, or the engine fails before there is anything.
    pub(super) async fn serve(&self, order: &Order, client: Client) -> Result<Ready, Fault> {
        let grant = || self.grant(&client, order.wanted.key);
        let growing = match self.room.open(order.wanted.clone(), grant)? {
            Opened::Whole(whole) => return Ok(Ready::Whole(whole, Origin::Memory)),
            Opened::Growing(reader) => Growing::begun(reader, false).await?,
            Opened::Shared(reader) => Growing::begun(reader, true).await?,
        };
        if !client.whole {
            return Ok(Ready::Growing(growing));
        }
        let (origin, whole) = (growing.origin(), growing.whole());
        let whole = match whole {
            Some(whole) => whole,
            None => to_the_end(growing.into_reader()).await?,
        };
        Ok(Ready::Whole(whole, origin))
    }

    /// Speaks a text in the background, after all requests that a client waits for.
    ///
    /// # Errors
    /// What is wrong with it, or that the voice fails or has no time.
    pub(super) async fn unhurried(&self, asked: Asked) -> Result<Arc<visavis_speech::Whole>, Fault> {
        let wanted = Wanted { waited: false, ..self.order(asked).await?.wanted };
        Ok(match self.room.open(wanted, || Ok::<_, EngineError>(()))? {
            Opened::Whole(whole) => whole,
            Opened::Growing(reader) | Opened::Shared(reader) => to_the_end(reader).await?,
        })
    }

    /// Whether work may begin. Only a synthesis is counted, and needs the voice.
    fn grant(&self, client: &Client, key: Key) -> Result<Permit, Fault> {
        let is_kept = self.room.holds(key);
        if !is_kept {
            self.check_voice()?;
        }
        let permit = self.admission.admit(client.principal.clone(), Kind::Request)?;
        // What is refused costs nothing.
        if !is_kept {
            self.count(client)?;
        }
        Ok(permit)
    }

    fn model(&self) -> String {
        let now = self.status.borrow().model.clone();
        let mut last = self.model.lock();
        if !now.is_empty() {
            last.clone_from(&now);
        }
        last.clone()
    }

    /// Whether the voice speaks; the refusal says what it waits for.
    pub(super) fn check_voice(&self) -> Result<(), Fault> {
        let state = self.status.borrow();
        if state.ready {
            return Ok(());
        }
        Err(Fault::busy(2, format!("The voice {}. Try again in a moment.", state.message)))
    }

    /// Counts a synthesis, if this client's are counted.
    fn count(&self, client: &Client) -> Result<(), Fault> {
        if !client.counted || client.principal == Principal::Anonymous {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.quota.lock().take(&client.principal, now).map_err(|seconds| {
            let most = self.settings.own.requests_per_hour;
            let message =
                format!("Your address has made {most} requests within this hour. Try again in {seconds} s.");
            Fault::Share { message, seconds }
        })
    }
}

/// A body that has arrived.
///
/// # Errors
/// If it is too large or too slow, or broke off.
pub(super) fn readable(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Fault> {
    body.map_err(|rejection| {
        let status = if was_too_slow(&rejection) { StatusCode::REQUEST_TIMEOUT } else { rejection.status() };
        let message = match status {
            StatusCode::PAYLOAD_TOO_LARGE => {
                format!("The body is larger than {LARGEST_BODY} bytes; send the text in parts.")
            }
            StatusCode::REQUEST_TIMEOUT => {
                format!("The body did not arrive within {} seconds.", UPLOAD.as_secs())
            }
            _ => format!("The body cannot be read: {}.", rejection.body_text()),
        };
        Fault::Unreadable { status, message }
    })
}

/// How long something has taken, in milliseconds.
pub(super) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn speed(asked: Option<f64>) -> Result<Speed, Fault> {
    let Some(factor) = asked else { return Ok(Speed::USUAL) };
    Speed::new(factor).ok_or_else(|| Fault::wrong("speed", &format!("{factor} is not between 0.25 and 4.0")))
}

#[cfg(test)]
mod tests;
