//! The models that the conformance tests are run on.

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use crate::acoustic::{AcousticModel, Card, ModelFiles};
use crate::runtime::Runtime;

#[path = "../../../tests/common/models.rs"]
mod models;

/// A model to test.
struct Subject {
    load: fn(&Runtime) -> Box<dyn AcousticModel>,
    /// The network uses no random numbers: equal inputs give equal samples, not just a similar number of them.
    repeats: bool,
}

const SUBJECTS: [Subject; 3] = [
    Subject { load: |runtime| load(runtime, &models::model("en_US-joe-medium.onnx")), repeats: false },
    Subject { load: piper_without_noise, repeats: true },
    Subject { load: |runtime| load(runtime, &models::kokoro()), repeats: true },
];

fn load(runtime: &Runtime, file: &Path) -> Box<dyn AcousticModel> {
    Card::read(&ModelFiles::of(file)).unwrap().load(runtime).unwrap()
}

/// The same voice, with its noise set to zero in the description.
fn piper_without_noise(runtime: &Runtime) -> Box<dyn AcousticModel> {
    let folder = std::env::temp_dir().join(format!("visavis-tts-still-{}", std::process::id()));
    // A run that was killed leaves its folder, and numbers of processes come again.
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let voice = folder.join("still.onnx");
    std::os::unix::fs::symlink(models::model("en_US-joe-medium.onnx"), &voice).unwrap();
    let description = std::fs::read(models::model("en_US-joe-medium.onnx.json")).unwrap();
    let mut description: serde_json::Value = serde_json::from_slice(&description).unwrap();
    description["inference"]["noise_scale"] = 0.0.into();
    description["inference"]["noise_w"] = 0.0.into();
    std::fs::write(folder.join("still.onnx.json"), description.to_string()).unwrap();
    let model = load(runtime, &voice);
    std::fs::remove_dir_all(folder).unwrap();
    model
}

/// A subject, loaded.
pub(super) struct Loaded {
    pub(super) model: Box<dyn AcousticModel>,
    pub(super) repeats: bool,
}

/// All subjects, loaded once for all tests; the runtime outlives them.
pub(super) static LOADED: LazyLock<Vec<Mutex<Loaded>>> = LazyLock::new(|| {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Runtime::load(&models::model("libonnxruntime.so"), 2).unwrap());
    let load =
        |subject: &Subject| Mutex::new(Loaded { model: (subject.load)(&RUNTIME), repeats: subject.repeats });
    SUBJECTS.iter().map(load).collect()
});
