//! The speakers: Kokoro through ONNX Runtime, from phonemes in the script.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use ndarray::{Array1, Array2};
use ort::environment::Environment;
use ort::session::Session;
use ort::value::TensorRef;

use visavis_models::Manifest;

/// The model's name in the manifest; needs its speakers and ONNX Runtime.
pub const MODEL: &str = "kokoro-82m-int8";
/// Its sample rate.
pub const RATE: u32 = 24_000;
const STYLE: usize = 256;
/// The model's phoneme ids.
#[rustfmt::skip] // one phoneme per line would be too long
const ALPHABET: [(char, i64); 59] = [
    (';', 1), (':', 2), (',', 3), ('.', 4), ('!', 5), ('?', 6), ('—', 9), ('…', 10), (' ', 16), ('A', 24), ('I', 25),
    ('O', 31), ('T', 36), ('W', 39), ('Y', 41), ('ᵊ', 42), ('a', 43), ('b', 44), ('d', 46), ('e', 47), ('f', 48), ('h', 50),
    ('i', 51), ('j', 52), ('k', 53), ('l', 54), ('m', 55), ('n', 56), ('o', 57), ('p', 58), ('s', 61), ('t', 62),
    ('u', 63), ('v', 64), ('w', 65), ('z', 68), ('ɑ', 69), ('ɒ', 71), ('æ', 72), ('ɔ', 76), ('ð', 81), ('ʤ', 82),
    ('ə', 83), ('ɛ', 86), ('ɜ', 87), ('ɡ', 92), ('ɪ', 102), ('ŋ', 112), ('θ', 119), ('ɹ', 123), ('ʁ', 128), ('ʃ', 131),
    ('ʧ', 133), ('ʊ', 135), ('ʌ', 138), ('ʒ', 147), ('ˈ', 156), ('ˌ', 157), ('ᵻ', 177),
];

/// The loaded model with its speakers.
pub struct Kokoro {
    session: Session,
    folder: PathBuf,
    styles: HashMap<String, Vec<f32>>,
    // The session needs its environment to outlive it.
    _environment: Environment,
}

impl Kokoro {
    /// Loads the model from the models directory.
    ///
    /// # Errors
    /// When the model is missing; the message says how to fetch it.
    pub fn load(models: &Path) -> anyhow::Result<Self> {
        let manifest = Manifest::builtin();
        let path = |name: &str| -> anyhow::Result<PathBuf> {
            let path = models.join(&manifest.model(name)?.file);
            ensure!(
                path.exists(),
                "{} is missing, which is needed to speak the script; fetch it with: visavis models fetch {MODEL}",
                path.display()
            );
            Ok(path)
        };
        let (model, runtime) = (path(MODEL)?, path("onnxruntime")?);
        let environment = ort::init_from(&runtime)
            .with_context(|| format!("cannot load ONNX Runtime from {}", runtime.display()))?
            .with_name("bench")
            .with_telemetry(false)
            .build()?;
        let session = Session::builder(&environment)?
            // Exact int8 products, also on processors without VNNI: it matters little how long this takes.
            .with_config_entry("session.x64quantprecision", "1")
            .map_err(|error| anyhow::anyhow!("{error}"))?
            .commit_from_file(&model)
            .with_context(|| format!("cannot load {}", model.display()))?;
        let folder = model.parent().unwrap_or(models).to_owned();
        Ok(Self { session, folder, styles: HashMap::new(), _environment: environment })
    }

    /// Speaks phonemes at a pace, of which 1 is ordinary; returns samples at [`RATE`].
    ///
    /// # Errors
    /// When the speaker or a phoneme is unknown.
    pub fn say(&mut self, speaker: &str, phonemes: &str, pace: f32) -> anyhow::Result<Vec<f32>> {
        let mut tokens = numbers(phonemes)?;
        let length = tokens.len();
        tokens.insert(0, 0);
        tokens.push(0);
        let style = Array2::from_shape_vec((1, STYLE), self.style(speaker, length)?)?;
        let tokens = Array2::from_shape_vec((1, tokens.len()), tokens)?;
        let speed = Array1::from_elem(1, pace);
        let outputs = self.session.run(ort::inputs![
            "tokens" => TensorRef::from_array_view(&tokens)?,
            "style" => TensorRef::from_array_view(&style)?,
            "speed" => TensorRef::from_array_view(&speed)?,
        ])?;
        let (_, audio) = outputs["audio"].try_extract_tensor::<f32>()?;
        Ok(audio.to_vec())
    }

    /// The style vector for this length of sentence: a speaker has one per length.
    fn style(&mut self, speaker: &str, length: usize) -> anyhow::Result<Vec<f32>> {
        if !self.styles.contains_key(speaker) {
            let path = self.folder.join(format!("{speaker}.bin"));
            let bytes = std::fs::read(&path).with_context(|| {
                format!("cannot read {}; fetch it with: visavis models fetch {MODEL}", path.display())
            })?;
            let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            self.styles.insert(speaker.to_owned(), values.collect());
        }
        let rows = self.styles[speaker].get(length * STYLE..(length + 1) * STYLE);
        Ok(rows.with_context(|| format!("{length} phonemes are too many at once"))?.to_vec())
    }
}

/// Converts phonemes to the model's ids.
pub(super) fn numbers(phonemes: &str) -> anyhow::Result<Vec<i64>> {
    let number = |phoneme: char| {
        let known = ALPHABET.iter().find(|(one, _)| *one == phoneme);
        known
            .map(|(_, number)| *number)
            .with_context(|| format!("{phoneme:?} is not a phoneme of the speakers"))
    };
    phonemes.chars().map(number).collect()
}
