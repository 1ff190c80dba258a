//! whisper.cpp's process-wide side: its log, its GPU, and its rows of logits.

use std::ffi::{CStr, c_char, c_void};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use whisper_rs::{WhisperError, WhisperState};

/// Where the model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gpu {
    /// The first GPU of the build's backend, else the CPU.
    Auto,
    /// The CPU.
    Off,
    /// This GPU of the build's backend.
    Index(u16),
}

impl FromStr for Gpu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            number => {
                let index =
                    number.parse().map_err(|_| "must be auto, off or the number of a GPU".to_owned())?;
                if BACKEND == "cpu" {
                    return Err(
                        "this build has no GPU backend; build with --features cuda, rocm, vulkan or metal"
                            .into(),
                    );
                }
                Ok(Self::Index(index))
            }
        }
    }
}

/// The backend compiled in.
pub(crate) const BACKEND: &str = if cfg!(feature = "cuda") {
    "cuda"
} else if cfg!(feature = "hipblas") {
    "rocm"
} else if cfg!(feature = "vulkan") {
    "vulkan"
} else if cfg!(feature = "metal") {
    "metal"
} else {
    "cpu"
};

/// The logits after the last of `tokens` tokens decoded together. whisper-rs returns those after the first, which
/// whisper.cpp does not even compute.
pub(crate) fn last_logits(state: &WhisperState, tokens: usize) -> Result<&[f32], WhisperError> {
    let first = state.get_logits()?;
    // SAFETY: after a decode of n tokens whisper.cpp holds n rows of n_vocab floats in one vector and has filled the
    // last one ("The logits for the last token are stored in the last row", whisper.h). The vector lives, unchanged, as
    // long as the state is borrowed: every call that decodes takes the state mutably.
    Ok(unsafe { std::slice::from_raw_parts(first.as_ptr().add((tokens - 1) * first.len()), first.len()) })
}

static NO_GPU: AtomicBool = AtomicBool::new(false);

/// What the loaded model runs on: a GPU build falls back to the CPU if it finds no GPU.
pub(crate) fn device(asked: Gpu) -> &'static str {
    if asked == Gpu::Off || NO_GPU.load(Ordering::Relaxed) { "cpu" } else { BACKEND }
}

static LAST_ERROR: Mutex<Option<String>> = Mutex::new(None);

/// Takes the last error line of whisper.cpp.
pub(crate) fn last_error() -> Option<String> {
    LAST_ERROR.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Sends the log of whisper.cpp and ggml to tracing's debug level.
pub(crate) fn log_to_tracing() {
    // SAFETY: the callback keeps nothing, takes no user data, and does not unwind: it formats into tracing and a mutex
    // whose poisoning is ignored.
    unsafe { whisper_rs::set_log_callback(Some(on_log), std::ptr::null_mut()) };
}

unsafe extern "C" fn on_log(level: u32, line: *const c_char, _: *mut c_void) {
    // ggml's levels. Debug lines quote prompts and tokens, hence what was said, so they are dropped.
    const DEBUG: u32 = 1;
    const ERROR: u32 = 4;
    const CONTINUED: u32 = 5;
    if line.is_null() || level == DEBUG || level == CONTINUED {
        return;
    }
    // SAFETY: whisper.cpp passes a NUL-terminated line that lives until the callback returns.
    let line = unsafe { CStr::from_ptr(line) }.to_string_lossy();
    let line = line.trim();
    if line.is_empty() || line == "." {
        return;
    }
    tracing::debug!(target: "whisper", "{line}");
    if line.contains("no GPU found") {
        NO_GPU.store(true, Ordering::Relaxed);
    }
    if level == ERROR {
        *LAST_ERROR.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.to_owned());
    }
}
