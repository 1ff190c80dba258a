//! Local agreement: words of a growing utterance are stable once two successive hypotheses agree on them. Pure.

use unicode_segmentation::UnicodeSegmentation;

/// Words at the end of the older hypothesis that do not count yet: it may have heard only half of them.
const HELD_BACK: usize = 1;

/// Local agreement over the hypotheses of one utterance.
#[derive(Debug, Default)]
pub struct LocalAgreement {
    stable: String,
    last: Vec<String>,
}

impl LocalAgreement {
    /// The stable words.
    #[must_use]
    pub fn stable(&self) -> &str {
        &self.stable
    }

    /// Takes the next hypothesis; returns the text to show, which begins with the stable words, and its number of stable bytes.
    pub fn hear(&mut self, hypothesis: &str) -> (String, usize) {
        let text = self.fit(hypothesis);
        let words: Vec<(usize, &str)> = text.unicode_word_indices().collect();
        let keys: Vec<String> = words.iter().map(|(_, word)| word.to_lowercase()).collect();
        let believed = self.last.len().saturating_sub(HELD_BACK);
        let agreed =
            keys.iter().zip(&self.last).take(believed).take_while(|(now, before)| now == before).count();
        if let Some((start, word)) = agreed.checked_sub(1).map(|last| words[last])
            && start + word.len() > self.stable.len()
        {
            self.stable = text[..start + word.len()].to_string();
        }
        self.last = keys;
        (text, self.stable.len())
    }

    /// Adapts a final hypothesis so that it, too, begins with the stable words.
    #[must_use]
    pub fn fit(&self, hypothesis: &str) -> String {
        let hypothesis = hypothesis.trim();
        if hypothesis.starts_with(&self.stable) && !splits_word(hypothesis, self.stable.len()) {
            return hypothesis.to_string();
        }
        let rest = &hypothesis[matching(&self.stable, hypothesis)..];
        if rest.starts_with(char::is_alphanumeric) {
            format!("{} {rest}", self.stable)
        } else {
            format!("{}{rest}", self.stable)
        }
    }
}

/// Whether this position is inside a word.
fn splits_word(text: &str, at: usize) -> bool {
    text.unicode_word_indices().any(|(start, word)| start < at && at < start + word.len())
}

/// End of the words in the hypothesis most like the stable ones: by edit distance; among equals, those that end with the same
/// word, then those closest in number.
fn matching(stable: &str, hypothesis: &str) -> usize {
    let stable: Vec<String> = stable.unicode_words().map(str::to_lowercase).collect();
    let words: Vec<(usize, &str)> = hypothesis.unicode_word_indices().collect();
    // Edit distances between the stable words so far and the first j words of the hypothesis.
    let mut row: Vec<usize> = (0..=words.len()).collect();
    for (i, expected) in stable.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, (_, word)) in words.iter().enumerate() {
            let cost = diagonal + usize::from(word.to_lowercase() != *expected);
            let cost = cost.min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    let ends_alike =
        |j: usize| j > 0 && stable.last().is_some_and(|last| words[j - 1].1.to_lowercase() == *last);
    let best = (0..row.len()).min_by_key(|&j| (row[j], !ends_alike(j), j.abs_diff(stable.len())));
    best.and_then(|j| j.checked_sub(1)).map_or(0, |last| words[last].0 + words[last].1.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_stable_when_two_hypotheses_agree_but_for_the_last() {
        let mut agreement = LocalAgreement::default();
        assert_eq!(agreement.hear("What's the wea"), ("What's the wea".into(), 0));
        assert_eq!(
            agreement.hear("What's the weather in"),
            ("What's the weather in".into(), "What's the".len())
        );
        assert_eq!(agreement.hear("what's the weather in Rome?").1, "What's the weather".len());
        assert_eq!(agreement.stable(), "What's the weather");
    }

    #[test]
    fn a_differing_hypothesis_keeps_the_stable_words_and_its_own_rest() {
        let mut agreement = LocalAgreement::default();
        agreement.hear("I want two tickets to");
        agreement.hear("I want two tickets to Rome");
        assert_eq!(agreement.stable(), "I want two tickets");
        assert_eq!(agreement.fit("I want to buy tickets to Rome."), "I want two tickets to Rome.");
        assert_eq!(agreement.fit("Want two tickets, to Rome."), "I want two tickets, to Rome.");
        assert_eq!(agreement.fit(""), "I want two tickets");
        assert_eq!(agreement.fit("I want two ticketsellers"), "I want two tickets");
    }

    #[test]
    fn writing_without_spaces_grows_character_by_character() {
        let mut agreement = LocalAgreement::default();
        agreement.hear("今日は天");
        assert_eq!(agreement.hear("今日は天気").1, "今日は".len());
    }

    proptest! {
        #[test]
        fn stable_words_never_change(
            hypotheses in prop::collection::vec(
                prop::collection::vec("(a|b|B|don't|3\\.5|no|é|今日)[,.?!]{0,1}", 0..8),
                1..12,
            ),
            space in "[ ]{0,1}",
        ) {
            let mut agreement = LocalAgreement::default();
            let mut stable = String::new();
            for hypothesis in &hypotheses {
                let hypothesis = hypothesis.join(&format!(" {space}"));
                let last = agreement.fit(&hypothesis);
                prop_assert!(last.starts_with(&stable), "{last:?} after {stable:?}");
                let (text, bytes) = agreement.hear(&hypothesis);
                prop_assert_eq!(&text, &last);
                prop_assert!(text.is_char_boundary(bytes) && bytes >= stable.len());
                prop_assert!(text.starts_with(&stable), "{text:?} after {stable:?}");
                stable = text[..bytes].to_string();
            }
        }
    }
}
