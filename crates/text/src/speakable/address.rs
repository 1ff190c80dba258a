//! Addresses: e-mail in full, web pages by their host, IP addresses.

use super::token::{Here, Reading};
use super::tongue::Lexicon;

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    said(here.core(), here.lexicon).map(Reading::one)
}

fn said(core: &str, lexicon: &Lexicon) -> Option<String> {
    if let Some((user, host)) = core.split_once('@') {
        let plain = |text: &str, marks: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || marks.contains(c))
        };
        if user.is_empty() && plain(host, "_.-") {
            return Some(format!("{} {}", lexicon.at, host.replace('_', " ")));
        }
        if !plain(user, "._-+") || !plain(host, ".-") || !host.contains('.') {
            return None;
        }
        return Some(format!("{} {} {}", signs(user, lexicon), lexicon.at, self::host(host, lexicon)));
    }
    let schemes = ["https://", "http://", "www."];
    if let Some(rest) = schemes.iter().find_map(|scheme| core.strip_prefix(scheme)) {
        let rest = rest.strip_prefix("www.").unwrap_or(rest);
        let end = rest.split(['/', '?', '#', ':', ')']).next().unwrap_or("");
        return Some(host(end.trim_matches('.'), lexicon)).filter(|said| !said.is_empty());
    }
    if let Some(said) = numeric(core, lexicon) {
        return Some(said);
    }
    let bare = core.split('/').next().unwrap_or("");
    let (name, ending) = bare.rsplit_once('.')?;
    let known = lexicon.endings().contains(&ending) && name.chars().any(char::is_alphabetic);
    let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    (known && plain && !name.ends_with('.')).then(|| host(bare, lexicon))
}

/// An IP address: "192.168.1.10".
fn numeric(core: &str, lexicon: &Lexicon) -> Option<String> {
    let parts: Vec<&str> = core.split('.').collect();
    let host = parts.len() == 4
        && parts.iter().all(|part| part.parse::<u8>().is_ok() && (part.len() == 1 || !part.starts_with('0')))
        && parts.iter().any(|part| part.len() != 2);
    host.then(|| parts.join(&format!(" {} ", lexicon.dot)))
}

fn host(host: &str, lexicon: &Lexicon) -> String {
    let parts: Vec<&str> = host.split('.').filter(|part| !part.is_empty()).collect();
    let last = parts.len().saturating_sub(1);
    let said = parts.into_iter().enumerate().map(|(at, part)| {
        // "uk" and "de" are said letter by letter.
        let letters = at == last && part.len() == 2 && !matches!(part, "me" | "at" | "it");
        if letters {
            part.to_uppercase().chars().map(String::from).collect::<Vec<_>>().join(" ")
        } else {
            part.to_owned()
        }
    });
    said.collect::<Vec<_>>().join(&format!(" {} ", lexicon.dot))
}

fn signs(user: &str, lexicon: &Lexicon) -> String {
    let mut out = String::new();
    for c in user.chars() {
        let sign = match c {
            '.' => lexicon.dot,
            '_' => lexicon.underscore,
            '-' => lexicon.dash,
            '+' => lexicon.plus,
            _ => {
                out.push(c);
                continue;
            }
        };
        out += &format!(" {sign} ");
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
