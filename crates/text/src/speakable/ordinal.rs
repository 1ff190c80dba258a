//! Ordinals: "100th", German "am 3. Oktober" and "im 19. Jahrhundert", French "2e", Spanish "1.º".

use super::number::{all_digits, small};
use super::sentence;
use super::token::{Here, Reading};

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    match here.lexicon.code {
        "en" => hundredth(here.core()).map(Reading::one),
        "de" => german(here).map(Reading::one),
        "fr" => french_written(here.core()).map(Reading::one),
        "es" | "it" => raised(here.core(), here.lexicon.code).map(Reading::one),
        _ => None,
    }
}

/// The English ordinal of a day.
pub(super) fn english(day: u32) -> String {
    let end = match (day % 10, day / 10 % 10) {
        (1, tens) if tens != 1 => "st",
        (2, tens) if tens != 1 => "nd",
        (3, tens) if tens != 1 => "rd",
        _ => "th",
    };
    format!("{day}{end}")
}

/// "100th": espeak-ng says "hundred th".
fn hundredth(core: &str) -> Option<String> {
    let number = core.strip_suffix("th")?.replace(',', "");
    if !all_digits(&number) || number.len() > 12 || number.starts_with('0') {
        return None;
    }
    let zeros = number.bytes().rev().take_while(|byte| *byte == b'0').count();
    let (name, zeros) = match zeros {
        0 | 1 => return None,
        2 => ("hundredth", 2),
        3..=5 => ("thousandth", 3),
        6..=8 => ("millionth", 6),
        _ => ("billionth", 9),
    };
    Some(format!("{} {name}", &number[..number.len() - zeros]))
}

/// "3." before a noun, unless the stop ends a sentence.
fn german(here: &Here<'_>) -> Option<String> {
    let number = small(here.core(), 2).filter(|number| *number > 0)?;
    let token = here.token();
    let noun = here.other(1).filter(|next| next.core.starts_with(char::is_alphabetic))?;
    if !token.is_stopped()
        || token.tail.len() > 1
        || token.first && here.lexicon.month(&noun.core).is_none()
        || sentence::ends_at(here.tokens, here.at, here.lexicon)
    {
        return None;
    }
    Some(format!("{}{}", german_stem(number), german_ending(here)))
}

/// The ending required by the words before the number: "am dritten", "der dritte", and "dritter" without any.
pub(super) fn german_ending(here: &Here<'_>) -> &'static str {
    let lower = |steps| here.other(steps).map_or(String::new(), |token| token.core.to_lowercase());
    let (before, earlier) = (lower(-1), lower(-2));
    let dative = ["in", "an", "auf", "von", "mit", "zu", "bei", "nach", "aus", "seit"];
    match before.as_str() {
        "am" | "im" | "vom" | "zum" | "beim" | "dem" | "den" | "des" | "zur" | "ab" | "bis" | "seit"
        | "einem" | "einen" | "jeden" | "jedem" => "n",
        "der" if dative.contains(&earlier.as_str()) => "n",
        "der" | "die" | "das" => "",
        _ => "r",
    }
}

/// "dritte": the ordinal without its ending.
pub(super) fn german_stem(number: u32) -> String {
    const ONES: [&str; 20] = [
        "",
        "ein",
        "zwei",
        "drei",
        "vier",
        "fünf",
        "sechs",
        "sieben",
        "acht",
        "neun",
        "zehn",
        "elf",
        "zwölf",
        "dreizehn",
        "vierzehn",
        "fünfzehn",
        "sechzehn",
        "siebzehn",
        "achtzehn",
        "neunzehn",
    ];
    const TENS: [&str; 10] =
        ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];
    match number {
        1 => "erste".into(),
        3 => "dritte".into(),
        7 => "siebte".into(),
        8 => "achte".into(),
        0..=19 => format!("{}te", ONES[number as usize]),
        _ => {
            let (tens, ones) = (TENS[(number / 10 % 10) as usize], ONES[(number % 10) as usize]);
            if ones.is_empty() { format!("{tens}ste") } else { format!("{ones}und{tens}ste") }
        }
    }
}

/// "2e", "2ème": espeak-ng would name the letter.
fn french_written(core: &str) -> Option<String> {
    let number = core.strip_suffix("ème").or_else(|| core.strip_suffix('e'))?;
    small(number, 2).filter(|number| *number > 1).map(french)
}

/// "dix-neuvième", for numbers from 1 to 99; 1 as after tens ("unième").
pub(super) fn french(number: u32) -> String {
    const ONES: [&str; 20] = [
        "",
        "unième",
        "deuxième",
        "troisième",
        "quatrième",
        "cinquième",
        "sixième",
        "septième",
        "huitième",
        "neuvième",
        "dixième",
        "onzième",
        "douzième",
        "treizième",
        "quatorzième",
        "quinzième",
        "seizième",
        "dix-septième",
        "dix-huitième",
        "dix-neuvième",
    ];
    const TENS: [&str; 7] = ["", "", "vingt", "trente", "quarante", "cinquante", "soixante"];
    let ones = |number: u32| ONES.get(number as usize).copied().unwrap_or("");
    let ten = (number / 10) as usize;
    match number {
        0..=19 => ones(number).to_owned(),
        71 => "soixante et onzième".into(),
        70..=79 => format!("soixante-{}", ones(number - 60)),
        80 => "quatre-vingtième".into(),
        81.. => format!("quatre-vingt-{}", ones(number - 80)),
        _ => match number % 10 {
            0 => format!("{}ième", TENS[ten].trim_end_matches('e')),
            1 => format!("{} et unième", TENS[ten]),
            one => format!("{}-{}", TENS[ten], ones(one)),
        },
    }
}

/// Spanish "1.º", "2.ª", Italian "3º".
fn raised(core: &str, code: &str) -> Option<String> {
    const SPANISH: [&str; 10] =
        ["primer", "segund", "tercer", "cuart", "quint", "sext", "séptim", "octav", "noven", "décim"];
    const ITALIAN: [&str; 10] =
        ["prim", "second", "terz", "quart", "quint", "sest", "settim", "ottav", "non", "decim"];
    let ending = match core.chars().next_back()? {
        'º' | '°' => "o",
        'ª' => "a",
        _ => return None,
    };
    let number = small(core.trim_end_matches(['º', 'ª', '°']).trim_end_matches('.'), 2)?;
    let stem =
        if code == "es" { SPANISH } else { ITALIAN }.get((number as usize).checked_sub(1)?)?.to_owned();
    Some(format!("{stem}{ending}"))
}
