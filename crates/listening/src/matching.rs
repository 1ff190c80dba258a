//! Which words of a text were heard, in order. Pure.
//!
//! Runs of three words that come once in each of the two are matched first, if they are in the same order; what lies between
//! them is compared word by word. So an hour of speech takes little more than its own length, and a chapter that is missing in one
//! of the two moves nothing else.

use std::collections::HashMap;
use std::ops::Range;

/// Words of an anchor.
const ANCHOR: usize = 3;
/// Most pairs of words that are compared in one gap; in a larger gap without anchors the two say different things.
const MOST_PAIRS: usize = 400_000;
/// Cost of a word that only one of the two has.
const ALONE: f32 = 0.7;
/// Likeness from which two words are the same one, perhaps misheard or misspelt.
pub(crate) const ALIKE: f32 = 0.5;

/// The word that was heard in the place of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    /// Its index.
    pub(crate) heard: usize,
    /// How alike the two are, from 0 to 1; below [`ALIKE`] it is another word.
    pub(crate) likeness: f32,
}

/// A part of both lists.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    text: Range<usize>,
    heard: Range<usize>,
}

/// For each word of `text` the one that was heard in its place; none: no word was. Both in the form in which they are compared.
pub(crate) fn matched(text: &[String], heard: &[String]) -> Vec<Option<Pair>> {
    let mut pairs = vec![None; text.len()];
    let mut parts = vec![Part { text: 0..text.len(), heard: 0..heard.len() }];
    while let Some(part) = parts.pop() {
        let part = without_ends(part, text, heard, &mut pairs);
        let (own, theirs) = (&text[part.text.clone()], &heard[part.heard.clone()]);
        if own.is_empty() || theirs.is_empty() {
            continue;
        }
        if own.len() * theirs.len() <= MOST_PAIRS {
            for (at, pair) in compared(own, theirs).into_iter().enumerate() {
                let moved = |pair: Pair| Pair { heard: part.heard.start + pair.heard, ..pair };
                pairs[part.text.start + at] = pair.map(moved);
            }
            continue;
        }
        parts.extend(between(&anchors(own, theirs), &part));
    }
    pairs
}

/// Matches the words with which both begin and end, and returns what lies between.
fn without_ends(part: Part, text: &[String], heard: &[String], pairs: &mut [Option<Pair>]) -> Part {
    let Part { text: mut own, heard: mut theirs } = part;
    let same = |heard| Some(Pair { heard, likeness: 1.0 });
    while !own.is_empty() && !theirs.is_empty() && text[own.start] == heard[theirs.start] {
        pairs[own.start] = same(theirs.start);
        (own.start, theirs.start) = (own.start + 1, theirs.start + 1);
    }
    while !own.is_empty() && !theirs.is_empty() && text[own.end - 1] == heard[theirs.end - 1] {
        pairs[own.end - 1] = same(theirs.end - 1);
        (own.end, theirs.end) = (own.end - 1, theirs.end - 1);
    }
    Part { text: own, heard: theirs }
}

/// A place that both lists have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Anchor {
    text: usize,
    heard: usize,
}

/// The longest row of anchors that come in the same order in both.
fn anchors(text: &[String], heard: &[String]) -> Vec<Anchor> {
    let (own, theirs) = (unique(text), unique(heard));
    let mut common: Vec<Anchor> = own
        .iter()
        .filter_map(|(run, text)| Some(Anchor { text: (*text)?, heard: (*theirs.get(run)?)? }))
        .collect();
    common.sort_unstable_by_key(|anchor| anchor.text);
    rising(&common)
}

/// Where each run of words begins, if it comes once; none if it comes more often.
fn unique(words: &[String]) -> HashMap<&[String], Option<usize>> {
    let mut found = HashMap::new();
    for (at, run) in words.windows(ANCHOR).enumerate() {
        found.entry(run).and_modify(|place| *place = None).or_insert(Some(at));
    }
    found
}

/// The longest row of anchors whose places rise in both lists; they are sorted by the first.
fn rising(anchors: &[Anchor]) -> Vec<Anchor> {
    // For each length the anchor with the lowest place that ends a row of it, and for each anchor the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(anchors.len());
    for (index, anchor) in anchors.iter().enumerate() {
        let length = ends.partition_point(|end| anchors[*end].heard < anchor.heard);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut row = Vec::new();
    let mut at = ends.last().copied();
    while let Some(index) = at {
        row.push(anchors[index]);
        at = before[index];
    }
    row.reverse();
    row
}

/// The parts before, between and behind the anchors of a part; none if there are no anchors. An anchor's own words begin the part
/// behind it, where they match at once.
fn between(anchors: &[Anchor], part: &Part) -> Vec<Part> {
    if anchors.is_empty() {
        return Vec::new();
    }
    let place = |anchor: &Anchor| Anchor {
        text: part.text.start + anchor.text,
        heard: part.heard.start + anchor.heard,
    };
    let begin = Anchor { text: part.text.start, heard: part.heard.start };
    let end = Anchor { text: part.text.end, heard: part.heard.end };
    let all: Vec<Anchor> = [begin].into_iter().chain(anchors.iter().map(place)).chain([end]).collect();
    all.windows(2)
        .map(|pair| Part { text: pair[0].text..pair[1].text, heard: pair[0].heard..pair[1].heard })
        .collect()
}

/// A step of the comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// The two words belong together.
    Both,
    /// Only the text has the word.
    Text,
    /// Only the sound has it.
    Heard,
}

/// The cheapest way to make one list of the other.
fn compared(text: &[String], heard: &[String]) -> Vec<Option<Pair>> {
    let width = heard.len() + 1;
    let mut steps = vec![Step::Heard; width * (text.len() + 1)];
    let mut above: Vec<f32> = (0..width).map(|count| count as f32 * ALONE).collect();
    for (row, word) in text.iter().enumerate() {
        let mut costs = Vec::with_capacity(width);
        costs.push(above[0] + ALONE);
        steps[(row + 1) * width] = Step::Text;
        for (column, other) in heard.iter().enumerate() {
            let options = [
                (above[column] + difference(word, other), Step::Both),
                (above[column + 1] + ALONE, Step::Text),
                (costs[column] + ALONE, Step::Heard),
            ];
            let best = options.into_iter().min_by(|one, other| one.0.total_cmp(&other.0));
            let (cost, step) = best.unwrap_or((0.0, Step::Both));
            costs.push(cost);
            steps[(row + 1) * width + column + 1] = step;
        }
        above = costs;
    }
    back(&steps, text, heard)
}

/// Follows the steps from the end.
fn back(steps: &[Step], text: &[String], heard: &[String]) -> Vec<Option<Pair>> {
    let width = heard.len() + 1;
    let mut pairs = vec![None; text.len()];
    let (mut row, mut column) = (text.len(), heard.len());
    while row > 0 || column > 0 {
        match steps[row * width + column] {
            Step::Both => {
                (row, column) = (row - 1, column - 1);
                let likeness = likeness(&text[row], &heard[column]);
                pairs[row] = Some(Pair { heard: column, likeness });
            }
            Step::Text => row -= 1,
            Step::Heard => column -= 1,
        }
    }
    pairs
}

/// The cost of taking one word for another: another word costs less than a missing one and a further one.
fn difference(word: &str, other: &str) -> f32 {
    if word == other {
        return 0.0;
    }
    let likeness = likeness(word, other);
    if likeness >= ALIKE { 1.0 - likeness } else { 1.3 - likeness / 2.0 }
}

/// How alike two words are: 1 less the share of letters that must be changed.
fn likeness(word: &str, other: &str) -> f32 {
    if word == other {
        return 1.0;
    }
    let (one, two): (Vec<char>, Vec<char>) = (word.chars().collect(), other.chars().collect());
    let longest = one.len().max(two.len());
    if longest > 2 * one.len().min(two.len()) {
        return 0.0;
    }
    let mut above: Vec<usize> = (0..=two.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut changes = vec![row + 1];
        for (column, other) in two.iter().enumerate() {
            let changed = above[column] + usize::from(letter != other);
            changes.push(changed.min(above[column + 1] + 1).min(changes[column] + 1));
        }
        above = changes;
    }
    1.0 - above[two.len()] as f32 / longest as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// For each word of the text what was heard: the same word, `~` another spelling, `!` another word, `-` nothing.
    fn told(text: &str, heard: &str) -> Vec<String> {
        let (text, heard) = (words(text), words(heard));
        let pairs = matched(&text, &heard);
        let word = |pair: &Option<Pair>| match pair {
            None => "-".to_owned(),
            Some(Pair { heard: at, likeness }) if *likeness >= 1.0 => heard[*at].clone(),
            Some(Pair { heard: at, likeness }) if *likeness >= ALIKE => format!("~{}", heard[*at]),
            Some(Pair { heard: at, .. }) => format!("!{}", heard[*at]),
        };
        pairs.iter().map(word).collect()
    }

    #[test]
    fn words_that_were_not_heard_and_other_words_are_told_apart() {
        assert_eq!(told("a black cat sat", "a white cat sat"), ["a", "!white", "cat", "sat"]);
        assert_eq!(told("the old black cat sat", "the cat sat"), ["the", "-", "-", "cat", "sat"]);
        assert_eq!(told("the cat sat", "oh the fat old cat sat down"), ["the", "cat", "sat"]);
        assert_eq!(told("colour and favor", "color and favour"), ["~color", "and", "~favour"]);
        assert_eq!(told("one two", ""), ["-", "-"]);
        assert!(told("", "one two").is_empty());
    }

    #[test]
    fn a_long_text_of_which_a_chapter_is_missing_matches_elsewhere() {
        // Words at both ends and far apart are the same.
        let text: Vec<String> = (0..9_000).map(|at| format!("w{}", at * 7_919 % 8_009)).collect();
        let heard = [&words("hm")[..], &text[..3_000], &text[6_000..], &words("so")].concat();
        let pairs = matched(&text, &heard);
        let found =
            |range: Range<usize>| pairs[range].iter().flatten().filter(|pair| pair.likeness >= 1.0).count();
        assert!(found(0..3_000) == 3_000 && found(6_000..9_000) == 3_000, "{}", found(0..9_000));
        assert_eq!(found(3_000..6_000), 0);
    }

    #[test]
    fn texts_of_which_nothing_fits_match_nowhere() {
        let text: Vec<String> = (0..2_000).map(|at| format!("text{at}")).collect();
        let heard: Vec<String> = (0..2_000).map(|at| format!("sound{at}")).collect();
        assert!(matched(&text, &heard).iter().all(Option::is_none));
    }

    proptest! {
        #[test]
        fn pairs_keep_the_order_and_take_each_heard_word_once(
            text in prop::collection::vec("[ab]{1,2}", 0..40),
            heard in prop::collection::vec("[ab]{1,2}", 0..40),
        ) {
            let pairs = matched(&text, &heard);
            prop_assert_eq!(pairs.len(), text.len());
            let places: Vec<usize> = pairs.iter().flatten().map(|pair| pair.heard).collect();
            prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(places.iter().all(|place| *place < heard.len()));
        }

        #[test]
        fn a_text_that_was_heard_as_it_is_matches_word_for_word(text in prop::collection::vec("[a-d]{1,3}", 0..60)) {
            let pairs = matched(&text, &text);
            let whole: Vec<_> = (0..text.len()).map(|heard| Some(Pair { heard, likeness: 1.0 })).collect();
            prop_assert_eq!(pairs, whole);
        }
    }
}
