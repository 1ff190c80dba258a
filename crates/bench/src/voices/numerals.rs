//! Numbers up to 99 as people say them, one reading each: a recogniser writes digits for words that it heard. Pure.
//!
//! Larger numbers have several readings (years, hundreds with and without "and"), so they stay as they are.

/// The words of a language.
struct Words {
    /// From 0 on, those that are not composed.
    low: &'static str,
    /// From 20 on.
    tens: &'static str,
    /// Between tens and ones.
    between: &'static str,
}

const ENGLISH: Words = Words {
    low: "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
          seventeen eighteen nineteen",
    tens: "twenty thirty forty fifty sixty seventy eighty ninety",
    between: "-",
};
const SPANISH: Words = Words {
    low: "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis \
          diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis \
          veintisiete veintiocho veintinueve",
    tens: "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    between: "-y-",
};
/// Seventy and ninety count on from sixty and eighty.
const FRENCH: Words = Words {
    low: "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept \
          dix-huit dix-neuf",
    tens: "vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt",
    between: "-",
};
const ITALIAN: Words = Words {
    low: "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici \
          diciassette diciotto diciannove",
    tens: "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    between: "",
};
const PORTUGUESE: Words = Words {
    low: "zero um dois três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis dezessete \
          dezoito dezenove",
    tens: "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    between: "-e-",
};

/// The words of a number in digits, separated by hyphens; none: it stays as it is.
pub(super) fn spelled(digits: &str, language: &str) -> Option<String> {
    let number: usize = digits.parse().ok().filter(|number| *number < 100)?;
    Some(match language {
        "en" => plain(number, &ENGLISH),
        "es" => plain(number, &SPANISH),
        "fr" => french(number),
        "it" => italian(number),
        "pt" => plain(number, &PORTUGUESE),
        _ => return None,
    })
}

impl Words {
    /// The word of a number that is not composed.
    fn low(&self, number: usize) -> Option<&'static str> {
        self.low.split(' ').nth(number)
    }

    /// The word of the tens of a number from 20 on.
    fn ten(&self, number: usize) -> &'static str {
        self.tens.split(' ').nth(number / 10 - 2).unwrap_or_default()
    }

    /// The tens of a number from 20 on, and `ones` behind them.
    fn both(&self, number: usize, ones: usize) -> String {
        [self.ten(number), self.between, self.low(ones).unwrap_or_default()].concat()
    }
}

fn plain(number: usize, words: &Words) -> String {
    match (words.low(number), number % 10) {
        (Some(word), _) => word.to_owned(),
        (None, 0) => words.ten(number).to_owned(),
        (None, ones) => words.both(number, ones),
    }
}

/// 70 to 79 and 90 to 99 are 60 and 80 with 10 to 19.
fn french(number: usize) -> String {
    match number {
        21 | 31 | 41 | 51 | 61 => format!("{}-et-un", FRENCH.ten(number)),
        71 => "soixante-et-onze".to_owned(),
        80 => "quatre-vingts".to_owned(),
        70..80 | 90.. => FRENCH.both(number, number % 10 + 10),
        _ => plain(number, &FRENCH),
    }
}

/// "ventuno" and "ventotto" lose a vowel, "ventitré" has an accent.
fn italian(number: usize) -> String {
    match number % 10 {
        1 | 8 if number > 20 => {
            let ten = ITALIAN.ten(number);
            [&ten[..ten.len() - 1], if number % 10 == 1 { "uno" } else { "otto" }].concat()
        }
        3 if number > 20 => format!("{}tré", ITALIAN.ten(number)),
        _ => plain(number, &ITALIAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spelled_as_each_language_says_them() {
        for (language, digits, words) in [
            ("en", "0", "zero"),
            ("en", "20", "twenty"),
            ("en", "42", "forty-two"),
            ("es", "16", "dieciséis"),
            ("es", "29", "veintinueve"),
            ("es", "31", "treinta-y-uno"),
            ("fr", "17", "dix-sept"),
            ("fr", "21", "vingt-et-un"),
            ("fr", "71", "soixante-et-onze"),
            ("fr", "80", "quatre-vingts"),
            ("fr", "81", "quatre-vingt-un"),
            ("fr", "91", "quatre-vingt-onze"),
            ("fr", "99", "quatre-vingt-dix-neuf"),
            ("it", "20", "venti"),
            ("it", "21", "ventuno"),
            ("it", "33", "trentatré"),
            ("it", "88", "ottantotto"),
            ("pt", "16", "dezesseis"),
            ("pt", "90", "noventa"),
            ("pt", "22", "vinte-e-dois"),
        ] {
            assert_eq!(spelled(digits, language).as_deref(), Some(words), "{digits} in {language}");
        }
    }

    #[test]
    fn every_number_below_a_hundred_has_words_of_its_own() {
        for language in ["en", "es", "fr", "it", "pt"] {
            let all: std::collections::HashSet<_> =
                (0..100).filter_map(|number: usize| spelled(&number.to_string(), language)).collect();
            assert_eq!(all.len(), 100, "{language}");
        }
    }

    #[test]
    fn what_has_several_readings_or_is_no_number_stays_as_it_is() {
        for (digits, language) in [("100", "en"), ("1984", "en"), ("3.5", "it"), ("2nd", "en"), ("20", "hi")]
        {
            assert_eq!(spelled(digits, language), None, "{digits} in {language}");
        }
    }
}
