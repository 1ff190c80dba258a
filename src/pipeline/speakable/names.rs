//! Addresses, spelled names, titles, abbreviations, years and Roman numbers.

use super::tongue::Tongue;
use super::{Said, Word, all_digits};

pub(super) fn say(word: &Word<'_>, tongue: &Tongue) -> Option<Said> {
    abbreviation(word, tongue).or_else(|| {
        address(word.core, tongue)
            .or_else(|| spelling(word.core))
            .or_else(|| tongue.english.then(|| year(word).or_else(|| roman(word))).flatten())
            .map(Said::from)
    })
}

/// "Dr." before a name, "e.g.", "z.B.".
fn abbreviation(word: &Word<'_>, tongue: &Tongue) -> Option<Said> {
    let entry = |list: &[(&'static str, &'static str)]| {
        list.iter().find(|(short, _)| *short == word.core).map(|(_, long)| (*long).to_owned())
    };
    if let Some(text) = entry(tongue.capitals) {
        return Some(text.into());
    }
    let name = word.next().starts_with(char::is_uppercase);
    if let Some(text) = entry(tongue.titles).filter(|_| name && matches!(word.tail, "." | "")) {
        return Some(Said { text, with_stop: true });
    }
    let counted = word.next().starts_with(|c: char| c.is_ascii_digit());
    if counted && word.stopped() && tongue.numbered.contains(&word.core) {
        return Some(Said { text: tongue.number.into(), with_stop: true });
    }
    let text = entry(tongue.short).filter(|_| word.stopped())?;
    // At the end of a phrase its full stop is the sentence's as well.
    Some(Said { text, with_stop: !word.after.is_empty() })
}

/// E-mail addresses in full, addresses of pages by their host.
fn address(core: &str, tongue: &Tongue) -> Option<String> {
    if let Some((user, host)) = core.split_once('@') {
        let plain = |text: &str, marks: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || marks.contains(c))
        };
        if user.is_empty() && plain(host, "_.-") {
            return Some(format!("{} {host}", tongue.at));
        }
        if !plain(user, "._-+") || !plain(host, ".-") || !host.contains('.') {
            return None;
        }
        return Some(format!("{} {} {}", signs(user, tongue), tongue.at, self::host(host, tongue)));
    }
    let schemes = ["https://", "http://", "www."];
    if let Some(rest) = schemes.iter().find_map(|scheme| core.strip_prefix(scheme)) {
        let rest = rest.strip_prefix("www.").unwrap_or(rest);
        let end = rest.split(['/', '?', '#', ':', ')']).next().unwrap_or("");
        return Some(host(end.trim_matches('.'), tongue)).filter(|said| !said.is_empty());
    }
    let bare = core.split('/').next().unwrap_or("");
    let (name, ending) = bare.rsplit_once('.')?;
    let known = tongue.endings().contains(&ending) && name.chars().any(char::is_alphabetic);
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    (known && plain && !name.ends_with('.')).then(|| host(bare, tongue))
}

fn host(host: &str, tongue: &Tongue) -> String {
    let parts: Vec<String> = host.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let last = parts.len().saturating_sub(1);
    let said = parts.into_iter().enumerate().map(|(at, part)| {
        // "uk" and "de" are said letter by letter.
        let letters = at == last && part.len() == 2 && !matches!(part.as_str(), "me" | "at" | "it");
        if letters {
            part.to_uppercase().chars().map(String::from).collect::<Vec<_>>().join(" ")
        } else {
            part
        }
    });
    said.collect::<Vec<_>>().join(&format!(" {} ", tongue.dot))
}

fn signs(user: &str, tongue: &Tongue) -> String {
    let mut out = String::new();
    for c in user.chars() {
        let sign = match c {
            '.' => tongue.dot,
            '_' => tongue.underscore,
            '-' => tongue.dash,
            '+' => tongue.plus,
            _ => {
                out.push(c);
                continue;
            }
        };
        out += &format!(" {sign} ");
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// "B-E-C-K-E-T-T" with a pause after each letter; "AB12C" as a code.
fn spelling(core: &str) -> Option<String> {
    let letters: Vec<&str> = core.split('-').collect();
    let single = |text: &&str| text.chars().count() == 1 && text.chars().all(char::is_alphanumeric);
    if letters.len() > 2 && letters.iter().all(single) && core.chars().any(char::is_alphabetic) {
        return Some(letters.join(", ").to_uppercase());
    }
    let code = (4..=12).contains(&core.len())
        && core.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && core.bytes().any(|byte| byte.is_ascii_digit())
        && core.bytes().any(|byte| byte.is_ascii_uppercase());
    code.then(|| core.chars().map(String::from).collect::<Vec<_>>().join(" "))
}

/// "in 1984": two numbers of two digits.
fn year(word: &Word<'_>) -> Option<String> {
    const BEFORE: [&str; 14] = [
        "in", "since", "year", "from", "until", "to", "by", "of", "before", "after", "around", "between",
        "early", "late",
    ];
    let core = word.core;
    let decade = core.strip_suffix('s').unwrap_or(core);
    let century = decade.get(..2).filter(|century| ("11"..="19").contains(century))?;
    let rest = decade.get(2..).filter(|_| decade.len() == 4 && all_digits(decade))?;
    let named = BEFORE.contains(&word.previous().to_lowercase().as_str())
        || word.before.last().is_some_and(|before| before.tail == "," && before.core.len() <= 4);
    if decade.len() < core.len() {
        return Some(format!(
            "{century} {}",
            if rest == "00" { "hundreds".into() } else { format!("{rest}s") }
        ));
    }
    named.then(|| match rest.strip_prefix('0') {
        Some("0") => format!("{century} hundred"),
        Some(last) => format!("{century} oh {last}"),
        None => format!("{century} {rest}"),
    })
}

/// "Henry VIII" is the 8th, "World War II" is 2.
fn roman(word: &Word<'_>) -> Option<String> {
    const COUNTED: [&str; 12] = [
        "war", "chapter", "part", "act", "volume", "phase", "type", "stage", "class", "level", "book",
        "scene",
    ];
    const ROMAN: [&str; 19] = [
        "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI",
        "XVII", "XVIII", "XIX", "XX",
    ];
    let number = ROMAN.iter().position(|roman| *roman == word.core)? + 2;
    let before = word.previous();
    if COUNTED.contains(&before.to_lowercase().as_str()) {
        return Some(number.to_string());
    }
    let name = before.len() > 2 && before.starts_with(char::is_uppercase);
    (name && word.core.len() > 1).then(|| match number {
        2 => "the 2nd".into(),
        3 => "the 3rd".into(),
        number => format!("the {number}th"),
    })
}
