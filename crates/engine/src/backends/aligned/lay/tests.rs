use proptest::prelude::*;

use super::*;

const RATE: u32 = 16_000;
/// Samples of a frame.
const FRAME: usize = 160;

/// A sound made of frames with or without speech.
fn sound(frames: &[bool]) -> Vec<i16> {
    let sample = |at: usize| if at % 80 < 40 { 8000 } else { -8000 };
    let frame =
        |speech: &bool| (0..FRAME).map(|at| if *speech { sample(at) } else { 0 }).collect::<Vec<i16>>();
    frames.iter().flat_map(frame).collect()
}

/// Words of these lengths in letters; a pause follows each marked one.
fn words(lengths: &[(f32, bool)]) -> Vec<Word> {
    let word = |(number, (length, pauses)): (usize, &(f32, bool))| Word {
        text: format!("w{number}"),
        length: *length,
        pauses: *pauses,
    };
    lengths.iter().enumerate().map(word).collect()
}

/// Aligns words with a sound that arrives in parts of this size; returns them in samples of the whole sound.
fn laid(words: Vec<Word>, samples: &[i16], size: usize, pace: Pace) -> (Vec<WordTime>, Pace) {
    let mut layer = Layer::new(words, pace);
    let (mut found, mut passed) = (Vec::new(), 0);
    while passed < samples.len() {
        let part = &samples[passed..samples.len().min(passed + size)];
        let last = passed + part.len() == samples.len();
        for word in layer.part(part, RATE, last) {
            assert!(word.end <= part.len() as u64, "{word:?}");
            let at = passed as u64;
            found.push(WordTime { start: word.start + at, end: word.end + at, ..word });
        }
        passed += part.len();
    }
    assert_eq!(layer.left(), []);
    (found, layer.pace())
}

/// Words of nine lengths, spoken evenly at this pace with pauses after the marked ones; their sound, and the start of each.
struct Even {
    words: Vec<Word>,
    samples: Vec<i16>,
    starts: Vec<usize>,
}

impl Even {
    fn at(frames_per_letter: f32) -> Self {
        let lengths = [
            (4.0, false),
            (4.0, false),
            (6.0, true),
            (5.0, false),
            (5.0, false),
            (4.0, false),
            (8.0, true),
            (6.0, false),
            (4.0, true),
        ];
        let (mut frames, mut starts) = (vec![false; 10], Vec::new());
        for (number, (length, pauses)) in lengths.iter().enumerate() {
            starts.push(frames.len() * FRAME);
            frames.extend(vec![true; (length * frames_per_letter).round() as usize]);
            if *pauses && number + 1 < lengths.len() {
                frames.extend([false; 30]);
            }
        }
        frames.extend([false; 20]);
        Self { words: words(&lengths), samples: sound(&frames), starts }
    }

    /// Mean error of the words' starts in milliseconds.
    fn error(&self, size: usize, pace: Pace) -> f32 {
        let (found, _) = laid(self.words.clone(), &self.samples, size, pace);
        let off = found.iter().zip(&self.starts).map(|(word, start)| word.start.abs_diff(*start as u64));
        off.sum::<u64>() as f32 / self.starts.len() as f32 * 1000.0 / RATE as f32
    }
}

#[test]
fn over_a_whole_sound_words_begin_where_they_are_said_at_any_pace() {
    for pace in [5.0, 6.67, 8.0] {
        let error = Even::at(pace).error(usize::MAX / 2, Pace::usual(1.0));
        assert!(error < 30.0, "{pace}: {error} ms");
    }
}

#[test]
fn in_parts_of_half_a_second_words_begin_near_where_they_are_said() {
    for pace in [5.0, 6.67, 8.0] {
        let error = Even::at(pace).error(RATE as usize / 2, Pace::usual(1.0));
        assert!(error < 250.0, "{pace}: {error} ms");
    }
}

#[test]
fn a_voice_that_was_heard_before_is_known_by_its_pace() {
    let slow = Even::at(10.0);
    let (_, pace) = laid(slow.words.clone(), &slow.samples, RATE as usize / 2, Pace::usual(1.0));
    let usual = Pace::usual(1.0).frames_per_letter();
    assert!(pace.frames_per_letter() > usual + 1.0, "{pace:?}");
    // Without punctuation there are no other hints.
    let plain = Even {
        words: slow.words.iter().map(|word| Word { pauses: false, ..word.clone() }).collect(),
        ..slow
    };
    let part = RATE as usize / 2;
    assert!(plain.error(part, pace) < plain.error(part, Pace::usual(1.0)));
    assert!((Pace::usual(2.0).frames_per_letter() - usual / 2.0).abs() < 0.01);
}

#[test]
fn silence_around_the_words_belongs_to_none() {
    let frames: Vec<bool> = [vec![false; 40], vec![true; 100], vec![false; 60]].concat();
    let (found, _) =
        laid(words(&[(5.0, false), (5.0, false)]), &sound(&frames), usize::MAX / 2, Pace::usual(1.0));
    let times: Vec<(u64, u64)> = found.iter().map(|word| (word.start, word.end)).collect();
    assert_eq!(times, [(40 * 160, 90 * 160), (90 * 160, 140 * 160)]);
}

#[test]
fn silence_alone_and_no_sound_keep_all_words() {
    let (found, _) = laid(words(&[(5.0, false), (5.0, true)]), &[0; 3200], 1600, Pace::usual(1.0));
    assert_eq!((found.len(), found[1].end), (2, 3200));
    let mut layer = Layer::new(words(&[(5.0, false)]), Pace::usual(1.0));
    assert_eq!(layer.left().len(), 1);
    assert_eq!((layer.left().len(), layer.rate()), (0, 0));
    assert_eq!(Layer::new(Vec::new(), Pace::usual(1.0)).part(&[9000; 400], RATE, true), []);
}

proptest! {
    #[test]
    fn words_are_all_laid_in_order_within_the_sound_however_it_is_cut(
        lengths in prop::collection::vec((1.0_f32..15.0, any::<bool>()), 0..14),
        runs in prop::collection::vec((any::<bool>(), 1_usize..60), 1..9),
        size in 100_usize..12_000,
        speed in 0.5_f32..2.0,
    ) {
        let frames: Vec<bool> = runs.iter().flat_map(|(speech, length)| vec![*speech; *length]).collect();
        let samples = sound(&frames);
        let (found, _) = laid(words(&lengths), &samples, size, Pace::usual(speed));
        let names: Vec<_> = found.iter().map(|word| word.text.clone()).collect();
        let expected: Vec<_> = (0..lengths.len()).map(|number| format!("w{number}")).collect();
        prop_assert_eq!(names, expected);
        let mut over = 0;
        for word in &found {
            prop_assert!(over <= word.start && word.start <= word.end, "{found:?}");
            over = word.end;
        }
        prop_assert!(over <= samples.len() as u64);
    }

    #[test]
    fn over_a_whole_sound_the_words_fill_the_speech_from_its_beginning_to_its_end(
        lengths in prop::collection::vec((1.0_f32..15.0, any::<bool>()), 1..14),
        lead in 0_usize..50,
        speech in prop::collection::vec((1_usize..60, 1_usize..40), 1..6),
        tail in 0_usize..50,
    ) {
        let mut frames = vec![false; lead];
        for (number, (length, pause)) in speech.iter().enumerate() {
            frames.extend(vec![true; *length]);
            if number + 1 < speech.len() {
                frames.extend(vec![false; *pause]);
            }
        }
        let end = frames.len();
        frames.extend(vec![false; tail]);
        let (found, _) = laid(words(&lengths), &sound(&frames), usize::MAX / 2, Pace::usual(1.0));
        prop_assert_eq!(found[0].start, (lead * FRAME) as u64);
        prop_assert_eq!(found[found.len() - 1].end, (end * FRAME) as u64);
    }
}
