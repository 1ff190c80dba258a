//! Maps espeak-ng's IPA, in any of its languages, to mouth shapes. Pure.

use super::viseme::Viseme::{self, Aa, CH, DD, E, FF, I, KK, NN, O, PP, RR, SS, TH, U};

/// Manner of articulation, as far as it is visible or audible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    /// Open, voiced.
    Vowel,
    /// A vowel in passing: w, j.
    Glide,
    /// l and r.
    Liquid,
    /// m, n, ŋ.
    Nasal,
    /// A narrow opening.
    Fricative,
    /// Closed, then released.
    Stop,
}

/// A sound as the animation sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phone {
    /// The mouth's shape.
    pub viseme: Viseme,
    /// Its manner of articulation.
    pub manner: Manner,
    /// How much of the shape, 0 to 1.
    pub weight: f32,
}

impl Phone {
    /// Whether it is a vowel.
    #[must_use]
    pub fn is_vowel(&self) -> bool {
        self.manner == Manner::Vowel
    }
}

use Manner::{Fricative, Glide, Liquid, Nasal, Stop, Vowel};

/// Every IPA letter by mouth shape and manner, with the shape's weight; letters missing in common viseme lists are with those
/// of the same articulation.
const LETTERS: &[(Viseme, Manner, f32, &str)] = &[
    (PP, Stop, 1.0, "pbɓʘ"),
    (PP, Nasal, 1.0, "mᵐ"),
    // The lips come near each other but do not meet.
    (PP, Fricative, 0.8, "ɸβʙ"),
    (FF, Fricative, 1.0, "fvⱱ"),
    (FF, Glide, 0.9, "ʋ"),
    (FF, Nasal, 1.0, "ɱ"),
    (TH, Fricative, 1.0, "θð"),
    (DD, Stop, 1.0, "tdʈɖɗᶑǀǁǃ"),
    (DD, Liquid, 1.0, "lɫɾɭʎɺʟ"),
    (DD, Fricative, 1.0, "ɬɮ"),
    (NN, Nasal, 1.0, "nŋɲɳɴⁿ"),
    (KK, Stop, 1.0, "kɡgcɟqɢɠʄʛʡǂ"),
    (KK, Fricative, 1.0, "xɣχɰħʕʜʢ"),
    (KK, Fricative, 0.3, "hɦʰʱ"),
    (KK, Stop, 0.3, "ʔ"),
    (CH, Fricative, 1.0, "ʃʒɕʑʂʐɧ"),
    (CH, Fricative, 0.5, "çʝ"),
    (SS, Fricative, 1.0, "sz"),
    (RR, Liquid, 1.0, "ɹɻ"),
    // Made by the tongue or the uvula: the lips move little.
    (RR, Liquid, 0.35, "rʀʁɽ"),
    (RR, Vowel, 1.0, "ɝɚ"),
    (RR, Vowel, 0.8, "ɜɞ"),
    (Aa, Vowel, 1.0, "aɑæʌɶ"),
    (Aa, Vowel, 0.75, "ɐ"),
    (Aa, Vowel, 0.5, "ə"),
    (E, Vowel, 1.0, "ɛeεᴇ"),
    (E, Vowel, 0.7, "ɪɘ"),
    (I, Vowel, 1.0, "i"),
    (I, Vowel, 0.8, "ɨᵻ"),
    (I, Glide, 0.9, "j"),
    (O, Vowel, 1.0, "ɔoɒ"),
    (O, Vowel, 0.8, "øœɵ"),
    (O, Vowel, 0.4, "ɤ"),
    (U, Vowel, 1.0, "uyʉ"),
    (U, Vowel, 0.75, "ʊʏᵿ"),
    (U, Vowel, 0.4, "ɯ"),
    (U, Glide, 1.0, "wʍɥʷ"),
];

/// Latin letters outside the IPA that some voices write.
const LATIN: &[(&str, char)] = &[
    ("áàâäãāåăą", 'a'),
    ("éèêëẽēęė", 'e'),
    ("íìîïĩīı", 'i'),
    ("óòôöõōő", 'o'),
    ("úùûüũūů", 'u'),
    ("ýÿ", 'i'),
    ("ñńň", 'ɲ'),
    ("śšş", 'ʃ'),
    ("ćčĉ", 'ʃ'),
    ("źżž", 'ʒ'),
    ("łĺ", 'l'),
    ("řŕ", 'r'),
    ("ğ", 'ɣ'),
    ("ß", 's'),
    ("đď", 'd'),
    ("ťţ", 't'),
];

/// Share of a diphthong's time that its first vowel takes.
const FIRST_VOWEL: f64 = 0.55;

/// The sounds of a symbol, each with its share of the symbol's time; empty if it is silent.
#[must_use]
pub fn phones(symbol: &str) -> Vec<(Phone, f64)> {
    let mut phones: Vec<Phone> = Vec::with_capacity(2);
    for c in symbol.chars() {
        match c {
            // Retroflex: "s." and "ts." in Chinese. Raised: the Czech ř. Both as in "shore".
            '.' | '\u{31d}' => {
                if let Some(last) = phones.last_mut().filter(|last| matches!(last.viseme, SS | RR)) {
                    *last = Phone { viseme: CH, manner: Fricative, weight: 1.0 };
                }
            }
            // Cedilla, from a decomposed ç.
            '\u{327}' => {
                if let Some(last) = phones.last_mut().filter(|last| last.viseme == KK) {
                    *last = Phone { viseme: CH, manner: Fricative, weight: 0.5 };
                }
            }
            // Dental: the lip of a dental p is on the teeth.
            '\u{32a}' => {
                if let Some(last) = phones.last_mut().filter(|last| last.viseme == PP) {
                    last.viseme = FF;
                }
            }
            // Aspiration is part of the sound before it.
            'ʰ' | 'ʱ' if !phones.is_empty() => {}
            _ => phones.extend(phone(c)),
        }
    }
    fuse(&mut phones);
    shares(&phones)
}

/// The sound of a letter; none for marks, digits and punctuation.
fn phone(c: char) -> Option<Phone> {
    let known = |c: char| {
        let row = LETTERS.iter().find(|(.., letters)| letters.contains(c))?;
        Some(Phone { viseme: row.0, manner: row.1, weight: row.2 })
    };
    known(c)
        .or_else(|| {
            let lower = c.to_lowercase().next()?;
            let plain = LATIN.iter().find(|(letters, _)| letters.contains(lower));
            known(plain.map_or(lower, |&(_, plain)| plain))
        })
        // An unknown letter is probably voiced.
        .or_else(|| {
            (c.is_alphabetic() && !is_mark(c)).then_some(Phone { viseme: Aa, manner: Vowel, weight: 0.4 })
        })
}

/// Whether this is a mark that modifies a sound, or a tone.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{2b0}'..='\u{36f}' | '\u{1d2c}'..='\u{1d6a}' | '\u{1d9b}'..='\u{1dff}' | '\u{a700}'..='\u{a71f}')
}

/// Drops the stop of an affricate, which looks like the fricative that it ends with.
fn fuse(phones: &mut Vec<Phone>) {
    let mut at = 0;
    while at + 1 < phones.len() {
        let (first, second) = (phones[at], phones[at + 1]);
        if first.manner == Stop && first.viseme == DD && matches!(second.viseme, CH | SS) {
            phones.remove(at);
        } else {
            at += 1;
        }
    }
}

fn shares(phones: &[Phone]) -> Vec<(Phone, f64)> {
    let [first, second] = *phones else {
        let share = 1.0 / phones.len().max(1) as f64;
        return phones.iter().map(|&phone| (phone, share)).collect();
    };
    let part = if first.is_vowel() && second.is_vowel() { FIRST_VOWEL } else { 0.5 };
    vec![(first, part), (second, 1.0 - part)]
}

/// The symbol's stress: 1 primary, 0.5 secondary, 0 none.
#[must_use]
pub fn stress(symbol: &str) -> f32 {
    if symbol.contains('ˈ') {
        1.0
    } else if symbol.contains('ˌ') {
        0.5
    } else {
        0.0
    }
}

/// Whether the symbol may be a tone: in tonal languages espeak-ng writes the third tone as a single ɜ after its vowel.
#[must_use]
pub fn may_be_tone(symbol: &str) -> bool {
    symbol == "ɜ"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visemes(symbol: &str) -> Vec<Viseme> {
        phones(symbol).into_iter().map(|(phone, _)| phone.viseme).collect()
    }

    #[test]
    fn marks_affricates_and_diphthongs_are_understood() {
        for (symbol, expected) in [
            ("ˈɜː", &[RR][..]),
            ("n̩", &[NN]),
            ("ɔ̃", &[O]),
            ("tʲ", &[DD]),
            ("tʃ", &[CH]),
            ("dz", &[SS]),
            ("ts.h", &[CH, KK]),
            ("tɕʰ", &[CH]),
            ("c\u{327}", &[CH]),
            ("ç", &[CH]),
            ("r̝̊", &[CH]),
            ("aɪ", &[Aa, E]),
            ("oʊ", &[O, U]),
            ("kʷ", &[KK, U]),
            ("s̪", &[SS]),
            ("dˤ", &[DD]),
            ("ä", &[Aa]),
            ("a\u{308}", &[Aa]),
            ("pf", &[PP, FF]),
            ("p\u{32a}", &[FF]),
        ] {
            assert_eq!(visemes(symbol), expected, "{symbol}");
        }
        let parts: Vec<f64> = phones("ˈaɪ").iter().map(|part| part.1).collect();
        assert!((parts[0] - 0.55).abs() < 1e-9 && (parts[0] + parts[1] - 1.0).abs() < 1e-9, "{parts:?}");
    }

    #[test]
    fn silent_symbols_move_nothing_and_unknown_letters_move_a_little() {
        for silent in ["", " ", "5", "˥", "ˈ", "ː", "!?", "😀", "|", "(", "`", "\u{303}"] {
            assert!(phones(silent).is_empty(), "{silent:?}");
        }
        assert_eq!(visemes("Ω"), [Aa]);
        assert_eq!(visemes("日"), [Aa]);
    }

    /// espeak-ng's output for sentences in many languages.
    #[test]
    fn every_letter_of_many_languages_is_known() {
        for text in [
            "bɔ̃ʒˈuʁ œ̃ vˈɛ̃ blˈɑ̃ le-z wazˈo pˈøv volˈe ʒə- syˌiz yˈi bʁynjˈɔ̃z mɔ̃tˈaɲ",
            "bʊondʒˈɔrno ʎɪ ɲˈokːɪ melaŋdzˈane pˈitsːa dzˈukːeɾo famˈiʎa ʃˈɛna",
            "tʃˈɛɕtɕ xʃˈɔ̃ʒdʒ bʒmˈi tʃtɕˈiɲʲɛ ʃtʃˌɛbʒɛʃˈɨɲʲɛ dʑˈɛɲ ʑdʑbwˈɔ",
            "zdrˈɑvstvujtʲi ˈja xʌtʃʲˈu rʌsskazˈɑtʲ bʌrɕˈe ɕˈukʲi ʒˈyʑn jˈɵɭka mˈysɭ",
            "nˈi2 xˈɑu2 ts.hˈi.5 s.i.2 tɕˈi5 ˈər5 lˈy5 uˈo2",
            "kˌo̞nnitɕˈihä ɸˈɯᵝ lˈe̞tə sˈä ɴ hˈä ɽʲäˈäkɯᵝ dʑˈɯᵝɯᵝ tsɯᵝnˈämi",
            "nəmˈʌsteː ˌaːp kˈɛːseː hɛ̃ bʰˈaːɾət ɡʰˈʌɾ ɖʰˈoːl ʈʰˈʌɳɖ cʰˈaːtaː ɟʰˈuːʈʰ pʰˈʌl xˈʊʃi",
            "mrħbˈaː kˈajfa as̪s̪ˈaħraːʔ walqˈalb ɣˈurfa dˤˈawʔ ðˈulm χˈubz ʕˈajn",
            "ɡˈuːtən fˈyːnf pfˈlaʊmən ʃˈøːn ɪç bˈʊx ˈœfnən tsvˈaɪ",
            "tʃodʒˈʊk ʃˈœjlɛ ˈɯɯdɯr ˈaːtʃ ɣrˈɑxt ˈʁœðɡʁʔœð blˈʌbεɐ̯ sxˈœsxʉkˌa",
            "kuɾɐsˈɐ̃ʊ̃ ˈɐnnjʌŋhˌɐsejˌo tr̝̊ˈi str̩niːx ʔˈɨnɨdet sˈɤu bˈɜːd ɫ ᵻ θ ʍ ɥ ʋ ɱ",
        ] {
            for c in text.chars() {
                let unknown = phone(c).is_some_and(|phone| phone.viseme == Aa && phone.weight == 0.4);
                assert!(!unknown, "{c:?} of {text}");
                assert!(phone(c).is_some() || !c.is_alphabetic() || is_mark(c), "{c:?} of {text}");
            }
        }
    }
}
