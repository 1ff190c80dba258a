//! Which phonemes of a clause belong to which of its words. Pure.
//!
//! espeak-ng merges words ("of the" is one: ʌvðə) and splits others (42 is two), so counting proves nothing. Each word's
//! own pronunciation is aligned with the clause's by edit distance; where the two meet, the words' borders are.

use std::ops::Range;

/// A space may vanish where words merge; a sound may not turn into a space.
const SPACE_GAP: u32 = 3;
const MARK_GAP: u32 = 1;
const SOUND_GAP: u32 = 6;
const SAME_CLASS: u32 = 4;
const OTHER_CLASS: u32 = 11;
const NEVER: u32 = 1000;

/// For each word, given by its own pronunciation, the range of `clause` that speaks it. The ranges are in order and do
/// not overlap; together they hold every sound of the clause. A word that is not heard has an empty range.
pub(crate) fn align(clause: &[char], words: &[Vec<char>]) -> Vec<Range<usize>> {
    if words.is_empty() {
        return Vec::new();
    }
    let mut own: Vec<Own> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            own.push(Own { c: ' ', word: index - 1 });
        }
        own.extend(word.iter().map(|&c| Own { c, word: index }));
    }
    let mut met: Vec<Option<Met>> = vec![None; words.len()];
    for pair in pairs(&own, clause) {
        let Own { c, word } = own[pair.own];
        if c != ' ' && clause[pair.clause] != ' ' {
            met[word].get_or_insert(Met { first: pair.clause, last: pair.clause }).last = pair.clause;
        }
    }
    borders(clause, words, &met)
}

/// A symbol of a word's own pronunciation.
#[derive(Debug, Clone, Copy)]
struct Own {
    c: char,
    word: usize,
}

/// First and last symbol of the clause that a word meets.
#[derive(Debug, Clone, Copy)]
struct Met {
    first: usize,
    last: usize,
}

/// A symbol of a word's own and one of the clause, which meet.
#[derive(Debug, Clone, Copy)]
struct Pair {
    own: usize,
    clause: usize,
}

/// Turns what each word meets into ranges: between two met words lies one border, and any words that met nothing.
fn borders(clause: &[char], words: &[Vec<char>], met: &[Option<Met>]) -> Vec<Range<usize>> {
    let mut starts = vec![clause.len(); words.len() + 1];
    let mut heard = None; // where the last met word ends
    let mut word = 0;
    while word < words.len() {
        let next = (word..words.len()).find(|&word| met[word].is_some()).unwrap_or(words.len());
        let span = met.get(next).copied().flatten();
        let (low, high) = (heard.unwrap_or(0), span.map_or(clause.len(), |span| span.first));
        if next == word {
            starts[word] = heard.map_or(0, |_| border(clause, low, high));
        } else {
            // The words that met nothing share what lies between, by the length of their pronunciation.
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

/// The border in `low..high`, which no word met: at a space, else before the stress marks of what follows.
fn border(clause: &[char], low: usize, high: usize) -> usize {
    if let Some(space) = (low..high).rev().find(|&at| clause[at] == ' ') {
        return space + 1;
    }
    // Length and other marks stay with the sound before them.
    let mut at = high;
    while at > low && is_stress(clause[at - 1]) {
        at -= 1;
    }
    at
}

/// What meets in the cheapest alignment, in order.
fn pairs(own: &[Own], clause: &[char]) -> Vec<Pair> {
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

/// Primary or secondary stress: stands before the syllable.
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
    fn merged_and_split_words_find_their_sounds() {
        assert_eq!(
            aligned("həlˈoʊ wˈɜːld ʌvðə ɹˈɪŋz", &["həlˈoʊ", "wˈɜːld", "ʌv", "ðə", "ɹˈɪŋz"]),
            ["həlˈoʊ", "wˈɜːld", "ʌv", "ðə", "ɹˈɪŋz"]
        );
        // One merge and one split: the counts agree and would mislead.
        assert_eq!(aligned("ʌvðə fˈoːɹɾi tˈuː", &["ʌv", "ðə", "fˈoːɹɾi tˈuː"]), ["ʌv", "ðə", "fˈoːɹɾi tˈuː"]);
        assert_eq!(
            aligned("aɪ hɐvbɪn tʊ ɪt", &["ˈaɪ", "hæv", "bˈɪn", "tuː", "ɪt"]),
            ["aɪ", "hɐv", "bɪn", "tʊ", "ɪt"]
        );
        assert_eq!(aligned("ðˈɪswˌʌn", &["ðˈɪs", "wˈʌn"]), ["ðˈɪs", "wˌʌn"]);
    }

    #[test]
    fn a_word_that_is_not_heard_is_empty_and_shifts_nobody() {
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
