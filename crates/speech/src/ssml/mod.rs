//! The subset of SSML that is spoken: `speak`, `break time`, `say-as interpret-as="characters|digits"` and `prosody rate`. Pure. Any
//! other tag or attribute is refused by its name.
//!
//! - `markup`: tags, text and entities

mod markup;

use visavis_engine::Speed;

use crate::script::Piece;
use markup::{Attribute, Part, Tag, parts};

/// Longest pause of a `break`, in milliseconds.
const LONGEST_BREAK: u32 = 10_000;
/// All pauses of a text together, in milliseconds: silence is kept in memory as speech is.
const LONGEST_SILENCE: u32 = 300_000;
/// The pause of a `break` without a time, in milliseconds.
const USUAL_BREAK: u32 = 400;
/// Most elements within each other.
const DEEPEST: usize = 16;
/// What is spoken.
const TAKEN: &str = "speak, break, say-as and prosody are spoken";

/// Whether a text is meant as SSML.
#[must_use]
pub fn is_ssml(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let named = text
        .strip_prefix("<speak")
        .is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c == '/' || c.is_whitespace()));
    // A document type is refused, not read out.
    named || text.starts_with("<?xml") || text.starts_with("<!DOCTYPE")
}

/// How text within an element is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Text,
    Characters,
    Digits,
}

/// An element that is open.
struct Element {
    name: String,
    speed: Speed,
    said: As,
}

/// The pieces of a text in SSML, spoken at `speed` where it sets none. `respell` is applied to text but not to spelled characters.
///
/// # Errors
/// What cannot be spoken, with the tag's name.
pub fn pieces(text: &str, speed: Speed, respell: impl Fn(&str) -> String) -> Result<Vec<Piece>, String> {
    let mut reading = Reading { open: Vec::new(), pieces: Vec::new(), paused: 0, ended: false };
    for part in parts(text.trim_start_matches('\u{feff}'))? {
        match part {
            Part::Text(text) => reading.text(&text, &respell)?,
            Part::Open(tag) => reading.open(&tag, speed)?,
            Part::Close(name) => reading.close(&name)?,
        }
    }
    match reading.open.last() {
        Some(element) => Err(format!("<{}> is not closed", element.name)),
        None => Ok(reading.pieces),
    }
}

struct Reading {
    open: Vec<Element>,
    pieces: Vec<Piece>,
    /// Milliseconds of all pauses.
    paused: u32,
    /// `speak` has ended.
    ended: bool,
}

impl Reading {
    fn text(&mut self, text: &str, respell: &impl Fn(&str) -> String) -> Result<(), String> {
        let Some(within) = self.open.last() else {
            return if text.trim().is_empty() {
                Ok(())
            } else {
                Err("there is text outside of <speak>".into())
            };
        };
        let text = match within.said {
            As::Text => respell(text),
            As::Characters => spelled(text, char::is_alphanumeric),
            As::Digits => spelled(text, |c| c.is_ascii_digit()),
        };
        let speed = within.speed;
        match self.pieces.last_mut() {
            Some(Piece::Say { text: before, speed: same }) if *same == speed => before.push_str(&text),
            _ if text.trim().is_empty() => {}
            _ => self.pieces.push(Piece::Say { text, speed }),
        }
        Ok(())
    }

    fn open(&mut self, tag: &Tag, speed: Speed) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("<{}> is within more than {DEEPEST} others", tag.name));
        }
        let (outer, said) = self.open.last().map_or((speed, As::Text), |outer| (outer.speed, outer.said));
        let is_first = self.open.is_empty();
        let (speed, said) = match tag.name.as_str() {
            "speak" if is_first && !self.ended => (outer, said),
            "speak" => return Err("there is more than one <speak>".into()),
            _ if is_first => return Err(format!("<{}> is outside of <speak>", tag.name)),
            "break" => {
                let milliseconds = pause(tag)?;
                self.paused += milliseconds;
                if self.paused > LONGEST_SILENCE {
                    let most = LONGEST_SILENCE / 1000;
                    return Err(format!(
                        "the pauses of all <break> exceed {most} s together; send the text in parts"
                    ));
                }
                self.pieces.push(Piece::Pause { milliseconds });
                (outer, said)
            }
            "prosody" => (rate(tag, outer)?, said),
            "say-as" => (outer, interpretation(tag)?),
            "phoneme" => {
                return Err("<phoneme> is not spoken: the voices take no phonemes; respell the word, or give its respelling in a \
                            lexicon"
                    .into());
            }
            other => return Err(format!("<{other}> is not spoken; {TAKEN}")),
        };
        if tag.alone {
            self.ended |= is_first;
        } else {
            self.open.push(Element { name: tag.name.clone(), speed, said });
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        match self.open.pop() {
            Some(element) if element.name == name => {
                self.ended |= self.open.is_empty();
                Ok(())
            }
            Some(element) => Err(format!("</{name}> closes <{}>", element.name)),
            None => Err(format!("</{name}> closes nothing")),
        }
    }
}

/// The one attribute that a tag may have.
fn only<'a>(tag: &'a Tag, name: &str) -> Result<Option<&'a str>, String> {
    match tag.attributes.iter().find(|attribute| attribute.name != name) {
        Some(Attribute { name: other, .. }) => {
            Err(format!("<{}>: the attribute {other} is not spoken; there is {name}", tag.name))
        }
        None => Ok(tag.attributes.first().map(|attribute| attribute.value.trim())),
    }
}

fn pause(tag: &Tag) -> Result<u32, String> {
    let Some(time) = only(tag, "time")? else { return Ok(USUAL_BREAK) };
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number >= 0.0);
    let milliseconds = match (time.strip_suffix("ms"), time.strip_suffix('s')) {
        (Some(text), _) => number(text),
        (None, Some(text)) => number(text).map(|seconds| seconds * 1000.0),
        (None, None) => None,
    };
    match milliseconds {
        Some(time) if time <= f64::from(LONGEST_BREAK) => Ok(time.round() as u32),
        _ => {
            Err(format!("<break>: time {time:?} is not 0 to {LONGEST_BREAK} ms; write it like 500ms or 1.5s"))
        }
    }
}

fn interpretation(tag: &Tag) -> Result<As, String> {
    match only(tag, "interpret-as")? {
        Some("characters") => Ok(As::Characters),
        Some("digits") => Ok(As::Digits),
        other => Err(format!(
            "<say-as>: interpret-as {:?} is not spoken; there are characters and digits",
            other.unwrap_or_default()
        )),
    }
}

/// The speed of what is within a `prosody`.
fn rate(tag: &Tag, outer: Speed) -> Result<Speed, String> {
    let told = only(tag, "rate")?.ok_or("<prosody>: the attribute rate is missing")?;
    let factor = match told {
        "x-slow" => Some(0.5),
        "slow" => Some(0.75),
        "medium" | "default" => Some(1.0),
        "fast" => Some(1.25),
        "x-fast" => Some(1.5),
        other => match other.strip_suffix('%') {
            // "+10%" is relative to the usual rate, and "110%" is the same.
            Some(percent) if percent.starts_with(['+', '-']) => {
                percent.parse::<f64>().ok().map(|percent| 1.0 + percent / 100.0)
            }
            Some(percent) => percent.parse::<f64>().ok().map(|percent| percent / 100.0),
            None => other.parse::<f64>().ok(),
        },
    };
    factor.and_then(|factor| outer.times(factor)).ok_or_else(|| {
        format!(
            "<prosody>: rate {told:?} is not from 25% to 400% of the usual rate; write it like slow or 120%"
        )
    })
}

/// Characters one by one.
fn spelled(text: &str, fits: impl Fn(char) -> bool) -> String {
    let each: Vec<String> =
        text.chars().filter(|c| fits(*c)).map(|c| c.to_uppercase().collect::<String>()).collect();
    if each.is_empty() { String::new() } else { format!(" {} ", each.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str, factor: f64) -> Piece {
        Piece::Say { text: text.to_owned(), speed: Speed::new(factor).unwrap() }
    }

    fn read(text: &str) -> Result<Vec<Piece>, String> {
        pieces(text, Speed::USUAL, str::to_owned)
    }

    #[test]
    fn ssml_is_told_from_text_by_its_first_tag() {
        for (text, expected) in [
            ("<speak>Hi</speak>", true),
            ("  <speak version=\"1.0\">Hi</speak>", true),
            ("<?xml version=\"1.0\"?><speak/>", true),
            ("<!DOCTYPE speak><speak/>", true),
            ("Hi <speak>", false),
            ("<speaker> is a tag", false),
            ("1 < 2", false),
        ] {
            assert_eq!(is_ssml(text), expected, "{text}");
        }
    }

    #[test]
    fn breaks_rates_and_spelling_make_pieces() {
        let text = "<speak version='1.0' xml:lang='en'>Hello <break time='0.5s'/> you. <prosody rate='slow'>Slow \
                    <prosody rate='200%'>twice</prosody></prosody><break/> Q&amp;A</speak>";
        let expected = vec![
            say("Hello ", 1.0),
            Piece::Pause { milliseconds: 500 },
            say(" you. ", 1.0),
            say("Slow ", 0.75),
            say("twice", 1.5),
            Piece::Pause { milliseconds: 400 },
            say(" Q&A", 1.0),
        ];
        assert_eq!(read(text).unwrap(), expected);
        let spelled = read("<speak>Code <say-as interpret-as='characters'>a-1b</say-as>.</speak>").unwrap();
        assert_eq!(spelled, [say("Code  A, 1, B .", 1.0)]);
        let digits = read("<speak><say-as interpret-as='digits'>+49 x 7</say-as></speak>").unwrap();
        assert_eq!(digits, [say(" 4, 9, 7 ", 1.0)]);
    }

    #[test]
    fn what_is_not_spoken_is_refused_by_the_tags_name() {
        for (text, told) in [
            ("<speak><audio src='x'/></speak>", "<audio> is not spoken"),
            ("<speak><phoneme ph='x'>y</phoneme></speak>", "<phoneme> is not spoken"),
            ("<speak><break strength='weak'/></speak>", "<break>: the attribute strength"),
            ("<speak><break time='11s'/></speak>", "<break>: time \"11s\""),
            ("<speak><break time='NaNs'/></speak>", "<break>: time"),
            ("<speak><prosody pitch='high'>a</prosody></speak>", "<prosody>: the attribute pitch"),
            ("<speak><prosody rate='900%'>a</prosody></speak>", "<prosody>: rate \"900%\""),
            ("<speak><say-as interpret-as='date'>1</say-as></speak>", "interpret-as \"date\""),
            ("<speak>a", "<speak> is not closed"),
            ("<speak><prosody rate='slow'>a</speak>", "</speak> closes <prosody>"),
            ("<speak>a</speak>b", "outside of <speak>"),
            ("<speak/><speak>b</speak>", "more than one <speak>"),
            ("<!DOCTYPE x><speak>a</speak>", "document type"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.contains(told), "{text}: {fault}");
        }
        let paused = |count: usize| read(&format!("<speak>a{}</speak>", "<break time='10s'/>".repeat(count)));
        assert_eq!(paused(30).unwrap().len(), 31);
        assert!(paused(31).unwrap_err().contains("exceed 300 s together"));
        let deep = format!("<speak>{}", "<prosody rate='1'>".repeat(40));
        assert!(read(&deep).unwrap_err().contains("within more than 16"));
    }
}
