//! Assigns the phonemes of a clause to its words. Pure.
//!
//! espeak-ng merges some words ("of the" is one: ʌvðə) and splits others (42 is two), so counting does not work. Instead, the
//! pronunciations of the single words are aligned with the clause's by edit distance, which gives the words' borders.

use std::ops::Range;

/// Costs of the alignment. A space may vanish, as words merge; a sound never turns into a space.
const SPACE_GAP: u32 = 3;
const MARK_GAP: u32 = 1;
const SOUND_GAP: u32 = 6;
const SAME_CLASS: u32 = 4;
const OTHER_CLASS: u32 = 11;
const NEVER: u32 = 1000;

/// The range of `clause` that speaks each word, given the words' single pronunciations. The ranges are in order, do not overlap
/// and together hold every sound of the clause. A silent word has an empty range.
pub(crate) fn align(clause: &[char], words: &[Vec<char>]) -> Vec<Range<usize>> {
    if words.is_empty() {
        return Vec::new();
    }
    let mut own: Vec<WordSymbol> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            own.push(WordSymbol { c: ' ', word: index - 1 });
        }
        own.extend(word.iter().map(|&c| WordSymbol { c, word: index }));
    }
    let mut matched: Vec<Option<Matched>> = vec![None; words.len()];
    for pair in pairs(&own, clause) {
        let WordSymbol { c, word } = own[pair.own];
        if c != ' ' && clause[pair.clause] != ' ' {
            let new = Matched { first: pair.clause, last: pair.clause };
            matched[word].get_or_insert(new).last = pair.clause;
        }
    }
    borders(clause, words, &matched)
}

/// A symbol of a word's single pronunciation.
#[derive(Debug, Clone, Copy)]
struct WordSymbol {
    c: char,
    word: usize,
}

/// The first and last symbol of the clause that match a word's.
#[derive(Debug, Clone, Copy)]
struct Matched {
    first: usize,
    last: usize,
}

/// A word's symbol and the clause's symbol that it is aligned with.
#[derive(Debug, Clone, Copy)]
struct Pair {
    own: usize,
    clause: usize,
}

/// Turns matches into ranges. Between two matched words there is one border, or the words without a match.
fn borders(clause: &[char], words: &[Vec<char>], matched: &[Option<Matched>]) -> Vec<Range<usize>> {
    let mut starts = vec![clause.len(); words.len() + 1];
    let mut heard = None; // where the last matched word ends
    let mut word = 0;
    while word < words.len() {
        let next = (word..words.len()).find(|&word| matched[word].is_some()).unwrap_or(words.len());
        let span = matched.get(next).copied().flatten();
        let (low, high) = (heard.unwrap_or(0), span.map_or(clause.len(), |span| span.first));
        if next == word {
            starts[word] = heard.map_or(0, |_| border(clause, low, high));
        } else {
            // Words without a match share the symbols in between, by the length of their pronunciation.
            let weight =
                |range: Range<usize>| words[range].iter().map(|word| word.len().max(1)).sum::<usize>();
            for (index, start) in starts.iter_mut().enumerate().take(next).skip(word) {
                *start = low + (high - low) * weight(word..index) / weight(word..next);
            }
            starts[next] = high;
        }
        heard = span.map(|span| span.last + 1);
        word = next + 1;
    }
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The border within the unmatched `low..high`: after a space, otherwise before the stress marks of the next word.
fn border(clause: &[char], low: usize, high: usize) -> usize {
    if let Some(space) = (low..high).rev().find(|&at| clause[at] == ' ') {
        return space + 1;
    }
    // Length and other marks belong to the sound before them.
    let mut at = high;
    while at > low && is_stress(clause[at - 1]) {
        at -= 1;
    }
    at
}

/// The pairs of the cheapest alignment, in order.
fn pairs(own: &[WordSymbol], clause: &[char]) -> Vec<Pair> {
    let width = clause.len() + 1;
    let mut cost = vec![0_u32; (own.len() + 1) * width];
    for i in 0..=own.len() {
        for j in 0..width {
            let mut best = if i == 0 && j == 0 { 0 } else { u32::MAX };
            if i > 0 {
                best = best.min(cost[(i - 1) * width + j] + gap(own[i - 1].c));
            }
            if j > 0 {
                best = best.min(cost[i * width + j - 1] + gap(clause[j - 1]));
            }
            if i > 0 && j > 0 {
                best = best.min(cost[(i - 1) * width + j - 1] + swap(own[i - 1].c, clause[j - 1]));
            }
            cost[i * width + j] = best;
        }
    }
    let (mut i, mut j) = (own.len(), clause.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let here = cost[i * width + j];
        if here == cost[(i - 1) * width + j - 1] + swap(own[i - 1].c, clause[j - 1]) {
            (i, j) = (i - 1, j - 1);
            pairs.push(Pair { own: i, clause: j });
        } else if here == cost[(i - 1) * width + j] + gap(own[i - 1].c) {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs.reverse();
    pairs
}

fn gap(c: char) -> u32 {
    match c {
        ' ' => SPACE_GAP,
        c if is_mark(c) => MARK_GAP,
        _ => SOUND_GAP,
    }
}

fn swap(a: char, b: char) -> u32 {
    if a == b {
        return 0;
    }
    match (a == ' ' || b == ' ', is_mark(a), is_mark(b)) {
        (true, ..) => NEVER,
        (_, true, true) => MARK_GAP,
        (_, false, false) if is_vowel(a) == is_vowel(b) => SAME_CLASS,
        (_, false, false) => OTHER_CLASS,
        _ => NEVER,
    }
}

/// Primary or secondary stress mark, which precedes the syllable.
pub(crate) fn is_stress(c: char) -> bool {
    matches!(c, 'ˈ' | 'ˌ')
}

/// Marks that change the sound before them, such as length.
pub(crate) fn is_modifier(c: char) -> bool {
    matches!(c, '\u{2b0}'..='\u{2c7}' | '\u{2cd}'..='\u{2ff}' | '\u{300}'..='\u{36f}')
}

fn is_mark(c: char) -> bool {
    is_stress(c) || is_modifier(c)
}

fn is_vowel(c: char) -> bool {
    "aeiouyæøœɐɑɒɔɘəɚɛɜɝɞɤɨɪɯɵɶʉʊʌʏᵻᵿε".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(clause: &str, words: &[&str]) -> Vec<String> {
        let clause: Vec<char> = clause.chars().collect();
        let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
        align(&clause, &words)
            .into_iter()
            .map(|range| clause[range].iter().collect::<String>().trim().to_owned())
            .collect()
    }

    #[test]
    fn merged_and_split_words_get_their_sounds() {
        assert_eq!(
            aligned("həlˈoʊ wˈɜːld ʌvðə ɹˈɪŋz", &["həlˈoʊ", "wˈɜːld", "ʌv", "ðə", "ɹˈɪŋz"]),
            ["həlˈoʊ", "wˈɜːld", "ʌv", "ðə", "ɹˈɪŋz"]
        );
        // One merge and one split: the word counts agree, but by accident.
        assert_eq!(aligned("ʌvðə fˈoːɹɾi tˈuː", &["ʌv", "ðə", "fˈoːɹɾi tˈuː"]), ["ʌv", "ðə", "fˈoːɹɾi tˈuː"]);
        assert_eq!(
            aligned("aɪ hɐvbɪn tʊ ɪt", &["ˈaɪ", "hæv", "bˈɪn", "tuː", "ɪt"]),
            ["aɪ", "hɐv", "bɪn", "tʊ", "ɪt"]
        );
        assert_eq!(aligned("ðˈɪswˌʌn", &["ðˈɪs", "wˈʌn"]), ["ðˈɪs", "wˌʌn"]);
    }

    #[test]
    fn a_silent_word_is_empty_and_does_not_shift_the_others() {
        assert_eq!(aligned("ɹˈɑːk ɹˈoʊl", &["ɹˈɑːk", "", "ɹˈoʊl"]), ["ɹˈɑːk", "", "ɹˈoʊl"]);
        assert_eq!(aligned("", &["a", "b"]), ["", ""]);
        assert_eq!(aligned("həlˈoʊ", &[""]), ["həlˈoʊ"]);
    }

    #[test]
    fn ranges_cover_every_sound_in_order() {
        let clause: Vec<char> = "ðə kwˈɪk bɹˈaʊn fˈɑːks".chars().collect();
        for words in
            [vec![], vec!["zzz"], vec!["ðə", "mmmm", "", "fˈɑːks"], vec!["a", "b", "c", "d", "e", "f", "g"]]
        {
            let words: Vec<Vec<char>> = words.iter().map(|word| word.chars().collect()).collect();
            let ranges = align(&clause, &words);
            assert_eq!(ranges.len(), words.len());
            let heard: usize = ranges.iter().map(Range::len).sum();
            assert!(words.is_empty() || heard == clause.len(), "{ranges:?}");
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start), "{ranges:?}");
        }
    }
}
