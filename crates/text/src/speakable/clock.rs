//! Times of day: "10:30", "5:02:54 PM", "2-3pm", "10:30 Uhr", "10h30".

use super::number::{DASHES, small};
use super::token::{Here, Reading};
use super::tongue::Lexicon;

#[derive(Debug, Clone, Copy)]
struct Clock {
    hour: u32,
    minute: Option<u32>,
    second: Option<u32>,
    half: Half,
}

/// Before or after noon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Unsaid,
    Morning,
    Evening,
}

impl Half {
    fn said(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Morning => " A.M",
            Self::Evening => " P.M",
        }
    }
}

pub(super) fn read(here: &Here<'_>) -> Option<Reading> {
    let core = here.core();
    if let (half @ (Half::Morning | Half::Evening), "") = half(core) {
        // "10 AM": the word after a number.
        let timed =
            here.joined_before().is_some_and(|before| before.core.ends_with(|c: char| c.is_ascii_digit()));
        return timed.then(|| Reading::one(half.said().trim()));
    }
    let next = here.joined(1).filter(|_| here.token().tail.is_empty());
    let next = next.map_or("", |next| next.core.as_str());
    let named = half(next).0 != Half::Unsaid && half(next).1.is_empty();
    if let Some((from, to)) = core.split_once(DASHES) {
        if let ((half @ (Half::Morning | Half::Evening), ""), Some(to)) = (half(from), parse(to)) {
            // "10 a.m.-5 p.m.": the middle word.
            return Some(Reading::one(format!(
                "{} {} {}",
                half.said().trim(),
                here.lexicon.to,
                said(to, true, here.lexicon)
            )));
        }
        let (mut from, to) = (parse(from)?, parse(to)?);
        let hours = from.minute.is_none() && to.minute.is_none() && to.half == Half::Unsaid;
        if hours {
            return None;
        }
        // "2-3pm": the half of the day applies to both times and is said once.
        from.half = if from.half == to.half { Half::Unsaid } else { from.half };
        let bare = from.minute.is_none() && from.half == Half::Unsaid;
        let first = if bare {
            from.hour.to_string()
        } else {
            said(from, named || to.half != Half::Unsaid, here.lexicon)
        };
        return Some(Reading::one(format!("{first} {} {}", here.lexicon.to, said(to, named, here.lexicon))));
    }
    let clock = parse(core)
        .filter(|clock| clock.minute.is_some() || clock.half != Half::Unsaid || core.ends_with('h'))?;
    let (hour, minute) = (clock.hour, clock.minute.unwrap_or(0));
    if here.lexicon.code == "de" && next == "Uhr" && clock.second.is_none() {
        let after = if minute == 0 { "Uhr".to_owned() } else { format!("Uhr {minute}") };
        return Some(Reading::two(hour.to_string(), after));
    }
    if here.lexicon.code == "es" && next == "h" && minute == 0 {
        return Some(Reading::two(hour.to_string(), "horas"));
    }
    Some(Reading::one(said(clock, named, here.lexicon)))
}

/// The half of the day at the end of a word, and what precedes it.
fn half(core: &str) -> (Half, &str) {
    const ENDS: [(&str, Half); 6] = [
        ("a.m", Half::Morning),
        ("p.m", Half::Evening),
        ("am", Half::Morning),
        ("pm", Half::Evening),
        ("a.m.", Half::Morning),
        ("p.m.", Half::Evening),
    ];
    for (end, half) in ENDS {
        let Some(split) = core.len().checked_sub(end.len()) else { continue };
        if core.is_char_boundary(split) && core[split..].eq_ignore_ascii_case(end) {
            return (half, &core[..split]);
        }
    }
    (Half::Unsaid, core)
}

fn parse(core: &str) -> Option<Clock> {
    if core.len() > 16 {
        return None;
    }
    let (half, clock) = half(core);
    let mut parts = clock.split(':');
    let first = parts.next()?;
    // French: "10h30", "10h".
    let (first, french) = first.split_once('h').map_or((first, None), |(hour, minute)| (hour, Some(minute)));
    let hour = small(first, 2).filter(|hour| *hour <= 24)?;
    let two = |text: &str| small(text, 2).filter(|number| *number < 60 && text.len() == 2);
    let minute = match (parts.next(), french) {
        (Some(minute), None) => Some(two(minute)?),
        (None, Some("")) => Some(0),
        (None, Some(minute)) => Some(two(minute)?),
        (None, None) => None,
        (Some(_), Some(_)) => return None,
    };
    let second = match parts.next() {
        Some(second) => Some(two(second)?),
        None => None,
    };
    let plausible = half == Half::Unsaid || (1..=12).contains(&hour);
    (parts.next().is_none() && plausible).then_some(Clock { hour, minute, second, half })
}

/// `named`: the half of the day follows as a word.
fn said(clock: Clock, named: bool, lexicon: &Lexicon) -> String {
    let Clock { hour, minute, second, half } = clock;
    let named = named || half != Half::Unsaid;
    let minute = minute.unwrap_or(0);
    let time = match (lexicon.code, minute) {
        ("en", 0) if named => hour.to_string(),
        ("en", 0) if second.is_some() => format!("{hour} o'clock"),
        ("en", 0) if (1..=12).contains(&hour) => format!("{hour} o'clock"),
        ("en", 0) => format!("{hour} hundred"),
        ("en", 1..=9) => format!("{hour} oh {minute}"),
        ("de", 0) => format!("{hour} Uhr"),
        ("de", _) => format!("{hour} Uhr {minute}"),
        ("fr", 0) => format!("{hour} heures"),
        ("fr", _) => format!("{hour} heures {minute}"),
        ("it", 0) => hour.to_string(),
        ("it", _) => format!("{hour} e {minute}"),
        ("es", 0) => format!("{hour} en punto"),
        ("es", _) => format!("{hour} y {minute}"),
        _ => format!("{hour} {minute:02}"),
    };
    let seconds = match (lexicon.code, second) {
        (_, None | Some(0)) => String::new(),
        ("en", Some(second)) => format!(" and {second} {}", if second == 1 { "second" } else { "seconds" }),
        ("de", Some(second)) => format!(" und {second} Sekunden"),
        ("fr", Some(second)) => format!(" et {second} secondes"),
        ("it", Some(second)) => format!(" e {second} secondi"),
        ("es", Some(second)) => format!(" y {second} segundos"),
        (_, Some(second)) => format!(" {second}"),
    };
    format!("{time}{seconds}{}", half.said())
}

/// The time of a timestamp: "10:30:00Z".
pub(super) fn stamp(text: &str, lexicon: &Lexicon) -> Option<String> {
    let (time, zone) = match text.find(['Z', '+', '-', 'z']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let time = time.split('.').next().unwrap_or("");
    let clock = parse(time).filter(|clock| clock.minute.is_some())?;
    let utc = if matches!(zone, "Z" | "z" | "+00:00" | "+0000") { " U.T.C" } else { "" };
    Some(format!("{}{utc}", said(clock, false, lexicon)))
}
