//! The agent's voice over a network that loses a fifth of all packets, at random: it is spoken by the real voice, coded as in a call, mended
//! as browsers do it (from the copy in the next packet, or else by what went before), and heard by the real recogniser. Packets that are
//! late cost delay, not words, as long as the client waits for them.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;

use visavis::audio::opus::{Decoder, Encoder, MAX_PACKET};
use visavis::audio::wav;
use visavis_core::frame::{MIC_FRAME, MIC_RATE, OUT_FRAME, OUT_RATE};

const TEXT: &str = "The old house by the river has a red door, three small windows, and a garden full of yellow flowers. \
                    My sister lives there with two dogs and a very old cat.";

/// Runs the program with the models of the default profile; returns its output.
fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_visavis")).args(arguments).output().unwrap();
    assert!(output.status.success(), "run ./test, or `visavis models fetch` first: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The packets of a recording, as a call sends them.
fn packets(samples: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new().unwrap();
    let frames = samples.chunks_exact(OUT_FRAME);
    let coded = frames.map(|frame| {
        let mut packet = [0; MAX_PACKET];
        let length = encoder.encode(frame, &mut packet).unwrap();
        packet[..length].to_vec()
    });
    coded.collect()
}

/// Whether each packet arrives: four of five do, and the same ones in each run.
fn arrivals(packets: usize) -> Vec<bool> {
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..packets).map(|_| next() % 5 != 0).collect()
}

/// What is heard of the packets that arrive.
fn mended(packets: &[Vec<u8>], arrives: &[bool]) -> Vec<i16> {
    let mut decoder = Decoder::new().unwrap();
    let mut heard = Vec::new();
    for (at, (packet, arrived)) in packets.iter().zip(arrives).enumerate() {
        let next = packets.get(at + 1).filter(|_| arrives.get(at + 1) == Some(&true));
        let frame = match (*arrived, next) {
            (true, _) => decoder.decode(packet),
            (false, Some(next)) => decoder.recover(next, MIC_FRAME),
            (false, None) => decoder.conceal(MIC_FRAME),
        };
        heard.extend_from_slice(frame.unwrap());
    }
    heard
}

/// The words that the recogniser hears in these samples, which are written to a file.
fn words(samples: &[i16], file: &Path) -> Vec<String> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: MIC_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(file, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    let heard = run(&["transcribe", "--language", "en", file.to_str().unwrap()]).to_lowercase();
    heard
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What is heard of the text with all packets, and with those that arrive. The voice speaks it differently each time.
struct Trial {
    whole: Vec<String>,
    rest: Vec<String>,
}

impl Trial {
    fn is_understood(&self) -> bool {
        let same = self.whole.iter().filter(|word| self.rest.contains(word)).count();
        eprintln!("{same} of {} words are heard", self.whole.len());
        self.whole.len() >= 25 && 4 * same >= 3 * self.whole.len()
    }
}

fn trial(folder: &Path) -> Trial {
    let file = |name: &str| folder.join(name);
    let spoken = file("spoken.wav");
    run(&["speak", TEXT, "--out", spoken.to_str().unwrap()]);
    let samples = wav::read(BufReader::new(File::open(&spoken).unwrap()), OUT_RATE).unwrap();
    let packets = packets(&samples);
    let arrives = arrivals(packets.len());
    let lost = arrives.iter().filter(|arrives| !**arrives).count();
    assert!((14..=26).contains(&(100 * lost / packets.len())), "{lost} of {}", packets.len());

    let whole = words(&mended(&packets, &vec![true; packets.len()]), &file("whole.wav"));
    let rest = words(&mended(&packets, &arrives), &file("rest.wav"));
    Trial { whole, rest }
}

#[test]
fn the_agents_voice_is_understood_though_a_fifth_of_its_packets_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    // A voice sometimes speaks unintelligibly, and its losses may fall badly; neither happens every time.
    let mut heard = Vec::new();
    for _ in 0..3 {
        let trial = trial(folder.path());
        if trial.is_understood() {
            return;
        }
        heard.push(format!("{:?} is heard as {:?}", trial.whole, trial.rest));
    }
    panic!("{}", heard.join("\n"));
}
