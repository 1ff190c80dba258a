//! Speaks texts beside calls: from memory, from the tier beneath it, from a request for the same speech in progress, or by the
//! engine.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use visavis_containers::Format;
use visavis_engine::{EngineError, Tts};

use crate::coding::{Coded, Coder, Last, Origin, Whole};
use crate::flights::{Beginning, Filling, Flights, Joined, Reader};
use crate::key::{Key, Slot};
use crate::memory::Memory;
use crate::performance::{Heard, perform};
use crate::script::Script;
use crate::tier::{Speech, Tier};
use crate::times::Times;

/// Samples of kept speech that are encoded at once: 2 s, so that a long file can be sent before all of it is encoded.
const AT_ONCE: usize = 48_000;

/// Least bytes of files that are complete and still being read, whatever is kept.
const LEAST_READ: u64 = 16 << 20;

/// Bounds of what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of files in memory; also, beside those, of files that are complete and still being read, but for the newest.
    pub memory: u64,
    /// How long anything is kept.
    pub ttl: Duration,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What is spoken.
    pub script: Arc<Script>,
    /// Its key.
    pub key: Key,
    /// The format of the file.
    pub format: Format,
    /// A client waits for it: it takes precedence over background work.
    pub waited: bool,
}

impl Wanted {
    fn slot(&self) -> Slot {
        Slot { key: self.key, format: self.format }
    }
}

/// A file, or what there is of it.
pub enum Opened {
    /// It is complete.
    Whole(Arc<Whole>),
    /// It is being made; the last piece contains the whole file. Dropping the last reader stops the work.
    Growing(Reader<Slot, Coded>),
    /// The same, but it was begun for another request.
    Shared(Reader<Slot, Coded>),
}

/// Speaks scripts.
pub struct Room {
    tts: Arc<dyn Tts>,
    memory: Memory,
    tier: Option<Arc<dyn Tier>>,
    speeches: Arc<Flights<Key, Heard>>,
    files: Arc<Flights<Slot, Coded>>,
}

/// A file that is complete.
struct Written {
    /// Its last piece.
    last: Coded,
    /// A voice other than the requested one speaks in it, so it is not kept.
    by_another: bool,
}

/// Speech that is complete, or still growing.
enum Source {
    Kept(Speech),
    Grows(Reader<Key, Heard>, Origin),
}

impl Room {
    /// A room with this voice, which keeps files in memory and speech in `tier`.
    #[must_use]
    pub fn new(tts: Arc<dyn Tts>, bounds: Bounds, tier: Option<Arc<dyn Tier>>) -> Arc<Self> {
        let memory = Memory::new(bounds.memory, bounds.ttl);
        // Speech is read by files, which do not wait; files are read by clients, who may.
        let files = Arc::new(Flights::bounded(bounds.memory.max(LEAST_READ), Coded::weight));
        Arc::new(Self { tts, memory, tier, speeches: Arc::default(), files })
    }

    /// Opens a file. `grant` is asked only if work begins, and what it returns is held until that work ends.
    ///
    /// # Errors
    /// If the work is not granted.
    pub fn open<G: Send + 'static, E>(
        self: &Arc<Self>,
        wanted: Wanted,
        grant: impl FnOnce() -> Result<G, E>,
    ) -> Result<Opened, E> {
        let slot = wanted.slot();
        let look = || self.memory.get(&slot, SystemTime::now());
        let found = match look() {
            Some(whole) => Joined::Found(whole),
            None => self.files.join(&slot, look, grant)?,
        };
        Ok(match found {
            Joined::Found(whole) => {
                count(Origin::Memory);
                Opened::Whole(whole)
            }
            Joined::Joins(reader) => {
                count(Origin::Shared);
                Opened::Shared(reader)
            }
            Joined::Begins(Beginning { grant, filling, reader }) => {
                let room = self.clone();
                tokio::spawn(async move {
                    room.write(wanted, filling).await;
                    drop(grant);
                });
                Opened::Growing(reader)
            }
        })
    }

    /// Whether the tier probably has this speech, so that it need not be spoken.
    #[must_use]
    pub fn holds(&self, key: Key) -> bool {
        self.tier.as_ref().is_some_and(|tier| tier.holds(key))
    }

    /// Texts that are being spoken.
    #[must_use]
    pub fn speaking(&self) -> usize {
        self.speeches.count()
    }

    /// Writes a file, and keeps it in memory.
    async fn write(self: Arc<Self>, wanted: Wanted, filling: Filling<Slot, Coded>) {
        let written = filling.while_wanted(self.written(&wanted, &filling)).await;
        match written {
            Some(Ok(Written { last, by_another })) => {
                if let Some(whole) = last.whole.as_ref().filter(|_| !by_another) {
                    self.memory.keep(wanted.slot(), whole.clone());
                }
                filling.push(last);
                filling.end(Ok(()));
            }
            Some(Err(error)) => filling.end(Err(error)),
            None => metrics::counter!("visavis_speech_abandoned_total").increment(1),
        }
    }

    /// All of a file; its last piece is yet to be sent.
    async fn written(
        self: &Arc<Self>,
        wanted: &Wanted,
        filling: &Filling<Slot, Coded>,
    ) -> Result<Written, EngineError> {
        let mut coder = Coder::new(wanted.format)?;
        let (mut all, mut samples, mut made) = (Vec::new(), 0_u64, SystemTime::now());
        let mut by_another = false;
        let origin = match self.source(wanted).await {
            Source::Kept(speech) => {
                made = speech.made;
                samples = speech.samples.len() as u64;
                let mut times = Some(speech.times.clone());
                for piece in speech.samples.chunks(AT_ONCE) {
                    let (next, bytes) = coder.push(piece.to_vec()).await?;
                    coder = next;
                    let (times, samples) = (times.take().unwrap_or_default(), piece.len() as u64);
                    filling.push(Coded { bytes, times, samples, origin: Origin::Disk, whole: None });
                }
                all.push(speech.times);
                Origin::Disk
            }
            Source::Grows(mut reader, origin) => {
                while let Some(heard) = reader.next().await {
                    let heard = heard?;
                    by_another |= heard.by_another;
                    let (next, bytes) = coder.push(heard.samples.clone()).await?;
                    coder = next;
                    let (times, length) = (heard.times.clone(), heard.samples.len() as u64);
                    filling.push(Coded { bytes, times: times.clone(), samples: length, origin, whole: None });
                    samples += length;
                    all.push(times);
                }
                origin
            }
        };
        let Last { rest, file, tag } = coder.finish().await?;
        let whole = Whole { bytes: file, times: Times::joined(&all), samples, tag, made };
        let whole = Some(Arc::new(whole));
        let last = Coded { bytes: rest, times: Times::default(), samples: 0, origin, whole };
        Ok(Written { last, by_another })
    }

    /// The speech: from the tier, from a request for it in another format, or from the engine.
    async fn source(self: &Arc<Self>, wanted: &Wanted) -> Source {
        let kept = match &self.tier {
            Some(tier) => tier.load(wanted.key).await,
            None => None,
        };
        if let Some(speech) = kept {
            count(Origin::Disk);
            return Source::Kept(speech);
        }
        let granted = || Ok::<(), std::convert::Infallible>(());
        let joined = self.speeches.join(&wanted.key, || None, granted);
        match joined.unwrap_or_else(|never| match never {}) {
            Joined::Found(source) => source,
            Joined::Joins(reader) => {
                count(Origin::Shared);
                Source::Grows(reader, Origin::Shared)
            }
            Joined::Begins(Beginning { filling, reader, .. }) => {
                count(Origin::Engine);
                let (room, wanted) = (self.clone(), wanted.clone());
                tokio::spawn(async move { room.speak(wanted, filling).await });
                Source::Grows(reader, Origin::Engine)
            }
        }
    }

    /// Speaks a script, and keeps its speech in the tier.
    async fn speak(self: Arc<Self>, wanted: Wanted, filling: Filling<Key, Heard>) {
        let Wanted { script, key, waited, .. } = wanted;
        let made = SystemTime::now();
        let spoken = perform(&script, &self.tts, waited, |heard| filling.push(heard));
        // `None`: the last reader has left.
        let Some(spoken) = filling.while_wanted(spoken).await else { return };
        let heard = filling.items();
        let is_kept = spoken.is_ok() && !heard.iter().any(|heard| heard.by_another);
        filling.end(spoken);
        if let Some(tier) = self.tier.as_ref().filter(|_| is_kept) {
            let samples = heard.iter().flat_map(|heard| heard.samples.iter().copied()).collect();
            let times = Times::joined(heard.iter().map(|heard| &heard.times));
            drop(heard);
            tier.keep(key, Speech { made, samples: Arc::new(samples), times }).await;
        }
    }
}

/// Reads a file to its end.
///
/// # Errors
/// If it is never complete.
pub async fn to_the_end(mut reader: Reader<Slot, Coded>) -> Result<Arc<Whole>, EngineError> {
    while let Some(coded) = reader.next().await {
        if let Some(whole) = &coded?.whole {
            return Ok(whole.clone());
        }
    }
    Err(EngineError::Failed("the sound has no end".into()))
}

fn count(origin: Origin) {
    metrics::counter!("visavis_speech_total", "origin" => origin.as_str()).increment(1);
}
