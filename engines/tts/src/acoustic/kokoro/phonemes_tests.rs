//! espeak-ng's output, and Kokoro's tokens for it.

use super::*;

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// The tokens as Kokoro's symbols.
fn spelled(ipa: &str, rules: Rules) -> Vec<i64> {
    let Encoded { ids, .. } = encode(&chars(ipa), rules);
    assert_eq!((ids.first(), ids.last()), (Some(&PAD), Some(&PAD)));
    ids[1..ids.len() - 1].to_vec()
}

fn tokens(text: &str) -> Vec<i64> {
    text.chars().map(|symbol| token(symbol).unwrap()).collect()
}

#[test]
fn sounds_are_spelled_as_kokoros_own_front_end_does() {
    for (ipa, rules, expected) in [
        ("ðɪs ɪz ɡˈoʊɪŋ tə tʃˈeɪndʒ", Rules::AMERICAN_ENGLISH, "ðɪs ɪz ɡˈOɪŋ tə ʧˈAnʤ"),
        ("wˈɜːld, wˈɔːɾɚ!", Rules::AMERICAN_ENGLISH, "wˈɜɹld, wˈɔTəɹ!"),
        ("bˈʌʔn\u{329} kˈælkəʔˌn\u{329}", Rules::AMERICAN_ENGLISH, "bˈʌtn kˈælkətn"),
        ("bˈɑːɾəl əlˈaʊd ɔɪl", Rules::AMERICAN_ENGLISH, "bˈɑTᵊl əlˈWd Yl"),
        ("jˈuːtɹɛc\u{327}t ɬænˈoʊ", Rules::AMERICAN_ENGLISH, "jˈutɹɛkt lænˈO"),
        ("həlˈəʊ ðˈeə hˈiə, wˈɜːld", Rules::BRITISH_ENGLISH, "həlˈQ ðˈɛː hˈɪə, wˈɜːld"),
        ("mˈutʃo rˈeɪ ˈoɪ", Rules::SPANISH, "mˈuʧo rˈA ˈoɪ"),
        ("œ\u{303} bˈɔ\u{303} vˈɛ\u{303} bydʒˈɛ", Rules::FRENCH, "œ\u{303} bˈɔ\u{303} vˈɛ\u{303} bydʒˈɛ"),
        ("pˈitsːa dzˈɛro kˈassa ˈaʊtʊ", Rules::ITALIAN, "pˈiʦːa ʣˈɛro kˈaSa ˈaʊtʊ"),
        ("nˈɐ\u{303}ʊ\u{303} ʒˈeɪŋtʃy", Rules::PORTUGUESE, "nˈɐ\u{303}ʊ\u{303} ʒˈAŋʧy"),
        ("ˈʌcʰcʰaː kˈaːɭ", Rules::HINDI, "ˈʌcʰcʰaː kˈaːl"),
    ] {
        assert_eq!(spelled(ipa, rules), tokens(expected), "{ipa}");
    }
}

/// The output of misaki 0.9.4 for these sentences, with both espeak-ng 1.51 and 1.52.
#[test]
fn sentences_are_spelled_as_kokoros_own_front_end_does() {
    for (ipa, rules, expected) in [
        (
            "sˈa dˈove pˈɔsso komprˈare dˌeɪ frankobˈollɪ kwˈi vitʃˈino?",
            Rules::ITALIAN,
            "sˈa dˈove pˈɔSo komprˈare dˌA frankobˈollɪ kwˈi viʧˈino?",
        ),
        (
            "vorɾˈɛi ˌʊna tˈatsːa dɪ tˈɛ kon il lˈatːe, ɡrˈatsje.",
            Rules::ITALIAN,
            "vorɾˈɛi ˌʊna tˈaʦːa dɪ tˈɛ kon il lˈatːe, ɡrˈaʦje.",
        ),
        (
            "dʒˈirɪ a sinˈistra dˈopo il pˈonte e sˈeɡwa il fjˈume.",
            Rules::ITALIAN,
            "ʤˈirɪ a sinˈistra dˈopo il pˈonte e sˈeɡwa il fjˈume.",
        ),
        (
            "nˌɔsʊz vˌizˈiɲʊs teɪŋ u\u{303}ŋ kˌaʃˈoxʊ mwˈiŋtʊ kˌaɾiɲˈozʊ.",
            Rules::PORTUGUESE,
            "nˌɔsʊz vˌizˈiɲʊs tAŋ u\u{303}ŋ kˌaʃˈoxʊ mwˈiŋtʊ kˌaɾiɲˈozʊ.",
        ),
    ] {
        assert_eq!(spelled(ipa, rules), tokens(expected), "{ipa}");
    }
}

#[test]
fn every_symbol_is_in_a_group_and_every_token_in_its_span() {
    let ipa = chars("tʃˈeɪ\u{e000}ndʒ");
    let Encoded { ids, spans, sizes } = encode(&ipa, Rules::AMERICAN_ENGLISH);
    // tʃ, ˈ, eɪ, an unknown symbol, n, dʒ
    assert_eq!(sizes, [2, 1, 2, 1, 1, 2]);
    assert_eq!(spans, [1..2, 2..3, 3..4, 4..4, 4..5, 5..6]);
    assert_eq!(ids.len(), 7);
    assert_eq!(encode(&[], Rules::HINDI), Encoded { ids: vec![PAD, PAD], ..Encoded::default() });
}

#[test]
fn more_symbols_than_the_network_takes_are_not_spoken() {
    let mut symbols = vec!['n'; MOST_TOKENS - 1];
    symbols.extend(['ɚ', 'n']);
    let Encoded { ids, spans, .. } = encode(&symbols, Rules::AMERICAN_ENGLISH);
    // The two tokens of `ɚ` do not fit, the last sound does.
    assert_eq!(ids.len(), MOST_TOKENS + 2);
    assert_eq!(spans.len(), MOST_TOKENS + 1);
    assert!(spans[MOST_TOKENS - 1].is_empty() && !spans[MOST_TOKENS].is_empty());
}

#[test]
fn the_symbols_of_all_rules_count_as_spoken() {
    let known: std::collections::HashSet<char> = symbols().collect();
    let all = [
        Rules::AMERICAN_ENGLISH,
        Rules::BRITISH_ENGLISH,
        Rules::SPANISH,
        Rules::FRENCH,
        Rules::ITALIAN,
        Rules::PORTUGUESE,
        Rules::HINDI,
    ];
    for (from, to) in all.iter().flat_map(|rules| rules.0.iter().copied().flatten()) {
        assert!(from.chars().all(|symbol| known.contains(&symbol)), "{from}");
        assert!(to.chars().all(|symbol| token(symbol).is_some()), "{to}");
    }
}
