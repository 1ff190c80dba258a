//! Phonemes by libespeak-ng. The library has global state and is not thread-safe, so there is one [`Espeak`] per process, which
//! stays on the thread that created it.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use unicode_normalization::UnicodeNormalization;

use crate::guard::guarded;
use crate::script::Script;

mod ffi {
    use super::{c_char, c_int, c_void};

    unsafe extern "C" {
        pub(super) fn espeak_ng_InitializePath(path: *const c_char);
        pub(super) fn espeak_ng_Initialize(context: *mut c_void) -> c_int;
        pub(super) fn espeak_ng_SetVoiceByName(name: *const c_char) -> c_int;
        pub(super) fn espeak_ng_GetStatusCodeMessage(status: c_int, buffer: *mut c_char, length: usize);
        pub(super) fn espeak_TextToPhonemes(
            text: *mut *const c_void,
            text_mode: c_int,
            phoneme_mode: c_int,
        ) -> *const c_char;
    }
    /// `espeakCHARS_UTF8`
    pub(super) const CHARS_UTF8: c_int = 1;
    /// `espeakPHONEMES_IPA`
    pub(super) const PHONEMES_IPA: c_int = 2;
}

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The library's only instance; the raw pointer type makes it `!Send`, which keeps it on its thread.
#[derive(Debug)]
pub(crate) struct Espeak {
    voice: String,
    script: Script,
    _stays_on_its_thread: PhantomData<*const ()>,
}

/// An error of espeak-ng.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EspeakError {
    #[error("espeak-ng is already running in this process")]
    Taken,
    #[error("the path {0:?} contains a NUL character")]
    Path(String),
    #[error(
        "espeak-ng cannot load its data ({0}); install the package espeak-ng-data, or name its folder with --espeak-data"
    )]
    Data(String),
    #[error(
        "espeak-ng has no voice {voice:?} ({reason}); a Piper voice names it in its .onnx.json as espeak.voice, Kokoro's \
         voices need the whole package espeak-ng-data"
    )]
    Voice { voice: String, reason: String },
}

impl Espeak {
    /// Loads espeak-ng's data from `data`, the folder that contains `espeak-ng-data`, or from the library's default.
    pub(crate) fn start(data: Option<&Path>) -> Result<Self, EspeakError> {
        let path = data.map(|path| path.to_string_lossy().into_owned());
        let path =
            path.map(|path| CString::new(path.clone()).map_err(|_| EspeakError::Path(path))).transpose()?;
        if TAKEN.swap(true, Ordering::AcqRel) {
            return Err(EspeakError::Taken);
        }
        let path = path.as_ref().map_or(std::ptr::null(), |path| path.as_ptr());
        // SAFETY: TAKEN admits one thread, once; `path` is null or a C string that the library copies.
        unsafe { ffi::espeak_ng_InitializePath(path) };
        // SAFETY: as above; a null context means that no error details are wanted.
        let status = unsafe { ffi::espeak_ng_Initialize(std::ptr::null_mut()) };
        if status != 0 {
            TAKEN.store(false, Ordering::Release);
            return Err(EspeakError::Data(message(status)));
        }
        Ok(Self { voice: String::new(), script: Script::of(""), _stays_on_its_thread: PhantomData })
    }

    /// Selects the voice, such as "en-us", for later calls of [`Self::phonemes`].
    pub(crate) fn select(&mut self, voice: &str) -> Result<(), EspeakError> {
        if self.voice == voice {
            return Ok(());
        }
        let refused = |reason| EspeakError::Voice { voice: voice.to_owned(), reason };
        let name = CString::new(voice).map_err(|_| refused("a NUL character in its name".to_owned()))?;
        // SAFETY: `self` proves that the library is initialised and on this thread; `name` outlives the call.
        let status = unsafe { ffi::espeak_ng_SetVoiceByName(name.as_ptr()) };
        if status != 0 {
            self.voice.clear();
            return Err(refused(message(status)));
        }
        voice.clone_into(&mut self.voice);
        self.script = Script::of(voice);
        Ok(())
    }

    /// The text's IPA in NFD, words separated by single spaces, without clause punctuation (espeak-ng drops it).
    pub(crate) fn phonemes(&mut self, text: &str) -> String {
        let mut ipa = String::new();
        for piece in guarded(text, self.script) {
            self.piece(piece, &mut ipa);
        }
        clean(&ipa)
    }

    /// Appends the IPA of a piece of text that has passed the guard.
    fn piece(&mut self, text: String, ipa: &mut String) {
        let text = CString::new(text).expect("the guard removes control characters, including NUL");
        let end = text.as_ptr() as usize + text.as_bytes().len();
        let mut rest: *const c_void = text.as_ptr().cast();
        while !rest.is_null() && (rest as usize) < end {
            let before = rest;
            // SAFETY: the library is initialised and on this thread (`self`); `rest` points into `text`, which is
            // NUL-terminated UTF-8, and the library moves it forward within it or sets it to null.
            let clause =
                unsafe { ffi::espeak_TextToPhonemes(&raw mut rest, ffi::CHARS_UTF8, ffi::PHONEMES_IPA) };
            if !clause.is_null() {
                // SAFETY: a NUL-terminated string in the library's own buffer, copied before the next call.
                ipa.push_str(&unsafe { CStr::from_ptr(clause) }.to_string_lossy());
                ipa.push(' ');
            }
            if rest == before {
                break;
            }
        }
    }
}

impl Drop for Espeak {
    // The library's data stays loaded until the process ends.
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Release);
    }
}

fn message(status: c_int) -> String {
    let mut buffer = [0_u8; 256];
    // SAFETY: the library writes a C string of at most `length` bytes into the buffer.
    unsafe { ffi::espeak_ng_GetStatusCodeMessage(status, buffer.as_mut_ptr().cast(), buffer.len()) };
    CStr::from_bytes_until_nul(&buffer)
        .map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned())
}

/// Drops the language marks, such as "(fr)", that espeak-ng puts around foreign words, and decomposes to NFD like Piper's maps.
fn clean(ipa: &str) -> String {
    let mut inside = false;
    let kept = ipa.chars().filter(|&c| {
        inside = (inside || c == '(') && c != ')';
        !inside && c != ')' && c != '\u{200d}'
    });
    kept.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ").nfd().collect()
}

#[cfg(test)]
#[path = "espeak_tests.rs"]
mod adversarial;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_marks_are_dropped_and_letters_decomposed() {
        assert_eq!(clean("(fr)\u{e7}a(en)  bɛ\n"), "c\u{327}a bɛ");
    }
}
