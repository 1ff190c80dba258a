//! A long run: libFuzzer chooses the inputs by the instrumented code that they reach.
#![allow(unsafe_code, reason = "libFuzzer's interface is C")]

use std::ffi::{CString, c_char, c_int};
use std::panic::catch_unwind;
use std::sync::OnceLock;

// Linked for libFuzzer, which its archive holds.
use libfuzzer_sys as _;

use super::{LONGEST, folder};

/// Seconds of a run, from `scripts/fuzz.sh`.
const SECONDS: &str = "VISAVIS_FUZZ_SECONDS";
/// Time limit of one input, in seconds.
const SLOW: u32 = 5;
/// Memory limit of the process, in megabytes.
const MEMORY: u32 = 1024;

static CHECK: OnceLock<fn(&[u8])> = OnceLock::new();

unsafe extern "C" {
    fn LLVMFuzzerRunDriver(
        count: *mut c_int,
        arguments: *mut *mut *mut c_char,
        check: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
}

/// Required by the crate; the driver calls [`one`] instead.
#[allow(improper_ctypes_definitions, reason = "the crate's own type; both sides are Rust")]
#[unsafe(no_mangle)]
extern "C" fn rust_fuzzer_test_input(_: &[u8]) -> i32 {
    0
}

/// Tries one input. The panic hook has printed any panic; the abort tells libFuzzer to keep the input.
extern "C" fn one(data: *const u8, size: usize) -> c_int {
    // SAFETY: libFuzzer passes `size` bytes, which stay valid and unchanged until this returns.
    let input = if size == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, size) } };
    let check = CHECK.get().expect("the check is set before the driver runs");
    if catch_unwind(|| check(input)).is_err() {
        std::process::abort();
    }
    0
}

/// Runs until the time is over; libFuzzer then ends the process, with an error if it found something.
pub(super) fn run(target: &str, check: fn(&[u8])) {
    CHECK.set(check).expect("one target in a process");
    let seconds = std::env::var(SECONDS).unwrap_or_else(|_| "60".into());
    let (grown, findings) = (folder("grown", target), folder("findings", target));
    for made in [&grown, &findings] {
        std::fs::create_dir_all(made).expect("the folders beside the corpus can be written");
    }
    let arguments = [
        "visavis-fuzz".to_owned(),
        grown.display().to_string(),
        folder("corpus", target).display().to_string(),
        format!("-artifact_prefix={}/", findings.display()),
        format!("-max_total_time={seconds}"),
        format!("-max_len={LONGEST}"),
        format!("-timeout={SLOW}"),
        format!("-rss_limit_mb={MEMORY}"),
        "-print_final_stats=1".to_owned(),
    ];
    let arguments = arguments.map(|argument| CString::new(argument).expect("arguments hold no zero"));
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|text| text.as_ptr().cast_mut()).collect();
    pointers.push(std::ptr::null_mut());
    let mut count = c_int::try_from(arguments.len()).expect("there are few arguments");
    let mut start = pointers.as_mut_ptr();
    // SAFETY: the arguments are `count` strings and a null pointer that outlive the call; `one` has the type of a target.
    let code = unsafe { LLVMFuzzerRunDriver(&raw mut count, &raw mut start, one) };
    assert_eq!(code, 0, "libFuzzer ends with {code}");
}
